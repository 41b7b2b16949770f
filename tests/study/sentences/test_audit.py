"""What an audit says, on numbers whose sentence is known."""

from dataclasses import replace

import pandas as pd

from snnmi.models.foreign import Assumed
from snnmi.study.audit import Own
from snnmi.study.findings.audit import ORDER, Outcome
from snnmi.study.sentences import audit as say
from tests.helpers import plain

COPIES = dict(zip(ORDER, (0.43, 0.94, 0.41, 0.58, 0.7, 0.57)))
OWN = Own(len, "")
FOUND = Outcome(15_360, 0.978, True, COPIES, True, 0.14, "trace", 0.0, 0.9)


def test_the_answer_is_one_sentence():
    assert say.answer(FOUND, own=OWN, book=False) == (
        "In 15,360 queries a class the attack gets a copy of your network: right on 43% of the test images, on 58% if "
        "all its questions lie in the range of images (for an ANN of its size 94% and 70%, for an SNN 41% and 57%); in "
        "its pictures an independent judge sees traces of the classes, but no images of them."
    )


def test_the_answer_says_where_nothing_was_got():
    said = say.answer(FOUND._replace(copied=False, reading="nothing"), own=OWN, book=True)
    assert "no copy better than always saying the commonest class of this book's SNN" in said
    assert said.endswith("sees nothing of the classes.")


def test_a_network_that_was_read_wrongly_gets_no_other_answer():
    said = say.answer(
        FOUND._replace(works=False, accuracy=0.1), own=Own(len, "", assumed=Assumed()), book=False
    )
    assert said == (
        "As your network is read here it is right on 10% of the test images, and whoever always says the commonest "
        "class on 14%: what was assumed about it is wrong, so nothing below counts."
    )


def test_code_that_only_guesses_is_told_the_likely_causes_as_nothing_was_assumed():
    said = say.answer(FOUND._replace(works=False, accuracy=0.1), own=OWN, book=False)
    assert "assumed" not in said and all(cause in said for cause in ("scale", "order", "training mode"))


def test_what_makes_an_answer_doubtful_stands_beside_it():
    own = replace(OWN, unsteady="It draws.")
    assert say.answer(FOUND, own=own, book=False).endswith("no images of them. It draws.")
    assert say.assumed(own).endswith(
        "as it stands. It draws."
    ) and "nothing had to be assumed" not in say.assumed(own)


def test_what_was_assumed_is_said_of_a_file_and_of_code():
    said = say.assumed(Own(len, "", assumed=Assumed(reset="delayed")))
    assert said.startswith("It is asked for 25 steps of 0.0001 s through the encoder “rate”")
    assert "falls by the threshold, one step later; at the start of every query all are at rest" in said
    assert "nothing had to be assumed" in say.assumed(Own(len, ""))


def test_rules_are_told_by_their_accuracies():
    found = pd.DataFrame({"reset": ["zero", "delayed"], "test_accuracy": [0.5, 0.9]})
    found["assumed"] = [False, True]
    said = "**From 50.0% to 90.0%, by what is assumed to follow a spike.**"
    assert say.rules_caption(found).startswith(said)
    assert say.rules(found).iloc[1].tolist()[1:] == ["delayed", "90.0%", "assumed"]
    same = say.rules_caption(found.assign(test_accuracy=0.9))
    assert same.startswith("**What follows a spike makes no difference to its accuracy here.**")


def test_agreement_is_said_only_where_there_is_something_to_agree_with():
    apart = pd.Series({"A_target": 0.0, "M_global": 0.0004})
    assert "differ by at most 3e-07 in a confidence" in say.same(3e-7, apart)
    assert "at most 0.000 in every score" in say.same(3e-7, apart)
    assert "agree" not in say.same(None, apart)


def scores() -> pd.DataFrame:
    rows = [
        ("yours", "surrogate_accuracy", 0.43, 0.41, 0.45, 0.14, 0.98),
        ("snn", "surrogate_accuracy", 0.4, 0.39, 0.41, 0.14, 0.98),
        ("yours, clipped noise", "surrogate_accuracy", 0.58, 0.54, 0.61, 0.14, 0.98),
        ("yours", "A_target", 0.9, 0.8, 1.0, 0.1, 1.0),
        ("yours, clipped noise", "A_target", 1.0, 1.0, 1.0, 0.1, 1.0),
    ]
    found = pd.DataFrame(rows, columns=["variant", "score", "value", "low", "high", "floor", "ceiling"])
    return found.assign(target=found.variant.str.split(",").str[0], queries=15_360)


def test_scores_stand_between_floor_and_ceiling():
    table = say.scores(scores()).set_index(["score", "attacker asks"])
    cell = table.loc[("surrogate acc.", "anything"), "the network"]
    assert plain(cell) == "43.0 [41.0, 45.0]; 14.0 … 98.0"
    assert say.scores_caption(scores()).startswith(
        "**The best copy of the network is right on 58% of the test images; the network itself on 98%.**"
    )
    assert say.scores_finding(scores()) == (
        "The network takes 90% of the pictures for the class that was attacked, and 100% where the attacker kept to "
        "the range."
    )


def test_the_judges_table_names_whose_pictures_it_judges():
    found = pd.DataFrame({"images": ["yours", "snn, clipped noise", "noise"], "chance": 0.1})
    found["reading"] = ["trace", "nothing", "nothing"]
    for end in ("", "_low", "_high"):
        found[f"recognised{end}"], found[f"identified{end}"] = [0, 0.1, 0], [0.9, 0.5, 0.1]
    table = say.judged(found)
    assert table.pictures.tolist() == ["the network", "SNN of its size, asked in the range", "noise"]
    said = "**Of the pictures drawn from the network, at most 0% are recognised and 90% identified.**"
    assert say.judged_caption(found).startswith(said)
