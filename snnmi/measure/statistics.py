"""What a referee asks of the numbers: paired tests with exact p, and tests of counts."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from snnmi.measure.intervals import bootstrap_interval

# --- two samples paired by unit: by class, or by network

EXACT = 40  # so many differences that are not zero are flipped exactly, in a sixth of a second; of more, some flips


class PairedTest(NamedTuple):
    """Second minus first over the same units; interval and p speak of new units of their kind."""

    difference: float
    low: float
    high: float
    p: float  # two-sided, of all flips of the differences' signs; never below 2 / 2^differing
    n: int  # units
    # units in which the two differ, others say nothing of a sign; None: not counted
    differing: int | None = None


def paired_test(first: np.ndarray, second: np.ndarray, *, seed: int) -> PairedTest:
    """Mean of second - first for paired units: its interval, and the p of flipping each difference's sign.

    The null hypothesis lets the two labels of every unit swap places. Interval: bootstrap over units.

    The paper's A_comb on MNIST as counts of classes, 10 of 10 on the ANN and 7 of 10 on the SNN; three classes differ:

    >>> ann, snn = np.ones(10), np.array([1.0] * 7 + [0.0] * 3)
    >>> test = paired_test(ann, snn, seed=0)
    >>> round(test.difference, 1), test.p == 2 / 2**3, test.n, test.differing
    (-0.3, True, 10, 3)
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1 or not np.isfinite(first + second).all():
        raise ValueError(
            f"paired_test expects two finite vectors of one length, got {first.shape} and {second.shape}"
        )
    d = np.where(np.isclose(first, second, rtol=1e-9, atol=1e-12), 0.0, second - first)
    differing = int((d != 0).sum())
    if differing <= EXACT:
        p = sign_flip_p(d)
    else:
        how = {"permutation_type": "samples", "n_resamples": 99_999, "rng": seed}
        p = float(stats.permutation_test((d,), np.sum, **how).pvalue)
    return PairedTest(float(d.mean()), *bootstrap_interval(d, seed=seed), p, len(d), differing)


def sign_flip_p(differences: Iterable) -> float:
    """Two-sided p of a mean under all 2^n flips of the differences' signs, exact: how often it is as far from 0.

    At most `EXACT` may differ from 0. Two halves of them are flipped in all ways; the second's sums, sorted, tell how
    many of them take each of the first's far enough. (`scipy.stats.permutation_test` tries all 2^n, which ends at
    some twenty.) Of 0/1 differences it is McNemar's test.

    >>> sign_flip_p(np.array([1, 1, 1, 0, 0])), sign_flip_p(np.array([0.5, 0.2, -0.1]))
    (0.25, 0.5)
    """
    differences = np.array([*differences], float)
    sizes = np.abs(differences[differences != 0])
    if len(sizes) > EXACT or not np.isfinite(differences).all():
        raise ValueError(
            f"sign_flip_p got {len(sizes)} differences that are not 0, expected at most {EXACT}, all finite"
        )
    reached = abs(differences.sum()) - 1e-9 * sizes.sum()  # as far but for rounding
    if reached <= 0:
        return 1.0
    one, other = (np.sort(_flipped(half)) for half in (sizes[::2], sizes[1::2]))
    as_far = len(other) - np.searchsorted(other, reached - one)
    return 2 * float(as_far.sum()) / 2 ** len(sizes)


def _flipped(sizes: np.ndarray) -> np.ndarray:
    """The sums under all flips of the signs."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


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


# --- counts of classes


class ExactTest(NamedTuple):
    """Two-sided p of equal chances in two sets of independent trials."""

    fisher: float
    boschloo: float


def exact_test(successes_1: int, n_1: int, successes_2: int, n_2: int) -> ExactTest:
    """Fisher's exact test (both margins fixed) and Boschloo's (only n_1 and n_2 fixed, as they are in an experiment).

    The paper's A_comb on MNIST, read as counts of classes, 10 of 10 on the ANN and 7 of 10 on the SNN, is no evidence:

    >>> fisher, boschloo = exact_test(10, 10, 7, 10)
    >>> round(fisher, 3), round(boschloo, 3)
    (0.211, 0.116)
    """
    if not (0 <= successes_1 <= n_1 and 0 <= successes_2 <= n_2 and n_1 and n_2):
        raise ValueError(
            f"exact_test got {successes_1} of {n_1} and {successes_2} of {n_2}, expected 0 <= successes <= n, n >= 1"
        )
    table = [[successes_1, successes_2], [n_1 - successes_1, n_2 - successes_2]]  # a column a group
    return ExactTest(float(stats.fisher_exact(table).pvalue), float(stats.boschloo_exact(table).pvalue))


def mcnemar_range(successes_1: int, successes_2: int, n: int) -> tuple[float, float]:
    """Smallest and largest exact McNemar p over all paired tables with these margins, where only the margins were
    published.
    """
    if not (0 <= successes_1 <= n and 0 <= successes_2 <= n and n):
        raise ValueError(
            f"mcnemar_range got {successes_1} and {successes_2} of {n}, expected 0 <= successes <= n, n >= 1"
        )
    both = range(max(0, successes_1 + successes_2 - n), min(successes_1, successes_2) + 1)
    only = [(successes_1 - b, successes_2 - b) for b in both]  # won by the first only, by the second only
    p = [float(stats.binomtest(i, i + j).pvalue) if i + j else 1.0 for i, j in only]
    return min(p), max(p)
