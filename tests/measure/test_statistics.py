"""Paired and exact tests, and intervals over seeds and classes at once, on numbers known by hand."""

import math
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from snnmi.measure import intervals, statistics
from tests.helpers import grid

rng = np.random.default_rng(0)
SEEDS, ATTACKS, LABELS = rng.normal(0, 1, 4), rng.normal(0, 1, (4, 3)), rng.normal(0, 1, 40)
NAN = float("nan")
bootstrap = partial(statistics.hierarchical_bootstrap, value="value", seed=0)
between = partial(
    statistics.paired_difference, value="value", column="target", first="ann", second="snn", seed=0
)


def spread(interval) -> float:
    """Standard error that a normal interval of this width would have."""
    return (interval.high - interval.low) / (2 * 1.96)


# --- two samples paired by class


def test_paired_test_counts_the_swaps():
    first = np.zeros(8)
    test = statistics.paired_test(first, np.arange(1.0, 9.0), seed=0)  # of 2^8 swaps only two are as far out
    assert (test.difference, test.n) == (4.5, 8) and test.p == pytest.approx(2 / 256)
    assert 1 < test.low < 4.5 < test.high < 8
    assert statistics.paired_test(first, np.array([1.0, -1.0] * 4), seed=0).p == 1
    few = statistics.paired_test(first[:1], np.ones(1), seed=0)
    assert few.p == 1 and math.isnan(few.low)


def test_paired_test_of_spread_does_not_take_a_shift_for_one():
    a = np.random.default_rng(0).normal(0, 1, 12)
    test = partial(statistics.paired_test, a, seed=0, statistic=np.std)
    shifted, wider = test(a[::-1] + 100), test(a[::-1] * 20)
    assert shifted.difference == pytest.approx(0) and shifted.p > 0.5
    assert wider.difference == pytest.approx(19 * a.std()) and wider.p < 0.05


@pytest.mark.parametrize("second", [[0.0, 0.0, 0.0], [1, 2, 3, NAN]], ids=["shorter", "not finite"])
def test_paired_test_refuses_what_is_no_pair(second):
    with pytest.raises(ValueError, match="two finite vectors of one length"):
        statistics.paired_test(np.zeros(4), np.array(second), seed=0)


# --- seeds and classes at once


def test_interval_adds_up_the_parts_of_seeds_attack_seeds_and_classes():
    frame = grid(lambda s, a, c: SEEDS[s] + ATTACKS[s, a] + LABELS[c])
    interval, groups = bootstrap(frame), SEEDS + ATTACKS.mean(1)
    variance = groups.var() / 4 + ATTACKS.var(1).mean() / 12 + LABELS.var() / 40
    assert interval.estimate == pytest.approx(frame.value.mean())
    assert interval.units == {"seed": 4, "attack_seed": 3, "label": 40}
    assert spread(interval) == pytest.approx(math.sqrt(variance), rel=0.05)


def test_classes_are_shared_by_all_seeds_when_crossed_and_not_when_nested():
    frame = grid(lambda s, a, c: LABELS[c])
    crossed, nested = bootstrap(frame), bootstrap(frame, nested=("seed", "attack_seed", "label"), crossed=())
    of_classes = intervals.bootstrap_interval(LABELS, seed=0)
    assert (crossed.low, crossed.high) == pytest.approx(of_classes, abs=0.03)
    assert spread(nested) == pytest.approx(spread(crossed) / math.sqrt(12), rel=0.05)


def test_subunits_are_drawn_anew_each_time_their_parent_is():
    """Of two seeds one is drawn twice half the time, yet the mean of -1 and 1 is -1 in 1 of 16 only."""
    frame = grid(lambda s, a, c: 2 * a - 1, seeds=2, attacks=2, labels=1)
    weights, _ = statistics.resampled(frame, ("seed", "attack_seed"), (), 0, 40_000)
    draws = statistics.weighted_mean(frame.value.to_numpy(), weights)
    assert (weights.sum(1) == 4).all()
    assert np.mean(draws[1:] == -1) == pytest.approx(1 / 16, abs=0.005)


