"""What chapter 2 says, from accuracies whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from snnmi.study.findings import targets as findings
from snnmi.study.sentences import targets as say

COMMON = {"seed": 0, "hidden": 100, "epochs": 5, "n_train": 900, "n_test": 100, "loss": 0.52}


def table(*rows):
    """From (profile, dataset, target, accuracy)."""
    frame = pd.DataFrame(rows, columns=["profile", "dataset", "target", "test_accuracy"]).assign(**COMMON)
    return findings.beside_published(frame)


LAPTOP = ("laptop", "mnist", "ann", 0.98), ("laptop", "mnist", "snn", 0.80)
BOTH = table(*LAPTOP, ("smoke", "mnist", "ann", 0.1))
DIGITS = table(("smoke", "digits", "ann", 0.9))
NONE = BOTH[:0]


def test_a_share_is_printed_in_percent_with_its_interval():
    assert say.percent(0.9771, 0.974, 0.9798, " †") == "97.71 † [97.4,\u00a098.0]"
    assert say.percent(np.nan, np.nan, np.nan) == "–"


def test_table_one_marks_what_is_apart():
    lines = say.accuracy_lines(BOTH)
    assert lines.target.tolist() == ["MNIST, ANN", "MNIST, SNN", "MNIST, ANN"]
    assert ["†" in text for text in lines.ours] == [False, True, True]
    assert say.accuracy_lines(DIGITS).published.tolist() == ["–"]
    assert lines["not told apart"][0].endswith(" to 100 of 100")
    assert say.accuracy_lines(DIGITS)["not told apart"].tolist() == ["–"]


@pytest.mark.parametrize("frame, said", [(BOTH, "2 of the 3 accuracies"), (DIGITS, "None of the data sets")])
def test_the_finding_counts_what_is_apart(frame, said):
    assert say.accuracy_finding(frame).startswith(said)


def test_that_accuracies_cannot_be_told_apart_is_called_no_reproduction():
    assert "no reproduction: MNIST, " in say.accuracy_finding(BOTH)
    assert "reproduced" not in say.accuracy_finding(BOTH) + say.answer(BOTH) + say.claim(BOTH, "mnist")


def test_targets_below_the_published_accuracy_are_named_with_what_is_known():
    said = say.less_accurate(BOTH)
    assert "MNIST, SNN at scale laptop by 17.7 points, its training having ended at 52% of the loss" in said
    assert "was not stored" in said and "MNIST, ANN at scale laptop" not in said
    assert say.less_accurate(BOTH[:1]) == "No target lies clearly below its published accuracy."


def test_differences_are_in_percentage_points_with_a_sign():
    differences = findings.differences(BOTH)
    lines = say.difference_lines(differences)
    assert lines["SNN − ANN, percentage points"][0].startswith("−18.00 [−")
    assert lines["told apart"].tolist() == ["yes", "no", "no"]
    assert lines.scale.tolist() == ["laptop", "published", "published"]
    assert "in 1 of 1 comparisons" in say.difference_finding(differences)


def test_the_answer_gives_both_accuracies_at_the_largest_scale():
    assert say.answer(BOTH) == (
        "Test accuracy, in brackets the published one, and whether they can be told apart: MNIST, laptop: the ANN "
        "98.0% (97.7%), the SNN 80.0% (97.7%), told apart. What cannot be told apart need not be equal."
    )


@pytest.mark.parametrize("frame", [DIGITS, NONE])
def test_the_answer_says_where_nothing_can_be_compared(frame):
    assert say.answer(frame).startswith("No data set at hand is in the paper")


def test_a_claim_is_held_against_the_largest_scale():
    assert say.claim(BOTH, "mnist") == "told apart: ANN 98.0%; SNN 80.0%"
    assert say.claim(BOTH[:1], "mnist") == "not told apart: ANN 98.0%"
    assert say.claim(DIGITS, "digits") == "not in the paper: ANN 90.0%"
    assert say.claim(DIGITS, "faces") == "not run"


def test_when_the_published_accuracy_is_first_reached_is_said():
    curve = pd.DataFrame({"epoch": [1, 2, 3], "test_accuracy": [0.5, 0.9125, 0.9]})
    about = {"profile": "people", "dataset": "faces", "target": "snn"}
    low = curve.assign(test_accuracy=0.1, seed=1)
    table = findings.reached(pd.concat([curve.assign(seed=0), low]).assign(**about))
    assert table.epoch.tolist()[0] == 2 and table.epochs.tolist() == [3, 3]
    said = "The published accuracy is first reached: AT&T faces, people, SNN after 2 of 3 epochs, by 1 of 2 never."
    assert say.reached(table) == said
    assert say.reached(findings.reached(low.assign(**about))).endswith("SNN never.")
    assert say.reached(findings.reached(curve.assign(seed=0, **about | {"dataset": "digits"}))) == ""
