"""Scores, floors and intervals: arrays in, plain floats out; and the numbers that the paper published."""

from collections.abc import Callable
from typing import NamedTuple

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


def wilson_interval(share: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share of n trials (test images: it speaks of new images, the model fixed).

    A mean of n numbers in [0, 1] varies no more than such a share, so the interval also holds, and is wide,
    for a mean over n classes of which only the mean was published.
    """
    if not (0 <= share <= 1 and n >= 1):
        raise ValueError(f"wilson_interval expects a share in [0, 1] of n >= 1 trials, got {share} of {n}")
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + z2 * z2 / (4 * n * n)) / (1 + z2 / n)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def summary_interval(mean: float, std: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Student's interval for the mean of n classes when only mean +- standard deviation were published."""
    half = stats.t.ppf((1 + level) / 2, n - 1) * std / np.sqrt(n)
    return float(mean - half), float(mean + half)


def intervals_apart(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Whether two intervals share no point: a stricter sign of a difference than a test at the same level."""
    return first[1] < second[0] or second[1] < first[0]


class PairedTest(NamedTuple):
    """Second minus first over the same classes; the interval and p speak of new classes, not of new seeds."""

    difference: float
    low: float
    high: float
    p: float  # two-sided, permutation; never below 2 / 2^n
    n: int  # classes


def paired_test(
    first: np.ndarray, second: np.ndarray, *, seed: int, statistic=np.mean, level: float = 0.95
) -> PairedTest:
    """statistic(second) - statistic(first) for paired classes: bootstrap interval over classes, permutation p.

    The null hypothesis lets the two labels of every class swap places. For a statistic of spread (np.std)
    both samples are centred first, or else a shift would pass for a spread. All 2^n swaps up to n = 13, else 9,999 of them.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1 or not np.isfinite(first + second).all():
        raise ValueError(f"paired_test expects two finite vectors of one length, got {first.shape} and {second.shape}")

    def difference(a, b, axis=-1):
        return statistic(b, axis=axis) - statistic(a, axis=axis)

    observed = float(difference(first, second))
    if first.size < 2:
        return PairedTest(observed, float("nan"), float("nan"), 1.0, int(first.size))
    resample = np.random.default_rng(seed).integers(first.size, size=(9_999, first.size))
    draws = difference(first[resample], second[resample])
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    shift = (first.mean(), second.mean()) if statistic is not np.mean else (0.0, 0.0)
    swapped = stats.permutation_test(
        (first - shift[0], second - shift[1]), difference, permutation_type="samples",
        vectorized=True, n_resamples=9_999, rng=np.random.default_rng(seed),
    )
    return PairedTest(observed, float(low), float(high), float(swapped.pvalue), int(first.size))


def verdict(test: PairedTest, published: float | None, sign: int, *, alpha: float = 0.05) -> str:
    """The rule of the book: `reproduced`, `not reproduced` or `open`, for a difference claimed to have this sign.

    reproduced: the claimed sign, p < alpha. not reproduced: the other sign, p < alpha; or no sign can be told and the
    interval ends short of half the published difference. open: all else, too few classes among it.
    """
    if test.p < alpha:
        return "reproduced" if np.sign(test.difference) == sign else "not reproduced"
    enough = test.n >= 6  # below six classes no sign test can reach p < 0.05
    if published is not None and enough and sign * (test.high if sign > 0 else test.low) < abs(published) / 2:
        return "not reproduced"
    return "open"


def likeness(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean over images (n, h, w) of Pearson's correlation with one reference image (h, w); 0 is chance, a flat image counts 0."""
    x = images.reshape(len(images), -1).astype(float)
    x = x - x.mean(1, keepdims=True)
    y = reference.ravel().astype(float) - reference.mean()
    norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y)
    return float(np.mean(np.divide(x @ y, norm, out=np.zeros(len(x)), where=norm > 0)))


def share_difference_interval(first: float, n_first: int, second: float, n_second: int, *, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's interval for second - first, two shares of independent trials (method 10 of Newcombe 1998, from Wilson's)."""
    (l1, u1), (l2, u2) = wilson_interval(first, n_first, level=level), wilson_interval(second, n_second, level=level)
    difference = second - first
    return (difference - float(np.hypot(second - l2, u1 - first)), difference + float(np.hypot(u2 - second, first - l1)))
