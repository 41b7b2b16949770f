"""The plan's outcomes, of networks made by hand."""

import pandas as pd
import pytest

from snnmi.measure.scores import METRICS
from snnmi.study import plan, published
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import Experiment
from snnmi.study.findings import plan as findings
from snnmi.study.verdicts import contrast

ROW = published.TABLE_2["mnist", "ann"]
PLAN = Experiment("plan", compute=False)


def chosen(variant):
    return [*plan.choices(PLAN.settings("mnist", variant)).values()]


def attacks(values, profile="plan"):
    """Two classes a network: {variant: one value a seed}; the kept pair says 0, which must not matter."""
    rows = [
        (
            profile,
            "mnist",
            variant.kind,
            variant.name,
            seed,
            seed,
            label,
            pair,
            value + 0.01 * (2 * label - 1),
        )
        for variant, own in values.items()
        for seed, one in enumerate(own)
        for label in (0, 1)
        for pair, value in (("last", one), ("kept", 0.0))
    ]
    columns = [
        "profile",
        "dataset",
        "target",
        "variant",
        "seed",
        "attack_seed",
        "label",
        "pair",
        findings.PRIMARY,
    ]
    return pd.DataFrame(rows, columns=columns)


def test_distance_is_the_mean_relative_difference_of_five_numbers_by_one_reading_of_f():
    same = pd.Series(ROW | {"fidelity_mae": ROW["fidelity"], "fidelity_top": 0.0})
    assert findings.distance(same, "fidelity_mae") == pytest.approx(0)
    assert findings.distance(same, "fidelity_top") == pytest.approx(1 / 5)
    off = pd.concat([same.drop("M_global"), pd.Series({"M_global": 1.5 * ROW["M_global"]})])
    assert findings.distance(off, "fidelity_mae") == pytest.approx(0.5 / 5)


def test_the_same_needs_the_whole_interval_within_the_margin():
    assert [contrast(-0.051, 0.01, 0.5), contrast(-0.049, 0.049, 0.001)] == ["open", "same"]


def test_the_grid_is_the_plans_on_either_target_and_names_its_choices():
    plain, clipped = plan.settings(plan.ANN), plan.settings(plan.CLIP)
    assert len({v.name for v in plain}) == len(plain) == 4 * 3 * 2
    assert {v.changes["attack"]["batch_size"] * v.changes["attack"]["batches"] for v in plain} == {128_000}
    assert chosen(plain[-1]) == ["1024", "0.001", "64 + 64", "to 97.7%", "2", "100"]
    assert [chosen(v) for v in clipped] == [chosen(v) for v in plain]
    assert chosen(plan.runner_up(plan.ANN)) == ["1024", "0.0001", "64 + 64", "to 97.7%", "2", "100"]
    assert all(v.changes["query"] == {"encoder": "clip"} for v in clipped) and plan.ANN is BASELINES["ann"]


def test_each_other_guess_is_one_change_from_the_frozen_setting():
    frozen = chosen(plan.ANN)
    assert frozen == ["512", "0.0001", "64 + 64", "to 97.7%", "2", "100"]
    changed = [[new for old, new in zip(frozen, chosen(v)) if new != old] for v in plan.guesses(plan.ANN)]
    assert changed == [["five epochs"], ["twelve epochs"], ["25 epochs"], ["50 epochs"], ["1"], ["10"]]


def test_the_specification_curve_has_an_effect_for_every_setting_run_on_both():
    pairs = [*zip(*plan.SPECIFICATIONS.values())]
    values = {v: [x] for pair, xs in zip(pairs, [(0.6, 0.1), (0.5, 0.2)]) for v, x in zip(pair, xs)}
    values[pairs[2][0]] = [0.9]  # not yet behind a clip
    curve = findings.specification(attacks(values), PLAN)
    assert curve.effect.tolist() == pytest.approx([0.5, 0.3]) and curve.hidden.tolist() == ["256", "256"]
    assert findings.specification(pd.DataFrame(), PLAN).empty


def test_the_frozen_setting_is_the_curves_last_row_and_stands_there_once():
    values = {v: [0.5] for cell in plan.SPECIFICATIONS.values() for v in cell} | {plan.ANN: [0.7]}
    curve = findings.specification(attacks(values), PLAN)
    assert len(curve) == 24 + 6 and curve.iloc[-1].ANN == pytest.approx(0.7)
    assert curve.iloc[-1][findings.CHOICES].tolist() == chosen(plan.ANN)


def test_the_two_nearest_settings_stand_in_all_four_cells():
    table = findings.nearest(attacks({plan.ANN: [0.5, 0.9], plan.runner_up(plan.SNN): [0.3]}))
    assert table.ANN[0] == pytest.approx(0.5) and table.SNN[1] == pytest.approx(0.3)
    assert table.drop(columns="setting").notna().to_numpy().sum() == 2


def test_the_grid_is_ranked_by_distance_with_either_reading_of_f(monkeypatch):
    far, near = plan.settings(plan.ANN)[:2]
    row = {name: ROW[metric.paper] for name, metric in METRICS.items() if metric.paper} | {
        "fidelity_top": 0.5
    }
    table = attacks({near: [0.0], far: [0.0]}).assign(**row)
    table.loc[table.variant == far.name, "M_global"] *= 2
    monkeypatch.setattr(findings, "attacks_table", lambda experiments: table)
    ranked = findings.calibration(Experiment("plan", variants=[far, near], compute=False))
    assert ranked.distance[0] == pytest.approx(0) and ranked.distance.is_monotonic_increasing
    assert (ranked.split[0], ranked.reading[0]) == ("64 + 64", "fidelity_mae")
    assert len(ranked) == 4, "a row for each setting and reading"


def at_both_budgets(tenth, full):
    """The attacks of a tenth and of all of the queries, with every metric of the paper at 0.5."""
    both = pd.concat(
        [attacks(tenth).assign(queries=128_000), attacks(full, "paper").assign(queries=1_280_000)]
    )
    paper = {name: 0.5 for name, metric in METRICS.items() if metric.paper and name != findings.PRIMARY}
    return findings.budgets(both.assign(**paper))


def test_the_full_budget_is_held_against_its_tenth_on_the_same_seeds():
    table = at_both_budgets({plan.ANN: [0.5, 0.6, 0.9], plan.CLIP: [0.1]}, {plan.ANN: [0.52, 0.62]})
    assert table.cell.tolist() == ["ANN", "ANN"], "the clip was run at a tenth alone"
    assert table.networks.tolist() == [2, 2] and table.queries.tolist() == [128_000, 1_280_000]
    assert table["last"].tolist() == pytest.approx([0.55, 0.57]) and table.change.iloc[1] == pytest.approx(
        0.02
    )
    assert (
        table.full.tolist() == [False, True] and at_both_budgets({plan.ANN: [0.5]}, {plan.CLIP: [0.1]}).empty
    )
    assert findings.budgets(pd.DataFrame()).empty
