"""Which change carries a gap: Shapley's shares of cells whose shares are known by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from snnmi.measure import effects
from tests.helpers import factorial

CELLS = {  # cell -> two classes
    ("ann", "current"): (1.0, 0.9),
    ("ann", "clip"): (0.6, 0.3),
    ("ann", "rate"): (0.5, 0.4),
    ("snn", "current"): (0.9, 0.9),
    ("snn", "clip"): (0.4, 0.1),
    ("snn", "rate"): (0.1, 0.2),
}
NAMES = ["neuron", "range", "encoder"]
BEFORE = [("range", "encoder")]


def cell(done):
    source = ("current", "clip", "rate")[len(done - {"neuron"})]
    return np.array(CELLS["snn" if "neuron" in done else "ann", source])


def test_shares_are_means_over_the_three_places_of_the_neuron_and_add_up():
    shares = effects.shapley_shares(cell, NAMES, BEFORE)
    assert shares["neuron"] == pytest.approx([(-0.1 - 0.2 - 0.4) / 3, (0 - 0.2 - 0.2) / 3])
    assert shares["range"] == pytest.approx([(2 * -0.4 - 0.5) / 3, (2 * -0.6 - 0.8) / 3])
    assert shares["encoder"] == pytest.approx([(-0.1 + 2 * -0.3) / 3, (0.1 + 2 * 0.1) / 3])
    assert sum(shares.values()) == pytest.approx([0.1 - 1.0, 0.2 - 0.9])


def test_shapley_values_of_the_glove_game():
    """One left glove (a), two right ones (b, c), a pair is worth 1: 4/6, 1/6, 1/6."""
    worth = lambda done: np.array([float("a" in done and len(done) > 1)])  # noqa: E731
    shares = effects.shapley_shares(worth, ["a", "b", "c"])
    assert [float(shares[name][0]) for name in "abc"] == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_orders_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="expected at least one"):
        effects.shapley_shares(cell, ["neuron", "range"], [("neuron", "range"), ("range", "neuron")])


def test_effects_table_holds_the_shares_of_the_means():
    table = effects.effects_table(factorial(CELLS), "value", seed=0).set_index("factor")
    assert table.index.tolist() == [*NAMES, "range + encoder", "gap"]
    for name, classes in effects.shapley_shares(cell, NAMES, BEFORE).items():
        assert table.effect[name] == pytest.approx(classes.mean())
        ends = classes.min(), classes.max()  # two classes: both drawn, or one
        assert (table.low[name], table.high[name]) == pytest.approx(ends)
    assert table.effect["gap"] == pytest.approx(-0.8) and table.share["gap"] == 1
    assert table.effect["range + encoder"] == pytest.approx(-0.8 - table.effect["neuron"])
    assert table.share[NAMES].sum() == pytest.approx(1)
    # neuron: in rate, in current; range: SNN, ANN
    extremes = {"neuron": (-0.3, -0.05), "range": (-0.65, -0.5), "gap": (-0.8, -0.8)}
    for name, ends in extremes.items():
        assert (table.smallest[name], table.largest[name]) == pytest.approx(ends)


def test_effects_are_resampled_jointly_so_what_all_cells_share_cancels():
    noisy = factorial(CELLS, seeds=3, noise=lambda s, a, c: 100 * math.sin(5 * s + 3 * c))
    tables = [effects.effects_table(f, "value", seed=0) for f in (noisy, factorial(CELLS, seeds=3))]
    pd.testing.assert_frame_equal(*tables)


def test_effects_table_takes_other_factors_and_leaves_other_cells_alone():
    two = {"neuron": ("neuron", "ann", "snn"), "range": ("input", "current", "clip")}
    table = effects.effects_table(factorial(CELLS), "value", two, seed=0).set_index("factor")
    assert table.index.tolist() == ["neuron", "range", "gap"]
    assert table.effect["range"] == pytest.approx((-0.5 - 0.65) / 2)


def test_effects_table_refuses_broken_chains_and_missing_cells():
    broken = {"range": ("input", "current", "rate"), "encoder": ("input", "clip", "rate")}
    with pytest.raises(ValueError, match="encoder starts at clip, expected rate"):
        effects.effects_table(factorial(CELLS), "value", broken, seed=0)
    five = {key: v for key, v in CELLS.items() if key != ("snn", "rate")}
    with pytest.raises(ValueError, match="'snn', 'input': 'rate'.* missing or repeated"):
        effects.effects_table(factorial(five), "value", seed=0)
