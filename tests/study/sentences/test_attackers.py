"""What the page on attackers says follows its numbers, either way."""

import numpy as np
import pandas as pd

from snnmi.study.findings import attackers as findings
from snnmi.study.findings.attackers import GAMIN
from snnmi.study.sentences import attackers as say
from snnmi.study.sentences import masking as signs
from tests.helpers import plain
from tests.study.findings.test_attackers import TABLE, rows

FOUND = findings.summary(TABLE)


def test_the_answer_names_the_best_who_asks_and_the_best_who_holds_the_weights():
    assert say.answer(FOUND) == (
        "At MNIST, plan, of those who only ask, evolution comes farthest against this SNN: 100% of its images are "
        "identified and 40% recognised, of those of GAMIN as published 40% and 10%; who holds the weights comes to "
        "100% and 60% (gradient descent)."
    )
    gamin = findings.summary(TABLE.assign(identified=np.where(TABLE.attacker == GAMIN, 0.9, 0.1)))
    assert "GAMIN, as published comes farthest against these two SNNs: 90% of its images" in say.answer(gamin)
    assert say.answer(FOUND[:0]) == "Not run at any scale."


def test_the_answer_is_of_the_papers_data_where_there_are_such():
    digits = findings.summary(TABLE.assign(dataset="digits", profile="quick"))
    assert say.answer(digits).startswith("At Digits (8×8), quick")
    assert "Digits" not in say.answer(pd.concat([digits, FOUND]))


def test_the_two_kinds_are_compared_only_where_both_were_attacked():
    assert say.weaker(FOUND) == "Evolution was not run on both kinds."
    both = findings.summary(pd.concat([TABLE, rows(("evolution", "ann", 0, 50, np.nan, 0.9, 0.3, 0.8))]))
    assert say.weaker(both) == (
        "Of what evolution draws at MNIST, plan, of this SNN 1.00 is identified and 0.40 recognised; of this ANN 0.80 "
        "is identified and 0.30 recognised."
    )
    more = rows(("evolution", "ann", 1, 50, np.nan, 0.9, 0.3, 0.6))
    two = findings.summary(pd.concat([TABLE, rows(("evolution", "ann", 0, 50, np.nan, 0.9, 0.3, 0.8)), more]))
    assert "of these two ANNs 0.70 [" in say.weaker(two)


def test_the_table_has_a_line_an_attacker_and_dashes_where_nothing_is():
    table = say.table(FOUND).set_index("attacker")
    assert table.loc["evolution", "SNN: copy"] == "–" and table.loc["evolution", "queries a class"] == "50"
    assert (
        table.loc["gradient descent", "queries a class"] == "none" and table.loc[GAMIN, "SNN: copy"] == "30%"
    )
    assert say.table(FOUND[:0]).scale.tolist() == ["none"]


CHECKED = pd.DataFrame(
    [
        ("range", "MNIST, plan", "snn", 0.3, 0.7),
        ("weights", "MNIST, plan", "snn", 0.4, 0.42),
        ("weights", "MNIST, plan", "ann", 0.4, 0.2),
        ("transfer", "MNIST, plan", "ann", 0.9, 0.5),
        ("transfer", "MNIST, plan", "snn", 0.9, 0.88),
    ],
    columns=["question", "scale", "target", "before", "after"],
)


def test_the_checklist_reads_each_pair_by_the_margin():
    table = signs.checklist(CHECKED).set_index("question")
    assert table.loc["Does noise within [0, 1] help?", ["ANN", "SNN"]].tolist() == ["–", "yes: 0.30 → 0.70"]
    weights = table.loc["Do the weights help?", ["ANN", "SNN"]].tolist()
    assert weights == ["it harms: 0.40 → 0.20", "no: 0.40 → 0.42"]
    taken = table.loc["Are images taken by other networks too?", ["ANN", "SNN"]].tolist()
    assert taken == ["less: 0.90 → 0.50", "yes: 0.90 → 0.88"]


def test_signs_of_masked_answers_are_named():
    assert signs.masked(CHECKED) == (
        "at MNIST, plan (ANN: the weights do not help, other networks do not take its images; SNN: noise within [0, 1] "
        "helps, the weights do not help)"
    )
    assert signs.masked(CHECKED[CHECKED.question == "transfer"]).endswith("SNN: none)")
    assert signs.masked(CHECKED[:0]) == "nowhere"


