"""Chapter 6: reconstructions beside what they were made from: one picture a class, and how like its class it is."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from snnmi.measure.intervals import bootstrap_interval
from snnmi.show import explorer, figures
from snnmi.study.experiment import Experiment
from snnmi.study.runs import AttackRun

Likeness = Callable[[AttackRun, list[np.ndarray]], Float[np.ndarray, " pictures means"]]


def originals(experiment: Experiment, attack: AttackRun) -> dict[str, list[np.ndarray | None]]:
    """Each class's mean training image and first test image, uint8; None where none were stored."""
    known = [explorer.originals(experiment, attack.dataset, label) for label in attack.labels]
    return {name: [images[name] for images in known] for name in known[0]}


def lines(experiment: Experiment, attacks: Sequence[AttackRun]) -> dict[str, list[np.ndarray | None]]:
    """Lines for `figures.reconstructions`: originals, then each target's first reconstruction, by class; NaN where an
    attack was lost.
    """
    found = originals(experiment, attacks[0])
    for attack in attacks:
        none = np.full(attack.reconstructions.shape[2:], np.nan)
        pictures, lost = zip(attack.labels, attack.reconstructions[:, 0], strict=True), attack.lost
        found[figures.KINDS[attack.target]] = [none if y in lost else picture for y, picture in pictures]
    return found


def accepted(attack: AttackRun) -> Bool[np.ndarray, " classes"]:
    """Whether the target gives each class's first reconstruction the class that was wanted."""
    return attack.target_confidences[:, 0].argmax(-1) == np.array(attack.labels)


def likeness_table(runs: Iterable[tuple[Experiment, AttackRun]], likeness: Likeness) -> pd.DataFrame:
    """One row a run and class: how like its first reconstruction is to class means, by `likeness(attack, means)`.

    own: to its own class's; other: to the others' on average; identified: whether its own is the nearest; delta: own
    minus other. Runs without stored class means are left out.
    """
    rows = []
    for experiment, attack in runs:
        means = originals(experiment, attack)["class mean"]
        if means[0] is None:
            continue
        matrix = likeness(attack, [mean / 255 for mean in means])
        matrix[np.isin(attack.labels, attack.lost)] = np.nan
        own = np.diag(matrix)
        other = (matrix.sum(1) - own) / (len(means) - 1)
        identified = np.where(np.isnan(own), np.nan, matrix.argmax(1) == np.arange(len(means)))
        key = (attack.dataset, attack.profile, attack.target)
        rows += [(*key, *row) for row in zip(attack.labels, own, other, identified, own - other, strict=True)]
    columns = ["dataset", "profile", "target", "label", "own", "other", "identified", "delta"]
    return pd.DataFrame(rows, columns=columns)


def _mean(values: pd.Series) -> tuple[float, float, float]:
    """A mean over the classes that have numbers, with its 95 % interval, which speaks of other classes, not of other
    seeds.
    """
    return float(values.mean()), *bootstrap_interval(values.dropna().to_numpy(), seed=0)


def likeness_means(table: pd.DataFrame) -> pd.DataFrame:
    """One row a run of a `likeness_table`: its classes n, the share identified; own, other, delta: `_mean`s."""
    names = ("own", "other", "delta")
    rows = [
        (*key, len(part), part.identified.mean(), *(_mean(part[name]) for name in names))
        for key, part in table.groupby(["dataset", "profile", "target"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["dataset", "profile", "target", "n", "identified", *names])


def likeness_differences(table: pd.DataFrame) -> pd.DataFrame:
    """ANN minus SNN class by class, one row a data set and profile that has both.

    Columns: n; ann and snn, the shares identified; difference, low, high: of delta.
    """
    rows = []
    for (dataset, profile), part in table.groupby(["dataset", "profile"], sort=False):
        wide = part.pivot(index="label", columns="target", values="delta")
        if {"ann", "snn"} <= set(wide):
            shares = part.groupby("target").identified.mean()
            rows.append((dataset, profile, len(wide), shares.ann, shares.snn, *_mean(wide.ann - wide.snn)))
    columns = ["dataset", "profile", "n", "ann", "snn", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
