"""Data set -> target -> BlackBox -> attack -> scores, each step asking the store first; the notebooks talk to this file."""

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from snnmi import boundaries, cpu, data, gamin, metrics, profiles, targets
from snnmi.blackbox import BlackBox
from snnmi.controls import BASELINES, Variant
from snnmi.store import Run, Store
from snnmi.targets import QueryConfig, Target, TargetConfig

# Seeds of the judge's draws: apart from the attacker's, which are the run's own seed.
JUDGE = 1_000_003
SEEDS = 10  # target seeds that are looked for in stored results


class Cell(NamedTuple):
    """One attack of the grid; training a target asks for no attack seed."""

    dataset: str
    variant: Variant
    seed: int  # of the target
    attack_seed: int


@dataclass(frozen=True)
class TargetRun:
    """A trained target: its scores, and its weights where they are kept."""

    profile: str
    dataset: str
    target: str  # "ann" or "snn"
    variant: str  # name of the control; of a baseline its target's
    seed: int
    run: Run
    config: targets.TargetConfig

    @property
    def test_accuracy(self) -> float:
        return self.run.metrics["test_accuracy"]

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, loss, test_accuracy."""
        return self.run.table("history")

    @property
    def settings(self) -> dict:
        return self.run.settings

    @property
    def provenance(self) -> dict:
        return self.run.provenance

    @cached_property
    def model(self) -> targets.ANN | targets.SNN:
        """The trained network; raises FileNotFoundError where its weights are not kept."""
        shape, classes = self.run.metrics["image_shape"], self.run.metrics["num_classes"]
        model = targets.build(self.config, tuple(shape), classes, seed=self.seed)
        model.load_state_dict(_weights(self.run))
        return model.eval()


@dataclass(frozen=True)
class AttackRun:
    """An attack on all classes of one target: scores, curves, reconstructions; weights where they are kept."""

    profile: str
    dataset: str
    target: str
    variant: str
    seed: int  # of the target
    attack_seed: int
    run: Run
    config: gamin.GaminConfig

    @property
    def labels(self) -> list[int]:
        return self.run.metrics["labels"]

    @property
    def queries_per_class(self) -> int:
        return self.run.metrics["queries_per_class"]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Two rows a class, for the kept and the last pair (columns: `attacks_table`)."""
        return self.run.table("scores")

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        return self.run.arrays()

    @property
    def history(self) -> dict[str, np.ndarray]:
        """"batch" (points,) and "L_N", "L_G", "k", "M_global" (points, K): means since the point before."""
        return {name: self._arrays[name] for name in ("batch", *gamin.CURVES)}

    @property
    def reconstructions(self) -> np.ndarray:
        """uint8 (K, n, height, width): the kept generators' images of the first n draws of z; figures show the first."""
        return self._arrays["reconstructions"]

    @property
    def target_confidences(self) -> np.ndarray:
        """(K, n, classes): the target's answers to the reconstructions."""
        return self._arrays["target_confidences"]

    @property
    def surrogate_confidences(self) -> np.ndarray:
        return self._arrays["surrogate_confidences"]

    @property
    def settings(self) -> dict:
        return self.run.settings

    @property
    def provenance(self) -> dict:
        return self.run.provenance

    @cached_property
    def pair(self) -> gamin.Pair:
        """The kept surrogates and generators; raises FileNotFoundError where their weights are not kept."""
        shape, classes = self.run.metrics["image_shape"], self.run.metrics["num_classes"]
        return gamin.Pair(self.config, tuple(shape), classes, _weights(self.run)["kept"])


@dataclass(frozen=True)
class BoundaryRun:
    """Decision-boundary measurements of one target and the surrogate of one class (`boundaries.measure`)."""

    profile: str
    dataset: str
    target: str
    seed: int
    run: Run

    @property
    def label(self) -> int:
        return self.run.settings["label"]

    @property
    def metrics(self) -> dict[str, float]:
        return self.run.metrics

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        return self.run.arrays()

    @property
    def settings(self) -> dict:
        return self.run.settings

    @property
    def provenance(self) -> dict:
        return self.run.provenance


