"""What chapter 4 says, on numbers whose sentence is known."""

import numpy as np
import pandas as pd

from snnmi.study.findings.metrics import ABOVE
from snnmi.study.published import CLAIMS
from snnmi.study.sentences import metrics as say
from tests.helpers import plain


def scores(**more) -> pd.DataFrame:
    row = {"profile": "laptop", "dataset": "mnist", "target": "ann", "n": 10, "networks": 2, "lost": ""}
    row |= {"value": 0.954, "std": 0.02, "low": 0.95, "high": 0.96, "apart": False, "published": 1.0}
    return pd.DataFrame([row | {"score": score} | more for score in ("A_target", "fidelity_mae")])


def test_shares_are_percentages_and_a_dagger_marks_what_is_apart():
    share, fidelity = scores(apart=True).itertuples()
    assert plain(say.score(share)) == "95.4 ± 2.0 † [95.0, 96.0]"
    assert plain(say.score(fidelity._replace(apart=False))) == "0.954 ± 0.020 [0.950, 0.960]"
    assert say.score(share).count("\u00a0") == 4  # none of it breaks but before the interval


def test_a_lost_class_is_marked_and_named_under_the_table():
    one = scores(lost="3, 7")
    assert " ¶ [" in plain(say.score(next(one.itertuples())))
    named = "¶: without classes whose answers or images are no numbers: 3, 7 (MNIST, laptop, ANN)."
    assert say.table_2_caption(one).endswith(named)
    assert "¶" not in say.table_2_caption(scores())


def test_the_papers_row_stands_above_ours():
    table = say.table_2(pd.concat([scores(), scores(profile="quick")]))
    assert table.target.unique().tolist() == ["MNIST, ANN"]
    assert table.scale.tolist() == ["published", "laptop", "quick"]
    assert table.A_target[0] == "100" and table["M_global"][0] == "1.0371 ± 0.12"
    assert say.table_2(scores(dataset="digits")).scale.tolist() == ["laptop"]


def test_the_caption_counts_what_agrees():
    found = pd.concat([scores(), scores(apart=True)])
    caption = say.table_2_caption(found)
    assert caption.startswith("**2 of 4 numbers cannot be told from the published ones.** Last pair;")
    assert "over networks where there are six or more" in caption
    assert "No data set at hand is in the paper" in say.table_2_caption(scores(published=np.nan))


def test_what_lies_above_the_entropy_is_a_column_of_its_own():
    table = say.table_2(pd.concat([scores(), scores()[:1].assign(score=ABOVE, value=0.3, std=0.1)]))
    assert table["L_N − H(T)"].tolist()[0] == "" and table["L_N − H(T)"][1].startswith("0.300")
    assert table.networks.tolist() == ["", "2"]


def test_pairs_that_differ_are_marked():
    found = pd.DataFrame({"score": ["A_comb", "A_target"], "kept": [0.7, 0.5], "last": [0.6, 0.5]})
    found = found.assign(p=[0.049, 1.0], profile="laptop", dataset="mnist", target="snn")
    told = {"A_comb": "0.700 → 0.600 ‡", "A_target": "0.500 → 0.500"}
    assert say.pairs(found).iloc[0].to_dict() == {"target": "MNIST, SNN", "scale": "laptop"} | told
    assert say.pairs_caption(found).startswith("**In 1 of 2 comparisons")


def claims(**more) -> pd.DataFrame:
    row = {"profile": "quick", "dataset": "mnist", "key": "surrogate", "claim": "lower", "difference": -0.4}
    row |= {"low": -0.7, "high": -0.1, "p": 0.002, "p_error": 0.0, "n": 10, "published": -0.3, "works": True}
    row |= {"tested": True, "networks": 1, "printed": -0.4, "judged": "", "decimals": 2, "attacks": 10}
    row |= {"ann": 0.5, "snn": 0.1, "won_ann": 10, "won_snn": 6}
    return pd.DataFrame([row | {"verdict": "supported", "verdict_kept": None} | more])


def told(**more) -> str:
    return plain(say.number(next(claims(**more).itertuples())))


