"""What is run: a grid of data sets, targets and seeds, and its chain, data set -> target -> BlackBox -> attack ->
scores, each step asked of the store first. Chapters talk to it.
"""

import copy
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8
from tqdm import tqdm

from snnmi import chance, checks, data
from snnmi.attack import gamin
from snnmi.attack.blackbox import FORMS, BlackBox, Remembered
from snnmi.attack.noises import CHOSEN
from snnmi.attack.pair import try_pieces
from snnmi.attack.players import random_inputs
from snnmi.data import Dataset
from snnmi.files import place
from snnmi.measure import boundaries, metrics, scores
from snnmi.models import coding, training
from snnmi.models.targets import MODELS, TARGETS, Query, build
from snnmi.store import Run, Store
from snnmi.study import attacks, extensions, profiles, settings, workers
from snnmi.study.attacks import ATTACKS
from snnmi.study.controls import BASELINES, NAMED, OTHER, Variant
from snnmi.study.given import called, listed, once, processor
from snnmi.study.runs import AttackRun, BoundaryRun, Finished, TargetRun
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


def _on_the_way(result: gamin.AttackResult) -> dict[str, np.ndarray]:
    """The attack at work, small: images as uint8, confidences in half precision."""
    seen = result.moments
    found = {f"moment_{who}": seen[who].numpy().astype(np.float16) for who in ("target", "surrogate")}
    return found | {
        "moment_accuracy": seen["examined"].numpy(),
        "moment_batch": seen["batch"].numpy(),
        "moment_image": scores.as_bytes(seen["image"].numpy()),
    }


def _lacks(attack: AttackRun, score: str) -> bool:
    return bool(attack.scores[score].isna().all())


