"""Intervals of one number: of a mean over units, of a share of trials, of what was only printed."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy import stats


def bootstrap_interval(
    values: Float[np.ndarray, " n"], *, seed: int, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; it speaks of new units of the kind resampled (classes, if values are
    classes).
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    result = stats.bootstrap(
        (values,), np.mean, confidence_level=level, method="percentile", rng=np.random.default_rng(seed)
    )
    return tuple(float(v) for v in result.confidence_interval)


def wilson_interval(share: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share of n trials (test images: it speaks of new images, the model fixed).

    A mean of n numbers in [0, 1] varies no more than such a share, so the interval also holds, and is wide,
    for a mean over n classes of which only the mean was published. (`scipy.stats.binomtest` takes whole counts only.)
    """
    if not (0 <= share <= 1 and n >= 1):
        raise ValueError(f"wilson_interval expects a share in [0, 1] of n >= 1 trials, got {share} of {n}")
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + z2 * z2 / (4 * n * n)) / (1 + z2 / n)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def t_interval(values: Iterable, *, level: float = 0.95) -> tuple[float, float]:
    """Student's interval of a mean; it speaks of new units of the kind given (networks, if values are networks')."""
    values = np.array([*values], float)
    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def intervals_apart(first: tuple[float, float], second: tuple[float, float], *, decimals: int = 3) -> bool:
    """Whether two intervals, as printed, share no point: a stricter sign of a difference than a test at that level."""
    (l1, u1), (l2, u2) = np.round([first, second], decimals)
    return bool(u1 < l2 or u2 < l1)


def share_difference_interval(
    first: float, n_first: int, second: float, n_second: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Newcombe's interval for second - first, two shares of independent trials (method 10 of Newcombe 1998, from
    Wilson's).
    """
    l1, u1 = wilson_interval(first, n_first, level=level)
    l2, u2 = wilson_interval(second, n_second, level=level)
    difference = second - first
    return (
        difference - float(np.hypot(second - l2, u1 - first)),
        difference + float(np.hypot(u2 - second, first - l1)),
    )
