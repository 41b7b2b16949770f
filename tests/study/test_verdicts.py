"""The rules behind the book's words, by cases whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from snnmi.measure.effects import effects_table
from snnmi.measure.statistics import PairedTest
from snnmi.study import verdicts
from tests.helpers import factorial

NAN = float("nan")

# --- targets


@pytest.mark.parametrize(
    "published, apart, expected",
    [
        ([], [], "not run"),
        ([NAN, NAN], [False, False], "open, not in the paper"),
        ([0.95, 0.91], [False, False], "reproduced"),
        ([0.95, 0.91], [False, True], "not reproduced"),
        ([0.95, NAN], [False, False], "reproduced"),
    ],
)
def test_accuracies_are_reproduced_where_none_is_apart(published, apart, expected):
    assert verdicts.accuracies(pd.DataFrame({"published": published, "apart": apart})) == expected


# --- attacks that have come to rest

STEPS = 40  # points of a history; its last tenth are four


def curve(first, before, last):
    """From `first` at once to `before`, and to `last` in the last tenth."""
    return [first, *[before] * (STEPS - 5), *[last] * 4]


CURVES = {  # first, tenth before the last, last tenth: settled by chapter 03, still moves by chapter 07
    "fell and stands": ((2.0, 1.0, 1.0), True, False),
    "fell and falls by 2 %": ((2.0, 1.0, 0.98), False, False),
    "fell and falls by 6 %": ((2.0, 1.0, 0.94), False, True),
    "fell by too little": ((2.0, 1.9, 1.9), False, False),
    "fell and rises by 6 %": ((2.0, 1.0, 1.06), True, True),
    "never fell": ((1.0, 1.0, 1.0), False, False),
    "not a number": ((2.0, 1.0, NAN), False, True),
}


@pytest.mark.parametrize("points, settled, moves", CURVES.values(), ids=CURVES)
def test_two_rules_for_rest_differ_where_they_say(points, settled, moves):
    history = np.array(curve(*points))[:, None]
    assert verdicts.settled(history).tolist() == [settled]
    assert verdicts.still_moves(history).tolist() == [moves]


def test_every_class_rests_by_itself():
    history = np.array([curve(2.0, 1.0, 1.0), curve(2.0, 1.0, 0.5)]).T
    assert verdicts.settled(history).tolist() == [True, False]
    assert verdicts.still_moves(history).tolist() == [False, True]
    assert verdicts.still_moves(history, tolerance=0.5).tolist() == [False, False]


def test_a_history_of_few_points_can_settle_but_nothing_is_said_of_its_moving():
    assert verdicts.settled(np.array([[2.0], [1.0], [1.0]])).tolist() == [True]
    with pytest.raises(ValueError, match="expected at least 10"):
        verdicts.still_moves(np.ones((9, 1)))


# --- boundaries


@pytest.mark.parametrize(
    "low_from, high_to, expected",
    [
        (0.1, 2.0, "supported"),
        (0.1, 0.2, "supported"),  # even the low count has more, by however little
        (0.0, 0.4, "contradicted"),
        (-3.0, -1.0, "contradicted"),
        (-0.1, 0.5, "open"),  # as many as the margin are not fewer
        (NAN, NAN, "open"),  # a single path has no interval
    ],
)
def test_the_conjecture_needs_even_the_low_count_and_falls_by_the_high_one(low_from, high_to, expected):
    assert verdicts.conjecture(low_from, high_to) == expected


def test_data_sets_that_differ_leave_the_conjecture_open():
    said = {"not compared": [], "supported": ["supported"] * 2, "open": ["supported", "contradicted"]}
    for expected, found in said.items():
        assert verdicts.conjecture_overall(pd.Series(found, dtype=object)) == expected


def test_the_papers_pattern_is_nearer_on_noise_and_farther_on_images():
    near, far = {"ann": 0.5, "snn": 0.6}, {"ann": 0.5, "snn": 0.4}
    assert verdicts.papers_pattern(near, far)
    assert not verdicts.papers_pattern(near, near) and not verdicts.papers_pattern(far, far)
    assert not verdicts.papers_pattern({"ann": 0.5, "snn": 0.5}, far)


def test_agreement_is_cheap_where_a_constant_does_nearly_as_well():
    assert verdicts.agreement_is_cheap(0.94, 0.90) and verdicts.agreement_is_cheap(0.8, 0.9)
    assert not verdicts.agreement_is_cheap(0.96, 0.90)


# --- reconstructions


@pytest.mark.parametrize(
    "low, high, who", [(0.1, 0.2, "ann"), (-0.2, -0.1, "snn"), (-0.1, 0.1, None), (NAN, NAN, None)]
)
def test_more_specific_is_who_lies_on_one_side_of_zero(low, high, who):
    assert verdicts.more_specific(low, high) == who


# --- differences, and what carries them


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
    test = PairedTest(difference, low, high, p, n)
    assert verdicts.verdict(test, published=-0.5, sign=-1) == expected


def effects(neuron, rest, gap) -> pd.DataFrame:
    """An effects table of (effect, low, high) each."""
    rows = {"neuron": neuron, "range + encoder": rest, "gap": gap}
    table = pd.DataFrame.from_dict(rows, "index", columns=["effect", "low", "high"])
    return table.assign(share=table.effect / gap[0]).rename_axis("factor").reset_index()


GAP = (-0.5, -0.6, -0.4)


@pytest.mark.parametrize(
    "neuron, rest, gap, expected, why",
    [
        ((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), GAP, "reproduced", "at least half"),
        ((-0.1, -0.2, -0.01), (-0.4, -0.5, -0.3), GAP, "not reproduced", "the neuron less than half"),
        ((0.1, 0.05, 0.2), (-0.6, -0.8, -0.4), GAP, "not reproduced", "against the claim"),
        ((-0.2, -0.3, -0.1), (-0.3, -0.4, -0.2), GAP, "open", "leave open"),  # -0.25 is the neuron's too
        ((-0.1, -0.2, 0.0), (-0.2, -0.3, -0.1), GAP, "open", "leave open"),  # a third factor has the most
        ((-0.3, -0.7, 0.1), (-0.2, -0.6, 0.2), GAP, "open", "leave open"),
        ((-0.1, -0.2, 0.0), (-0.4, -0.9, 0.1), GAP, "open", "leave open"),
        ((-0.4, -0.5, -0.3), (0.35, 0.2, 0.5), (-0.05, -0.2, 0.1), "open", "nothing to explain"),
        ((-0.4, NAN, NAN), (-0.1, NAN, NAN), (-0.5, NAN, NAN), "open", "nothing to explain"),  # one unit
    ],
)
def test_why_verdict_follows_its_rule(neuron, rest, gap, expected, why):
    verdict, reason = verdicts.why_verdict(effects(neuron, rest, gap), sign=-1)
    assert verdict == expected and why in reason and reason.endswith(".")
    mirrored = effects(*((-e, -high, -low) for e, low, high in (neuron, rest, gap)))
    assert verdicts.why_verdict(mirrored, sign=1)[0] == expected


def test_why_verdict_says_its_numbers():
    _, reason = verdicts.why_verdict(effects((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), GAP), sign=-1)
    assert reason.replace("\u00a0", " ") == (
        "The spiking neuron carries at least half: of the gap, −0.50 [−0.60, −0.40], "
        "the neuron carries −0.40 [−0.50, −0.30] and range + encoder −0.10 [−0.20, 0.00]."
    )


@pytest.mark.parametrize("high, expected", [("current", "not reproduced"), ("ann", "reproduced")])
def test_why_verdict_reads_an_effects_table(high, expected):
    """Three classes, high in the cells of one input, or of one neuron, and low in all others."""
    cells = [(neuron, source) for neuron in ("ann", "snn") for source in ("current", "clip", "rate")]
    values = {cell: (0.9, 0.8, 0.85) if high in cell else (0.3, 0.2, 0.25) for cell in cells}
    table = effects_table(factorial(values), "value", seed=0)
    assert verdicts.why_verdict(table, sign=-1)[0] == expected
