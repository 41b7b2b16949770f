"""What chapter 02 says, from accuracies whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from snnmi.study.findings import targets as findings
from snnmi.study.sentences import targets as say

COMMON = {"seed": 0, "hidden": 100, "epochs": 5, "n_train": 900, "n_test": 100}


def table(*rows):
    """From (profile, dataset, target, accuracy)."""
    frame = pd.DataFrame(rows, columns=["profile", "dataset", "target", "test_accuracy"]).assign(**COMMON)
    return findings.beside_published(frame)


BOTH = table(
    ("laptop", "mnist", "ann", 0.98), ("laptop", "mnist", "snn", 0.80), ("smoke", "mnist", "ann", 0.1)
)
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


@pytest.mark.parametrize("frame, said", [(BOTH, "2 of the 3 accuracies"), (DIGITS, "None of the data sets")])
def test_the_finding_counts_what_is_apart(frame, said):
    assert say.accuracy_finding(frame).startswith(said)


def test_differences_are_in_percentage_points_with_a_sign():
    differences = findings.differences(BOTH)
    lines = say.difference_lines(differences)
    assert lines["SNN − ANN, percentage points"][0].startswith("−18.00 [−")
    assert lines["told apart"].tolist() == ["yes", "no", "no"]
    assert lines.scale.tolist() == ["laptop", "published", "published"]
    assert "in 1 of 1 comparisons" in say.difference_finding(differences)


def test_the_answer_names_the_largest_gap():
    said = say.answer(BOTH[:2], findings.differences(BOTH[:2]))
    assert said == (
        "1 of 2 accuracies lie clearly away from the published one; the largest gap is −17.7 percentage points "
        "(MNIST, SNN, laptop scale); SNN and ANN differ by at most 18.0 percentage points."
    )


@pytest.mark.parametrize("frame", [DIGITS, NONE])
def test_the_answer_says_what_cannot_be_compared(frame):
    said = say.answer(frame, findings.differences(frame))
    assert said == "No data set at hand is in the paper; only one kind of target was trained."


def test_a_claim_is_judged_at_the_largest_scale():
    assert say.claim(BOTH, "mnist") == "not reproduced: ANN 98.0%; SNN 80.0%"
    assert say.claim(BOTH[:1], "mnist") == "reproduced: ANN 98.0%"
    assert say.claim(DIGITS, "digits") == "open, not in the paper: ANN 90.0%"
    assert say.claim(DIGITS, "faces") == "not run"
