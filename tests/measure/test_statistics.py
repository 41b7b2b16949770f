"""Intervals and tests, on numbers known by hand."""

import math

import numpy as np
import pytest

from snnmi.measure import statistics
from tests.helpers import NAN

# --- intervals


def test_bootstrap_interval_repeats_with_its_seed_and_holds_the_mean():
    values = np.array([0.3, 0.5, 0.55, 0.7, 0.9, 0.95, 0.2, 0.65])
    (low, high), again, other = (statistics.bootstrap_interval(values, seed=seed) for seed in (0, 0, 1))
    assert (low, high) == again != other
    half = 1.96 * values.std() / math.sqrt(8)  # what many resamples tend to
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_of_equal_values_an_interval_is_a_point_and_of_one_value_unknown():
    assert statistics.bootstrap_interval(np.ones(5), seed=0) == (1, 1)
    assert statistics.t_interval([0.5] * 3) == (0.5, 0.5)
    for one in (statistics.bootstrap_interval(np.ones(1), seed=0), statistics.t_interval([1.0])):
        assert one == pytest.approx((NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("share, ends", [(0.5, (0.2366, 0.7634)), (0.0, (0, 0.2775)), (1.0, (0.7225, 1))])
def test_wilson_interval_has_its_textbook_values(share, ends):
    assert statistics.wilson_interval(share, 10) == pytest.approx(ends, abs=1e-4)
    with pytest.raises(ValueError):
        statistics.wilson_interval(97.7, 10)


def test_networks_have_students_interval():
    """Differences of 1, 2, ..., 7: mean 4, standard deviation 2.1602, t of 6 degrees 2.4469."""
    half = 2.4469 * 2.1602 / 7**0.5
    assert statistics.t_interval(range(1, 8)) == pytest.approx((4 - half, 4 + half), abs=1e-3)


def test_difference_of_shares_has_newcombes_interval():
    found = statistics.share_difference_interval(48 / 80, 80, 56 / 70, 70)  # his first example, signs turned
    assert found == pytest.approx((0.0524, 0.3339), abs=1e-4)


# --- tests


def test_counts_of_classes_have_mcnemars_p():
    """The paper's A_comb and A_target on MNIST, 10 of 10 against 7 of 10: 2 * 2^-j for j discordant classes."""
    for j in range(1, 8):
        assert statistics.sign_flip_p(np.repeat([1.0, 0.0], [j, 10 - j])) == 2 * 2.0**-j
    assert statistics.sign_flip_p(np.zeros(4)) == 1


def test_holm_steps_down():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([2 / 128, 0.6]) == [4 / 128, 0.6] and statistics.holm([0.9, 0.8]) == [1, 1]


MARGINS = {
    (10, 7, 10): (0.25, 0.25),  # 3 : 0 only
    (39, 20, 40): (2 / 2**19, 2 * 22 / 2**21),  # 19 : 0 or 20 : 1
    (5, 5, 10): (1, 1),
    (8, 4, 10): (2 / 2**4, 2 * (1 + 8 + 28) / 2**8),  # 4 : 0, 5 : 1, 6 : 2
}


@pytest.mark.parametrize("margins", MARGINS)
def test_mcnemar_range_covers_the_tables_that_the_margins_allow(margins):
    assert statistics.mcnemar_range(*margins) == pytest.approx(MARGINS[margins])
