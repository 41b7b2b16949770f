"""Data set -> target -> BlackBox -> attack -> scores, each step asking the store first; the notebooks talk to this
file.
"""

from collections.abc import Callable
from dataclasses import asdict, replace

import pandas as pd
import torch

from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import NOISES, GaminConfig
from snnmi.data import Dataset
from snnmi.measure import boundaries, metrics, scores
from snnmi.models import coding, training
from snnmi.models.targets import QueryConfig, Target, TargetConfig
from snnmi.store import Run
from snnmi.study.controls import BASELINES, OTHER
from snnmi.study.grid import Cell, Grid, Step
from snnmi.study.runs import AttackRun, BoundaryRun, Finished, TargetRun

EXAMINER = 1_000_003  # added to a run's seed for the draws of whoever scores it: apart from the attacker's
SEEDS = 10  # target seeds that are looked for in stored results


class Experiment(Grid):
    """A profile's runs and how each is made; what can be chosen: `Grid`."""

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
        self, result: gamin.AttackResult, model: Target, images: Dataset, seed: int
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