def _listed(name: str, given: Sequence | str | None, default: tuple, of: type) -> tuple:
    """A list as notebooks and the command line give it (papermill's -p hands '["mnist"]' on as text); None: the default."""
    try:
        items = default if given is None else json.loads(given) if isinstance(given, str) else given
    except json.JSONDecodeError:
        items = None
    if not isinstance(items, (list, tuple)) or not items or not all(isinstance(item, of) for item in items):
        raise ValueError(f"{name} is {given!r}, expected a list of {of.__name__} such as {json.dumps(list(default))}")
    return tuple(items)


def _weights(run: Run) -> dict:
    weights = run.weights()
    if weights is None:
        raise FileNotFoundError(f"{run.folder} keeps no weights (results in git have none): compute the run to have them")
    return weights


class Experiment:
    """A profile's runs, some settings replaced; None keeps the profile's own.

    `variants` are controls in place of the two targets as they are. Every target is attacked once for each of
    `attack_seeds`; None: once, by its own seed. `results` holds one folder a profile. With `compute=False` only what is
    stored and complete is returned. Two or more `workers` are processes of one thread each that share what is missing: for
    small networks faster than one process with as many threads.
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
        attack: gamin.GaminConfig | None = None,
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
            raise ValueError(f"datasets holds {sorted(unknown)}, expected {sorted(data.LOADERS)} or paths of .npz files")
        if unknown := set(self.kinds) - {"ann", "snn"}:
            raise ValueError(f"targets holds {sorted(unknown)}, expected only 'ann' and 'snn'")
        self.variants = tuple(variants) if variants is not None else tuple(BASELINES[kind] for kind in self.kinds)
        self.attack_seeds = None if attack_seeds is None else _listed("attack_seeds", attack_seeds, (), int)
        self.batches, self.attack = batches, attack
        self.device, self.results, self.compute, self.workers = device, Path(results), compute, workers
        self.store = Store(self.results / profile)
        self._loaded: dict[str, data.Dataset] = {}
        if compute:
            cpu.make_fast()

    def dataset(self, name: str) -> data.Dataset:
        """The data set at this profile's image size, loaded once; a read-only experiment downloads nothing."""
        if name not in self._loaded:
            self._loaded[name] = data.load(name, shrink=self.profile.shrink.get(name, 1), download=self.compute)
        return self._loaded[name]

    def targets(self) -> list[TargetRun]:
        """The trained targets, loaded or trained."""
        cells = {(cell.dataset, cell.variant.name, cell.seed): cell for cell in self.cells()}  # one of each, whatever the attack seeds
        self._share("target", cells.values())
        return [run for cell in self._progress("targets", cells.values()) if (run := self.target_of(cell))]

    def attacks(self) -> list[AttackRun]:
        """The attacks, loaded or computed (their targets first)."""
        if self.workers > 1:
            self.targets()  # first, or two workers would train the same one
            self._share("attack", self.cells())
        return [run for cell in self._progress("attacks", self.cells()) if (run := self.attack_of(cell))]

    def boundaries(self) -> list[BoundaryRun]:
        """The boundary measurements, loaded or computed, for the surrogate of each run's first class."""
        return [run for cell in self._progress("boundaries", self.cells()) if (run := self._boundary(cell))]

    def cells(self) -> list[Cell]:
        """Every attack of the grid, seeds outermost."""
        return [
            Cell(dataset, variant, seed, chance)
            for seed in self.seeds for dataset in self.datasets for variant in self.variants for chance in self.attack_seeds or (seed,)
        ]  # fmt: skip

    def _progress(self, what: str, cells: Iterable[Cell]) -> Iterable[Cell]:
        return tqdm(cells, desc=f"{self.profile.name}: {what}", unit="run") if self.compute else cells

    def _share(self, step: str, cells: Iterable[Cell]) -> None:
        """Let the workers fill the store with what is missing of `step`, "target" or "attack"; each run once, though cells may share it."""
        if not self.compute or self.workers < 2:
            return
        reader = copy.copy(self)
        reader.compute = False
        for depends in (False, True):  # what depends on other runs comes after them
            mine = [cell for cell in cells if cell.variant.match_accuracy == depends and not getattr(reader, f"{step}_of")(cell)]
            mine.sort(key=lambda cell: -cell.variant.training.get("num_steps", 0))  # the longest first, so that no worker waits for one
            missing = {json.dumps(getattr(reader, f"_{step}_settings")(cell)): cell for cell in mine}
            if len(missing) < 2:
                continue
            with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
                done = as_completed([pool.submit(_compute, self, f"{step}_of", cell) for cell in missing.values()])
                for job in tqdm(done, total=len(missing), desc=f"{self.profile.name}: {step}s, {self.workers} workers", unit="run"):
                    job.result()

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}  # a worker loads data for itself

    def name(self, dataset: str) -> str:
        """What results call a data set: its name, or for a user's file the file's name and digest."""
        return self.dataset(dataset).name if dataset.endswith(".npz") else dataset

    def _target_config(self, cell: Cell) -> TargetConfig | None:
        """The profile's training with the variant's change; None where that depends on runs that are not there."""
        variant, config = cell.variant, self.profile.target(cell.dataset, cell.variant.kind)
        config = replace(config, hidden=round(config.hidden * variant.width), **variant.training)
        if variant.match_accuracy:
            own, other = (self.target_of(cell._replace(variant=BASELINES[k])) for k in sorted(BASELINES, key=variant.kind.__ne__))
            if not (own and other):
                return None
            distance = (own.history["test_accuracy"] - other.history["test_accuracy"].iloc[-1]).abs()
            config = replace(config, epochs=int(own.history["epoch"][distance.idxmin()]))
        return config

    def _target_settings(self, cell: Cell) -> dict | None:
        config = self._target_config(cell)
        shrink = self.profile.shrink.get(cell.dataset, 1)
        return config and {"dataset": self.name(cell.dataset), "shrink": shrink, "config": asdict(config), "seed": cell.seed}

    def _attack_settings(self, cell: Cell) -> dict | None:
        config = replace(self.attack or self.profile.attack(cell.dataset), **cell.variant.attack)
        if self.batches is not None:
            config = replace(config, batches=self.batches)
        target = self._target_settings(cell)
        query = {} if cell.variant.query == QueryConfig() else {"query": asdict(cell.variant.query)}
        if cell.variant.query.precision == QueryConfig.precision and query:
            del query["query"]["precision"]  # a field younger than stored runs, whose names are hashes of their settings
        evaluation = asdict(self.profile.evaluation)
        return target and {"target": target, "gamin": asdict(config), "evaluation": evaluation, "seed": cell.attack_seed} | query

    def _get(self, what: str, settings: dict | None, cell: Cell, compute: Callable[[Run], None]) -> Run | None:
        if settings is None:
            return None
        name = f"{what}-{self.name(cell.dataset)}-{cell.variant.kind}-s{cell.seed}"
        if what != "target" and cell.attack_seed != cell.seed:
            name += f"-a{cell.attack_seed}"
        return self.store.get(name, settings, compute if self.compute else None)

    # --- targets

    def target_of(self, cell: Cell) -> TargetRun | None:
        """One target, loaded or trained; None if it is not there and nothing may be computed."""
        dataset, variant, seed, _ = cell
        settings = self._target_settings(cell)
        config = settings and TargetConfig(**settings["config"])

        def compute(run: Run) -> None:
            images = self.dataset(dataset)
            run.checkpoint.start()
            trained = targets.train(config, images, seed=seed, device=self.device, checkpoint=run.checkpoint)
            test_accuracy = targets.accuracy(trained.model, images.x_test, images.y_test, seed=JUDGE + seed)
            history = pd.DataFrame(trained.history)
            history.insert(0, "epoch", range(1, len(history) + 1))
            run.finish(
                metrics={
                    "test_accuracy": test_accuracy,
                    "n_train": len(images.x_train),
                    "n_test": len(images.x_test),
                    "image_shape": list(images.image_shape),
                    "num_classes": images.num_classes,
                    "commonest_class": metrics.commonest_class(images.y_test.numpy()),
                },
                tables={"history": history},
                weights=trained.model.state_dict(),
            )

        run = self._get("target", settings, cell, compute)
        return run and TargetRun(self.profile.name, self.name(dataset), variant.kind, variant.name, seed, run, config)

    # --- attacks

    def attack_of(self, cell: Cell) -> AttackRun | None:
        """One attack, loaded or computed; None if it is not there and nothing may be computed."""
        dataset, variant, seed, attack_seed = cell
        settings = self._attack_settings(cell)
        config = settings and gamin.GaminConfig(**settings["gamin"])
        run = self._get("attack", settings, cell, lambda run: self._compute_attack(run, config, cell))
        return run and AttackRun(self.profile.name, self.name(dataset), variant.kind, variant.name, seed, attack_seed, run, config)

    def _asked(self, cell: Cell) -> tuple[Target, float]:
        """The trained target as its variant asks it, and the temperature of its answers."""
        images, query = self.dataset(cell.dataset), cell.variant.query
        model = self.with_weights(self.target_of, cell).model.to(self.device)
        if query == QueryConfig():
            return model, 1.0
        if query.match_entropy:
            other = self.with_weights(self.target_of, cell._replace(variant=BASELINES["ann" if cell.variant.kind == "snn" else "snn"]))
            ours, theirs = (
                targets.answers(m, images.x_test, seed=JUDGE + cell.seed) for m in (model.asked(query), other.model.to(self.device))
            )
            query = replace(query, temperature=targets.matched_temperature(ours, targets.mean_entropy(theirs)))
        return model.asked(query), query.temperature

    def _compute_attack(self, run: Run, config: gamin.GaminConfig, cell: Cell) -> None:
        dataset, variant, _, seed = cell
        images, (model, temperature) = self.dataset(dataset), self._asked(cell)
        labels = list(range(images.num_classes))
        blackbox = BlackBox(model, seed=seed, device=self.device, budget=config.queries_per_class * len(labels))
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
            description=f"attack {self.name(dataset)} {variant.name} seed {cell.seed}",
        )
        if blackbox.queries != blackbox.budget:
            raise RuntimeError(f"{blackbox.queries} queries were spent, expected {blackbox.budget}")
        rows, shown = [], None
        for name, pair, loss in (("kept", result.kept, result.kept_loss), ("last", result.last, result.last_loss)):
            scores, seen = score(model, pair, images, labels, self.profile.evaluation, seed=JUDGE + seed, device=self.device)
            shown = seen if name == "kept" else shown
            rows += [
                {"label": label, "pair": name, **{key: values[i] for key, values in loss.items()}, **scores[i]}
                for i, label in enumerate(labels)
            ]
        run.finish(
            metrics={
                "labels": labels,
                "queries_per_class": blackbox.queries // len(labels),
                "temperature": temperature,
                "image_shape": list(images.image_shape),
                "num_classes": images.num_classes,
            },
            tables={"scores": pd.DataFrame(rows)},
            arrays={name: values.numpy() for name, values in result.history.items()} | shown,
            weights={"kept": result.kept.parameters, "last": result.last.parameters},
        )

    # --- boundaries

    def _boundary(self, cell: Cell) -> BoundaryRun | None:
        e, seed, attacked = self.profile.evaluation, cell.attack_seed, self._attack_settings(cell)
        settings = attacked and {"attack": attacked, "label": 0}

        def compute(run: Run) -> None:
            images, (model, _) = self.dataset(cell.dataset), self._asked(cell)
            attack = self.with_weights(self.attack_of, cell)
            run.checkpoint.start()
            chance = torch.Generator(self.device).manual_seed(JUDGE + seed)
            pair = attack.pair.only(settings["label"])
            x_n = gamin.NOISES[attack.config.noise](e.noise, *images.image_shape, generator=chance, device=self.device)
            z = torch.randn(1, e.generated, attack.config.z_dim, generator=chance, device=self.device)
            numbers, arrays = boundaries.measure(
                BlackBox(model, seed=JUDGE + seed, device=self.device),
                lambda x: pair.surrogate(x[None])[0],
                images,
                pair.generate(z)[0],
                x_n,
                seed=JUDGE + seed,
                resolution=e.resolution,
                paths=e.paths,
            )
            run.finish(metrics=numbers, arrays=arrays)

        run = self._get("boundary", settings, cell, compute)
        return run and BoundaryRun(self.profile.name, self.name(cell.dataset), cell.variant.kind, cell.seed, run)

    def with_weights(self, step: Callable, cell: Cell):
        """A finished step whose weights are at hand: made again where the stored run keeps none, as those in git do."""
        found = step(cell)
        if found.run.weights() is None:
            (found.run.folder / "run.json").unlink()
            found = step(cell)
        return found


