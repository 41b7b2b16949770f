"""What chapter 6 says, from pictures whose likeness is known."""

import numpy as np
import pandas as pd

from snnmi.study.findings import reconstructions as findings
from snnmi.study.sentences import reconstructions as say


def table(*kinds, shift=0.5, profile="laptop", dataset="mnist"):
    """Four classes; the ANN's pictures are like their own class by `shift` more than the SNN's, and all identified."""
    rows = [(kind, label, 0.1 * label + shift * (kind == "ann")) for kind in kinds for label in range(4)]
    frame = pd.DataFrame(rows, columns=["target", "label", "delta"])
    identified = (frame.target == "ann") | (frame.label == 3)
    frame = frame.assign(own=frame.delta + 0.2, other=0.2, identified=identified)
    return frame.assign(profile=profile, dataset=dataset)


def answer(table):
    return say.answer(findings.likeness_differences(table))


def test_what_the_targets_say_is_counted():
    said = say.accepted({"ann": np.array([True, False]), "snn": np.array([True, True])})
    assert said.endswith("the wanted class is given by the ANN to 1 of 2 and by the SNN to 2 of 2.")


def test_a_setting_says_what_is_missing():
    here, gone = (say.setting("laptop", "faces", 3, 128_000, originals=known) for known in (True, False))
    assert here == "AT&T faces, laptop scale, seed 3, 128,000 queries a class."
    assert gone == f"{here} Its originals were not stored."
    assert say.absent("mnist")[1] == "To have one of MNIST: `make book PROFILE=laptop`."


def test_likeness_is_printed_a_line_a_target():
    first, second = say.likeness_lines(findings.likeness_means(table("ann", "snn"))).to_dict("records")
    assert (first["data, scale"], first["target"], second["target"]) == ("MNIST, laptop", "ANN", "SNN")
    assert first["own − other"].startswith("0.65 [") and first["other classes"] == "0.20 [0.20,\u00a00.20]"
    assert (first["identified (chance)"], second["identified (chance)"]) == ("100% (25.0%)", "25% (25.0%)")


def test_the_answer_compares_class_by_class():
    assert answer(table("ann", "snn")) == (
        "MNIST, laptop scale: 100% of the ANN's and 25% of the SNN's pictures are nearest to their own class "
        "(chance 25.0%), and likeness is more class-specific for the ANN (difference 0.50 [0.50,\u00a00.50])."
    )
    assert "more class-specific for the SNN" in answer(table("ann", "snn", shift=-0.5))
    assert "not clearly different" in answer(table("ann", "snn", shift=0.0))


def test_places_with_one_kind_of_target_are_left_out():
    one, both = table("ann", dataset="faces"), table("ann", "snn", profile="quick")
    assert answer(pd.concat([one, both])).startswith("MNIST, quick scale")
    assert answer(one) == answer(one[:0]) == "Open: no data set with both targets was attacked."
