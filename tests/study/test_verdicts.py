"""Every rule by which the book turns numbers into words, on numbers whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from snnmi.measure.statistics import PairedTest
from snnmi.study import verdicts
from snnmi.study.published import CLAIMS

NAN = float("nan")
LOWER = PairedTest(difference=-0.4, low=-0.6, high=-0.2, p=0.002, n=10)
HIGHER = PairedTest(difference=0.4, low=0.2, high=0.6, p=0.002, n=10)
UNTOLD = PairedTest(difference=-0.02, low=-0.08, high=0.03, p=0.6, n=10)


# --- the paper's claims


def test_resistance_is_seen_only_where_the_attack_works():
    assert verdicts.attack_works(0.5) and verdicts.attack_works(1.0)
    assert not verdicts.attack_works(0.499) and not verdicts.attack_works(NAN)
    claim = CLAIMS["a_target"]
    assert verdicts.claim_verdict(LOWER, "mnist", claim, a_target=0.9) == "reproduced"
    assert verdicts.claim_verdict(LOWER, "mnist", claim, a_target=0.3) == "open"
    assert verdicts.claim_verdict(HIGHER, "mnist", claim, a_target=0.9) == "not reproduced"


def test_a_claim_is_ruled_out_by_an_interval_short_of_half_the_papers_difference():
    claim = CLAIMS["a_target"]  # -0.30 on MNIST, -0.483 on the faces
    short = UNTOLD._replace(low=-0.149)
    assert verdicts.claim_verdict(short, "mnist", claim, a_target=1.0) == "not reproduced"
    assert verdicts.claim_verdict(short._replace(low=-0.151), "mnist", claim, a_target=1.0) == "open"
    assert verdicts.claim_verdict(short._replace(low=-0.2), "faces", claim, a_target=1.0) == "not reproduced"
    assert verdicts.claim_verdict(short._replace(n=5), "mnist", claim, a_target=1.0) == "open"
    assert (
        verdicts.claim_verdict(UNTOLD, "mnist", CLAIMS["likeness"], a_target=1.0) == "open"
    )  # no number printed


def test_off_the_papers_data_sets_the_smaller_difference_is_the_yardstick():
    assert verdicts.yardstick("mnist", CLAIMS["surrogate"]) == pytest.approx(0.4825)
    assert verdicts.yardstick("faces", CLAIMS["surrogate"]) == pytest.approx(0.2314)
    assert verdicts.yardstick("digits", CLAIMS["surrogate"]) == pytest.approx(0.2314)
    assert verdicts.yardstick("digits", CLAIMS["unstable"]) == pytest.approx(0.32)
    assert verdicts.yardstick("digits", CLAIMS["likeness"]) is None


def test_a_score_may_be_had_for_nothing_where_its_interval_reaches_the_floor():
    low, floor = pd.Series([0.8, 0.82, 0.9, NAN]), pd.Series([0.82, 0.82, 0.82, 0.82])
    assert verdicts.reaches_floor(low, floor).tolist() == [True, True, False, False]


# --- what carries the gap


def test_an_interval_lies_off_a_point_that_it_does_not_cover():
    low, high = pd.Series([-0.2, 0.1, -0.2, NAN]), pd.Series([-0.1, 0.2, 0.2, NAN])
    assert verdicts.lies_off(low, high).tolist() == [True, True, False, False]
    assert not verdicts.lies_off(0.0, 0.4) and verdicts.lies_off(0.0, 0.4, 0.5)


def effects(a_target: tuple[float, float]) -> pd.DataFrame:
    scores = {"A_target": a_target, "surrogate_accuracy": (-0.2, -0.1)}
    rows = [("gap", score, *interval) for score, interval in scores.items()]
    return pd.DataFrame([*rows, ("neuron", "A_target", 1.0, 2.0)], columns=["factor", "score", "low", "high"])


@pytest.mark.parametrize(
    "gap, score",
    [
        ((-0.7, -0.1), "A_target"),
        ((0.1, 0.7), "A_target"),
        ((-0.2, 0.1), "surrogate_accuracy"),
        ((NAN, NAN), "surrogate_accuracy"),
    ],
)
def test_the_headline_score_is_the_papers_where_its_gap_is_one(gap, score):
    assert verdicts.headline_score(effects(gap)) == score


@pytest.mark.parametrize(
    "found, expected",
    [
        ([], "Open"),
        (["open", "open"], "Open"),
        (["reproduced", "open"], "Mostly the spikes"),
        (["not reproduced", "open", "not reproduced"], "Mostly not the spikes"),
        (["not reproduced", "reproduced"], "It depends"),
    ],
)
def test_the_answer_opens_with_what_the_verdicts_agree_on(found, expected):
    assert verdicts.opening(found) == expected


def test_half_of_a_gap_carries_it():
    assert [verdicts.carries_half(share) for share in (0.5, 1.2, 0.49, -0.6, NAN)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_bootstrap_and_exact_test_are_torn_where_only_one_excludes_zero():
    gaps = pd.DataFrame({"low": [0.1, 0.1, -0.1, -0.1], "high": 0.2, "p_classes": [0.05, 0.04, 0.5, 0.01]})
    assert verdicts.torn(gaps).tolist() == [True, False, False, False]


# --- images


@pytest.mark.parametrize(
    "recognised, identified, expected",
    [
        (0.5, 0.0, "image"),
        (0.49, 0.11, "trace"),
        (0.49, 0.1, "nothing"),  # chance itself
        (0.0, NAN, "nothing"),
    ],
)
def test_what_images_are_is_read_from_the_lower_ends(recognised, identified, expected):
    assert verdicts.reading(recognised, identified, 0.1) == expected


def test_a_leak_must_be_lower_than_every_harmless_reference():
    assert verdicts.leak_seen([LOWER, LOWER])
    assert not verdicts.leak_seen([LOWER, UNTOLD]) and not verdicts.leak_seen([LOWER, HIGHER])
    assert not verdicts.leak_seen([LOWER, LOWER._replace(p=0.05)])


def test_images_lie_beyond_real_ones_interval_and_all():
    assert verdicts.lies_beyond(5.7, 5.6) and not verdicts.lies_beyond(5.6, 5.6)


def test_without_a_picture_there_is_nothing_that_spikes_could_protect():
    assert verdicts.judged_verdict(LOWER, ann=0.5) == "reproduced"
    assert verdicts.judged_verdict(LOWER, ann=0.49) == "open" and verdicts.gate_shut(0.49)
    assert verdicts.judged_verdict(HIGHER, ann=0.8) == "not reproduced"
    assert (
        verdicts.judged_verdict(UNTOLD, ann=0.8) == "open"
    )  # no published number: chance may always explain it
    assert verdicts.gate_shut(pd.Series([0.4, 0.6])).tolist() == [True, False]


def test_counts_differ_by_every_test_or_not_at_all():
    assert verdicts.counts_differ([0.01, 0.049]) and not verdicts.counts_differ([0.01, 0.05])
    assert not verdicts.counts_differ(np.array([0.001, 0.2])) and math.isclose(verdicts.ALPHA, 0.05)
