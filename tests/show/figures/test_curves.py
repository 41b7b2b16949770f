"""Curves show every class, their median, and what was published."""

import numpy as np
import pandas as pd
import pytest

from snnmi.show import figures
from tests.helpers import texts


def dashed(ax) -> list[float]:
    """Heights of the horizontal marks."""
    return [line.get_ydata()[0] for line in ax.lines if line.is_dashed()]


@pytest.fixture
def history():
    chance = np.random.default_rng(0)
    return {"batch": np.arange(3)} | {name: chance.random((3, 5)) for name in figures.CURVES}


def test_convergence_draws_every_class_and_their_median(history):
    ax = figures.convergence({"ann": history, "snn": history}).axes[0]
    assert len(ax.lines) == 2 * (5 + 1)
    np.testing.assert_allclose(ax.lines[5].get_ydata(), np.median(history["L_N"], axis=1))


def test_a_class_that_ends_in_no_numbers_is_marked_where_it_ends(history):
    assert "no numbers from here" not in texts(figures.convergence({"ann": history}))
    history["L_N"][1:, 3] = np.nan
    fig = figures.convergence({"ann": history})
    crosses = [line for line in fig.axes[0].lines if line.get_marker() == "x"]
    assert [(*line.get_xdata(), *line.get_ydata()) for line in crosses] == [(0, history["L_N"][0, 3])]
    assert "no numbers from here" in texts(fig)


def test_growth_has_a_panel_a_variable():
    variables, values = ["classes", "classes", "side", "side"], [1, 10, 8, 28]
    frame = pd.DataFrame({"variable": variables, "value": values, "seconds_per_batch": [0.1, 0.3, 0.1, 0.2]})
    assert len(figures.growth(frame.assign(target="ann")).axes) == 2


def test_time_steps_run_from_few_to_many_and_the_ann_is_a_line():
    targets = {"target": ["snn", "snn", "snn", "ann"], "num_steps": [25, 1, 5, np.nan]}
    measured = {"F": [0.3, 0.1, 0.2, 0.9], "own": [1.0] * 4}
    frame = pd.concat([pd.DataFrame(targets).assign(metric=m, value=v) for m, v in measured.items()])
    fig = figures.time_steps(frame.assign(scale="quick", low=frame.value - 0.1, high=frame.value + 0.1))
    ax = fig.axes[0]
    assert ax.lines[0].get_xdata().tolist() == [1, 5, 25]
    assert ax.lines[0].get_ydata().tolist() == [0.1, 0.2, 0.3]
    assert dashed(ax) == [0.9]
    assert fig.axes[1].get_ylim()[0] == 0  # all alike
    assert {"SNN", "ANN", "time steps $T$"} <= set(texts(fig))


def test_an_anytime_figure_has_a_line_a_network_and_their_mean():
    rows = [(kind, seed, q, 0.1 * seed) for kind in ("ann", "snn") for seed in (0, 2) for q in (10, 100)]
    frame = pd.DataFrame(rows, columns=["target", "seed", "queries", "seen"])
    fig = figures.anytime(frame, {"seen": "images seen", "seed": "more"}, budget=50.0, floor=0.1)
    lines = fig.axes[0].lines
    assert len(lines) == 2 * 2 + 2 + 2 and fig.axes[0].get_xscale() == "log"
    assert lines[4].get_ydata().tolist() == [0.1, 0.1]  # the mean of 0 and 0.2
