"""Data set -> target -> BlackBox -> attack -> scores, each step asking the store first; the notebooks talk to it."""

import copy
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8

from snnmi import chance
from snnmi.attack import gamin
from snnmi.attack.blackbox import FORMS, BlackBox, Remembered
from snnmi.attack.players import random_inputs
from snnmi.data import Dataset
from snnmi.measure import boundaries, metrics, scores
from snnmi.models import coding, training
from snnmi.models.targets import MODELS, TARGETS, Query, build
from snnmi.store import Run
from snnmi.study import attacks, settings
from snnmi.study.attacks import ATTACKS
from snnmi.study.controls import BASELINES, OTHER
from snnmi.study.grid import Cell, Grid, Step
from snnmi.study.runs import AttackRun, BoundaryRun, TargetRun
from snnmi.study.settings import Settings

SEEDS = 10  # target seeds that are looked for in stored results


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


class Experiment(Grid):
    """A profile's runs and how each is made; what can be chosen: `Grid`."""

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
