"""The grid: which data sets, targets and seeds, and how its runs come from the store, from here, or from workers."""

import json
import os
import re
import signal
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from snnmi import checks, data
from snnmi.attack.pair import try_pieces
from snnmi.files import given_file, place
from snnmi.measure import scores
from snnmi.models import coding
from snnmi.models.targets import MODELS, TARGETS
from snnmi.store import Run, Store
from snnmi.study import extensions, profiles, settings
from snnmi.study.controls import BASELINES, NAMED, Variant
from snnmi.study.runs import Finished
from snnmi.study.settings import Changes, Settings

Given = object  # whatever a command line hands on: looked at before any work


class Cell(NamedTuple):
    """One attack of the grid; training a target asks for no attack seed."""

    dataset: str
    variant: Variant
    seed: int  # of the target
    attack_seed: int


class Step(NamedTuple):
    """One of the chain's steps."""

    name: str
    key: Callable[[Cell], dict | None]  # names its run; None where that depends on runs that are not there
    compute: Callable[[Run, Cell], None]
    finished: Callable[[Run, Cell], Finished | Run]


def listed(name: str, given: Given, default: tuple, of: type) -> tuple:
    """A list as notebooks and the command line give it: '["mnist"]', '[mnist]', 'mnist, faces' and ["mnist"] are such;
    None: the default.
    """
    items = given
    if isinstance(given, str):
        try:
            items = json.loads(given)
        except json.JSONDecodeError:  # without quotes
            inside = given.strip().removeprefix("[").removesuffix("]")
            items = [item.strip(" \"'") for item in inside.split(",")]
            items = [checks.number(item) for item in items] if of is int else items
    if items is None:
        return tuple(default)
    if not isinstance(items, (list, tuple)):
        items = [items]
    if of is int:
        items = [int(item) if isinstance(item, float) and item.is_integer() else item for item in items]
    if not items or not all(type(item) is of for item in items) or len(set(items)) < len(items):
        kind, example = {str: ("names", ["digits"]), int: ("whole numbers", [0, 1])}[of]
        raise ValueError(
            f"{name} is {given!r}, expected a list of different {kind} such as {json.dumps(list(default) or example)}"
        )
    return tuple(items)


def called(name: str, known: Collection[str]) -> str:
    """A path as it is meant; any other name as it is known, whatever its case."""
    if name.lower().endswith(".npz"):
        return str(given_file(name))
    return name if name in known else {other.lower(): other for other in known}.get(name.lower(), name)


def once(name: str, values: Sequence[str]) -> None:
    """Refuse what is named twice, if under two names."""
    if twice := [value for value in values if list(values).count(value) > 1]:
        raise ValueError(f"{name} holds {twice[0]!r} {len(twice)} times, expected different ones")


def device_name(given: Given) -> str:
    """ "cpu", "cuda" (also called "gpu") or one of several, "cuda:1"."""
    name = str(given).lower().replace("gpu", "cuda")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ValueError(f"device is {given!r}, expected 'cpu' or 'cuda'")
    return name