def _one_thread() -> None:
    torch.set_num_threads(1)
    cpu.make_fast()


def _compute(experiment: Experiment, step: str, cell: Cell) -> None:
    getattr(experiment, step)(cell)


@torch.no_grad()
def score(
    model, pair: gamin.Pair, images: data.Dataset, labels: Sequence[int], e: profiles.Evaluation, *, seed: int, device: str
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """The paper's metrics (section IV-B) of every class with floors and ceilings, and the reconstructions that are shown.

    Every class is asked about the same fresh random inputs; the target's answers are drawn afresh by the judge.
    """
    judge, chance = BlackBox(model, seed=seed, device=device), torch.Generator(device).manual_seed(seed)
    k, config = len(labels), pair.config
    x_n = gamin.NOISES[config.noise](e.noise, *images.image_shape, generator=chance, device=device)
    z = torch.randn(k, max(e.generated, e.shown), config.z_dim, generator=chance, device=device)
    x_g = pair.generate(z)
    on_noise, again, on_generated = judge(x_n).cpu().numpy(), judge(x_n).cpu().numpy(), judge(x_g).cpu().numpy()
    x_test, y_test = images.x_test.to(device), images.y_test.numpy()
    everyone = lambda x: pair.surrogate(x.expand(k, *x.shape)).cpu().numpy()  # noqa: E731
    s_noise, s_generated = everyone(x_n), pair.surrogate(x_g).cpu().numpy()
    s_test = np.concatenate([everyone(x) for x in x_test.split(1000)], axis=1)
    target_accuracy = metrics.accuracy(np.concatenate([judge(x).cpu().numpy() for x in x_test.split(1000)]), y_test)

    shared = {}
    for name, fidelity in (("fidelity_mae", metrics.fidelity_mae), ("fidelity_top", metrics.fidelity_top)):
        shared[f"{name}_floor"] = metrics.constant_floor(on_noise, fidelity)
        shared[f"{name}_ceiling"] = fidelity(on_noise, again)
    shared |= {
        "surrogate_accuracy_floor": metrics.commonest_class(y_test),
        "surrogate_accuracy_ceiling": target_accuracy,
        "chance": 1 / images.num_classes,
    }
    rows = [
        {
            "fidelity_mae": metrics.fidelity_mae(on_noise, s_noise[i]),
            "fidelity_top": metrics.fidelity_top(on_noise, s_noise[i]),
            "surrogate_accuracy": metrics.accuracy(s_test[i], y_test),
            "A_comb": metrics.accuracy(s_generated[i][: e.generated], np.full(e.generated, label)),
            "A_target": metrics.accuracy(on_generated[i][: e.generated], np.full(e.generated, label)),
            **shared,
        }
        for i, label in enumerate(labels)
    ]
    shown = {
        "reconstructions": (x_g[:, : e.shown] * 255).round().byte().cpu().numpy(),
        "target_confidences": on_generated[:, : e.shown],
        "surrogate_confidences": s_generated[:, : e.shown],
    }
    return rows, shown


def alongside(experiment: Experiment) -> list[Experiment]:
    """The given experiment, then read-only ones of the larger profiles kept in git, with whatever seeds are stored there."""
    names = [name for name in ("laptop", "half", "paper") if name != experiment.profile.name]
    same = dict(results=experiment.results, variants=experiment.variants, seeds=list(range(SEEDS)))
    others = [Experiment(name, compute=False, **same) for name in names]
    return [experiment, *(other for other in others if other.targets())]


def targets_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a trained target."""
    return pd.DataFrame(
        {
            "profile": t.profile, "dataset": t.dataset, "target": t.target, "variant": t.variant, "seed": t.seed,
            "test_accuracy": t.test_accuracy, "epochs": t.config.epochs, "hidden": t.config.hidden, "n_train": t.run.metrics["n_train"],
            "n_test": t.run.metrics["n_test"], "wall_s": t.provenance["wall_s"],
        }
        for e in experiments for t in e.targets()
    )  # fmt: skip


def attacks_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a class and pair: M_global and losses (nats), the paper's metrics with floors and ceilings (shares)."""
    tables = []
    for attack in (a for e in experiments for a in e.attacks()):
        scores = attack.scores.copy()
        keys = {name: getattr(attack, name) for name in ("profile", "dataset", "target", "variant", "seed", "attack_seed")}
        for place, (key, value) in enumerate((keys | {"queries": attack.queries_per_class}).items()):
            scores.insert(place, key, value)
        tables.append(scores)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
