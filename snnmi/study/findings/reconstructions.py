"""Reconstructions beside what they were made from: one picture a class, and how like its class it is."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from snnmi.show import explorer, figures
from snnmi.study.experiment import Experiment
from snnmi.study.runs import AttackRun

Likeness = Callable[[AttackRun, list[np.ndarray]], Float[np.ndarray, " pictures means"]]


def originals(experiment: Experiment, attack: AttackRun) -> dict[str, list[np.ndarray | None]]:
    """Each class's mean training image and first test image; None where the data set is not on this machine."""
    known = [explorer.originals(experiment, attack.dataset, label) for label in attack.labels]
    return {name: [images[name] for images in known] for name in known[0]}


def lines(experiment: Experiment, attacks: Sequence[AttackRun]) -> dict[str, list[np.ndarray | None]]:
    """Lines for `figures.reconstructions`: originals, then each target's first reconstruction, by class."""
    found = originals(experiment, attacks[0])
    return found | {figures.KINDS[attack.target]: [*attack.reconstructions[:, 0]] for attack in attacks}


def accepted(attack: AttackRun) -> Bool[np.ndarray, " classes"]:
    """Whether the target gives each class's first reconstruction the class that was wanted."""
    return attack.target_confidences[:, 0].argmax(-1) == np.array(attack.labels)


def likeness_table(runs: Iterable[tuple[Experiment, AttackRun]], likeness: Likeness) -> pd.DataFrame:
    """One row a run and class: how like its first reconstruction is to class means, by `likeness(attack, means)`.

    own: to its own class's; other: to the others' on average; identified: whether its own is the nearest; delta: own
    minus other. Runs whose data set is not on this machine are left out.
    """
    rows = []
    for experiment, attack in runs:
        means = originals(experiment, attack)["class mean"]
        if means[0] is None:
            continue
        matrix = likeness(attack, means)
        own = np.diag(matrix)
        other = (matrix.sum(1) - own) / (len(means) - 1)
        identified = matrix.argmax(1) == np.arange(len(means))
        key = (attack.dataset, attack.profile, attack.target)
        rows += [(*key, *row) for row in zip(attack.labels, own, other, identified, own - other, strict=True)]
    columns = ["dataset", "profile", "target", "label", "own", "other", "identified", "delta"]
    return pd.DataFrame(rows, columns=columns)