def processor(given: Given) -> str:
    """A device that PyTorch has here."""
    name = device_name(given)
    if name != "cpu" and int(name.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise ValueError(f"device is {given!r}, and PyTorch finds no such GPU here: expected 'cpu'")
    return name


class Grid:
    """A profile's runs, some settings changed; None keeps the profile's own.

    `targets` may name controls too ("snn, raw current"); `variants` are such in place of the two targets as they are.
    Every target is attacked once for each of `attack_seeds`; None: once, by its own seed. `changes` go before a
    variant's own, and are said in the name of the scale; a `budget`, what a page changes to be done in time, is not.
    `code` is a Python file of the user's that registers what its settings name. `results` holds one folder a profile.
    With `compute=False` only what is stored and complete is returned. Two or more `workers` are processes of one thread
    each that share what is missing: for small networks faster than one process with as many threads.
    """

    def __init__(
        self,
        profile: Given = "quick",
        *,
        datasets: Given = None,
        targets: Given = None,
        seeds: Given = None,
        variants: Sequence[Variant] | None = None,
        attack_seeds: Given = None,
        changes: Changes | None = None,
        budget: Changes | None = None,
        code: str | Path | None = None,
        device: Given = "cpu",
        results: str | Path = "results",
        compute: Given = True,
        workers: Given = None,
    ):
        self.code = extensions.load(code)
        self.profile = profiles.get(profile)
        datasets = listed("datasets", datasets, self.profile.datasets, str)
        kinds = listed("targets", targets, self.profile.kinds, str)
        self.datasets = tuple(called(name, data.LOADERS) for name in datasets)
        plain = [*MODELS, *TARGETS]
        known = [*plain, *NAMED]
        self.kinds = tuple(called(name, known) for name in kinds)
        self.seeds = listed("seeds", seeds, self.profile.seeds, int)
        self.attack_seeds = None if attack_seeds is None else listed("attack_seeds", attack_seeds, (), int)
        paths = {name for name in self.datasets if name.lower().endswith(".npz")}
        if unknown := set(self.datasets) - paths - set(data.LOADERS):
            raise ValueError(
                f"datasets holds {sorted(unknown)}, expected {sorted(data.LOADERS)} or paths of .npz files"
            )
        if unknown := set(self.kinds) - set(known):
            raise ValueError(f"targets holds {sorted(unknown)}, expected some of {plain}")
        self.device, self.results = processor(device), place(results)
        workers = 1 if workers is None else checks.number(workers)
        checks.whole("workers", workers, 1)
        if not isinstance(compute, bool):
            raise ValueError(f"compute is {compute!r}, expected true or false")
        own = [BASELINES.get(kind) or NAMED.get(kind) or Variant(kind) for kind in self.kinds]
        self.variants = tuple(own if variants is None else variants)
        self.changes, self.budget = settings.merged(changes or {}), settings.merged(budget or {})
        self.compute, self.workers = compute, workers
        self.store = Store(self.results / profile)
        self._loaded: dict[str, data.Dataset] = {}
        self._tried: set[str] = set()
        self._settings: dict[tuple[str, Variant], Settings] = {}
        for dataset in self.datasets:  # a setting that cannot work is refused before any work
            for variant in self.variants:
                self.settings(dataset, variant)
        once("targets", self.kinds)
        names = [self.name(dataset) for dataset in self.datasets]  # looks at what is the user's own
        once("datasets", names)

    @property
    def scale(self) -> str:
        """What tables and figures call these runs: the profile, and what was changed."""
        return ", ".join(filter(None, [self.profile.name, settings.said(self.changes)]))

    def settings(self, dataset: str, variant: Variant) -> Settings:
        """The profile's, then this experiment's changes, then the variant's."""
        if (dataset, variant) not in self._settings:  # asked for at every step of every run
            config = self.profile.settings(dataset, variant.kind)
            for changes in (self.budget, self.changes, variant.changes):
                config = config.changed(changes)
            self._settings[dataset, variant] = config.resolved()
        return self._settings[dataset, variant]

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
        """The data set at its image size here, loaded once; a read-only experiment downloads nothing."""
        if name not in self._loaded:
            shrink = self.settings(name, self.variants[0]).data.shrink
            self._loaded[name] = data.load(name, shrink=shrink, download=self.compute)
        return self._loaded[name]

    def name(self, dataset: str) -> str:
        """What results call a data set: its name, and for a user's own a digest of what it holds; where that is not on
        this machine and nothing is computed, what the results say.
        """
        if data.is_own(dataset):
            return dataset
        try:
            return self.dataset(dataset).name
        except FileNotFoundError:
            kept = sorted(self.store.folder.glob(f"originals-{dataset}-????????-*"))
            if self.compute or not kept:
                raise
            return kept[0].name.removeprefix("originals-").rpartition("-")[0]

    # --- steps

    def _get(self, step: Step, cell: Cell, *, compute: bool = True) -> Finished | Run | None:
        """The finished step: loaded, or computed where that is allowed."""
        if (key := step.key(cell)) is None:
            return None
        name = f"{step.name}-{self.name(cell.dataset)}-{cell.variant.kind}-s{cell.seed}"
        if step.name != "target" and cell.attack_seed != cell.seed:
            name += f"-a{cell.attack_seed}"
        name = settings.file_name(name, settings.concerning(self.changes, key))
        make = self._make(step, cell) if compute else None
        run = self.store.get(name, key, make, shared=step.name == "target")
        return run and step.finished(run, cell)

    def _make(self, step: Step, cell: Cell) -> Callable[[Run], None] | None:
        """What computes a run of this step, if anything may be computed."""

        def make(run: Run) -> None:
            self._try(cell.dataset)
            step.compute(run, cell)

        return make if self.compute else None

    def _try(self, name: str) -> None:
        """Ask the pieces that runs on a data set are made of, before any of them is computed, once and on two images.

        Raises ValueError, naming the piece, where one of a user's own cannot be used.
        """
        if name in self._tried:
            return
        images = self.dataset(name)
        pixels, classes = images.image_shape[0] * images.image_shape[1], images.num_classes
        for own in {self.settings(name, variant): None for variant in self.variants}:
            for encoder, steps in ((own.neuron.encoder, own.neuron.num_steps), (own.query.encoder, None)):
                if encoder and own.kind in MODELS:
                    coding.num_fed(
                        encoder, pixels, steps or own.query.num_steps or own.neuron.num_steps, self.device
                    )
            for decoder in filter(None, (own.neuron.decoder, own.query.decoder)):
                coding.try_decoder(decoder, own.neuron.num_steps, classes, self.device)
            try_pieces(own.attack, images.image_shape, classes, self.device)
        scores.try_metrics(images, self.settings(name, self.variants[0]).evaluation)
        self._tried.add(name)

    def _weights(self, step: Step, run: Run, cell: Cell) -> dict:
        return self.store.weights(run, self._make(step, cell))

    def _all(self, step: Step, cells: Sequence[Cell]) -> list:
        if self.compute:
            self._share(step, cells)
            what = {"scores": "attacks", "answers": "answers", "boundary": "boundaries"}.get(
                step.name, f"{step.name}s"
            )
            cells = tqdm(cells, desc=f"{self.scale}: {what}", unit="run")
        return [found for cell in cells if (found := self._get(step, cell))]

    def _share(self, step: Step, cells: Iterable[Cell]) -> None:
        """Let the workers fill the store with what is missing of a step; each run once, though cells may share it."""
        for depends in (False, True):  # what depends on other runs comes after them
            now = [cell for cell in cells if self._config(cell).training.match_accuracy == depends]
            now = [cell for cell in now if not self._get(step, cell, compute=False)]
            now.sort(key=lambda cell: -self._config(cell).neuron.num_steps)  # the longest must not come last
            missing = {json.dumps(step.key(cell)): cell for cell in now}
            self.share(step.name, [(_take, self, step.name, cell) for cell in missing.values()])

    def share(self, what: str, jobs: Sequence[tuple]) -> None:
        """Let the workers do jobs, each a function and what it is given, of which none needs another.

        Not where something was registered in this process alone, an audited network as a target: it stays at home.
        """
        if self.workers < 2 or len(jobs) < 2 or extensions.only_here():
            return
        at_work = [_workers(self.workers).submit(_work, *job) for job in jobs]
        label = f"{self.scale}: {what}, {self.workers} workers"
        try:
            for job in tqdm(as_completed(at_work), total=len(at_work), desc=label, unit="run"):
                job.result()
        except BaseException:
            _workers(self.workers).shutdown(wait=False, cancel_futures=True)
            _workers.cache_clear()  # the next call's are new
            raise

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}  # a worker loads data for itself

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        extensions.load(self.code)

    def _config(self, cell: Cell) -> Settings:
        return self.settings(cell.dataset, cell.variant)

    def _about(self, cell: Cell) -> tuple[str, str, str, str, int]:
        return self.scale, self.name(cell.dataset), cell.variant.kind, cell.variant.name, cell.seed


@cache
def _workers(number: int) -> ProcessPoolExecutor:
    """Processes of one thread each, kept for the next step: each needs seconds to start."""
    return ProcessPoolExecutor(number, get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    checks.warn_only()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _work(job: Callable, *given: object) -> None:
    """A worker's job. An interrupt ends whoever is at work, in silence, and does not reach who idles: Jupyter sends it
    to all processes of a kernel, also to end it.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))  # what is saved is whole (`files.atomic_write`)
    try:
        job(*given)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _take(experiment: Grid, step: str, cell: Cell) -> None:
    experiment._get(getattr(experiment, f"_{step}"), cell)
