"""Chapter 7's tables on networks whose scores are known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from snnmi.study.controls import BASELINES
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


def test_the_interval_of_a_share_ends_at_0_and_1():
    index = pd.MultiIndex.from_tuples([(0, 0), (1, 1)], names=findings.UNIT)
    for shares, low, high in (
        ([0.9, 1.0], 0.95 - 12.706 * 0.05, 1.0),
        ([0.0, 0.02], 0.0, 0.01 + 12.706 * 0.01),
    ):
        found = findings.share_over_networks(pd.Series(shares, index))
        assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-3)
    assert np.isnan(findings.share_over_networks(pd.Series([0.9], index[:1]))["high"])
