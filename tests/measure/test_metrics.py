"""Scores and the floors they stand on have known values."""

import numpy as np
import pytest

from snnmi.measure import metrics

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]])
Q = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.1, 0.5, 0.4]])


def test_fidelity_by_mean_error_and_by_top_class():
    differences = 0.1 + 0.1 + 0.4 + 0.4 + 0.4 + 0.1 + 0.3
    assert metrics.fidelity_mae(P, Q) == pytest.approx(1 - differences / 12)
    assert metrics.fidelity_top(P, Q) == 0.5
    for fidelity in (metrics.fidelity_mae, metrics.fidelity_top):
        assert fidelity(P, P) == 1 and fidelity(np.eye(2), np.eye(2)[::-1]) == 0


def test_accuracy_is_the_share_of_top_classes():
    assert metrics.accuracy(P, np.array([0, 1, 0, 0])) == 0.75
    assert metrics.commonest_class(np.array([0, 2, 2, 1, 2])) == 0.6


def test_entropy_is_0_for_sure_answers_and_ln_c_for_uniform_ones():
    sure, uniform = np.eye(4), np.full((3, 4), 0.25)
    assert metrics.entropy(sure) == 0 and metrics.entropy(uniform) == pytest.approx(np.log(4))
    assert metrics.entropy(np.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0]])) == pytest.approx(np.log(2) / 2)
    assert metrics.constant_entropy(sure) == pytest.approx(np.log(4)), "four sure answers, one of each class"
    cross_entropy = -(P * np.log(Q)).sum(-1).mean()
    assert metrics.entropy(P) < cross_entropy, "Gibbs' inequality"


def test_ssim_is_1_for_itself_and_near_0_for_other_noise():
    a, b = np.random.default_rng(0).random((2, 28, 28))
    assert metrics.ssim(a[None], a) == 1 and abs(metrics.ssim(b[None], a)) < 0.1
    assert metrics.ssim(np.stack([a, b]), a) == pytest.approx((1 + metrics.ssim(b[None], a)) / 2)
    assert np.isnan(metrics.ssim(np.zeros((1, 6, 8)), np.zeros((6, 8)))), "smaller than its window"


def test_identified_is_whose_mean_an_image_correlates_with_most_whatever_its_brightness():
    left, right = np.zeros((2, 4, 4))
    left[:, :2], right[:, 2:] = 1, 0.5
    images = np.stack([0.1 + 0.2 * right, right, 0.5 + 0.1 * left, 1 - left])
    assert metrics.identified(images, np.stack([left, right]), 1) == 0.75
    assert metrics.identified(images, np.stack([left, right]), 0) == 0.25
    grey = np.full((3, 4, 4), np.float32(12 / 255))  # whose correlation is rounding alone
    assert [metrics.identified(grey, np.stack([left, right]), label) for label in (0, 1)] == [0, 0]


BALANCED, SKEWED = np.eye(10), np.eye(10)[[3] * 8 + [1, 2]]
FLOORS = [
    (BALANCED, metrics.fidelity_mae, 0.9),  # the median, 0 everywhere
    (BALANCED, metrics.fidelity_top, 0.1),
    (SKEWED, metrics.fidelity_top, 0.8),
    (SKEWED, metrics.fidelity_mae, 1 - 2 * 2 / 100),
    (np.full((5, 4), 0.25), metrics.fidelity_mae, 1),
]


@pytest.mark.parametrize("answers, score, floor", FLOORS)
def test_constant_floor_is_the_best_answer_that_ignores_the_question(answers, score, floor):
    assert metrics.constant_floor(answers, score) == pytest.approx(floor)


R, FLAT = np.arange(12.0).reshape(3, 4), np.ones((3, 4))


@pytest.mark.parametrize("images, r", [([R * 2 + 5], 1), ([-R], -1), ([R, -R, FLAT], 0), ([R, FLAT], 0.5)])
def test_likeness_is_correlation(images, r):
    assert metrics.likeness(np.stack(images), R) == pytest.approx(r)


def test_what_is_no_number_gets_no_score_least_of_all_class_0s():
    right, broken = np.eye(3)[[0, 0]], np.full((2, 3), np.nan)
    zeros, images = np.zeros(2, dtype=int), np.full((2, 8, 8), np.nan)
    means = np.random.default_rng(0).random((3, 8, 8))
    for score in (
        metrics.accuracy(broken, zeros),
        metrics.fidelity_top(broken, right),
        metrics.fidelity_top(right, broken),
        metrics.fidelity_mae(right, broken),
        metrics.constant_floor(broken, metrics.fidelity_top),
        metrics.entropy(broken),
        metrics.identified(images, means, 0),
        metrics.likeness(images, means[0]),
        metrics.ssim(images, means[0]),
    ):
        assert np.isnan(score)
    assert metrics.accuracy(right, zeros) == 1
