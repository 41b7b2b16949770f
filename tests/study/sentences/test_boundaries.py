"""What chapter 05 says, from flips and agreements whose answer is known."""

import pandas as pd
import pytest

from snnmi.study.findings import boundaries as findings
from snnmi.study.sentences import boundaries as say

NONE = findings.compared(findings.paths_table([]))


def compared(*rows):
    """From (profile, dataset, verdict, ann, single answers, noise share); the counts are 1 and 2."""
    columns = ["profile", "dataset", "verdict", "ann", "snn_single", "noise_share"]
    ends = {
        f"{count}_{end}": value
        for count in ("low", "high")
        for end, value in zip(("mean", "from", "to"), (0.5, -1.0, 2.0))
    }
    return pd.DataFrame(rows, columns=columns).assign(paths=40, snn_low=1.0, snn_high=2.0, **ends)


MNIST = ("laptop", "mnist", "contradicted", 1.0, 6.0, 0.8)
FACES = ("paper", "faces", "supported", 1.0, 2.0, 1.0)
CALM = ("smoke", "digits", "open", 3.0, 2.0, float("nan"))


def test_the_answer_is_that_of_the_largest_scale():
    assert say.answer(compared(("smoke", "mnist", *FACES[2:]), MNIST), "rule below") == (
        "No, by the rule below: with the encoder's noise voted away, the SNN's boundaries are crossed about as often "
        "as the ANN's, or less. On MNIST (laptop profile) the label changes along a straight path between two test "
        "images 1.00 to 2.00 times for the SNN without that noise, 1.00 times for the ANN, and 6.00 times in single "
        "answers of the SNN (means over 40 paths)."
    )


def test_data_sets_that_differ_are_named():
    said = say.answer(compared(MNIST, FACES), "rule")
    assert said.startswith(
        "The data sets differ, by the rule: contradicted on MNIST; supported on AT&T faces. On AT&T"
    )


@pytest.mark.parametrize("row, said", [(FACES, "Yes, by the rule:"), (CALM, "Open: the runs at hand")])
def test_every_verdict_has_an_opening(row, said):
    assert say.answer(compared(row), "rule").startswith(said)


@pytest.mark.parametrize(
    "row, said",
    [
        (
            MNIST,
            "MNIST, laptop: of the flips that the SNN's single answers have beyond the ANN's, at least 80% are",
        ),
        (
            FACES,
            "AT&T faces, paper: of the flips that the SNN's single answers have beyond the ANN's, all are",
        ),
        (CALM, "Digits (8×8), smoke: single answers of the SNN flip no more often than the ANN's."),
    ],
)
def test_the_noise_is_a_lower_bound_or_all_or_none(row, said):
    assert say.noise_finding(compared(row)).startswith(said)


def test_the_conclusion_has_an_item_a_place():
    items = say.conclusion(compared(MNIST, CALM)).split("\n")
    assert items[0] == (
        "- *MNIST, laptop*: **contradicted**. Flips per path between test images: ANN 1.00; SNN 1.00 to 2.00 without "
        "encoder noise, 6.00 in single answers. Of the 5.00 flips that single answers have beyond the ANN's, at least "
        "80% are gone with the noise."
    )
    assert items[1].endswith("Even single answers flip no more often than the ANN's.")


def test_nothing_to_compare_is_said():
    assert say.answer(NONE, "rule").startswith("Not compared here")
    assert say.noise_finding(NONE) == "Nothing to compare."
    assert say.conclusion(NONE).startswith("Nothing to conclude")
    assert say.verdict_lines(NONE).empty


def test_lines_show_counts_and_signed_differences():
    line = say.verdict_lines(compared(MNIST)).iloc[0]
    assert line["run"] == "MNIST, laptop" and line["more flips, low count"] == "+0.50 [−1.00,\u00a02.00]"
    counted = compared(MNIST).assign(kind="within", n=20, ann_surrogate=2.0, snn_surrogate=3.0)
    line = say.flip_lines(counted).iloc[0]
    assert line["path"] == "one class" and line["SNN, no encoder noise"] == "1.00 to 2.00"
    assert line["surrogate of ANN, of SNN"] == "2.00, 3.00"


def test_pieces_are_means_by_kind_of_target():
    measured = pd.DataFrame(
        {"target": ["snn", "ann", "ann"], "plane_target_regions": [9, 3, 4], "plane_target_classes": 3}
    )
    assert say.pieces(measured, "plane") == "ANN 3.5 for 3.0 classes; SNN 9.0 for 3.0 classes"


def agreement(noise=(0.5, 0.9), test=(0.6, 0.3), constant=0.6, n=3):
    """(ANN, SNN) on noise and on test images."""
    rows = [
        {"target": kind, "inputs": inputs, "top": top}
        for kind, tops in zip(("ann", "snn"), zip(noise, (0.0, 0.0), test))
        for inputs, top in zip(findings.INPUTS, tops)
    ]
    others = {"top_floor": constant, "top_ceiling": 0.95, "classes": 2.0, "mae": 0.9, "mae_floor": 0.8}
    return pd.DataFrame(rows).assign(
        profile="laptop", dataset="mnist", n=n, differ=0.05, low=0.1, high=0.2, **others
    )


def test_the_papers_pattern_is_named_with_what_it_is_worth():
    said = say.patterns(agreement())
    assert said.startswith(
        "- *MNIST, laptop*: the paper's pattern is **seen**: agreement with the SNN on noise 0.90"
    )
    assert "(ANN 0.50), on test images 0.30 (ANN 0.60)" in said
    assert "is 0.30 above what a constant answer gets." in said
    assert "**hardly evidence of a mimicked boundary**" in say.patterns(agreement(constant=0.88))
    assert "is **not seen**" in say.patterns(agreement(noise=(0.95, 0.9)))


def test_one_kind_of_target_makes_no_pattern():
    table = agreement()
    assert say.patterns(table[table.target == "snn"]).startswith("One kind of target only")
    assert say.repeat(table[table.target == "ann"]) == "No SNN was run."


def test_repeated_queries_are_those_of_the_spiking_target():
    said = "Two answers of the SNN differ (MNIST, laptop): random 5.0%; generated 5.0%; test images 5.0%."
    assert say.repeat(agreement()) == said


@pytest.mark.parametrize("n, agree", [(2, "0.50"), (3, "0.50 [0.10,\u00a00.20]")])
def test_agreement_is_printed_with_its_interval_where_it_has_one(n, agree):
    line = say.agreement_lines(agreement(n=n)).iloc[0]
    assert line["agree"] == agree and line["target, inputs"] == "ANN, random"
    assert line["1 − MAE (uniform)"] == "0.900 (0.800)" and line["same query twice"] == "5.0%"
