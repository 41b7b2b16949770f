"""Scores, floors, intervals and tests have known values; the published numbers are the paper's."""

import math

import numpy as np
import pytest

from snnmi.measure import metrics, statistics
from snnmi.study import published, verdicts

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]])
Q = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.1, 0.5, 0.4]])


def test_fidelity_by_mean_error_and_by_top_class():
    differences = 0.1 + 0.1 + 0.4 + 0.4 + 0.4 + 0.1 + 0.3
    assert metrics.fidelity_mae(P, Q) == pytest.approx(1 - differences / 12)
    assert metrics.fidelity_top(P, Q) == 0.5
    assert metrics.fidelity_mae(P, P) == metrics.fidelity_top(P, P) == 1
    assert (
        metrics.fidelity_mae(np.eye(2), np.eye(2)[::-1])
        == metrics.fidelity_top(np.eye(2), np.eye(2)[::-1])
        == 0
    )


def test_accuracy_is_the_share_of_top_classes():
    assert metrics.accuracy(P, np.array([0, 1, 0, 0])) == 0.75
    assert metrics.commonest_class(np.array([0, 2, 2, 1, 2])) == 0.6


@pytest.mark.parametrize(
    "l_n, l_g, expected", [(1.0, 0.5, 1.0), (1.0, 0.2, 1.3), (1.0, 2.0, 2.5), (2.0, 0.0, 3.0)]
)
def test_m_global_is_noise_loss_and_imbalance(l_n, l_g, expected):
    assert metrics.m_global(l_n, l_g, 0.5) == pytest.approx(expected)


@pytest.mark.parametrize("classes, floor", [(10, 0.82), (40, 0.95125)])
def test_a_uniform_surrogate_scores_high_against_a_sure_target(classes, floor):
    sure, uniform = np.eye(classes), np.full((classes, classes), 1 / classes)
    assert metrics.fidelity_mae(sure, uniform) == pytest.approx(floor)


def test_constant_floor_is_the_best_answer_that_ignores_the_question():
    balanced, skewed = np.eye(10), np.eye(10)[[3] * 8 + [1, 2]]
    assert metrics.constant_floor(balanced, metrics.fidelity_mae) == pytest.approx(
        0.9
    )  # the median, 0 everywhere
    assert metrics.constant_floor(balanced, metrics.fidelity_top) == pytest.approx(0.1)
    assert metrics.constant_floor(skewed, metrics.fidelity_top) == pytest.approx(0.8)
    assert metrics.constant_floor(skewed, metrics.fidelity_mae) == pytest.approx(1 - 2 * 2 / 100)
    assert metrics.constant_floor(np.full((5, 4), 0.25), metrics.fidelity_mae) == 1


def test_published_tables_are_the_papers():
    """PROTOCOL.md, "Published numbers", once more by hand."""
    assert published.TABLE_1 == {
        ("mnist", "ann"): 0.9771,
        ("mnist", "snn"): 0.9767,
        ("faces", "ann"): 0.95,
        ("faces", "snn"): 0.9125,
    }
    columns = "M_global M_global_std fidelity surrogate_accuracy surrogate_accuracy_std A_comb A_target"
    table = {
        ("mnist", "ann"): "1.0371 0.12 0.8929 68.13 6.9 100 100",
        ("mnist", "snn"): "1.4904 0.58 0.9541 19.88 4.7 70.0 70.0",
        ("faces", "ann"): "3.4326 0.33 0.9868 29.32 6.6 92.5 97.5",
        ("faces", "snn"): "3.9378 0.65 0.9948 6.18 4.5 37.5 49.2",
    }
    assert set(published.TABLE_2) == set(table)
    for row, numbers in table.items():
        for column, number in zip(columns.split(), numbers.split(), strict=True):
            in_percent = column.startswith(("surrogate", "A_"))
            assert published.TABLE_2[row][column] == pytest.approx(
                float(number) / (100 if in_percent else 1)
            )


# --- intervals


