"""Paired and exact tests, and intervals over seeds and classes at once, on numbers known by hand."""

import itertools
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


# --- two samples paired by unit


def test_paired_test_counts_the_flips():
    first = np.zeros(8)
    test = statistics.paired_test(first, np.arange(1.0, 9.0), seed=0)  # of 2^8 flips only two are as far out
    assert (test.difference, test.n, test.differing) == (4.5, 8, 8)
    assert test.p == 2 / 256 and test.p_error == 0
    assert 1 < test.low < 4.5 < test.high < 8
    assert statistics.paired_test(first, np.array([1.0, -1.0] * 4), seed=0).p == 1
    few = statistics.paired_test(first[:1], np.ones(1), seed=0)
    assert few.p == 1 and math.isnan(few.low)


# AT&T faces, 2,000 batches, kept pair, two networks of each kind: SNN - ANN in A_target by class, times 200
A_TARGET = """100 -200 0 -140 0 117 -200 -200 -200 -200 -200 -100 100 -200 200 -100 -100 200
    -200 -200 200 0 100 -100 0 0 -200 -200 200 -200 0 100 0 0 183 -200 0 -200 0 0"""


def test_an_exact_p_hangs_on_no_seed():
    """9,999 random flips gave 0.0448 to 0.0566, and with seed 0 a verdict."""
    snn = np.array(A_TARGET.split(), float) / 200
    found = {statistics.paired_test(np.zeros(40), snn, seed=seed).p for seed in range(12)}
    assert len(found) == 1 and found.pop() == pytest.approx(0.050748, abs=1e-6)


def p_by_hand(differences) -> float:
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=len(differences))]
    return float(np.mean(np.array(sums) >= abs(np.sum(differences)) - 1e-12))


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_the_exact_p_is_that_of_all_flips_one_by_one(n):
    wild, tied = np.random.default_rng(n).normal(0.3, 1, n), np.random.default_rng(n).integers(-3, 5, n) / 10
    for differences in (wild, tied):
        assert statistics.sign_flip_p(differences) == pytest.approx(p_by_hand(differences), abs=1e-12)


def test_counts_of_classes_have_mcnemars_p():
    """The paper's A_comb and A_target on MNIST, 10 of 10 against 7 of 10: 2 * 2^-j for j discordant classes."""
    ann = np.ones(10)
    for j in range(1, 8):
        test = statistics.paired_test(ann, np.repeat([0.0, 1.0], [j, 10 - j]), seed=0)
        assert (test.p, test.differing) == (2 * 2.0**-j, j)
    assert statistics.paired_test(ann, np.repeat([0.0, 1.0], [3, 7]), seed=0).p == 0.25


def test_rounding_is_no_difference():
    test = statistics.paired_test(np.full(9, 0.3), np.array([0.1 + 0.2] * 8 + [0.5]), seed=0)
    assert (test.differing, test.p) == (1, 1)


def test_more_differences_than_can_be_flipped_give_an_error_with_their_p():
    differences = np.tile([1.0, -1.0, 1.0], 20)  # mean 1/3: 20 of 60 coins or fewer, or as many heads
    exact = 2 * stats.binom.cdf(20, 60, 0.5)
    test = statistics.paired_test(np.zeros(60), differences, seed=0)
    assert 0 < test.p_error < 1e-3 and abs(test.p - exact) < 3 * test.p_error
    with pytest.raises(ValueError, match="60 differences that are not 0, expected at most 40"):
        statistics.sign_flip_p(differences)


def test_networks_have_students_interval():
    """Differences of 1, 2, ..., 7: mean 4, standard deviation 2.1602, t of 6 degrees 2.4469."""
    half = 2.4469 * 2.1602 / 7**0.5
    test = statistics.paired_test(np.zeros(7), np.arange(1.0, 8.0), seed=0, student=True)
    assert (test.low, test.high) == pytest.approx((4 - half, 4 + half), abs=1e-3)
    assert (test.low, test.high) == statistics.t_interval(range(1, 8)) and test.p == 2 / 128
    assert math.isnan(statistics.t_interval([1.0])[0])


def test_holm_steps_down():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([2 / 128, 0.6]) == [4 / 128, 0.6] and statistics.holm([0.9, 0.8]) == [1, 1]


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
