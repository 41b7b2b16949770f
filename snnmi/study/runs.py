"""What finished runs offer: targets, attacks, boundary measurements, each with its record, and weights where these
are kept.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from snnmi.attack import gamin, players
from snnmi.attack.pair import Pair
from snnmi.models import targets
from snnmi.store import Run


@dataclass(frozen=True)
class Finished:
    """What all of them have: which cell of the grid they are, and the stored record."""

    profile: str
    dataset: str
    target: str  # "ann" or "snn"
    variant: str  # name of the control; of a baseline its target's
    seed: int  # of the target
    run: Run

    @property
    def settings(self) -> dict:
        return self.run.settings

    @property
    def metrics(self) -> dict:
        return self.run.metrics

    @property
    def provenance(self) -> dict:
        return self.run.provenance

    @property
    def image_shape(self) -> tuple[int, int]:
        return tuple(self.metrics["image_shape"])

    @property
    def num_classes(self) -> int:
        return self.metrics["num_classes"]

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        return self.run.arrays()

    @property
    def weights(self) -> dict:
        """Nested dicts of tensors; raises FileNotFoundError where they are not kept."""
        if (weights := self.run.weights()) is None:
            raise FileNotFoundError(
                f"{self.run.folder} keeps no weights (results in git have none): compute the run to have them"
            )
        return weights


@dataclass(frozen=True)
class TargetRun(Finished):
    """A trained target."""

    config: targets.TargetConfig

    @property
    def test_accuracy(self) -> float:
        return self.metrics["test_accuracy"]

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, loss, test_accuracy."""
        return self.run.table("history")

    @cached_property
    def model(self) -> targets.ANN | targets.SNN:
        """The trained network."""
        model = targets.build(self.config, self.image_shape, self.num_classes, seed=self.seed)
        model.load_state_dict(self.weights)
        return model.eval()


@dataclass(frozen=True)
class AttackRun(Finished):
    """An attack on all classes of one target: scores, curves, reconstructions."""

    attack_seed: int
    config: players.GaminConfig

    @property
    def labels(self) -> list[int]:
        return self.metrics["labels"]

    @property
    def queries_per_class(self) -> int:
        return self.metrics["queries_per_class"]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Two rows a class, for the kept and the last pair (columns: `tables.attacks_table`)."""
        return self.run.table("scores")

    @property
    def history(self) -> dict[str, np.ndarray]:
        """ "batch" (points,) and "L_N", "L_G", "k", "M_global" (points, K): means since the point before."""
        return {name: self.arrays[name] for name in ("batch", *gamin.CURVES)}

    @property
    def reconstructions(self) -> np.ndarray:
        """uint8 (K, n, height, width): the kept generators' images of the first n draws of z; figures show the first."""
        return self.arrays["reconstructions"]

    @property
    def target_confidences(self) -> np.ndarray:
        """(K, n, classes): the target's answers to the reconstructions."""
        return self.arrays["target_confidences"]

    @property
    def surrogate_confidences(self) -> np.ndarray:
        return self.arrays["surrogate_confidences"]

    @cached_property
    def pair(self) -> Pair:
        """The kept surrogates and generators."""
        return Pair(self.config, self.image_shape, self.num_classes, self.weights["kept"])


@dataclass(frozen=True)
class BoundaryRun(Finished):
    """Decision-boundary measurements of one target and the surrogate of one class (`boundaries.measure`)."""

    @property
    def label(self) -> int:
        return self.settings["label"]