def test_a_level_of_one_unit_adds_nothing_and_is_shown():
    frame = grid(lambda s, a, c: c, attacks=1, labels=1)
    assert bootstrap(frame.assign(value=frame.seed * 1.0)).units["attack_seed"] == 1
    assert bootstrap(frame)[:3] == (0, 0, 0)  # four seeds that agree
    assert bootstrap(frame[frame.seed == 0])[:3] == pytest.approx((0, NAN, NAN), nan_ok=True)


def test_unequal_groups_and_the_order_of_rows():
    frame = grid(lambda s, a, c: s + a + LABELS[c]).query("attack_seed <= seed")  # 1, 2, 3 and 3 attack seeds
    interval = bootstrap(frame)
    assert interval.estimate == pytest.approx(frame.value.mean())
    assert interval.low < interval.estimate < interval.high
    assert interval.units == {"seed": 4, "attack_seed": 3, "label": 40}
    assert bootstrap(frame.sample(frac=1, random_state=0))[:3] == pytest.approx(interval[:3])
    assert bootstrap(frame, seed=1).low != interval.low


def test_another_statistic_and_another_level():
    highest = lambda values, weights: np.where(weights > 0, values, -np.inf).max(1)  # noqa: E731
    found = bootstrap(grid(lambda s, a, c: LABELS[c]), statistic=highest, level=0.5)
    # the highest is among the drawn with probability 1 - (39/40)^40 = 0.64
    assert found.estimate == found.high == LABELS.max()
    assert found.low in LABELS and found.low < LABELS.max()


def test_the_full_design_takes_less_than_two_seconds():
    frame, start = grid(lambda s, a, c: LABELS[c]), time.process_time()
    bootstrap(frame)
    assert time.process_time() - start < 2


def test_bootstrap_refuses_missing_levels_and_values():
    frame = grid(lambda s, a, c: c, labels=2)
    missing, hole = frame.drop(columns="attack_seed"), frame.assign(value=[NAN, *frame.value[1:]])
    said = {"lacks .'attack_seed'.": missing, "0 rows": frame[:0], "1 values that are not finite": hole}
    for match, wrong in said.items():
        with pytest.raises(ValueError, match=match):
            bootstrap(wrong)


# --- pairs


def pairs(difference, **size) -> pd.DataFrame:
    """Wild values that both targets share, plus this difference for the SNN."""
    shared = lambda s, a, c: 50 * math.sin(7 * s + 3 * a + c)  # noqa: E731
    snn = grid(lambda s, a, c: shared(s, a, c) + difference(s, a, c), **size, target="snn")
    return pd.concat([grid(shared, **size, target="ann"), snn])


def test_difference_is_taken_within_pairs_and_its_p_swaps_whole_units():
    result = between(pairs(lambda s, a, c: -1 - c / 10, labels=8))
    assert result.estimate == pytest.approx(-1.35)
    left = np.arange(8).std() / 10 / math.sqrt(8)  # what the pairs share has gone
    assert spread(result) == pytest.approx(left, rel=0.1)
    assert result.p_classes == pytest.approx(2 / 2**8) and result.p_seeds == pytest.approx(2 / 2**4)
    assert result.units == {"seed": 4, "attack_seed": 3, "label": 8}


def test_difference_of_one_sign_in_classes_only_is_not_one_over_seeds():
    result = between(pairs(lambda s, a, c: (1 if s % 2 else -1) + 0.01, labels=8))
    assert result.p_classes == pytest.approx(2 / 2**8)
    assert result.p_seeds == pytest.approx(12 / 16)  # 4 of 16 ways to swap end nearer to zero
    assert result.low < 0 < result.high


def test_difference_with_one_seed_has_no_p_over_seeds():
    one = pairs(lambda s, a, c: c, seeds=1, attacks=1, labels=6).drop(columns="attack_seed")
    result = between(one, nested=("seed",))
    assert math.isnan(result.p_seeds)
    assert result.p_classes == pytest.approx(2 / 2**5)  # the class of difference 0 is free


