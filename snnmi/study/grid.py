"""The grid: which data sets, targets and seeds, and how its runs come from the store, from here, or from workers."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from snnmi import data
from snnmi.attack.players import GaminConfig
from snnmi.fast import cpu
from snnmi.store import Run, Store
from snnmi.study import profiles
from snnmi.study.controls import BASELINES, Variant
from snnmi.study.runs import Finished


class Cell(NamedTuple):
    """One attack of the grid; training a target asks for no attack seed."""

    dataset: str
    variant: Variant
    seed: int  # of the target
    attack_seed: int


class Step(NamedTuple):
    """One of the chain's steps."""

    name: str
    settings: Callable[[Cell], dict | None]  # None where they depend on runs that are not there
    compute: Callable[[Run, Cell], None]
    finished: Callable[[Run, Cell], Finished]


def _listed(name: str, given: Sequence | str | None, default: tuple, of: type) -> tuple:
    """A list as notebooks and the command line give it (papermill's -p hands '["mnist"]' on as text); None: the
    default.
    """
    try:
        items = default if given is None else json.loads(given) if isinstance(given, str) else given
    except json.JSONDecodeError:
        items = None
    if not isinstance(items, (list, tuple)) or not items or not all(isinstance(item, of) for item in items):
        raise ValueError(
            f"{name} is {given!r}, expected a list of {of.__name__} such as {json.dumps(list(default))}"
        )
    return tuple(items)


class Grid:
    """A profile's runs, some settings replaced; None keeps the profile's own.

    `variants` are controls in place of the two targets as they are. Every target is attacked once for each of
    `attack_seeds`; None: once, by its own seed. `results` holds one folder a profile. With `compute=False` only what
    is stored and complete is returned. Two or more `workers` are processes of one thread each that share what is
    missing: for small networks faster than one process with as many threads.
    """

    def __init__(
        self,
        profile: str = "quick",
        *,
        datasets: Sequence[str] | str | None = None,
        targets: Sequence[str] | str | None = None,
        seeds: Sequence[int] | str | None = None,
        variants: Sequence[Variant] | None = None,
        attack_seeds: Sequence[int] | str | None = None,
        batches: int | None = None,
        attack: GaminConfig | None = None,
        device: str = "cpu",
        results: str | Path = "results",
        compute: bool = True,
        workers: int = 1,
    ):
        self.profile = profiles.get(profile)
        self.datasets = _listed("datasets", datasets, self.profile.datasets, str)
        self.kinds = _listed("targets", targets, self.profile.kinds, str)
        self.seeds = _listed("seeds", seeds, self.profile.seeds, int)
        if unknown := {name for name in self.datasets if not name.endswith(".npz")} - set(data.LOADERS):
            raise ValueError(
                f"datasets holds {sorted(unknown)}, expected {sorted(data.LOADERS)} or paths of .npz files"
            )
        if unknown := set(self.kinds) - {"ann", "snn"}:
            raise ValueError(f"targets holds {sorted(unknown)}, expected only 'ann' and 'snn'")
        self.variants = (
            tuple(variants) if variants is not None else tuple(BASELINES[kind] for kind in self.kinds)
        )
        self.attack_seeds = None if attack_seeds is None else _listed("attack_seeds", attack_seeds, (), int)
        self.batches, self.attack = batches, attack
        self.device, self.results, self.compute, self.workers = device, Path(results), compute, workers
        self.store = Store(self.results / profile)
        self._loaded: dict[str, data.Dataset] = {}
        if compute:
            cpu.make_fast()

    def cells(self) -> list[Cell]:
        """Every attack of the grid, seeds outermost."""
        return [
            Cell(dataset, variant, seed, attack_seed)
            for seed in self.seeds
            for dataset in self.datasets
            for variant in self.variants
            for attack_seed in self.attack_seeds or (seed,)
        ]

    def dataset(self, name: str) -> data.Dataset:
        """The data set at this profile's image size, loaded once; a read-only experiment downloads nothing."""
        if name not in self._loaded:
            self._loaded[name] = data.load(
                name, shrink=self.profile.shrink.get(name, 1), download=self.compute
            )
        return self._loaded[name]

    def name(self, dataset: str) -> str:
        """What results call a data set: its name, or for a user's file the file's name and digest."""
        return self.dataset(dataset).name if dataset.endswith(".npz") else dataset

    # --- steps

    def _get(self, step: Step, cell: Cell, *, compute: bool = True) -> Finished | None:
        """The finished step: loaded, or computed where that is allowed."""
        if (settings := step.settings(cell)) is None:
            return None
        name = f"{step.name}-{self.name(cell.dataset)}-{cell.variant.kind}-s{cell.seed}"
        if step.name != "target" and cell.attack_seed != cell.seed:
            name += f"-a{cell.attack_seed}"
        make = (lambda run: step.compute(run, cell)) if self.compute and compute else None
        run = self.store.get(name, settings, make)
        return run and step.finished(run, cell)

    def _all(self, step: Step, cells: Sequence[Cell]) -> list:
        if self.compute and self.workers > 1:
            self._share(step, cells)
        if self.compute:
            cells = tqdm(cells, desc=f"{self.profile.name}: {step.name}s", unit="run")
        return [found for cell in cells if (found := self._get(step, cell))]

    def _share(self, step: Step, cells: Iterable[Cell]) -> None:
        """Let the workers fill the store with what is missing of a step; each run once, though cells may share it."""
        for depends in (False, True):  # what depends on other runs comes after them
            now = [cell for cell in cells if cell.variant.match_accuracy == depends]
            now = [cell for cell in now if not self._get(step, cell, compute=False)]
            now.sort(
                key=lambda cell: -cell.variant.training.get("num_steps", 0)
            )  # the longest run must not come last
            missing = {json.dumps(step.settings(cell)): cell for cell in now}
            if len(missing) < 2:
                continue
            with ProcessPoolExecutor(self.workers, get_context("spawn"), initializer=_one_thread) as pool:
                jobs = [pool.submit(_compute, self, step.name, cell) for cell in missing.values()]
                label = f"{self.profile.name}: {step.name}s, {self.workers} workers"
                for job in tqdm(as_completed(jobs), total=len(jobs), desc=label, unit="run"):
                    job.result()

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}  # a worker loads data for itself


def _one_thread() -> None:
    torch.set_num_threads(1)
    cpu.make_fast()


def _compute(experiment: Grid, step: str, cell: Cell) -> None:
    experiment._get(getattr(experiment, f"_{step}"), cell)
