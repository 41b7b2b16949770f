"""What a referee asks of the numbers: intervals and exact tests, all scipy's but for what it lacks."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95  # of every interval

# --- intervals


def bootstrap_interval(values: Float[np.ndarray, " n"], *, seed: int) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; it speaks of new units of the kind resampled (classes, if values are
    classes). NaN of one value.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    how = {"confidence_level": LEVEL, "method": "percentile", "rng": np.random.default_rng(seed)}
    return tuple(map(float, stats.bootstrap((values,), np.mean, **how).confidence_interval))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval for a share of n trials (test images: it speaks of new images, the model fixed)."""
    return tuple(map(float, stats.binomtest(round(share * n), int(n)).proportion_ci(LEVEL, "wilson")))


def t_interval(values: Iterable) -> tuple[float, float]:
    """Student's interval of a mean; it speaks of new units of the kind given (networks, if values are networks').
    NaN of one value.
    """
    values = np.array([*values], float)
    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def share_difference_interval(
    first: float, n_first: int, second: float, n_second: int
) -> tuple[float, float]:
    """Newcombe's interval for second - first, two shares of independent trials (method 10 of Newcombe 1998, from
    Wilson's).
    """
    l1, u1 = wilson_interval(first, n_first)
    l2, u2 = wilson_interval(second, n_second)
    difference = second - first
    return (
        difference - float(np.hypot(second - l2, u1 - first)),
        difference + float(np.hypot(u2 - second, first - l1)),
    )


# --- tests


def sign_flip_p(differences: Iterable) -> float:
    """Two-sided p of a mean under all 2^n flips of the differences' signs, exact: how often it is as far from 0.

    Of 0/1 differences it is McNemar's test. Of more than some twenty it would not end.

    >>> sign_flip_p(np.array([1, 1, 1, 0, 0])), sign_flip_p(np.array([0.5, 0.2, -0.1]))
    (0.25, 0.5)
    """
    differences = np.array([*differences], float)
    if len(differences) < 2:
        return 1.0
    total = lambda d, axis: d.sum(axis=axis).round(9)  # noqa: E731 - sums that differ by rounding alone are equal
    how = {"permutation_type": "samples", "n_resamples": np.inf}
    return float(stats.permutation_test((differences,), total, **how).pvalue)


def holm(p_values: Iterable) -> list[float]:
    """Holm's adjusted p of several tests, in the order given: below alpha where his step-down procedure rejects.

    >>> holm([0.04, 0.01])
    [0.04, 0.02]
    """
    p = np.array([*p_values], float)
    order = p.argsort()
    steps = np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order])
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(steps, 1)
    return adjusted.tolist()


def mcnemar_range(successes_1: int, successes_2: int, n: int) -> tuple[float, float]:
    """Smallest and largest exact McNemar p over all paired tables with these margins, where only the margins were
    published.
    """
    both = range(max(0, successes_1 + successes_2 - n), min(successes_1, successes_2) + 1)
    only = [(successes_1 - b, successes_2 - b) for b in both]  # won by the first only, by the second only
    p = [float(stats.binomtest(i, i + j).pvalue) if i + j else 1.0 for i, j in only]
    return min(p), max(p)
