"""Dots and bars stand where the numbers are, and name only what occurs."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from snnmi.show import figures
from tests.helpers import texts


def test_score_dots_show_what_else_is_known_of_a_score_and_nothing_that_is_not():
    """A diamond where the paper has a number, a ring for the other pair, a mark at a mean that lacks a class."""
    rows = [("mnist", 0.8, 0.6, 0.89, "3"), ("digits", np.nan, np.nan, np.nan, "0, 1, 2")]
    scores = pd.DataFrame(rows, columns=["dataset", "value", "kept", "published", "lost"])
    scores = scores.assign(metric="F", target="ann", low=0.7, high=1.0, floor=0.1, ceiling=1.0)
    fig = figures.score_dots(scores)
    hollow = [line for line in fig.axes[0].lines if line.get_markerfacecolor() == "white"]
    at = [(line.get_marker(), line.get_xdata()[0]) for line in hollow if np.isfinite(line.get_xdata()[0])]
    assert sorted(at) == [("D", 0.89), ("o", 0.6)]
    known = {"published", "ours, the kept pair", "from floor to ceiling", "classes without numbers left out"}
    assert {"MNIST  ANN", "Digits (8×8)  ANN"} | known <= set(texts(fig)) and texts(fig).count("¶") == 2
    bare = texts(figures.score_dots(scores[["metric", "dataset", "target", "value"]]))
    assert not known & set(bare) and "¶" not in bare


def test_effects_have_a_bar_a_factor_as_long_as_the_effect():
    single = {"neuron": -0.1, "encoding": 0.6, "gap": 0.5}
    frame = pd.DataFrame({"factor": [*single], "effect": [*single.values()]})
    frame = frame.assign(low=frame.effect - 0.05, high=frame.effect + 0.05)
    frame = frame.assign(smallest=frame.effect, largest=frame.effect)
    fig = figures.effects(pd.concat([frame.assign(scale=scale) for scale in ("quick", "plan")]), name="F")
    assert len(fig.axes) == 2 and {"quick", "plan", "F", "SNN − ANN", "neuron"} <= set(texts(fig))
    ax = fig.axes[1]
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
    fig = figures.changes(frame.assign(low=frame.difference - 0.1, high=frame.difference + 0.1), name="F")
    (ax,) = fig.axes
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["leak", "SNN: beta = 0.5", "width", "ANN: a quarter"]
    assert {"quick", "plan", "F"} <= set(texts(fig))
    marks = {float(line.get_xdata()[0]): line for line in ax.lines if line.get_marker() in ("o", "s")}
    snn, ann, apart = (marks[x] for x in (0.1, -0.2, -0.3))
    assert snn.get_ydata()[0] == 1 and ann.get_ydata()[0] < 3 < apart.get_ydata()[0]
    assert [to_rgb(mark.get_color()) for mark in (snn, ann)] == [
        to_rgb(figures.COLORS[k]) for k in ("snn", "ann")
    ]


def test_sets_say_whose_an_image_is_whether_it_was_drawn_and_who_holds_the_weights():
    rows = [
        ("test image", "", False, "answers", 0.9),
        ("fooling noise", "ann", False, "answers", 0.7),
        ("GAMIN", "ann", True, "answers", 0.4),
        ("GAMIN", "snn", True, "answers", 0.2),
        ("descent", "snn", True, "weights", 0.95),
    ]
    frame = pd.DataFrame(rows, columns=["what", "target", "drawn", "knows", "value"])
    frame = frame.assign(scale="here", low=0.1, high=1)
    both = frame.assign(measure="seen", floor=0.1), frame[1:].assign(measure="near", floor=np.nan)
    fig = figures.sets(pd.concat(both))
    dots, fewer = ([line for line in ax.lines if line.get_marker() in ("o", "s")] for ax in fig.axes)
    marks = [(dot.get_marker(), dot.get_xdata()[0]) for dot in dots]
    assert marks == [("o", 0.9), ("o", 0.7), ("o", 0.4), ("o", 0.2), ("s", 0.95)] and len(fewer) == 4
    filled = [to_rgb(dot.get_color()) == to_rgb(dot.get_markerfacecolor()) for dot in dots]
    assert filled == [True, False, True, True, True]
    colors = [to_rgb(figures.COLORS[kind]) for kind in ("ann", "snn", "snn")]
    assert [to_rgb(dot.get_color()) for dot in dots[2:]] == colors
    ends = [[line.get_xdata()[0] for line in ax.lines if line.is_dashed()] for ax in fig.axes]
    assert ends == [[0.1], []]
    assert {"here", "test image", "GAMIN", "seen", "near", "who holds the weights"} <= set(texts(fig))


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
