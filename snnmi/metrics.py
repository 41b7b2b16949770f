"""Scores, floors and intervals: arrays in, plain floats out; and the numbers that the paper published."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

Confidences = Float[np.ndarray, " n classes"]

# Paper, Table I: test accuracy.
PUBLISHED_TABLE_1 = {("mnist", "ann"): 0.9771, ("mnist", "snn"): 0.9767, ("faces", "ann"): 0.95, ("faces", "snn"): 0.9125}

# Paper, Table II; shares in 0..1.
_COLUMNS = ("M_global", "M_global_std", "fidelity", "surrogate_accuracy", "surrogate_accuracy_std", "A_comb", "A_target")
PUBLISHED_TABLE_2 = {
    row: dict(zip(_COLUMNS, values, strict=True))
    for row, values in {
        ("mnist", "ann"): (1.0371, 0.12, 0.8929, 0.6813, 0.069, 1.0, 1.0),
        ("mnist", "snn"): (1.4904, 0.58, 0.9541, 0.1988, 0.047, 0.7, 0.7),
        ("faces", "ann"): (3.4326, 0.33, 0.9868, 0.2932, 0.066, 0.925, 0.975),
        ("faces", "snn"): (3.9378, 0.65, 0.9948, 0.0618, 0.045, 0.375, 0.492),
    }.items()
}


def m_global(l_n: float, l_g: float, gamma: float) -> float:
    """L_N + |gamma L_N - L_G| (paper, eq. 7, after BEGAN): low when the surrogate is faithful and in balance; nats."""
    return float(l_n + abs(gamma * l_n - l_g))


def fidelity_mae(p: Confidences, q: Confidences) -> float:
    """Fidelity, first reading: 1 - mean absolute error over all confidence entries (paper, eq. 8)."""
    return float(1 - np.abs(p - q).mean())


def fidelity_top(p: Confidences, q: Confidences) -> float:
    """Fidelity, second reading: share of inputs on which both name the same top class."""
    return float((p.argmax(-1) == q.argmax(-1)).mean())


def accuracy(p: Confidences, y: Int[np.ndarray, " n"]) -> float:
    """Share of rows whose top class is y."""
    return float((p.argmax(-1) == y).mean())


def constant_floor(p: Confidences, score: Callable[[Confidences, Confidences], float]) -> float:
    """The fidelity of the best predictor that never looks at its input: the higher of uniform, median and commonest answer."""
    classes = p.shape[-1]
    commonest = np.eye(classes)[np.bincount(p.argmax(-1), minlength=classes).argmax()]
    constants = (np.full(classes, 1 / classes), np.median(p, axis=0), commonest)
    return max(score(p, np.broadcast_to(c, p.shape)) for c in constants)


def commonest_class(y: Int[np.ndarray, " n"]) -> float:
    """Accuracy of always naming the commonest class."""
    return float(np.bincount(y).max() / len(y))


def bootstrap_interval(values: Float[np.ndarray, " n"], *, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; it speaks of new units of the kind resampled (classes, if values are classes)."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    result = stats.bootstrap((values,), np.mean, confidence_level=level, method="percentile", rng=np.random.default_rng(seed))
    return tuple(float(v) for v in result.confidence_interval)
