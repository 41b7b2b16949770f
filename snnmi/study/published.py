"""The numbers that the paper published."""

import numpy as np

from snnmi.measure.scores import METRICS

QUERIES = 1_280_000  # per class
CLASSES = {"mnist": 10, "faces": 40}
TEST_IMAGES = {"mnist": 10_000, "faces": 80}  # what Table I's accuracies are shares of

# Paper, Table I: test accuracy.
TABLE_1 = {
    ("mnist", "ann"): 0.9771,
    ("mnist", "snn"): 0.9767,
    ("faces", "ann"): 0.95,
    ("faces", "snn"): 0.9125,
}

# Paper, Table II; shares in 0..1.
_COLUMNS = "M_global M_global_std fidelity surrogate_accuracy surrogate_accuracy_std A_comb A_target".split()
TABLE_2 = {
    row: dict(zip(_COLUMNS, values, strict=True))
    for row, values in {
        ("mnist", "ann"): (1.0371, 0.12, 0.8929, 0.6813, 0.069, 1.0, 1.0),
        ("mnist", "snn"): (1.4904, 0.58, 0.9541, 0.1988, 0.047, 0.7, 0.7),
        ("faces", "ann"): (3.4326, 0.33, 0.9868, 0.2932, 0.066, 0.925, 0.975),
        ("faces", "snn"): (3.9378, 0.65, 0.9948, 0.0618, 0.045, 0.375, 0.492),
    }.items()
}
# The scores that are held against its columns, with their names.
SCORES = {key: metric.name for key, metric in METRICS.items() if metric.paper}


def column(score: str) -> str:
    """The column of Table II that a score is held against: one F, two readings."""
    return (METRICS[score].paper if score in METRICS else None) or score


def is_share(score: str) -> bool:
    """Whether a score is printed in %."""
    return score in METRICS and METRICS[score].share


def difference(dataset: str, score: str) -> float:
    """SNN - ANN in Table II; NaN where the paper prints none.

    >>> round(difference("mnist", "A_target"), 3), round(difference("mnist", "M_global_std"), 3)
    (-0.3, 0.46)
    """
    ann, snn = (TABLE_2.get((dataset, kind), {}).get(column(score), np.nan) for kind in ("ann", "snn"))
    return snn - ann


def count(dataset: str, target: str, score: str) -> int:
    """A share of Table II as a number of classes, one verdict a class: 70.0 % is 7 of 10.

    >>> count("mnist", "snn", "A_comb"), count("faces", "snn", "A_target")
    (7, 20)
    """
    return round(TABLE_2[dataset, target][score] * CLASSES[dataset])
