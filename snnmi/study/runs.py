"""What finished runs offer: targets, attacks, boundary measurements, each with its record, and weights where these
are kept.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pandas as pd

from snnmi.attack.pair import Pair
from snnmi.measure.scores import METRICS
from snnmi.models import targets
from snnmi.store import Run
from snnmi.study.attacks import ATTACKS
from snnmi.study.controls import Variant
from snnmi.study.settings import Settings


class Cell(NamedTuple):
    """One attack of a grid; training a target asks for no attack seed."""

    dataset: str
    variant: Variant
    seed: int  # of the target
    attack_seed: int


@dataclass(frozen=True)
class Finished:
    """What all of them have: which cell of the grid they are, and the stored record."""

    profile: str
    dataset: str  # as results call it
    cell: Cell
    config: Settings
    run: Run

    target = property(attrgetter("cell.variant.kind"))  # "ann", "snn" or one's own
    variant = property(attrgetter("cell.variant.name"))  # the control; of a baseline its target
    seed = property(attrgetter("cell.seed"))  # of the target
    attack_seed = property(attrgetter("cell.attack_seed"))
    settings = property(attrgetter("run.settings"))
    metrics = property(attrgetter("run.metrics"))
    provenance = property(attrgetter("run.provenance"))
    num_classes = property(lambda self: self.metrics["num_classes"])
    image_shape = property(lambda self: tuple(self.metrics["image_shape"]))

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        return self.run.arrays()

    @property
    def weights(self) -> dict:
        """Nested dicts of tensors; raises FileNotFoundError where none are kept."""
        if (weights := self.run.weights()) is None:
            raise FileNotFoundError(
                f"{self.run.folder} keeps no weights (results in git have none): "
                f"python -m snnmi.study.weights {self.profile} {self.dataset} makes them again"
            )
        return weights


@dataclass(frozen=True)
class TargetRun(Finished):
    """A trained target."""

    # One row an epoch: epoch, loss, test_accuracy.
    history = property(lambda self: self.run.table("history"))

    @cached_property
    def model(self) -> targets.ANN | targets.SNN:
        """The trained network."""
        how = {"seed": self.seed, "network": self.config.network, "neuron": self.config.neuron}
        model = targets.build(self.target, self.image_shape, self.num_classes, **how)
        model.load_state_dict(self.weights)
        return model.eval()


@dataclass(frozen=True)
class AttackRun(Finished):
    """An attack on all classes of one target, and its scores."""

    scored: Run | None = None  # None: not yet

    labels = property(lambda self: self.metrics["labels"])
    attacker = property(lambda self: ATTACKS[self.config.attack.attacker])  # an `Attack`
    queries_per_class = property(lambda self: self.metrics["queries_per_class"])

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Two rows a class, for the kept and the last pair: losses (nats), batch, and every metric; one that these
        scores lack is NaN.
        """
        losses, found = self.run.table("losses"), self.scored.table("scores")
        missing = [key for key, metric in METRICS.items() if metric.score and key not in found]
        return losses.merge(found.assign(**dict.fromkeys(missing, float("nan"))), on=["label", "pair"])

    @property
    def moments(self) -> dict[str, np.ndarray]:
        """The attack at work: "batch" (moments,), "image" (uint8), "target" and "surrogate" (moments, K, ...); empty
        for runs made before these were stored.
        """
        found = {name: values for name, values in self.arrays.items() if name.startswith("moment_")}
        return {name.removeprefix("moment_"): values for name, values in found.items()}

    @cached_property
    def pictures(self) -> dict[str, np.ndarray]:
        """By name, with "last_" before it the last generators', which older scores lack:
        reconstructions: uint8 (K, n, height, width), the kept generators' images of n draws of z; figures show one
        target_confidences, surrogate_confidences: (K, n, classes), what both networks answer to them
        """
        return self.scored.arrays()

    reconstructions = property(lambda self: self.pictures["reconstructions"])
    target_confidences = property(lambda self: self.pictures["target_confidences"])
    surrogate_confidences = property(lambda self: self.pictures["surrogate_confidences"])
    pair = property(lambda self: self.pairs["kept"])

    @cached_property
    def pairs(self) -> dict[str, Pair]:
        """Both pairs, "kept" and "last", with the noise that was asked, if an attacker chose it. Raises
        FileNotFoundError for who keeps none.
        """
        if not self.attacker.pairs:
            raise FileNotFoundError(
                f"{self.run.folder}: this attack draws its images once and keeps no generator"
            )
        shape, classes, config = self.image_shape, self.num_classes, self.config.attack
        config = replace(config, noise=self.metrics.get("noise", config.noise))
        # by name: safetensors gives what it holds in any order
        return {name: Pair(config, shape, classes, self.weights[name]) for name in ("kept", "last")}
