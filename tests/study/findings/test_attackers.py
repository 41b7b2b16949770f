"""Attackers side by side: numbers of the right networks, in the right order, and the checklist's pairs."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.study import controls
from snnmi.study.experiment import Experiment
from snnmi.study.findings import attackers as findings
from snnmi.study.findings import masking
from snnmi.study.findings.attackers import GAMIN, SCORE
from snnmi.study.judgements import judgements_table
from snnmi.study.sentences import attackers as say


def rows(*found):
    """(attacker, target, seed, queries, copy, called, recognised, identified), of MNIST, plan."""
    columns = ["attacker", "target", "seed", "queries", SCORE, "called", "recognised", "identified"]
    table = pd.DataFrame(found, columns=columns).assign(profile="plan", dataset="mnist", alike=0.9)
    return table.assign(attack_seed=table.seed, knows=np.where(table.queries > 0, "answers", "weights"))


TABLE = rows(
    (GAMIN, "snn", 0, 100, 0.2, 0.1, 0.0, 0.3),
    (GAMIN, "snn", 1, 100, 0.4, 0.1, 0.2, 0.5),
    ("GAMIN, sparse noise", "snn", 0, 100, 0.7, 0.3, 0.1, 0.6),
    ("GAMIN, every input asked 16 times", "snn", 0, 100, 0.25, 0.3, 0.1, 0.6),
    ("evolution", "snn", 0, 50, np.nan, 0.9, 0.4, 1.0),
    ("gradient descent", "snn", 0, 0, np.nan, 1.0, 0.6, 1.0),
)


def test_an_attacker_is_named_by_what_it_does_otherwise():
    assert [findings.named(name) for name in ("snn", "snn, label alone")] == [GAMIN, "GAMIN, label alone"]


def test_who_starts_again_shows_what_the_target_is_surest_of_and_pays_for_all_starts(copied):
    smoke, attack = Experiment("smoke", datasets="digits", results=copied, seeds=0), GaminConfig(batches=8)
    variants = [v for v in controls.restarts(attack) if v.kind == "ann"]
    again = Experiment(
        "smoke", datasets="digits", results=copied, seeds=0, variants=variants, attack_seeds=[0, 1, 2, 3]
    )
    runs = [*smoke.attacks(), *again.attacks()]
    judged = judgements_table([smoke, again], ("reconstruction",))
    table = findings.attackers_table(runs, judged)
    row = table[table.attacker == "GAMIN, best of 4 restarts"]
    assert len(row) == 1 and row.attack_seed.item() == 0
    assert row.queries.item() == 4 * again.attacks()[0].queries_per_class
    own = judged[judged.variant == "ann, best of 4 restarts"]
    surest = own.loc[own.groupby("label").target_confidence.idxmax()]
    assert surest.attack_seed.nunique() > 1  # not one start is best of all classes
    assert row.identified.item() == pytest.approx(surest.identified.mean())
    alike = table.set_index("attacker").alike
    assert alike["GAMIN, best of 4 restarts"] < alike[GAMIN].min() <= 1  # four generators differ


def test_everybody_is_looked_for_at_the_scales_own_batches(monkeypatch):
    plan = Experiment("plan", seeds=0, compute=False, variants=[*controls.BASELINES.values()])
    asked = []
    monkeypatch.setattr(Experiment, "attacks", lambda one: asked.append(one) or [1])
    whole, again = findings.everybody(plan)
    sizes = [v.changes["attack"]["batch_size"] for v in whole.variants if v.change.endswith("asked once")]
    assert sizes == [32, 8] and [v.changes["attack"]["batches"] for v in again.variants] == [250] * 2
    assert not whole.compute and not again.compute and len(again.attack_seeds) == 4


def test_an_attack_past_a_scales_budget_is_set_beside_the_same_classes_of_the_usual_one(copied, monkeypatch):
    monkeypatch.setattr(findings, "BEYOND", {"attack": {"classes": 3, "batches": 40}})
    smoke = Experiment("smoke", datasets="digits", results=copied, seeds=0)
    assert findings.beyond([smoke]).empty
    (longer,) = Experiment(
        "smoke", targets=["ann"], results=copied, seeds=0, budget=findings.BEYOND
    ).attacks()
    found = findings.beyond([smoke]).set_index("measure")
    assert set(found.target) == {"ann"} and set(found.classes) == {3}
    assert found.few.iloc[0] == 30 * 64 and found.many.iloc[0] == 40 * 64
    usual = next(r for r in smoke.attacks() if r.target == "ann")
    for name, row in found.iterrows():
        for run, value in ((usual, row.before), (longer, row.after)):
            own = run.scores[(run.scores["pair"] == "last") & run.scores.label.isin([0, 1, 2])]
            assert value == pytest.approx(own[name].mean())


def test_an_anytime_curve_counts_the_images_of_every_moment(copied):
    smoke = Experiment("smoke", datasets="digits", results=copied, seeds=0)
    rows, runs = findings.anytime([smoke]), smoke.attacks()
    assert set(rows.target) == {"ann", "snn"} and rows.queries.max() == runs[0].queries_per_class
    means = smoke.originals("digits")["class mean"].astype(float).reshape(10, -1)
    for run in runs:
        images = run.moments["image"][-1].astype(float).reshape(len(run.labels), -1)
        like = np.corrcoef(images, means)[: len(images), len(images) :].argmax(1)
        last = rows[(rows.target == run.target) & (rows.queries == rows.queries.max())]
        assert last.identified.item() == pytest.approx(np.mean(like == run.labels))
        own = run.moments["target"][-1][range(len(run.labels)), run.labels].mean()
        assert last.sure.item() == pytest.approx(own)
    assert findings.anytime([]).empty


def test_gamin_is_measured_on_the_networks_that_the_others_attacked():
    found = findings._same_networks(TABLE)
    assert found[found.attacker == GAMIN].seed.tolist() == [0] and len(found) == len(TABLE) - 1
    alone = TABLE[TABLE.attacker == GAMIN]
    assert len(findings._same_networks(alone)) == 2


def test_means_are_over_networks_and_the_best_stands_first():
    found = findings.summary(TABLE)
    row = found[(found.attacker == GAMIN) & (found.measure == SCORE)].iloc[0]
    assert (row.value, row.networks) == (pytest.approx(0.3), 2) and row.low < 0.2 < 0.4 < row.high
    assert [*found.attacker.unique()][:2] == ["evolution", "gradient descent"]
    assert [*found.attacker.unique()][-1] == GAMIN
    assert found[(found.attacker == "evolution") & (found.measure == SCORE)].empty
    assert findings.value(found, "MNIST, plan", GAMIN, "snn", "recognised") == pytest.approx(0.1)
    assert np.isnan(findings.value(found, "MNIST, plan", GAMIN, "ann", "recognised"))


def test_a_scale_with_the_published_attacker_alone_is_not_shown():
    alone = TABLE[TABLE.attacker == GAMIN].assign(profile="paper")
    found = findings.shown(findings.summary(pd.concat([TABLE, alone])))
    assert set(found.scale) == {"MNIST, plan"}


def test_the_checklist_compares_what_each_question_names():
    budgets = pd.DataFrame(
        [("MNIST, paper", "snn", 0.2, 0.3)], columns=["scale", "target", "before", "after"]
    )
    transfers = pd.DataFrame([("MNIST, plan", "snn", 0.9, 0.6)], columns=["scale", "target", "own", "other"])
    same = findings._same_networks(TABLE)
    once = rows(("GAMIN, a 16th of the inputs, asked once", "snn", 0, 6, 0.24, 0.3, 0.1, 0.6))
    lucky = rows(("GAMIN, label alone", "snn", 7, 100, 0.9, 0.9, 0.9, 0.9))
    found = masking.checklist(pd.concat([same, once]), budgets, transfers).set_index("question")
    assert found[["before", "after"]].round(6).T.to_dict("list") == {
        "weights": [0.4, 0.6],
        "surrogate": [0.0, 0.4],  # GAMIN's on network 0, which evolution attacked too
        "averaging": [0.2, 0.25],
        "again": [0.24, 0.25],
        "range": [0.2, 0.7],
        "budget": [0.2, 0.3],
        "transfer": [0.9, 0.6],
    }
    assert "ann" not in set(found.target)  # of which nothing is known
    several = pd.concat([same, same.assign(seed=1, attack_seed=1), lucky])
    again = masking.checklist(several, budgets, transfers).set_index("question")
    assert again.before["weights"] == 0.4  # not of who was run on one network alone
    apart = TABLE.assign(attack_seed=range(len(TABLE)))
    assert masking.checklist(apart, budgets[:0], transfers[:0]).empty  # no network that both attacked


def test_a_gain_is_measured_on_the_networks_that_were_attacked_both_ways():
    own = rows(
        *((GAMIN, "snn", seed, 100, 0.2, 0.1, 0.0, 0.3) for seed in (0, 1, 2)),
        *(("GAMIN, sparse noise", "snn", seed, 100, 0.3 + 0.1 * seed, 0.1, 0.0, 0.3) for seed in (0, 1)),
        ("GAMIN, label alone", "snn", 0, 100, 0.9, 0.1, 0.0, 0.3),
        ("evolution", "snn", 0, 100, np.nan, 0.1, 0.0, 0.3),
    )
    row, alone = findings.gains(own).sort_values("networks", ascending=False).itertuples()
    assert (alone.attacker, alone.networks) == ("GAMIN, label alone", 1) and np.isnan(alone.low)
    assert (row.attacker, row.networks, row.before) == ("GAMIN, sparse noise", 2, 0.2)
    assert row.after == pytest.approx(0.35) and row.value == pytest.approx(0.15)
    half = 12.7062 * 0.1 / 2  # Student's t with one degree of freedom, of 0.1 and 0.2
    assert (row.low, row.high) == pytest.approx((0.15 - half, 0.15 + half), abs=1e-3)
    assert findings.gains(own[own.attacker == GAMIN]).empty
    assert "from 20% to 35%" in say.gained(findings.gains(own))
    assert "Nobody" in say.gained(findings.gains(own[own.seed == 0]))  # one network makes no claim


def test_only_the_networks_of_scales_that_are_shown_are_compared():
    both = pd.concat([TABLE, TABLE.assign(profile="paper")])
    assert set(findings.at_scales(both, findings.summary(TABLE)).profile) == {"plan"}


def test_budgets_are_set_side_by_side_by_the_same_seeds_and_settings():
    def one(profile, queries, accuracy, pair="last", variant="snn", seed=0):
        about = {"profile": profile, "dataset": "mnist", "target": "snn", "variant": variant, "pair": pair}
        about |= {"seed": seed, "attack_seed": seed}
        return pd.DataFrame([about | {"queries": queries, SCORE: accuracy}])

    def budgets(tables, further=()):
        columns = ["scale", "target", "measure", "few", "many", "before", "after"]
        return masking.budgets_table(
            pd.concat(tables, ignore_index=True), pd.DataFrame(further, columns=columns)
        )

    tables = [one("plan", 0.05, 0.2), one("plan", 0.05, 0.4, seed=1), one("plan", 0.1, 0.35)]
    tables += [one("plan", 0.1, 0.9, "kept"), one("plan", 0.1, 0.9, variant="snn, raw current")]
    tables += [one("laptop", 0.01, 0.9)]  # not calibrated
    row = budgets(tables).iloc[0]
    assert (row.scale, row.before, row.after) == ("MNIST, plan", 0.2, 0.35)
    assert budgets(tables[:2]).empty
    assert budgets(tables[1:3]).empty  # another network
    assert budgets([one("plan", 0.1, 0.2), one("paper", 1.0, 0.3)]).empty  # at another learning rate
    longer = ("MNIST, paper", "snn", SCORE, 1_280_000, 2_560_000, 0.2, 0.25)
    row = budgets(tables[:2], [longer, ("MNIST, paper", "snn", "identified", 1, 2, 0.9, 0.9)]).iloc[0]
    assert (row.small, row.large, row.before, row.after) == (1, 2, 0.2, 0.25)


def test_transfer_asks_every_network_for_the_images_of_all(copied):
    experiment = Experiment("smoke", seeds=[0, 1], results=copied)
    runs = experiment.attacks()
    found = masking.transfers_table(experiment, runs)
    assert [*found.target] == ["ann", "snn"] and found[["own", "other"]].stack().between(0, 1).all()
    alone = Experiment("smoke", results=copied)
    assert masking.transfers_table(alone, alone.attacks()).empty
    assert masking.transfers_table(Experiment("smoke", results=copied, compute=False), runs).empty


def test_images_that_a_network_calls_y_are_accepted():
    run = SimpleNamespace(reconstructions=np.full((2, 3, 4, 4), 255, np.uint8), labels=[0, 1])
    box = BlackBox(lambda x: torch.eye(2)[0].expand(len(x), 2), seed=0)
    assert masking.accepted(box, run.reconstructions, run.labels) == 0.5