class Experiment:
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
            if own.attack.noise == CHOSEN:
                gamin.left_by_pilot(own.attack, len(range(classes)[: own.attack.classes]))
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
        """Let the workers, if there are any, do jobs: each a function and what it is given, of which none needs
        another.
        """
        workers.share(f"{self.scale}: {what}", jobs, self.workers)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}  # a worker loads data for itself

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        extensions.load(self.code)

    def _config(self, cell: Cell) -> Settings:
        return self.settings(cell.dataset, cell.variant)

    def _about(self, cell: Cell) -> tuple[str, str, str, str, int]:
        return self.scale, self.name(cell.dataset), cell.variant.kind, cell.variant.name, cell.seed

    # --- what it gives

    def targets(self) -> list[TargetRun]:
        """The trained targets, loaded or trained."""
        distinct = {(cell.dataset, cell.variant.name, cell.seed): cell for cell in self.cells()}
        return self._all(self._target, list(distinct.values()))

    def attacks(self) -> list[AttackRun]:
        """The attacks with their scores, loaded or computed (their targets first)."""
        if self.workers > 1:
            self.targets()  # first, or two workers would train the same one
        return self._all(self._scores, self.cells())

    def boundaries(self) -> list[BoundaryRun]:
        """The boundary measurements, loaded or computed, for the surrogate of each run's first class."""
        return self._all(self._boundary, self.cells())

    def answers(self) -> list[Run]:
        """Of finished attacks that were scored before it was a score: metrics "commonest_answer"."""
        found = {cell: self._get(self._scores, cell, compute=False) for cell in self.cells()}
        return self._all(self._answers, [c for c, a in found.items() if a and _lacks(a, "commonest_answer")])

    def target_of(self, cell: Cell) -> TargetRun | None:
        """One target, loaded or trained; None if it is not there and nothing may be computed."""
        return self._get(self._target, cell)

    def attack_of(self, cell: Cell) -> AttackRun | None:
        """One attack, loaded or computed; None if it is not there and nothing may be computed."""
        return self._get(self._scores, cell)

    def is_stored(self, cell: Cell) -> bool:
        """Whether this attack is finished and scored; nothing is computed."""
        return self._get(self._scores, cell, compute=False) is not None

    def originals(self, dataset: str) -> dict[str, UInt8[np.ndarray, "classes height width"]]:
        """Every class's "class mean" (of training images) and "test image" (the first), as they were stored when an
        attack on `dataset` (as results call it) was scored; nothing where none was.
        """
        key = settings.originals_key(self.settings(dataset, self.variants[0]), dataset)
        run = self.store.get(f"originals-{dataset}", key, None, shared=True)
        return run.arrays() if run else {}

    def model(self, cell: Cell) -> Callable:
        """The trained target, its weights kept or made again: a callable from images to confidences."""
        if cell.variant.kind in TARGETS:
            copied = copy.deepcopy(self.dataset(cell.dataset))  # whatever is done to it, ours stays
            return TARGETS[cell.variant.kind](copied, seed=cell.seed)
        target = self.target_of(cell)
        self._weights(self._target, target.run, cell)
        return target.model.to(self.device)

    def asked(self, attack: AttackRun) -> Callable:
        """The target of an attack of this grid, as the attack asked it, in a box that draws anew at every call."""
        model, _ = self._asked(self._cell(attack))
        return BlackBox(model, seed=secrets.randbits(32), device=self.device, role="examiner's answers")

    def with_weights(self, attack: AttackRun) -> AttackRun:
        """The same attack, its weights kept or made again."""
        return self._found(self._cell(attack))

    def _cell(self, attack: AttackRun) -> Cell:
        wanted = attack.dataset, attack.variant, attack.seed, attack.attack_seed
        places = {(self.name(c.dataset), c.variant.name, c.seed, c.attack_seed): c for c in self.cells()}
        return places[wanted]

    # --- steps: each has a key, a computation, and what is made of the finished run

    @property
    def _target(self) -> Step:
        return Step("target", self._target_key, self._train, self._target_run)

    @property
    def _attack(self) -> Step:
        return Step("attack", self._attack_key, self._invert, lambda run, cell: run)

    @property
    def _scores(self) -> Step:
        return Step("scores", self._scores_key, self._score, self._attack_run)

    @property
    def _answers(self) -> Step:
        return Step("answers", self._answers_key, self._answer, lambda run, cell: run)

    @property
    def _boundary(self) -> Step:
        return Step("boundary", self._boundary_key, self._explore, self._boundary_run)

    # --- targets

    def _trained(self, cell: Cell) -> Settings | None:
        """The settings with the epoch found at which accuracies match; None where that depends on missing runs."""
        config = self._config(cell)
        if not config.training.match_accuracy:
            return config
        own, other = (
            self.target_of(cell._replace(variant=BASELINES[kind]))
            for kind in (cell.variant.kind, OTHER[cell.variant.kind])
        )
        if not (own and other):
            return None
        distance = (own.history["test_accuracy"] - other.history["test_accuracy"].iloc[-1]).abs()
        epochs = int(own.history["epoch"][distance.idxmin()])
        return replace(config, training=replace(config.training, epochs=epochs, match_accuracy=False))

    def _target_key(self, cell: Cell) -> dict | None:
        config = self._trained(cell)
        return config and settings.target_key(config, self.name(cell.dataset), cell.seed)

    def _train(self, run: Run, cell: Cell) -> None:
        images, config, kind = self.dataset(cell.dataset), self._trained(cell), cell.variant.kind
        run.checkpoint.start()
        about = {
            "n_train": len(images.x_train),
            "n_test": len(images.x_test),
            "image_shape": list(images.image_shape),
            "num_classes": images.num_classes,
            "commonest_class": metrics.commonest_class(images.y_test.numpy()),
        }
        if kind in TARGETS:
            box = BlackBox(self.model(cell), seed=cell.seed, role="examiner's answers")
            right = box(images.x_test).argmax(-1) == images.y_test
            no_history = pd.DataFrame(columns=["epoch", "loss", "test_accuracy"])
            found = {"test_accuracy": float(right.float().mean())} | about
            return run.finish(metrics=found, tables={"history": no_history})
        how = {"seed": cell.seed, "network": config.network, "neuron": config.neuron}
        model = build(kind, images.image_shape, images.num_classes, **how)
        trained = training.train(
            model.to(self.device),
            images,
            config.training,
            seed=cell.seed,
            checkpoint=run.checkpoint,
            description=f"train {images.name} {cell.variant.name} seed {cell.seed}",
        )
        right = training.accuracy(trained.model, images.x_test, images.y_test, seed=cell.seed)
        run.finish(
            metrics={"test_accuracy": right} | about,
            tables={"history": trained.table()},
            weights=trained.model.state_dict(),
        )

    def _target_run(self, run: Run, cell: Cell) -> TargetRun:
        return TargetRun(*self._about(cell), self._trained(cell), run)

    # --- attacks

    def _attack_key(self, cell: Cell) -> dict | None:
        config = self._trained(cell)
        return config and settings.attack_key(config, self.name(cell.dataset), cell.seed, cell.attack_seed)

    def _asked(self, cell: Cell) -> tuple[Callable, float]:
        """The trained target as its settings ask it, and the temperature of its answers."""
        query, model = self._config(cell).query, self.model(cell)
        if query == Query():
            return model, 1.0
        if cell.variant.kind not in MODELS:
            kind = cell.variant.kind
            raise ValueError(f"changes: query does not apply to the target {kind!r}, which is your own")
        if query.match_entropy:
            other = self.model(cell._replace(variant=BASELINES[OTHER[cell.variant.kind]]))
            x = self.dataset(cell.dataset).x_test
            ours, theirs = (training.answers(m, x, seed=cell.seed) for m in (model.asked(query), other))
            query = replace(query, temperature=coding.matched_temperature(ours, coding.mean_entropy(theirs)))
        return model.asked(query), query.temperature

    def _invert(self, run: Run, cell: Cell) -> None:
        config, seed = self._config(cell).attack, cell.attack_seed
        if not ATTACKS[config.attacker].pairs:
            return self._draw(run, cell)
        images, (model, temperature) = self.dataset(cell.dataset), self._asked(cell)
        labels = list(range(images.num_classes))[: config.classes]
        queries = config.queries_per_class * len(labels)
        blackbox = BlackBox(model, seed=seed, device=self.device, budget=queries, **FORMS[config.answers])
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
            examine=lambda pair: scores.surrogate_accuracy(pair, images, self.device),
            description=f"attack {images.name} {cell.variant.name} seed {cell.seed}",
        )
        if not 0 <= queries - blackbox.queries < (len(labels) * config.batch_size if result.pilot else 1):
            raise RuntimeError(f"{blackbox.queries} queries were spent, expected {queries}")
        ends = {"kept": result.kept_loss, "last": result.last_loss}
        losses = [pd.DataFrame(loss).assign(label=labels, pair=name) for name, loss in ends.items()]
        run.finish(
            metrics={
                "labels": labels,
                "queries_per_class": blackbox.queries // len(labels),
                "temperature": temperature,
                "image_shape": list(images.image_shape),
                "num_classes": images.num_classes,
            }
            | ({"noise": result.last.config.noise, "pilot": result.pilot} if result.pilot else {}),
            tables={"losses": pd.concat(losses)[["label", "pair", "M_global", "L_N", "L_G", "k", "batch"]]},
            arrays={name: values.numpy() for name, values in result.history.items()} | _on_the_way(result),
            weights={"kept": result.kept.parameters, "last": result.last.parameters},
        )

    def _draw(self, run: Run, cell: Cell) -> None:
        """An attack that keeps no pair: its images, and what its copy, if it makes one, says of all it is scored by."""
        config, images = self._config(cell), self.dataset(cell.dataset)
        (model, temperature), entry = self._asked(cell), ATTACKS[config.attack.attacker]
        if not entry.fits(cell.variant.kind, config.neuron.encoder):
            raise ValueError(
                f"attacker is {config.attack.attacker!r}, which cannot attack {cell.variant.label}"
            )
        labels, seed = list(range(images.num_classes))[: config.attack.classes], cell.attack_seed
        if (least := entry.queries(entry.how)) > config.attack.queries_per_class:
            raise ValueError(
                f"batches is {config.attack.batches}, expected more: {config.attack.attacker} asks {least:,} queries a "
                f"class, and they pay for {config.attack.queries_per_class:,}"
            )
        run.checkpoint.start()
        how = {"seed": seed, "device": self.device, "checkpoint": run.checkpoint}
        how |= {"budget": config.attack.queries_per_class * len(labels)} | FORMS[config.attack.answers]
        drawn = attacks.draw(entry, model, labels, images.image_shape, **how)
        kept = {"images": drawn.images.contiguous()}
        if drawn.copy:
            noise = scores.examiners_noise(config.attack, config.evaluation, images.image_shape, seed=seed)
            kept |= {"copy": scores.copy_says(drawn.copy, drawn.images, noise, images)}
        losses = pd.DataFrame(columns=["label", "pair", *gamin.CURVES[-1:], *gamin.CURVES[:-1], "batch"])
        losses["label"], losses["pair"] = labels * 2, ["kept"] * len(labels) + ["last"] * len(labels)
        metrics = {
            "labels": labels,
            "queries_per_class": drawn.queries // len(labels),
            "temperature": temperature,
        }
        metrics |= {"image_shape": list(images.image_shape), "num_classes": images.num_classes}
        run.finish(metrics=metrics, tables={"losses": losses}, arrays={}, weights=kept)

    # --- scores: of what an attack found

    def _scores_key(self, cell: Cell) -> dict | None:
        if (attack := self._attack_key(cell)) is None:
            return None
        key = settings.scores_key(self._config(cell), attack)
        if self.compute or self.store.run("scores", key).complete():
            return key
        return {name: value for name, value in key.items() if name != "code"}  # before a metric of one's own

    def _found(self, cell: Cell, scored: Run | None = None) -> AttackRun:
        """The attack itself, with weights."""
        run = self._get(self._attack, cell)
        found = AttackRun(*self._about(cell), self._config(cell), run, cell.attack_seed, scored or run)
        self._weights(self._attack, run, cell)
        return found

    def _score(self, run: Run, cell: Cell) -> None:
        attack, images = self._found(cell, run), self.dataset(cell.dataset)
        evaluation = self._config(cell).evaluation
        model, _ = self._asked(cell)
        self._keep_originals(images, self._config(cell))
        run.checkpoint.start()
        rows, shown, how = [], {}, {"seed": cell.attack_seed, "device": self.device}
        if attack.attacker.pairs:
            ask = partial(scores.ask, dataset=images, labels=attack.labels, evaluation=evaluation, **how)
            found = {name: ask(model, pair.to(self.device)) for name, pair in attack.pairs.items()}
        else:  # one set of images is kept and last
            noise = scores.examiners_noise(attack.config.attack, evaluation, images.image_shape, **how)
            drawn, copy = attack.weights["images"], attack.weights.get("copy")
            found = {"kept": scores.ask_of_images(model, drawn, copy, noise, images, attack.labels, **how)}
            rows = [
                {"label": y, "pair": "last"} | row
                for y, row in zip(attack.labels, scores.score(found["kept"]))
            ]
        for name, answers in found.items():
            shown |= scores.pictures(answers, evaluation.shown, "last_" if name == "last" else "")
            keys = [{"label": label, "pair": name} for label in attack.labels]
            rows += [key | row for key, row in zip(keys, scores.score(answers))]
        run.finish(metrics={}, tables={"scores": pd.DataFrame(rows)}, arrays=shown)

    def _keep_originals(self, images: Dataset, config: Settings) -> None:
        """A class mean and one picture a class, for figures without the data set; credits: results/README.md."""

        def make(run: Run) -> None:
            run.checkpoint.start()
            kept = {
                "class mean": images.class_means(),
                "test image": torch.stack([images.example(label) for label in range(images.num_classes)]),
            }
            arrays = {name: scores.as_bytes(x.numpy()) for name, x in kept.items()}
            run.finish(metrics={}, arrays=arrays)

        key = settings.originals_key(config, images.name)
        self.store.get(f"originals-{images.name}", key, make, shared=True)

    def _attack_run(self, run: Run, cell: Cell) -> AttackRun | None:
        attack = self._get(self._attack, cell)
        return attack and AttackRun(*self._about(cell), self._config(cell), attack, cell.attack_seed, run)

    # --- what a target answers to an attack's noise

    def _answers_key(self, cell: Cell) -> dict | None:
        attack = self._attack_key(cell)
        return attack and settings.answers_key(attack)

    def _answer(self, run: Run, cell: Cell) -> None:
        config, images, (model, _) = self._config(cell), self.dataset(cell.dataset), self._asked(cell)
        run.checkpoint.start()
        how = {"seed": cell.attack_seed, "device": self.device}
        share = scores.commonest_answer(model, config.attack, config.evaluation, images.image_shape, **how)
        run.finish(metrics={"commonest_answer": share})

    # --- boundaries

    def _boundary_key(self, cell: Cell) -> dict | None:
        attack, config = self._attack_key(cell), self._config(cell)
        if not ATTACKS[config.attack.attacker].pairs:  # its copy is gone
            return None
        own = settings.differences(config, "evaluation")
        return attack and {"attack": attack, "label": 0} | own

    def _explore(self, run: Run, cell: Cell) -> None:
        images, (model, _), seed = self.dataset(cell.dataset), self._asked(cell), cell.attack_seed
        attack, evaluation = self._found(cell), self._config(cell).evaluation
        run.checkpoint.start()
        queries = chance.generator("examiner's queries", seed, self.device)
        pair = attack.pair.only(run.settings["label"]).to(self.device)
        draws = {"generator": queries, "device": self.device}
        noise = random_inputs(pair.config, evaluation.noise, *images.image_shape, **draws)
        z = torch.randn(1, evaluation.generated, pair.config.z_dim, **draws)
        with torch.no_grad():
            generated = pair.G(z, queries)[0]
        box = BlackBox(model, seed=seed, device=self.device, role="examiner's answers")
        numbers, arrays = boundaries.measure(
            Remembered(box, run.checkpoint),
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
        return BoundaryRun(*self._about(cell), self._config(cell), run)


def _take(experiment: Experiment, step: str, cell: Cell) -> None:
    experiment._get(getattr(experiment, f"_{step}"), cell)
