"""Intervals of one number have their textbook values."""

import math

import numpy as np
import pytest

from snnmi.measure import intervals
from tests.helpers import NAN


def test_bootstrap_interval_repeats_with_its_seed_and_holds_the_mean():
    values = np.array([0.3, 0.5, 0.55, 0.7, 0.9, 0.95, 0.2, 0.65])
    (low, high), again, other = (intervals.bootstrap_interval(values, seed=seed) for seed in (0, 0, 1))
    assert (low, high) == again != other
    assert values.min() < low < values.mean() < high < values.max()
    half = 1.96 * values.std() / math.sqrt(8)  # what many resamples tend to
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    narrow = intervals.bootstrap_interval(values, seed=0, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(60):
        low, high = intervals.bootstrap_interval(rng.normal(5, 2, size=40), seed=trial, level=0.9)
        hits += low <= 5 <= high
    assert 47 <= hits <= 60  # 54 expected


def test_bootstrap_interval_of_equal_values_is_a_point_and_of_one_value_unknown():
    assert intervals.bootstrap_interval(np.ones(5), seed=0) == (1, 1)
    assert intervals.bootstrap_interval(np.ones(1), seed=0) == pytest.approx((NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("share, ends", [(0.5, (0.2366, 0.7634)), (0.0, (0, 0.2775)), (1.0, (0.7225, 1))])
def test_wilson_interval_has_its_textbook_values(share, ends):
    assert intervals.wilson_interval(share, 10) == pytest.approx(ends, abs=1e-4)
    with pytest.raises(ValueError, match="expects a share in"):
        intervals.wilson_interval(97.7, 10)


def test_difference_of_shares_has_newcombes_interval():
    found = intervals.share_difference_interval(48 / 80, 80, 56 / 70, 70)  # his first example, signs turned
    assert found == pytest.approx((0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize(
    "low, high, apart", [(2, 3, False), (2.1, 3, True), (-1, 0.5, True), (1.2, 1.3, False)]
)
def test_intervals_are_apart_when_they_share_no_point(low, high, apart):
    first, second = (1.0, 2.0), (float(low), float(high))
    assert intervals.intervals_apart(first, second) is intervals.intervals_apart(second, first) is apart


def test_intervals_that_print_alike_are_not_apart():
    """A_comb of 1 in every class, summed in floating point, stood with a dagger beside the published 100."""
    assert not intervals.intervals_apart((0.9999999999999999,) * 2, (1.0, 1.0))
    assert not intervals.intervals_apart((0.5, 0.6004), (0.6, 0.7))
    assert intervals.intervals_apart((0.5, 0.599), (0.6, 0.7))