def test_bootstrap_interval_repeats_with_its_seed_and_holds_the_mean():
    values = np.array([0.3, 0.5, 0.55, 0.7, 0.9, 0.95, 0.2, 0.65])
    low, high = statistics.bootstrap_interval(values, seed=0)
    assert (
        (low, high)
        == statistics.bootstrap_interval(values, seed=0)
        != statistics.bootstrap_interval(values, seed=1)
    )
    assert values.min() < low < values.mean() < high < values.max()
    half = 1.96 * values.std() / math.sqrt(8)  # what many resamples tend to
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    narrow = statistics.bootstrap_interval(values, seed=0, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(60):
        low, high = statistics.bootstrap_interval(rng.normal(5, 2, size=40), seed=trial, level=0.9)
        hits += low <= 5 <= high
    assert 47 <= hits <= 60  # 54 expected


def test_bootstrap_interval_of_equal_values_is_a_point_and_of_one_value_unknown():
    assert statistics.bootstrap_interval(np.ones(5), seed=0) == (1, 1)
    assert all(math.isnan(end) for end in statistics.bootstrap_interval(np.ones(1), seed=0))


def test_wilson_interval_has_its_textbook_values():
    assert statistics.wilson_interval(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert statistics.wilson_interval(0.0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert statistics.wilson_interval(1.0, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    with pytest.raises(ValueError, match="expects a share in"):
        statistics.wilson_interval(97.7, 10)


def test_summary_interval_is_students():
    half = 2.2622 * 0.5 / math.sqrt(10)  # t of 9 degrees of freedom
    assert statistics.summary_interval(1.0, 0.5, 10) == pytest.approx((1 - half, 1 + half), abs=1e-4)


def test_difference_of_shares_has_newcombes_interval():
    low, high = statistics.share_difference_interval(48 / 80, 80, 56 / 70, 70)  # his first example, signs turned
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize(
    "second, apart", [((2.0, 3.0), False), ((2.1, 3.0), True), ((-1.0, 0.5), True), ((1.2, 1.3), False)]
)
def test_intervals_are_apart_when_they_share_no_point(second, apart):
    assert statistics.intervals_apart((1.0, 2.0), second) is apart
    assert statistics.intervals_apart(second, (1.0, 2.0)) is apart


# --- tests


def test_paired_test_counts_the_swaps():
    first = np.zeros(8)
    test = statistics.paired_test(first, np.arange(1.0, 9.0), seed=0)  # of 2^8 swaps only two are as far out
    assert (test.difference, test.n) == (4.5, 8) and test.p == pytest.approx(2 / 256)
    assert 1 < test.low < 4.5 < test.high < 8
    assert statistics.paired_test(first, np.array([1.0, -1.0] * 4), seed=0).p == 1
    few = statistics.paired_test(first[:1], np.ones(1), seed=0)
    assert few.p == 1 and math.isnan(few.low)


def test_paired_test_of_spread_does_not_take_a_shift_for_one():
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, 12)
    shifted, wider = (
        statistics.paired_test(a, b, seed=0, statistic=np.std) for b in (a[::-1] + 100, a[::-1] * 20)
    )
    assert shifted.difference == pytest.approx(0) and shifted.p > 0.5
    assert wider.difference == pytest.approx(19 * a.std()) and wider.p < 0.05


def test_paired_test_refuses_what_is_no_pair():
    for second in (np.zeros(3), np.array([1, 2, 3, np.nan])):
        with pytest.raises(ValueError, match="two finite vectors of one length"):
            statistics.paired_test(np.zeros(4), second, seed=0)


@pytest.mark.parametrize(
    "difference, low, high, p, n, expected",
    [
        (-0.4, -0.6, -0.2, 0.001, 10, "reproduced"),
        (0.4, 0.2, 0.6, 0.001, 10, "not reproduced"),
        (-0.01, -0.05, 0.05, 0.8, 10, "not reproduced"),  # ends far short of the published -0.5
        (-0.2, -0.45, 0.05, 0.2, 10, "open"),
        (-0.01, -0.05, 0.05, 0.8, 3, "open"),  # too few classes
    ],
)
def test_verdict_follows_its_rule(difference, low, high, p, n, expected):
    assert (
        verdicts.verdict(statistics.PairedTest(difference, low, high, p, n), published=-0.5, sign=-1) == expected
    )


def test_likeness_is_correlation():
    reference = np.arange(12.0).reshape(3, 4)
    assert metrics.likeness(np.stack([reference * 2 + 5]), reference) == pytest.approx(1)
    assert metrics.likeness(np.stack([-reference]), reference) == pytest.approx(-1)
    assert metrics.likeness(np.stack([reference, -reference, np.ones((3, 4))]), reference) == pytest.approx(0)
    assert metrics.likeness(np.stack([reference, np.ones((3, 4))]), reference) == pytest.approx(0.5)


def test_a_curve_that_still_moves_has_not_converged():
    flat, line, late = np.full(100, 2.0), np.linspace(10, 0.1, 100), np.r_[np.full(90, 2.0), np.full(10, 2.2)]
    settled = np.r_[np.full(80, 3.0), np.full(20, 2.0)]
    curves = np.stack([flat, line, late, settled, np.r_[flat[:-1], np.nan]], 1)
    assert metrics.not_converged(curves).tolist() == [False, True, True, False, True]
    assert metrics.not_converged(curves, tolerance=0.11).tolist() == [False, True, False, False, True]
    assert metrics.not_converged(-line[:, None]).tolist() == [True]
    with pytest.raises(ValueError, match="has 9 points, expected at least 10"):
        metrics.not_converged(flat[:9, None])
