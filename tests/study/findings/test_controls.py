"""Chapter 7's tables on networks whose scores are known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from snnmi.study.controls import BASELINES, CELLS, CONTROLS, FOUR, NOISE, TIME
from snnmi.study.experiment import Experiment
from snnmi.study.findings import controls as findings

SCALES = {"laptop": "MNIST, laptop", "quick": "MNIST, quick"}


def networks(values: dict[str, float], profile: str = "laptop", seeds=(0,)) -> pd.DataFrame:
    """A run a variant and seed, its last pair's accuracy the value + 0.01 a seed, the kept pair's 0.1 less."""
    cells = itertools.product(values, seeds, ("kept", "last"))
    frame = pd.DataFrame(cells, columns=["variant", "seed", "pair"])
    frame[findings.SCORE] = frame.variant.map(values) + 0.01 * frame.seed - 0.1 * (frame.pair == "kept")
    frame["target"], frame["attack_seed"] = frame.variant.str[:3], frame.seed
    frame["folder"] = [f"{profile}-{name}-{seed}" for name, seed in zip(frame.variant, frame.seed)]
    about = {"profile": profile, "dataset": "mnist", "scale": SCALES[profile], "own": 0.9, "taken": 6}
    ends = {"classes": 10, "batches": 2000, "settled": 3, "off": 9, "first": 42, "latest": 1900}
    return frame.assign(**about | ends)


SIX = {CELLS[cell].name: value for cell, value in zip(CELLS, (0.5, 0.13, 0.14, 0.6, 0.19, 0.2))}
CORNERS = {control.name: SIX[control.name] for control in FOUR}


def test_a_network_is_a_row_of_means_over_its_classes(results):
    attacks = Experiment("smoke", results=results).attacks()
    table = findings.networks_table(attacks)
    assert table.target.tolist() == ["ann", "ann", "snn", "snn"]
    assert table.pair.tolist() == ["kept", "last"] * 2
    scores = attacks[0].scores[attacks[0].scores["pair"] == "last"]
    row = table.iloc[1]
    assert row[findings.SCORE] == scores.surrogate_accuracy.mean() and row.batches == row.latest == 30
    assert row.taken == (scores.A_target >= 0.5).sum() and row.queries == 1920 / 1_280_000
    with pytest.raises(ValueError, match="no attack is stored"):
        findings.networks_table([])


def test_only_seeds_that_have_all_variants_are_shared():
    frame = pd.concat([networks({"ann": 0.9, "snn": 0.2}), networks({"ann": 0.9}, seeds=(1,))])
    assert findings.shared(frame, BASELINES.values()).seed.unique().tolist() == [0]
    assert findings.shared(frame, [BASELINES["ann"]]).seed.unique().tolist() == [0, 1]


MATCHED = "ann, trained to the snn's accuracy"


def test_a_control_that_loads_its_baselines_run_is_not_compared(results):
    """At smoke the ANN is nearest to the SNN's accuracy after all of its epochs: that is the baseline itself."""
    control = next(control for control in CONTROLS if control.name == MATCHED)
    smoke = Experiment("smoke", variants=[BASELINES["ann"], control], results=results, compute=False)
    table = findings.networks_table(smoke.attacks())
    assert set(table.variant) == {"ann", MATCHED} and table.folder.nunique() == 1
    assert findings.changes_table(table, CONTROLS).empty
    ((same, _, seed),) = findings.same_runs(table, CONTROLS)
    assert same.name == MATCHED and seed == 0


def test_a_control_is_compared_on_the_seeds_on_which_it_is_a_run_of_its_own():
    frame = networks({"ann": 0.5, MATCHED: 0.6}, seeds=(0, 1))
    itself = (frame.variant == MATCHED) & (frame.seed == 1)
    frame["folder"] = frame.folder.mask(itself, "laptop-ann-1")
    (row,) = findings.changes_table(frame, CONTROLS).itertuples()
    assert row.networks == 1 and row.difference == pytest.approx(0.1)


def test_cells_stand_side_by_side_with_the_same_networks_only():
    two, third = networks(CORNERS, seeds=(0, 1)), networks(SIX, seeds=(2,))
    frame = pd.concat([two, third, networks({"ann": 0.9}, seeds=(3,))])
    alone = networks({"ann": 0.4, "snn": 0.2}, "quick")
    inside = findings.comparable(pd.concat([frame, alone]))
    table = findings.cells_table(inside).set_index("scale")
    own = table.loc[SCALES["laptop"]]
    assert len(own) == 4 and (own.networks == 3).all()  # the two others have one of the three
    assert own.value.tolist() == pytest.approx([value + 0.01 for value in CORNERS.values()])
    assert (own.kept - own.value).tolist() == pytest.approx([-0.1] * 4)
    assert len(table.loc[SCALES["quick"]]) == 2
    assert findings.not_run(pd.concat([frame, alone]))[SCALES["quick"]] == [FOUR[1], FOUR[2]]
    whole = findings.cells_table(findings.comparable(networks(SIX)))
    assert set(zip(whole.neuron, whole.input)) == set(CELLS)