def test_collapse_is_told_by_how_alike_the_images_of_a_class_are():
    rows = [
        (GAMIN, "snn", 0.9, 3),
        ("GAMIN, best of 4 restarts", "snn", 0.25, 1),
        ("GAMIN, label alone", "snn", 0.7, 1),
    ]
    found = pd.DataFrame(rows, columns=["attacker", "target", "value", "networks"])
    found = found.assign(scale="MNIST, plan", measure="alike")
    assert say.collapse(found) == (
        "At MNIST, plan, images of one class correlate with each other: of GAMIN, as published SNN 0.90 (three "
        "networks); of GAMIN, best of 4 restarts SNN 0.25 (one network)."
    )
    assert say.collapse(found[:1]) == "Nobody with several generators was run."


def test_more_queries_are_told_by_the_rise_of_every_network_with_its_interval():
    ways = {0: (0.1, 0.3, 0.5), 1: (0.1, 0.3, 0.6)}
    rows = [(seed, 10 ** (i + 1), x, 0.5) for seed, way in ways.items() for i, x in enumerate(way)]
    frame = pd.DataFrame(rows, columns=["seed", "queries", "identified", "sure"])
    frame = frame.assign(scale="MNIST, paper", target="snn")
    assert plain(say.anytime(frame)) == (
        "At MNIST, paper, from 100 to 1,000 queries a class, images identified: 30% to 55% with these two SNNs (rise "
        "+0.25 [−0.39, 0.89], not told from none); target's confidence in the class: 50% to 50% with these two SNNs "
        "(rise 0.00 [0.00, 0.00], not told from none)."
    )
    surer = say.anytime(
        frame.assign(identified=frame.queries / 1000 + 0.01 * frame.seed * (frame.queries > 100))
    )
    assert surer.count(", told from none") == 1
    assert "one network, so no interval" in say.anytime(frame[frame.seed == 0])
    assert say.anytime(frame[:0]) == "No attack with stored moments."


def test_a_perfect_copy_is_set_beside_gamins_own():
    both = rows(
        (GAMIN, "snn", 0, 100, 0.2, 0.1, 0.03, 0.45),
        ("generator descent", "snn", 0, 0, np.nan, 0.9, 0.02, 0.6),
    )
    assert say.perfect(findings.summary(both)) == (
        "At MNIST, plan, after 100 steps, of the SNN's images 60% are identified and 2% recognised, of GAMIN's 45% and "
        "3%."
    )
    more = pd.concat([both, both[both.attacker == GAMIN].assign(seed=1, attack_seed=1)])
    assert say.perfect(findings.summary(more)) == say.perfect(FOUND) == "Not run on the same networks."


def test_past_the_budget_a_caption_says_what_moved_by_more_than_the_margin_and_of_how_many_networks():
    about = {"scale": "MNIST, paper", "seed": 0, "classes": 3, "few": 1000, "many": 2000}
    rows = pd.DataFrame(
        [
            about | {"target": "ann", "measure": "identified", "before": 0.9, "after": 0.91},
            about | {"target": "snn", "measure": "identified", "before": 0.4, "after": 0.8},
            about | {"target": "snn", "measure": "A_target", "before": 0.5, "after": 0.2},
        ]
    )
    said = say.beyond_caption(rows)
    assert said.startswith(
        "**From 1,000 to 2,000 queries a class, this ANN: nothing by over 0.05; this SNN: images identified 0.40 to "
        "0.80, images taken 0.50 to 0.20.**"
    )
    table = say.beyond(rows)
    assert table["images identified"].tolist() == ["0.90 → 0.91", "0.40 → 0.80"]
    assert say.beyond_caption(rows[:0]).startswith("**No attack") and len(say.beyond(rows[:0])) == 1


def test_image_priors_are_read_by_what_the_judge_recognises():
    rows = pd.DataFrame(
        [
            ("MNIST, plan", kind, name, before, after, after - before, 1)
            for name in (*say.PRIORS, "GAMIN, label alone")
            for kind, before, after in (("ann", 0.2, 0.1), ("snn", 0.08, 0.0))
        ],
        columns=["scale", "target", "attacker", "before", "after", "value", "networks"],
    )
    assert say.priors(rows) == (
        "At MNIST, plan, with convolutional players, the judge recognises of the images of this ANN 10% (as published "
        "20%) and of this SNN 0% (as published 8%). At MNIST, plan, with smoothness penalty, the judge recognises of "
        "the images of this ANN 10% (as published 20%) and of this SNN 0% (as published 8%)."
    )
    assert say.priors(rows[:0]) == "No generator with an image prior was run."
