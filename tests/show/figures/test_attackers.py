"""Attackers one above the other: a dot a target, squares for who holds the weights."""

import pandas as pd

from snnmi.show import figures
from tests.helpers import texts


def test_attackers_have_a_line_each_and_a_panel_a_measure():
    rows = [
        ("GAMIN", "ann", "answers", 0.8),
        ("GAMIN", "snn", "answers", 0.2),
        ("descent", "snn", "weights", 0.9),
    ]
    frame = pd.DataFrame(rows, columns=["attacker", "target", "knows", "value"])
    frame = frame.assign(scale="MNIST, plan", measure="seen", low=frame.value - 0.1, high=frame.value + 0.1)
    frame = pd.concat([frame, frame[:1].assign(measure="copy")])
    fig = figures.attackers(frame, {"seen": "images seen", "copy": "copy"}, floors={"seen": 0.1})
    seen, copy = fig.axes
    marks = [
        (line.get_marker(), line.get_xdata()[0]) for line in seen.lines if line.get_marker() in ("o", "s")
    ]
    assert marks == [("o", 0.8), ("o", 0.2), ("s", 0.9)]
    assert [len([line for line in ax.lines if line.is_dashed()]) for ax in fig.axes] == [1, 0]
    assert len([line for line in copy.lines if line.get_marker() == "o"]) == 1
    assert {"MNIST, plan", "images seen", "GAMIN", "descent", "who holds the weights"} <= set(texts(fig))


def test_a_floor_may_be_another_at_every_scale():
    rows = [("GAMIN", "snn", "answers", 0.8, scale) for scale in ("MNIST, plan", "Digits (8×8), quick")]
    frame = pd.DataFrame(rows, columns=["attacker", "target", "knows", "value", "scale"])
    floors = {"seen": {"MNIST, plan": 0.11, "Digits (8×8), quick": 0.14}}
    fig = figures.attackers(
        frame.assign(measure="seen", low=0.7, high=0.9), {"seen": "images seen"}, floors=floors
    )
    assert [line.get_xdata()[0] for ax in fig.axes for line in ax.lines if line.is_dashed()] == [0.11, 0.14]


def test_an_anytime_figure_has_a_line_a_network_and_their_mean():
    rows = [(kind, seed, q, 0.1 * seed) for kind in ("ann", "snn") for seed in (0, 2) for q in (10, 100)]
    frame = pd.DataFrame(rows, columns=["target", "seed", "queries", "seen"])
    fig = figures.anytime(frame, {"seen": "images seen", "seed": "more"}, budget=50.0, floor=0.1)
    lines = fig.axes[0].lines
    assert len(lines) == 2 * 2 + 2 + 2 and fig.axes[0].get_xscale() == "log"
    assert lines[4].get_ydata().tolist() == [0.1, 0.1]  # the mean of 0 and 0.2
