"""What chapter 4 says, on numbers whose sentence is known."""

import numpy as np
import pandas as pd

from snnmi.study.published import CLAIMS
from snnmi.study.sentences import metrics as say

NBSP = "\u00a0"


def scores(**more) -> pd.DataFrame:
    row = {
        "profile": "laptop",
        "dataset": "mnist",
        "target": "ann",
        "n": 10,
        "apart": False,
        "published": 1.0,
    }
    row |= {"value": 0.954, "std": 0.02, "low": 0.95, "high": 0.96}
    return pd.DataFrame([row | {"score": score} | more for score in ("A_target", "fidelity_mae")])


def test_shares_are_percentages_and_a_dagger_marks_what_is_apart():
    share, fidelity = scores(apart=True).itertuples()
    assert say.score(share).replace(NBSP, " ") == "95.4 ± 2.0 † [95.0, 96.0]"
    assert say.score(fidelity._replace(apart=False)).replace(NBSP, " ") == "0.954 ± 0.020 [0.950, 0.960]"
    assert say.score(share).count(NBSP) == 4  # none of it breaks but before the interval


def test_the_papers_row_stands_above_ours():
    table = say.table_2(pd.concat([scores(), scores(profile="half")]))
    assert table.target.unique().tolist() == ["MNIST, ANN"]
    assert table.scale.tolist() == ["published", "laptop", "half"]
    assert table.A_target[0] == "100" and table["M_global"][0] == "1.0371 ± 0.12"
    assert say.table_2(scores(dataset="digits")).scale.tolist() == ["laptop"]


def test_the_caption_counts_what_agrees():
    found = pd.concat([scores(), scores(apart=True)])
    caption = say.table_2_caption(found)
    assert caption.startswith("**2 of 4 numbers cannot be told from the published ones.** Kept pair;")
    assert "(MNIST at scale laptop: ten classes; the paper ten and forty)" in caption
    assert "No data set at hand is in the paper" in say.table_2_caption(scores(published=np.nan))


def test_pairs_that_differ_are_marked():
    found = pd.DataFrame(
        {"profile": "laptop", "dataset": "mnist", "target": "snn", "score": ["A_comb", "A_target"]}
    )
    found = found.assign(kept=[0.7, 0.5], last=[0.6, 0.5], p=[0.049, 1.0])
    assert say.pairs(found).iloc[0].to_dict() == {
        "target": "MNIST, SNN",
        "scale": "laptop",
        "A_comb": "0.700 → 0.600 ‡",
        "A_target": "0.500 → 0.500",
    }
    assert say.pairs_caption(found).startswith("**In 1 of 2 comparisons")


def claims(**more) -> pd.DataFrame:
    row = {"profile": "half", "dataset": "mnist", "key": "a_target", "claim": "lower", "difference": -0.4}
    row |= {"low": -0.7, "high": -0.1, "p": 0.002, "n": 10, "published": -0.3, "works": True, "decimals": 2}
    return pd.DataFrame([row | {"verdict": "reproduced", "verdict_last": None} | more])


def test_a_claim_is_told_with_interval_and_p():
    found = say.claims(claims()).iloc[0]
    assert found["SNN − ANN"].replace(NBSP, " ") == "−0.40 [−0.70, −0.10], p = 0.002"
    assert (found.run, found.paper, found.verdict) == ("MNIST, half", "−0.30", "**reproduced**")
    assert found["with the last pair"] == "–"
    assert say.claims(claims(published=np.nan)).paper[0] == "–"


def test_panels_are_named_by_their_score():
    assert [say.panel(key) for key in ("m_global", "unstable", "likeness")] == [
        "M_global",
        "spread of M_global",
        "likeness",
    ]


def test_the_paper_prints_no_number_for_likeness():
    assert say.paper_numbers(CLAIMS["likeness"]) == "no number"
    assert say.paper_numbers(CLAIMS["fidelity"]) == "+0.0612; +0.0080"


def test_the_caption_says_what_changes_with_the_last_pair_and_where_the_gate_is_shut():
    found = pd.concat([claims(verdict_last="open"), claims(profile="smoke", works=False, verdict="open")])
    caption = say.claims_caption(found)
    assert caption.startswith(
        "**1 reproduced, 0 not reproduced, 1 open; verdicts that change with the last pair: 1.**"
    )
    assert caption.endswith("Scales at which the gate is shut: MNIST, smoke.")
    assert say.stalled(claims()) == "none"


def test_the_landing_page_has_a_cell_for_everything():
    shares = pd.Series({("half", "mnist"): 0.5, ("laptop", "faces"): 0.1})
    found = pd.concat(
        [claims(), claims(profile="laptop"), claims(profile="laptop", dataset="faces", key="m_global")]
    )
    cells = say.landing(found, shares)
    assert len(cells) == len(CLAIMS) * (1 + 2 * 3) + 3
    assert cells["metrics_scale_mnist"] == "half, 50.0% of the paper's queries"
    assert cells["verdict_a_target_mnist"] == "reproduced" and cells["number_a_target_mnist"].startswith(
        "−0.40"
    )
    assert (cells["verdict_likeness_mnist"], cells["number_likeness_mnist"]) == (
        "open",
        "data set not at hand",
    )
    assert cells["verdict_a_target_digits"] == cells["metrics_scale_digits"] == "not run"
    assert cells["number_a_target_digits"] == "at any scale" and cells["claim_a_comb_paper"] == "−0.30; −0.55"


def test_the_headline_counts_verdicts_at_the_largest_scale():
    found = pd.concat([claims(), claims(profile="laptop", verdict="not reproduced")])
    assert say.headline(found) == (
        "At the largest scale at hand (MNIST at scale half), 1 tests of the paper's claims were made: 1 reproduced, "
        "0 not reproduced, 0 open."
    )
    assert say.headline(found[:0]) == "Only one kind of target was attacked, so nothing can be compared."
