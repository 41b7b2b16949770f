"""Chapter 4's tables on attacks whose answer is known."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from snnmi.measure.scores import METRICS
from snnmi.study.experiment import Experiment
from snnmi.study.findings import metrics as findings
from snnmi.study.published import CLAIMS
from snnmi.study.runs import AttackRun

LABELS = np.arange(10)
SCORES = [name for name, metric in METRICS.items() if metric.table]


def attacks(target: str, shift: float = 0.0, *, dataset: str = "mnist", seeds=(0,)) -> pd.DataFrame:
    """Ten classes, each class's scores 0.01 apart, the kept pair's 0.05 lower; seed s adds 0.1 s."""
    rows = []
    for seed in seeds:
        for pair, less in (("last", 0.0), ("kept", 0.05)):
            frame = pd.DataFrame({"label": LABELS, "pair": pair, "seed": seed, "attack_seed": seed})
            value = 0.8 + 0.01 * LABELS + shift - less + 0.1 * seed
            rows.append(frame.assign(**{score: value for score in SCORES}, L_N=value))
    frame = pd.concat(rows, ignore_index=True).assign(target=target, variant=target)
    ends = dict(A_target_floor=0.1, A_target_ceiling=1.0, fidelity_mae_floor=0.7, fidelity_mae_ceiling=1.0)
    return frame.assign(profile="quick", dataset=dataset, queries=640_000, **ends)


def both(shift: float = -0.6, **more) -> pd.DataFrame:
    found = pd.concat([attacks("ann", **more), attacks("snn", shift, **more)], ignore_index=True)
    return findings.completed(found, [])


def last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.pair == "last"]


# --- Table II


def test_scores_stand_beside_floor_ceiling_and_paper():
    table = findings.score_table(last(both())).set_index(["target", "score"])
    assert table.value["ann", "A_target"] == pytest.approx(0.845) and (table.n == 10).all()
    assert table.floor["snn", "A_target"] == 0.1 and table.published["ann", "A_target"] == 1.0
    assert table.published["snn", "fidelity_top"] == 0.9541 and table.apart["snn", "fidelity_top"]
    assert (table.networks == 1).all() and findings.ABOVE not in table.index.get_level_values("score")
    off = findings.score_table(last(both(dataset="digits")))
    assert off.published.isna().all() and not off.apart.any()


def test_a_class_without_a_number_is_left_out_and_named():
    rows = last(both())
    rows.loc[(rows.target == "snn") & (rows.label == 9), ["A_target", "surrogate_accuracy"]] = np.nan
    table = findings.score_table(rows).set_index(["target", "score"])
    gone, whole = table.loc["snn", "A_target"], table.loc["ann", "A_target"]
    assert (gone.lost, gone.n, whole.lost, whole.n) == ("9", 9, "", 10)
    assert gone.value == pytest.approx(0.2 + 0.01 * np.arange(9).mean())
    never = rows.assign(A_comb=np.nan)  # scored before the metric was added
    assert "A_comb" not in findings.measured(never)


def test_a_score_of_one_in_every_class_is_not_apart_from_a_published_hundred():
    rows = last(both()).assign(A_comb=0.1 + 0.2 + 0.7 - 2**-53)  # as sums of floats come out
    table = findings.score_table(rows).set_index(["target", "score"])
    assert table.high["ann", "A_comb"] < 1 and not table.apart["ann", "A_comb"]


def test_networks_are_averaged_within_each_class_until_there_are_enough_to_be_the_unit():
    two = findings.score_table(last(both(seeds=(0, 1)))).set_index(["target", "score"])
    assert two.value["ann", "A_target"] == pytest.approx(0.895) and two.networks.unique().tolist() == [2]
    assert two.high["ann", "A_target"] - two.low["ann", "A_target"] < 0.05  # over classes
    six = findings.score_table(last(both(seeds=range(6)))).set_index(["target", "score"])
    half = 2.5706 * np.std([0, 0.1, 0.2, 0.3, 0.4, 0.5], ddof=1) / 6**0.5  # t of 5 degrees, over networks
    assert six.high["ann", "A_target"] - six.low["ann", "A_target"] == pytest.approx(2 * half, abs=1e-4)
    assert six["std"]["ann", "A_target"] == pytest.approx(two["std"]["ann", "A_target"])  # over classes


def test_what_lies_above_the_entropy_stands_beside_where_entropies_are_stored():
    rows = both(0.0).assign(M_global_ceiling=lambda r: r.target.map({"ann": 0.8, "snn": 0.5}))
    table = findings.score_table(last(findings.completed(rows, []))).set_index(["target", "score"])
    above = table.value.xs(findings.ABOVE, level="score")
    assert above.to_dict() == pytest.approx({"ann": 0.045, "snn": 0.345})


def test_fidelity_is_rescaled_from_floor_to_ceiling_at_one_scale():
    scores = findings.score_table(last(both(-0.1)))
    found = findings.rescaled_fidelity(pd.concat([scores, scores.assign(profile="smoke", value=0.0)]))
    assert found.rescaled.tolist() == pytest.approx([0.145 / 0.3, 0.045 / 0.3])


# --- pairs


def test_the_two_pairs_are_compared_class_by_class():
    table = findings.pairs_table(both())
    assert len(table) == 2 * len(SCORES) and table.difference.tolist() == pytest.approx([0.05] * len(table))
    assert (table.p < 0.05).all() and table["last"][0] - table.kept[0] == pytest.approx(0.05)


# --- claims


def test_claims_are_tried_where_both_targets_were_attacked():
    table = findings.claims_table(both()).set_index("key")
    assert table.index.tolist() == [key for key in CLAIMS if key != "likeness"]  # no picture at hand
    assert table.verdict["a_target"] == "supported" and table.verdict["fidelity"] == "contradicted"
    assert table.difference["a_target"] == pytest.approx(-0.6) and table.works.all()
    assert table.verdict_kept["a_target"] == "supported" and table.n.tolist() == [10] * 7
    assert (table.won_ann["a_target"], table.won_snn["a_target"], table.attacks["a_target"]) == (10, 0, 10)
    alone = both().query("target == 'ann'")
    assert findings.claims_table(alone).columns.tolist() == findings.CLAIM_COLUMNS
    assert findings.claims_table(alone).empty


def test_behind_a_shut_gate_every_claim_is_open():
    rows = both()
    table = findings.claims_table(rows.assign(A_target=rows.A_target - 0.5)).set_index("key")
    assert not table.works.any() and set(table.verdict.drop("unstable")) == {"open"}


def test_where_few_classes_differ_no_test_is_run():
    """Ten of ten against seven of ten, the paper's own counts."""
    rows = both()
    won = np.where((rows.target == "snn") & (rows.label > 6), 0.0, 1.0)
    row = findings.claims_table(rows.assign(A_target=won)).set_index("key").loc["a_target"]
    assert not row.tested and np.isnan([row.p, row.low, row.high]).all() and row.verdict == "open"
    assert (row.won_ann, row.won_snn, row.attacks) == (10, 7, 10)