def test_difference_refuses_a_pair_that_is_incomplete_or_repeated():
    frame = pairs(lambda s, a, c: c, labels=3)
    for wrong in (frame[1:], pd.concat([frame, frame[:1]]), frame[frame.target == "ann"]):
        with pytest.raises(ValueError, match="missing or repeated for some seed x attack_seed x label"):
            between(wrong)


def test_probability_of_improvement_counts_the_pairs():
    first, second = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    result, turned = (
        statistics.probability_of_improvement(*x, seed=0) for x in ((first, second), (second, first))
    )
    assert result.estimate == pytest.approx((1 + 0.5 + 0 + 3) / 6)
    assert result.units == {"first": 3, "second": 2}
    assert result.estimate == pytest.approx(stats.mannwhitneyu(second, first).statistic / 6)
    assert turned.estimate == pytest.approx(1 - result.estimate)
    assert statistics.probability_of_improvement(first, first + 10, seed=0)[:3] == (1, 1, 1)


def test_interval_of_probability_of_improvement_is_that_of_its_simplest_case():
    """Against one fixed value it is a mean of coins, so it has a mean's interval."""
    coins = np.array([0.0, 1.0] * 50)
    result = statistics.probability_of_improvement(np.array([0.5]), coins, seed=0)
    assert result.estimate == 0.5 and spread(result) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("second", [[], [1.0, NAN]], ids=["none", "not finite"])
def test_probability_of_improvement_refuses_what_cannot_be_compared(second):
    with pytest.raises(ValueError, match="expected finite values in both"):
        statistics.probability_of_improvement(np.ones(3), np.array(second), seed=0)


# --- exact tests


def boschloo_by_hand(x, n, y, m) -> float:
    """Twice the smaller tail: the worst-case chance of a one-sided Fisher p as small as this table's."""
    chance = np.linspace(0, 1, 2001)[:, None, None]
    i, j = np.arange(n + 1)[:, None], np.arange(m + 1)[None, :]
    both = stats.binom.pmf(i, n, chance) * stats.binom.pmf(j, m, chance)
    tails = (stats.hypergeom.cdf(i, n + m, i + j, n), stats.hypergeom.sf(i - 1, n + m, i + j, n))
    return min(1, 2 * min((both * (tail <= tail[x, y] * (1 + 1e-9))).sum((1, 2)).max() for tail in tails))


TABLES = [(10, 10, 7, 10), (3, 3, 0, 3), (2, 3, 0, 4), (4, 7, 3, 5), (39, 40, 20, 40)]


@pytest.mark.parametrize("table", TABLES)
def test_boschloo_is_the_worst_case_of_fishers_order(table):
    assert statistics.exact_test(*table).boschloo == pytest.approx(boschloo_by_hand(*table), rel=2e-3)


def test_exact_tests_have_their_textbook_values():
    assert statistics.exact_test(10, 10, 7, 10).fisher == pytest.approx(0.2105, abs=1e-4)
    # the lady tasting tea, both tails; six fair coins, all told
    assert statistics.exact_test(3, 4, 1, 4).fisher == pytest.approx(34 / 70)
    assert statistics.exact_test(3, 3, 0, 3).boschloo == pytest.approx(2 / 64, rel=1e-3)


MARGINS = {
    (10, 7, 10): (0.25, 0.25),  # 3 : 0 only
    (39, 20, 40): (2 / 2**19, 2 * 22 / 2**21),  # 19 : 0 or 20 : 1
    (5, 5, 10): (1, 1),
    (8, 4, 10): (2 / 2**4, 2 * (1 + 8 + 28) / 2**8),  # 4 : 0, 5 : 1, 6 : 2
}


@pytest.mark.parametrize("margins", MARGINS)
def test_mcnemar_range_covers_the_tables_that_the_margins_allow(margins):
    assert statistics.mcnemar_range(*margins) == pytest.approx(MARGINS[margins])


def test_exact_tests_refuse_more_successes_than_trials():
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        statistics.exact_test(11, 10, 7, 10)
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        statistics.mcnemar_range(10, -1, 10)
