"""Chapter 7's tables on attacks whose answer is known."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from snnmi.study.controls import BASELINES, CELLS, CONTROLS, NOISE, TIME
from snnmi.study.findings import controls as findings
from snnmi.study.runs import AttackRun

SCALES = {"laptop": "MNIST, laptop", "half": "MNIST, half"}


def attacks(values: dict[str, float], profile: str = "laptop", seeds=(0,)) -> pd.DataFrame:
    """Four classes a variant, every score of class y its value + 0.01 y."""
    rows = [(name, seed, y, v + 0.01 * y) for name, v in values.items() for seed in seeds for y in range(4)]
    frame = pd.DataFrame(rows, columns=["variant", "seed", "label", "A_target"])
    frame = frame.assign(**{score: frame.A_target for score in findings.SCORES}, attack_seed=frame.seed)
    return frame.assign(
        profile=profile, dataset="mnist", scale=SCALES[profile], pair="kept", surrogate_accuracy_ceiling=0.9
    )


def still(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby(["profile", "dataset", "variant"]).size() * 0.0


SIX = {CELLS[cell].name: value for cell, value in zip(CELLS, (0.9, 0.3, 0.3, 0.9, 0.3, 0.2))}


def test_only_seeds_that_have_all_variants_are_shared():
    frame = pd.concat([attacks({"ann": 0.9, "snn": 0.2}), attacks({"ann": 0.9}, seeds=(1,))])
    assert findings.shared(frame, BASELINES.values()).seed.unique().tolist() == [0]
    assert findings.shared(frame, [BASELINES["ann"]]).seed.unique().tolist() == [0, 1]


def test_cells_are_named_by_neuron_and_input_and_what_lacks_is_known():
    frame = pd.concat([attacks(SIX | {"snn, T = 5": 0.1}), attacks({"ann": 0.9}, "half")])
    inside = findings.in_cells(frame)
    assert set(zip(inside.neuron, inside.input)) == set(CELLS) and "snn, T = 5" not in set(inside.variant)
    missing = findings.not_run(inside)
    assert missing[SCALES["laptop"]] == [] and len(missing[SCALES["half"]]) == 5


def test_cells_have_a_row_a_score_also_where_some_are_missing():
    frame = pd.concat([attacks(SIX), attacks({"ann": 0.9}, "half"), attacks({"ann": 0.5}, seeds=(1,))])
    table = findings.cells_table(findings.in_cells(frame), still(frame))
    assert (
        len(table) == (6 + 1) * len(findings.SCORES) and (table.seeds == 1).all()
    )  # seed 1 has one cell only
    first = table.iloc[0]
    assert (first.neuron, first.input, first.value) == ("ann", "current", pytest.approx(0.915))


def test_effects_name_the_scale_the_score_and_the_verdict():
    table = findings.effects_by_scale(findings.in_cells(attacks(SIX)))
    assert len(findings.gaps(table)) == len(findings.SCORES)
    gap = findings.gaps(table).set_index("score").loc["A_target"]
    assert gap.effect == pytest.approx(-0.7) and gap.verdict == "not reproduced" and gap.seeds == 1
    assert gap.p_classes == pytest.approx(2 / 2**4)
    assert findings.neurons_shares(table) == pytest.approx([0.1 / 3 / 0.7] * 4)
    assert (
        findings.effects_by_scale(findings.in_cells(attacks({}))).columns.tolist() == table.columns.tolist()
    )


def test_each_data_set_is_decided_at_its_largest_scale():
    frame = pd.concat(
        [attacks(SIX), attacks(SIX, "half"), attacks(SIX).assign(dataset="digits", scale="digits")]
    )
    deciding = findings.deciding(findings.effects_by_scale(findings.in_cells(frame)))
    assert [*deciding] == ["digits", "mnist"]  # the scale that is shown last comes first
    assert set(deciding["mnist"].scale) == {SCALES["half"]} and set(deciding["mnist"].score) == {"A_target"}


def test_a_gap_that_closes_has_changed_by_its_own_size():
    values = {"ann": 0.9, "snn": 0.2} | {variant.name: 0.2 for variant in NOISE[:2]}
    table = findings.noise_table(attacks(values), findings.NOISES)
    assert table.noise.unique().tolist() == ["Gaussian, as published", "Gaussian, clipped"]
    assert table.score.unique().tolist() == ["surrogate_accuracy", "A_comb", "A_target"]
    clipped = table[table.noise == "Gaussian, clipped"]
    assert clipped.difference.tolist() == pytest.approx(
        [0.0] * 3
    ) and clipped.change.tolist() == pytest.approx([0.7] * 3)
    assert findings.noise_table(attacks({"ann": 0.9, "snn": 0.2}), findings.NOISES).empty


def test_changes_are_from_a_controls_own_baseline_grouped_by_factor():
    names = ["snn, beta = 0.5", "ann, clipped input", "snn, beta = 0.9", "snn, raw current"]
    frame = attacks({"ann": 0.9, "snn": 0.2} | {name: 0.5 for name in names})
    table = findings.changes_table(frame, CONTROLS, still(frame))
    table = table[table.score == "A_target"]
    assert table.name.tolist() == ["clipped input", "raw current", "beta = 0.5", "beta = 0.9"]
    assert table.difference.tolist() == pytest.approx([-0.4, 0.3, 0.3, 0.3])
    assert (
        findings.changes_table(frame[:0], CONTROLS, still(frame)).columns.tolist() == table.columns.tolist()
    )


def test_changes_say_whose_accuracy_is_matched():
    frame = attacks({"ann": 0.9, "ann, trained to the snn's accuracy": 0.5})
    assert findings.changes_table(frame, CONTROLS, still(frame)).name.unique().tolist() == [
        "trained to the SNN's accuracy"
    ]


def test_times_have_the_baseline_among_them_and_the_ann_beside():
    frame = attacks({"ann": 0.9, "snn": 0.2, TIME[0].name: 0.1, "snn, beta = 0.5": 0.3})
    table = findings.time_table(frame, num_steps=25)
    assert set(zip(table.target, table.num_steps.fillna(0))) == {("ann", 0), ("snn", 25), ("snn", 1)}
    own = table[table.score == "surrogate_accuracy_ceiling"]
    assert (own.value == 0.9).all() and own.low.isna().all()
    assert len(findings.several_times(table)) == len(table)
    assert findings.several_times(table[table.num_steps != 1]).empty


def test_a_curve_that_still_moves_is_counted():
    curves = {"M_global": np.stack([np.full(100, 2.0), np.linspace(10, 1, 100)], 1)}
    run = Mock(spec=AttackRun, profile="laptop", dataset="mnist", variant="ann", history=curves)
    found = findings.still_moving([run, run])
    assert found["laptop", "mnist", "ann"] == 0.5