def test_convergence_is_judged_above_the_entropy_and_open_without_it():
    """The faces of 2026: M_global lower on the SNN, whose answers to noise are surer; its copy the worse one."""
    rows = both(-0.5)
    without = findings.claims_table(rows).set_index("key").loc["m_global"]
    assert without.verdict == "open" and [without.difference, without.printed] == pytest.approx([-0.5] * 2)
    rows = rows.assign(M_global_ceiling=rows.target.map({"ann": 0.75, "snn": 0.0}))
    judged = findings.claims_table(findings.completed(rows, [])).set_index("key").loc["m_global"]
    assert judged.verdict == "supported" and judged.judged == findings.ABOVE
    assert (judged.printed, judged.difference) == (pytest.approx(-0.5), pytest.approx(0.25))


def test_only_networks_that_both_kinds_have_are_compared():
    """A mean of two networks against one of them is a comparison of networks."""
    rows = pd.concat([attacks("ann", seeds=(0, 1)), attacks("snn", -0.6)], ignore_index=True)
    row = findings.claims_table(findings.completed(rows, [])).set_index("key").loc["a_target"]
    assert (row.networks, row.attacks) == (1, 10) and row.difference == pytest.approx(-0.6)


def test_with_six_networks_of_each_kind_they_are_the_units():
    table = findings.claims_table(both(seeds=range(6))).set_index("key")
    row = table.loc["a_target"]
    assert (row.unit, row.n, row.networks, row.attacks) == ("network", 6, 6, 60)
    assert row.p == 2 / 2**6 and row.verdict == "supported"
    assert findings.claims_table(both(seeds=range(5))).unit.unique().tolist() == ["class"]


# --- likeness


def test_likeness_is_read_off_stored_pictures_only_where_scores_lack_it():
    means = np.random.default_rng(0).random((10, 4, 4))
    about = dict(profile="quick", dataset="mnist", target="ann", variant="ann", seed=0, attack_seed=0)
    run = Mock(spec=AttackRun, labels=[*LABELS], **about)
    run.reconstructions = np.concatenate([means[:5], 1 - means[5:]])[:, None]
    stored, none = (
        Mock(spec=Experiment, attacks=lambda: [run], originals=lambda dataset, found=found: found)
        for found in ({"class mean": means}, {})
    )
    rows = attacks("ann", seeds=(0, 1)).drop(columns="likeness", errors="ignore")
    found = last(findings.completed(rows, [stored]))
    assert found.likeness.tolist() == pytest.approx([1] * 5 + [-1] * 5 + [np.nan] * 10, nan_ok=True)
    assert findings.completed(rows, [none]).likeness.isna().all()
    assert (findings.completed(rows.assign(likeness=0.3), [stored]).likeness == 0.3).all()