def test_a_claim_is_told_with_interval_and_p():
    found = say.claims(claims()).iloc[0]
    assert plain(found["SNN − ANN"]) == "−0.40 [−0.70, −0.10], p = 0.002"
    assert (found.run, found.paper, found.verdict) == ("MNIST, quick", "−0.30", "**supported**")
    assert found["with the kept pair"] == "–"
    assert say.claims(claims(published=np.nan)).paper[0] == "–"
    assert told(p_error=0.0004).endswith("p = 0.002 ± 0.0004")


def test_shares_of_classes_are_counts_and_nothing_else_where_no_test_was_run():
    """ "p = 0.125" said that the difference may be chance, of a test that could say nothing else."""
    assert told(key="a_target", tested=False) == "ANN 10 of 10, SNN 6 of 10"
    assert told(key="a_comb") == "ANN 10 of 10, SNN 6 of 10, −0.40 [−0.70, −0.10], p = 0.002"
    assert told(tested=False) == "−0.40"


def test_both_numbers_are_told_where_another_is_judged_than_the_paper_prints():
    found = told(key="m_global", judged=ABOVE, printed=-0.51, difference=0.27, low=0.2, high=0.3)
    assert found == "−0.51; L_N − H(T) +0.27 [0.20, 0.30], p = 0.002"


def test_panels_are_named_by_their_score():
    found = [say.panel(key) for key in ("m_global", "unstable", "likeness")]
    assert found == ["M_global", "spread of M_global", "likeness"]


def test_the_paper_prints_no_number_for_likeness():
    assert say.paper_numbers(CLAIMS["likeness"]) == "no number"
    assert say.paper_numbers(CLAIMS["fidelity"]) == "+0.0612; +0.0080"
    assert say.paper_numbers(CLAIMS["unstable"]) == "+0.46; +0.32"


def test_the_finding_names_claims_on_the_papers_data_at_the_largest_scale_and_counts_none():
    laptop = claims(profile="laptop"), claims(profile="laptop", key="a_comb", verdict="open")
    found = pd.concat([*laptop, claims(), claims(dataset="digits", verdict="demonstration")])
    assert say.claims_finding(found) == "MNIST, laptop: supported by surrogate acc.; open by A_comb."
    assert say.claims_finding(found[-1:]).startswith("None of the paper's data sets is at hand")


def test_the_caption_says_where_the_gate_is_shut():
    found = pd.concat([claims(), claims(profile="smoke", works=False, verdict="open")])
    assert say.claims_caption(found).endswith("Scales at which the gate is shut: MNIST, smoke.")
    assert say.stalled(claims()) == "none"


def test_the_landing_page_has_a_cell_for_everything():
    shares = pd.Series({("laptop", "mnist"): 0.1, ("laptop", "faces"): 0.1})
    faces = claims(profile="laptop", dataset="faces", key="m_global")
    found = pd.concat([claims(), claims(profile="laptop", networks=2), faces])
    cells = say.landing(found, shares)
    assert len(cells) == len(CLAIMS) * (1 + 2 * 3) + 3
    assert cells["metrics_scale_mnist"] == "laptop, 10.0% of the paper's queries, two networks of each kind"
    assert cells["verdict_surrogate_mnist"] == "supported"
    assert cells["number_surrogate_mnist"].startswith("−0.40")
    assert (cells["verdict_likeness_mnist"], cells["number_likeness_mnist"]) == ("open", "not measured")
    assert cells["verdict_a_target_digits"] == cells["metrics_scale_digits"] == "not run"
    assert cells["number_a_target_digits"] == "at any scale" and cells["claim_a_comb_paper"] == "−0.30; −0.55"


def test_the_headline_speaks_of_these_networks_until_there_are_many():
    def found(**more):
        return pd.concat([claims(**more), claims(key="a_target", verdict="open", **more)])

    assert say.headline(pd.concat([found(), found(dataset="digits")])) == (
        "On MNIST, quick, copies of this ANN read 50% of the test images, copies of this SNN 10% (supported); this ANN "
        "accepted the pictures in 10 of 10 attacks, this SNN in 6 (open)."
    )
    assert "copies of ANNs read 50% of the test images, copies of SNNs 10%" in say.headline(found(networks=7))
    assert say.headline(found(dataset="digits")).startswith("On Digits (8×8), quick, copies")
    assert say.headline(found()[:0]) == "Only one kind of target was attacked, so nothing can be compared."
