"""Dots and bars stand where the numbers are, and name only what occurs."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from snnmi.show import figures
from tests.helpers import texts


def test_score_dots_draw_a_diamond_where_the_paper_has_a_number():
    rows = [("mnist", 0.8, 0.89), ("digits", 0.9, np.nan)]
    scores = pd.DataFrame(rows, columns=["dataset", "value", "published"])
    fig = figures.score_dots(scores.assign(metric="F", target="ann", low=0.7, high=1.0))
    diamonds = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_marker() == "D"]
    assert np.nansum(diamonds) == pytest.approx(0.89)
    assert {"MNIST  ANN", "Digits (8×8)  ANN", "published"} <= set(texts(fig))
    assert "from floor to ceiling" not in texts(fig) and "ours, the kept pair" not in texts(fig)


def test_score_dots_show_the_other_pair_as_a_ring():
    scores = pd.DataFrame({"metric": "F", "dataset": "mnist", "target": ["ann"], "value": 0.8, "kept": 0.6})
    fig = figures.score_dots(scores)
    rings = [line for line in fig.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert 0.6 in [line.get_xdata()[0] for line in rings] and "ours, the kept pair" in texts(fig)


def test_score_dots_mark_a_mean_that_lacks_a_class():
    scores = pd.DataFrame({"target": ["ann", "snn"], "value": [0.8, np.nan], "floor": 0.1, "ceiling": 1.0})
    scores = scores.assign(metric="F", dataset="mnist", low=0.7, high=1.0)
    assert "¶" not in texts(figures.score_dots(scores))
    found = texts(figures.score_dots(scores.assign(lost=["3", "0, 1, 2"])))
    assert found.count("¶") == 2 and "classes without numbers left out" in found


def effects_of(scale, metric, effects, reach=0.05):
    frame = pd.DataFrame({"factor": list(effects), "effect": list(effects.values())})
    frame = frame.assign(scale=scale, metric=metric, smallest=frame.effect, largest=frame.effect)
    return frame.assign(low=frame.effect - reach, high=frame.effect + reach)


def test_effects_have_a_bar_a_factor_as_long_as_the_effect():
    single = {"neuron": -0.1, "encoding": 0.6, "gap": 0.5}
    panels = [(scale, metric) for scale in ("quick", "plan") for metric in ("F", "A")]
    frames = [effects_of(*panel, single) for panel in panels]
    fig = figures.effects(pd.concat(frames))
    assert len(fig.axes) == 2 * 2
    assert {"quick", "plan", "F", "A", "SNN − ANN", "neuron"} <= set(texts(fig))
    ax = fig.axes[3]
    drawn = {round(bar.get_y() + bar.get_height() / 2): bar for bar in ax.patches if bar.get_fill()}
    lengths = {factor: drawn[place].get_width() for place, factor in enumerate(figures.FACTORS)}
    assert lengths == pytest.approx(single) and len(drawn) == 3
    black = [line for line in ax.findobj(LineCollection) if to_rgb(line.get_color()[0]) == (0, 0, 0)]
    ends = sorted(tuple(line.get_segments()[0][:, 0]) for line in black)
    np.testing.assert_allclose(ends, [(-0.15, -0.05), (0.45, 0.55), (0.55, 0.65)])


def test_changes_stand_below_their_factor_and_scales_apart():
    rows = [("quick", "leak", "snn", "beta = 0.5", 0.1)]
    rows += [(scale, "width", "ann", "a quarter", d) for scale, d in (("quick", -0.2), ("plan", -0.3))]
    frame = pd.DataFrame(rows, columns=["scale", "factor", "target", "name", "difference"])
    frame = frame.assign(metric="F", low=frame.difference - 0.1, high=frame.difference + 0.1)
    fig = figures.changes(frame)
    ax = fig.axes[0]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["leak", "SNN: beta = 0.5", "width", "ANN: a quarter"]
    assert {"quick", "plan"} <= set(texts(fig))
    marks = {float(line.get_xdata()[0]): line for line in ax.lines if line.get_marker() in ("o", "s")}
    snn, ann, apart = (marks[x] for x in (0.1, -0.2, -0.3))
    assert snn.get_ydata()[0] == 1 and ann.get_ydata()[0] < 3 < apart.get_ydata()[0]
    assert to_rgb(snn.get_color()) == to_rgb(figures.COLORS["snn"])
    assert to_rgb(ann.get_color()) == to_rgb(figures.COLORS["ann"])


def test_sets_fill_what_the_attack_drew_and_mark_what_guessing_gives():
    rows = [("test image", "", False, 0.9), ("fooling noise, ANN", "ann", False, 0.7)]
    rows += [("ANN", "ann", True, 0.4), ("SNN", "snn", True, 0.2)]
    frame = pd.DataFrame(rows, columns=["what", "target", "drawn", "value"]).assign(
        scale="here", low=0.1, high=1
    )
    frame = pd.concat([frame.assign(measure="seen", floor=0.1), frame[1:].assign(measure="near", floor=0.0)])
    fig = figures.sets(frame)
    dots = [[line for line in ax.lines if line.get_marker() == "o"] for ax in fig.axes]
    assert [line.get_xdata()[0] for line in dots[0]] == [0.9, 0.7, 0.4, 0.2] and len(dots[1]) == 3
    filled = [to_rgb(line.get_color()) == to_rgb(line.get_markerfacecolor()) for line in dots[0]]
    assert filled == [True, False, True, True]
    colors = [to_rgb(figures.COLORS[kind]) for kind in ("ann", "snn")]
    assert [to_rgb(line.get_color()) for line in dots[0][2:]] == colors
    ends = [[line.get_xdata()[0] for line in ax.lines if line.is_dashed()] for ax in fig.axes]
    assert ends == [[0.1], [0.0]]
    assert {"here", "test image", "ANN", "seen", "near"} <= set(texts(fig))


def test_attackers_have_a_line_each_and_a_panel_a_measure():
    rows = [
        ("GAMIN", "ann", "answers", 0.8),
        ("GAMIN", "snn", "answers", 0.2),
        ("descent", "snn", "weights", 0.9),
    ]
    frame = pd.DataFrame(rows, columns=["what", "target", "knows", "value"])
    frame = frame.assign(scale="MNIST, plan", measure="seen", low=frame.value - 0.1, high=frame.value + 0.1)
    frame = pd.concat([frame.assign(floor=0.1), frame[:1].assign(measure="copy")])
    fig = figures.sets(frame)
    seen, copy = fig.axes
    marks = [
        (line.get_marker(), line.get_xdata()[0]) for line in seen.lines if line.get_marker() in ("o", "s")
    ]
    assert marks == [("o", 0.8), ("o", 0.2), ("s", 0.9)]
    assert [len([line for line in ax.lines if line.is_dashed()]) for ax in fig.axes] == [1, 0]
    assert len([line for line in copy.lines if line.get_marker() == "o"]) == 1
    assert {"MNIST, plan", "seen", "GAMIN", "descent", "who holds the weights"} <= set(texts(fig))


def test_a_floor_may_be_another_at_every_scale():
    frame = pd.DataFrame({"scale": ["MNIST", "digits"], "floor": [0.11, 0.14], "target": "snn", "value": 0.8})
    fig = figures.sets(frame.assign(what="GAMIN", measure="seen", low=0.7, high=0.9))
    assert [line.get_xdata()[0] for ax in fig.axes for line in ax.lines if line.is_dashed()] == [0.11, 0.14]


def test_flips_have_a_panel_a_scale_and_a_line_a_kind_of_path():
    counted = pd.DataFrame({"kind": ["within", "between"], "ann": [0.5, 1.5], "scale": "MNIST"})
    counted[["snn_low", "snn_high", "snn_single"]] = [1.0, 2.0, 3.0]
    names = {"between": "two classes", "within": "one class"}
    fig = figures.flips(counted, names)
    assert {"MNIST", "two classes", "one class"} <= set(texts(fig))
    (ax,) = fig.axes
    assert ax.lines[0].get_xdata().tolist() == [0.5, 1.5]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.85, -0.15])
    assert len(figures.flips(counted[:0], names).axes) == 1
