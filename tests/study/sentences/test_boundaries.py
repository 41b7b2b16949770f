"""What chapter 5 says, from flips and agreements whose answer is known."""

import pandas as pd
import pytest

from snnmi.study.findings import boundaries as findings
from snnmi.study.sentences import boundaries as say

NONE = findings.compared(findings.paths_table([]))


def compared(*rows):
    """From (profile, dataset, {kind of path: verdict}, noise share); counts of 1 and 2, 6 in single answers."""
    rows = [(*where, *of, share) for *where, kinds, share in rows for of in kinds.items()]
    found = pd.DataFrame(rows, columns=["profile", "dataset", "kind", "verdict", "noise_share"])
    found[["low_mean", "low_from", "low_to", "high_mean", "high_from", "high_to"]] = [0.5, -1.0, 2.0] * 2
    return found.assign(networks=2, ann=1.0, snn_single=6.0, snn_low=1.0, snn_high=2.0)


def kinds(images, noise):
    return {"between": images, "within": images, "noise": noise}


MNIST = ("laptop", "mnist", kinds("contradicted", "open"), 0.8)
FACES = ("paper", "faces", kinds("contradicted", "contradicted"), 1.0)
DIGITS = ("smoke", "digits", kinds("demonstration", "demonstration"), float("nan"))


def test_the_answer_says_every_kind_of_path_of_the_papers_data():
    assert say.answer(compared(DIGITS, ("smoke", *FACES[1:]), FACES, MNIST)) == (
        "Open. With the encoder's noise voted away, that the boundaries of these two SNNs are crossed more often is, "
        "between two classes and within one class, contradicted on AT&T faces and MNIST; from an image out to noise, "
        "where the attack asks, contradicted on AT&T faces, open on MNIST."
    )


@pytest.mark.parametrize("verdict, said", [("supported", "Yes."), ("contradicted", "No.")])
def test_every_verdict_has_an_opening(verdict, said):
    row = compared(("laptop", "mnist", kinds(verdict, verdict), 1.0)).assign(networks=1)
    assert say.answer(row).startswith(said) and "boundaries of this SNN are" in say.answer(row)


def test_the_noise_is_a_lower_bound_or_all_or_none():
    said = say.noise_finding(compared(MNIST))
    assert said.startswith(
        "MNIST, laptop: of the flips that the SNN's single answers have beyond the ANN's, encoder noise are at least "
        "80% between two classes; at least 80% within"
    )
    assert "encoder noise are all between" in say.noise_finding(compared(FACES))
    no_more = "single answers of the SNN flip no more often than the ANN's."
    assert say.noise_finding(compared(DIGITS)).endswith(no_more)


def test_the_conclusion_has_an_item_a_place_of_the_papers_data():
    found = compared(MNIST, DIGITS)
    assert say.conclusion(found, findings.overall(found)) == (
        "- *MNIST, laptop*: **open** (two classes: contradicted; one class: contradicted; image to noise: open)."
    )


def test_nothing_to_compare_is_said():
    assert say.answer(NONE).startswith("Not compared here")
    assert say.answer(compared(DIGITS)) == say.answer(NONE)
    assert say.noise_finding(NONE) == "Nothing to compare."
    assert say.conclusion(NONE, findings.overall(NONE)).startswith("Nothing to conclude")
    assert say.verdict_lines(NONE).empty


def test_lines_show_counts_and_signed_differences():
    line = say.verdict_lines(compared(MNIST)).iloc[1]
    assert line["run"] == "MNIST, laptop" and line["more flips, low count"] == "+0.50 [−1.00,\u00a02.00]"
    assert line["path"] == "one class" and line["SNN, no encoder noise"] == "1.00 to 2.00"


def test_pieces_are_means_by_kind_of_target():
    measured = pd.DataFrame({"target": ["snn", "ann", "ann"], "plane_target_regions": [9, 3, 4]})
    measured["plane_target_classes"] = 3
    assert say.pieces(measured, "plane") == "ANN 3.5 for 3 classes; SNN 9 for 3 classes"


def agreement(noise=(0.5, 0.9), test=(0.6, 0.3), constant=0.6, n=3):
    """(ANN, SNN) on noise and on test images."""
    found = pd.DataFrame({"target": ["ann"] * 3 + ["snn"] * 3, "inputs": [*findings.INPUTS] * 2})
    found["top"] = [noise[0], 0.0, test[0], noise[1], 0.0, test[1]]
    others = {"top_floor": constant, "top_ceiling": 0.95, "classes": 2.0, "mae": 0.9, "mae_floor": 0.8}
    return found.assign(profile="laptop", dataset="mnist", n=n, differ=0.05, low=0.1, high=0.2, **others)


def test_the_papers_pattern_is_named_with_what_it_is_worth():
    said = say.patterns(agreement())
    assert said.startswith(
        "- *MNIST, laptop*: the paper's pattern is **seen**: agreement with these three SNNs on noise 0.90"
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