def test_the_two_parts_are_measured_both_ways_and_add_up():
    parts = findings.parts_table(networks(CORNERS)).set_index("factor")
    assert parts.effect.to_dict() == pytest.approx({"gap": -0.3, "encoding": -0.385, "neuron": 0.085})
    assert parts.loc["encoding", ["smallest", "largest"]].tolist() == pytest.approx([-0.4, -0.37])
    assert parts.low.isna().all() and (parts.networks == 1).all()
    assert parts.kept.to_dict() == pytest.approx(parts.effect.to_dict())
    assert findings.parts_table(networks({"ann": 0.5})).empty


def several() -> pd.DataFrame:
    """Four networks, of which each has a clip that does a little more."""
    frame = networks(CORNERS, seeds=range(4))
    clipped = frame.variant == CELLS["ann", "clip"].name
    return frame.assign(**{findings.SCORE: frame[findings.SCORE] - 0.02 * frame.seed * clipped})


def test_verdicts_need_several_networks_and_the_papers_data():
    one, many = (findings.parts_table(frame) for frame in (networks(CORNERS), several()))
    assert findings.explanations(one).verdict.tolist() == ["open", "open"]
    told = findings.explanations(many).set_index("part").verdict
    assert told.to_dict() == {"encoding": "supported", "neuron": "contradicted"}
    digits = findings.explanations(many.assign(dataset="digits"))
    assert digits.verdict.tolist() == ["demonstration"] * 2


def test_the_scale_with_most_networks_decides_and_digits_do_not():
    laptop, half = networks(CORNERS, seeds=(0, 1)), networks(CORNERS, "quick")
    digits = several().assign(dataset="digits", scale="digits")
    parts = findings.parts_table(pd.concat([laptop, half, digits]))
    assert findings.deciding(parts).scale.unique().tolist() == [SCALES["laptop"]]
    assert findings.deciding(parts[parts.dataset == "digits"]).scale.unique().tolist() == ["digits"]
    ended = {"classes": 80, "settled": 24, "off": 72}
    assert findings.ends(laptop, [SCALES["laptop"]]) == {SCALES["laptop"]: ended}


def test_noises_are_compared_on_the_same_networks():
    """As stored: two networks with the published noise, of which one has the clipped, and rises there."""
    clipped = {NOISE[0].name: 0.144, NOISE[1].name: 0.226}
    frame = pd.concat([networks({"ann": 0.5, "snn": 0.194}, seeds=(0, 5)), networks(clipped)])
    table = findings.noise_table(frame, findings.NOISES).set_index("noise")
    assert [*table.index] == [findings.PUBLISHED_NOISE, findings.CLIPPED] and (table.networks == 1).all()
    assert table.snn.tolist() == pytest.approx([0.194, 0.226])  # with seed 5: from 0.219
    assert table.value.tolist() == pytest.approx([-0.306, 0.082])
    assert table.change.tolist() == pytest.approx([0, 0.388])
    assert (table["first"] == 42).all() and (table.latest == 1900).all()
    assert findings.noise_table(networks({"ann": 0.9, "snn": 0.2}), findings.NOISES).empty


def test_changes_are_from_a_controls_own_baseline_grouped_by_factor():
    names = ["snn, beta = 0.5", "ann, clipped input", "snn, beta = 0.9", "snn, raw current"]
    frame = networks({"ann": 0.9, "snn": 0.2} | dict.fromkeys(names, 0.5))
    table = findings.changes_table(frame, CONTROLS)
    assert table.name.tolist() == ["clipped input", "raw current", "beta = 0.5", "beta = 0.9"]
    assert table.difference.tolist() == pytest.approx([-0.4, 0.3, 0.3, 0.3])


def test_times_have_the_baseline_among_them_and_the_ann_beside():
    frame = networks({"ann": 0.9, "snn": 0.2, TIME[0].name: 0.1, "snn, beta = 0.5": 0.3})
    more = networks({"ann": 0.9, "snn": 0.2}, seeds=(1,))  # no T = 1: another seed, not beside these
    table = findings.time_table(pd.concat([frame, more]), num_steps=25)
    assert set(zip(table.target, table.num_steps.fillna(0))) == {("ann", 0), ("snn", 25), ("snn", 1)}
    assert (table.networks == 1).all() and (table[table.score == "own"].value == 0.9).all()
    assert findings.time_table(more, num_steps=25).empty
    assert findings.time_table(frame, num_steps=1).empty  # T = 1 is the baseline itself


def test_attacks_on_one_network_are_one_unit():
    index = pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 1)], names=findings.UNIT)
    values = pd.Series([0.1, 0.3, 0.4], index)
    found = findings.over_networks(values)
    assert found["networks"] == 2 and found["value"] == pytest.approx(0.3)
    assert found["low"] == pytest.approx(0.3 - 12.706 * 0.1, abs=1e-3)
    assert np.isnan(findings.over_networks(values[:2])["low"])


def test_the_interval_of_a_share_ends_at_0_and_1():
    index = pd.MultiIndex.from_tuples([(0, 0), (1, 1)], names=findings.UNIT)
    for shares, low, high in (
        ([0.9, 1.0], 0.95 - 12.706 * 0.05, 1.0),
        ([0.0, 0.02], 0.0, 0.01 + 12.706 * 0.01),
    ):
        found = findings.share_over_networks(pd.Series(shares, index))
        assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-3)
    assert np.isnan(findings.share_over_networks(pd.Series([0.9], index[:1]))["high"])
