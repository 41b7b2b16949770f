"""The rules behind the book's words, by cases whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from snnmi.study import verdicts
from tests.helpers import NAN

# --- units


def test_the_network_is_the_unit_where_a_test_over_networks_can_tell():
    assert [verdicts.unit(networks) for networks in (1, 2, 5, 6, 7)] == ["class"] * 3 + ["network"] * 2
    assert 2 * 0.5**verdicts.NETWORKS < verdicts.ALPHA <= 2 * 0.5 ** (verdicts.NETWORKS - 1)
    assert [verdicts.named("SNN", n) for n in (5, 6)] == ["these five SNNs", "SNNs"]


# --- attacks that have come to rest

STEPS = 40  # points of a history; its last tenth are four


def curve(first, before, last):
    """From `first` at once to `before`, and to `last` in the last tenth."""
    return [first, *[before] * (STEPS - 5), *[last] * 4]


CURVES = {  # first, tenth before the last, last tenth: settled
    "fell and stands": ((2.0, 1.0, 1.0), True),
    "fell and falls by 2 %": ((2.0, 1.0, 0.98), False),
    "fell by too little": ((2.0, 1.9, 1.9), False),
    "fell and rises by 6 %": ((2.0, 1.0, 1.06), True),
    "never fell": ((1.0, 1.0, 1.0), False),
    "not a number": ((2.0, 1.0, NAN), False),
}


@pytest.mark.parametrize("points, settled", CURVES.values(), ids=CURVES)
def test_an_attack_has_settled_by_one_rule(points, settled):
    assert verdicts.settled(np.array(curve(*points))[:, None]).tolist() == [settled]


def test_every_class_rests_by_itself_and_few_points_are_enough():
    history = np.array([curve(2.0, 1.0, 1.0), curve(2.0, 1.0, 0.5)]).T
    assert verdicts.settled(history).tolist() == [True, False]
    assert verdicts.settled(np.array([[2.0], [1.0], [1.0]])).tolist() == [True]


def test_the_adversarial_term_is_off_where_k_ends_near_zero():
    k = np.array([curve(0.001, 0.9, 0.04), curve(0.001, 0.0, 0.06)]).T
    assert verdicts.adversary_off(k).tolist() == [True, False]


# --- boundaries


@pytest.mark.parametrize(
    "low_from, high_to, expected",
    [
        (0.1, 0.2, "more"),  # even the low count has more, by however little
        (0.0, 0.4, "no more"),
        (NAN, NAN, "cannot be told"),  # a single path has no interval
    ],
)
def test_more_flips_need_even_the_low_count_and_no_more_the_high_one(low_from, high_to, expected):
    assert verdicts.more_flips(low_from, high_to) == expected


def test_claims_are_about_the_papers_data():
    assert [verdicts.of_paper("open", name, 7) for name in ("mnist", "digits")] == ["open", "demonstration"]
    assert verdicts.of_paper("supported", "mnist", 5) == "too few networks"


# --- differences, and what carries them


def effects(neuron, encoding, gap) -> pd.DataFrame:
    """The parts of a gap, (effect, low, high) each."""
    rows = {"neuron": neuron, "encoding": encoding, "gap": gap}
    table = pd.DataFrame.from_dict(rows, "index", columns=["value", "low", "high"])
    return table.assign(share=table.value / gap[0]).rename_axis("what").reset_index()


GAP = (-0.5, -0.6, -0.4)


@pytest.mark.parametrize(
    "neuron, encoding, gap, expected",
    [
        ((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), GAP, "contradicted"),
        ((-0.1, -0.2, -0.01), (-0.4, -0.5, -0.3), GAP, "supported"),
        ((0.1, 0.05, 0.2), (-0.6, -0.8, -0.4), GAP, "supported"),
        ((-0.3, -0.4, -0.2), (-0.2, -0.3, -0.1), GAP, "open"),  # -0.25 could be the encoding's
        ((-0.6, -0.8, -0.4), (0.1, 0.05, 0.2), GAP, "contradicted"),  # and more than the gap
        ((-0.3, -0.7, 0.1), (-0.2, -0.6, 0.2), GAP, "open"),
        ((-0.1, -0.2, 0.0), (-0.4, -0.9, 0.1), GAP, "open"),
        ((-0.4, -0.5, -0.3), (0.35, 0.2, 0.5), (-0.05, -0.2, 0.1), "open"),  # no gap
        ((0.1, NAN, NAN), (-0.4, NAN, NAN), (-0.3, NAN, NAN), "open"),  # one network of each kind
    ],
)
def test_the_encoding_carries_the_gap_or_does_not_or_it_stays_open(neuron, encoding, gap, expected):
    assert verdicts.carries(effects(neuron, encoding, gap)) == expected


def test_a_score_may_be_had_for_nothing_where_its_interval_reaches_the_floor():
    low, floor = pd.Series([0.8, 0.82, 0.9, NAN]), pd.Series([0.82, 0.82, 0.82, 0.82])
    assert verdicts.reaches_floor(low, floor).tolist() == [True, True, False, False]


# --- what carries the gap


def test_an_interval_lies_off_a_point_that_it_does_not_cover():
    low, high = pd.Series([-0.2, 0.1, -0.2, NAN]), pd.Series([-0.1, 0.2, 0.2, NAN])
    assert verdicts.lies_off(low, high).tolist() == [True, True, False, False]
    assert not verdicts.lies_off(0.0, 0.4) and verdicts.lies_off(0.0, 0.4, 0.5)


def test_the_noise_was_raw_if_only_raw_noise_gives_the_published_gap():
    assert verdicts.noise_was_raw(-0.31, 0.05, -0.48)
    assert not verdicts.noise_was_raw(-0.31, -0.30, -0.48)  # either could be it
    assert not verdicts.noise_was_raw(-0.10, 0.05, -0.48)  # neither is


def test_accuracies_are_the_same_within_the_plans_margin():
    assert [verdicts.same(d) for d in (0.05, -0.0501, 0.06, NAN)] == [True, True, False, False]


# --- images


@pytest.mark.parametrize(
    "recognised, identified, expected",
    [
        (0.5, 0.0, "image"),
        (0.49, 0.11, "trace"),
        (0.49, 0.1, "nothing"),  # chance itself
        (0.5 - 1e-12, 0.0, "image"),  # a half but for rounding
        (0.49, 0.1 + 1e-12, "nothing"),
        (0.0, NAN, "nothing"),
    ],
)
def test_what_images_are_is_read_from_the_lower_ends(recognised, identified, expected):
    assert verdicts.reading(recognised, identified, 0.1) == expected


def test_a_leak_must_be_lower_than_every_harmless_reference():
    assert verdicts.leak_seen([-0.2, -0.1])
    assert not verdicts.leak_seen([-0.2, 0.03]) and not verdicts.leak_seen([-0.2, 0.0])


def test_without_a_picture_there_is_nothing_that_spikes_could_protect():
    assert not verdicts.gate_shut(0.5 - 1e-12)  # ten means of halves may end there
    assert verdicts.gate_shut(0.49)
    assert verdicts.gate_shut(pd.Series([0.4, 0.6])).tolist() == [True, False]


def test_counts_differ_by_every_test_or_not_at_all():
    assert verdicts.counts_differ([0.01, 0.049]) and not verdicts.counts_differ([0.01, 0.05])
    assert not verdicts.counts_differ(np.array([0.001, 0.2])) and math.isclose(verdicts.ALPHA, 0.05)
