"""Data set -> target -> BlackBox -> attack -> scores, each step asking the store first; the notebooks talk to this
file.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from tqdm import tqdm

from snnmi import data
from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import NOISES, GaminConfig
from snnmi.fast import cpu
from snnmi.measure import boundaries, metrics, scores
from snnmi.models import coding, training
from snnmi.models.targets import QueryConfig, Target, TargetConfig
from snnmi.store import Run, Store
from snnmi.study import profiles
from snnmi.study.controls import BASELINES, OTHER, Variant
from snnmi.study.runs import AttackRun, BoundaryRun, Finished, TargetRun

EXAMINER = 1_000_003  # added to a run's seed for the draws of whoever scores it: apart from the attacker's
SEEDS = 10  # target seeds that are looked for in stored results


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


class Experiment:
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

    def targets(self) -> list[TargetRun]:
        """The trained targets, loaded or trained."""
        distinct = {
            (cell.dataset, cell.variant.name, cell.seed): cell for cell in self.cells()
        }  # whatever the attack seeds
        return self._all(self._target, list(distinct.values()))

    def attacks(self) -> list[AttackRun]:
        """The attacks, loaded or computed (their targets first)."""
        if self.workers > 1:
            self.targets()  # first, or two workers would train the same one
        return self._all(self._attack, self.cells())

    def boundaries(self) -> list[BoundaryRun]:
        """The boundary measurements, loaded or computed, for the surrogate of each run's first class."""
        return self._all(self._boundary, self.cells())

    def target_of(self, cell: Cell) -> TargetRun | None:
        """One target, loaded or trained; None if it is not there and nothing may be computed."""
        return self._get(self._target, cell)

    def attack_of(self, cell: Cell) -> AttackRun | None:
        """One attack, loaded or computed; None if it is not there and nothing may be computed."""
        return self._get(self._attack, cell)

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

    def with_weights(self, find: Callable[[Cell], Finished], cell: Cell) -> Finished:
        """A finished step whose weights are at hand: made again where the stored run keeps none, as those in git do."""
        found = find(cell)
        if found.run.weights() is None:
            (found.run.folder / "run.json").unlink()
            found = find(cell)
        return found

    # --- steps: each has settings, a computation, and what is made of the finished run

    @property
    def _target(self) -> Step:
        return Step("target", self._target_settings, self._train, self._target_run)

    @property
    def _attack(self) -> Step:
        return Step("attack", self._attack_settings, self._invert, self._attack_run)

    @property
    def _boundary(self) -> Step:
        return Step("boundary", self._boundary_settings, self._explore, self._boundary_run)

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

    # --- targets

    def _target_config(self, cell: Cell) -> TargetConfig | None:
        """The profile's training with the variant's change; None where that depends on runs that are not there."""
        variant, config = cell.variant, self.profile.target(cell.dataset, cell.variant.kind)
        config = replace(config, hidden=round(config.hidden * variant.width), **variant.training)
        if variant.match_accuracy:
            own, other = (
                self.target_of(cell._replace(variant=BASELINES[kind]))
                for kind in (variant.kind, OTHER[variant.kind])
            )
            if not (own and other):
                return None
            distance = (own.history["test_accuracy"] - other.history["test_accuracy"].iloc[-1]).abs()
            config = replace(config, epochs=int(own.history["epoch"][distance.idxmin()]))
        return config

    def _target_settings(self, cell: Cell) -> dict | None:
        config = self._target_config(cell)
        shrink = self.profile.shrink.get(cell.dataset, 1)
        return config and {
            "dataset": self.name(cell.dataset),
            "shrink": shrink,
            "config": asdict(config),
            "seed": cell.seed,
        }

    def _train(self, run: Run, cell: Cell) -> None:
        images, config = self.dataset(cell.dataset), TargetConfig(**run.settings["config"])
        run.checkpoint.start()
        trained = training.train(
            config, images, seed=cell.seed, device=self.device, checkpoint=run.checkpoint
        )
        test_accuracy = training.accuracy(
            trained.model, images.x_test, images.y_test, seed=EXAMINER + cell.seed
        )
        run.finish(
            metrics={
                "test_accuracy": test_accuracy,
                "n_train": len(images.x_train),
                "n_test": len(images.x_test),
                "image_shape": list(images.image_shape),
                "num_classes": images.num_classes,
                "commonest_class": metrics.commonest_class(images.y_test.numpy()),
            },
            tables={"history": trained.table()},
            weights=trained.model.state_dict(),
        )

    def _target_run(self, run: Run, cell: Cell) -> TargetRun:
        return TargetRun(*self._keys(cell), run, TargetConfig(**run.settings["config"]))

    def _keys(self, cell: Cell) -> tuple[str, str, str, str, int]:
        return self.profile.name, self.name(cell.dataset), cell.variant.kind, cell.variant.name, cell.seed

    # --- attacks

    def _attack_settings(self, cell: Cell) -> dict | None:
        config = replace(self.attack or self.profile.attack(cell.dataset), **cell.variant.attack)
        if self.batches is not None:
            config = replace(config, batches=self.batches)
        target = self._target_settings(cell)
        query = {} if cell.variant.query == QueryConfig() else {"query": asdict(cell.variant.query)}
        if cell.variant.query.precision == QueryConfig.precision and query:
            del query["query"][
                "precision"
            ]  # a field younger than stored runs, whose names are hashes of their settings
        evaluation = asdict(self.profile.evaluation)
        return (
            target
            and {
                "target": target,
                "gamin": asdict(config),
                "evaluation": evaluation,
                "seed": cell.attack_seed,
            }
            | query
        )

    def _asked(self, cell: Cell) -> tuple[Target, float]:
        """The trained target as its variant asks it, and the temperature of its answers."""
        images, query = self.dataset(cell.dataset), cell.variant.query
        model = self.with_weights(self.target_of, cell).model.to(self.device)
        if query == QueryConfig():
            return model, 1.0
        if query.match_entropy:
            other = self.with_weights(
                self.target_of, cell._replace(variant=BASELINES[OTHER[cell.variant.kind]])
            )
            ours, theirs = (
                training.answers(m, images.x_test, seed=EXAMINER + cell.seed)
                for m in (model.asked(query), other.model.to(self.device))
            )
            query = replace(query, temperature=coding.matched_temperature(ours, coding.mean_entropy(theirs)))
        return model.asked(query), query.temperature

    def _invert(self, run: Run, cell: Cell) -> None:
        config, seed = GaminConfig(**run.settings["gamin"]), cell.attack_seed
        images, (model, temperature) = self.dataset(cell.dataset), self._asked(cell)
        labels = list(range(images.num_classes))
        blackbox = BlackBox(
            model, seed=seed, device=self.device, budget=config.queries_per_class * len(labels)
        )
        run.checkpoint.start()
        result = gamin.attack(
            blackbox,
            config,
            image_shape=images.image_shape,
            num_classes=images.num_classes,
            labels=labels,
            seed=seed,
            device=self.device,
            checkpoint=run.checkpoint,
            description=f"attack {self.name(cell.dataset)} {cell.variant.name} seed {cell.seed}",
        )
        if blackbox.queries != blackbox.budget:
            raise RuntimeError(f"{blackbox.queries} queries were spent, expected {blackbox.budget}")
        table, shown = self._scored(result, model, images, seed)
        run.finish(
            metrics={
                "labels": labels,
                "queries_per_class": blackbox.queries // len(labels),
                "temperature": temperature,
                "image_shape": list(images.image_shape),
                "num_classes": images.num_classes,
            },
            tables={"scores": table},
            arrays={name: values.numpy() for name, values in result.history.items()} | shown,
            weights={"kept": result.kept.parameters, "last": result.last.parameters},
        )

    def _scored(
        self, result: gamin.AttackResult, model: Target, images: data.Dataset, seed: int
    ) -> tuple[pd.DataFrame, dict]:
        """One row a class for the kept and one for the last pair, and the kept pair's pictures."""
        evaluation, rows, shown = self.profile.evaluation, [], {}
        for name, pair, loss in (
            ("kept", result.kept, result.kept_loss),
            ("last", result.last, result.last_loss),
        ):
            answers = scores.ask(model, pair, images, evaluation, seed=EXAMINER + seed, device=self.device)
            shown = shown or scores.pictures(answers, evaluation.shown)
            found = scores.scores(answers, images, result.labels, evaluation.generated)
            rows += [
                {"label": label, "pair": name, **{key: values[i] for key, values in loss.items()}, **found[i]}
                for i, label in enumerate(result.labels)
            ]
        return pd.DataFrame(rows), shown

    def _attack_run(self, run: Run, cell: Cell) -> AttackRun:
        return AttackRun(*self._keys(cell), run, cell.attack_seed, GaminConfig(**run.settings["gamin"]))

    # --- boundaries

    def _boundary_settings(self, cell: Cell) -> dict | None:
        attacked = self._attack_settings(cell)
        return attacked and {"attack": attacked, "label": 0}

    def _explore(self, run: Run, cell: Cell) -> None:
        evaluation, seed = self.profile.evaluation, EXAMINER + cell.attack_seed
        images, (model, _) = self.dataset(cell.dataset), self._asked(cell)
        attack = self.with_weights(self.attack_of, cell)
        run.checkpoint.start()
        chance = torch.Generator(self.device).manual_seed(seed)
        pair, config = attack.pair.only(run.settings["label"]), attack.config
        noise = NOISES[config.noise](
            evaluation.noise, *images.image_shape, generator=chance, device=self.device
        )
        z = torch.randn(1, evaluation.generated, config.z_dim, generator=chance, device=self.device)
        with torch.no_grad():
            generated = pair.G(z)[0]
        numbers, arrays = boundaries.measure(
            BlackBox(model, seed=seed, device=self.device),
            lambda x: pair.S(x[None])[0].softmax(-1),
            images,
            generated,
            noise,
            seed=seed,
            resolution=evaluation.resolution,
            paths=evaluation.paths,
        )
        run.finish(metrics=numbers, arrays=arrays)

    def _boundary_run(self, run: Run, cell: Cell) -> BoundaryRun:
        return BoundaryRun(*self._keys(cell), run)


def _one_thread() -> None:
    torch.set_num_threads(1)
    cpu.make_fast()


def _compute(experiment: Experiment, step: str, cell: Cell) -> None:
    experiment._get(getattr(experiment, f"_{step}"), cell)
