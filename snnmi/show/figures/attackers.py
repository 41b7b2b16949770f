"""Attackers of the same targets, one above the other."""

from collections.abc import Mapping
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure

from snnmi.show.figures.style import COLORS, DASHED, KINDS, key, legend, new_figure, panels


def attackers(
    frame: pd.DataFrame,
    measures: Mapping[str, str],
    *,
    floors: Mapping[str, float | Mapping[str, float]] | None = None,
) -> Figure:
    """A row of panels a scale, a panel a measure, a line an attacker: a dot a target, with its interval over networks.

    `frame`: scale, attacker, target, knows, measure, value, low, high; attackers keep their order of appearance, and
    who holds the weights is marked by a square. `measures`: their names; `floors`: what guessing gives, dashed, the
    same at every scale or by scale.
    """
    scales = list(frame.scale.unique())
    order = {scale: list(frame[frame.scale == scale].attacker.unique()) for scale in scales}
    heights = [0.5 + 0.33 * len(names) for names in order.values()]
    fig = new_figure(sum(heights) + 0.9)
    grid = fig.subplots(len(scales), len(measures), squeeze=False, sharey="row", height_ratios=heights)
    for axes, (scale, names) in zip(grid, order.items(), strict=True):
        for ax, (measure, title) in zip(axes, measures.items(), strict=True):
            own = frame[(frame.scale == scale) & (frame.measure == measure)]
            for r in own.itertuples():
                y = names.index(r.attacker) + (-0.14 if r.target == "ann" else 0.14)
                color, marker = COLORS[r.target], "s" if r.knows == "weights" else "o"
                ax.hlines(y, r.low, r.high, color=color, linewidth=2.2, alpha=0.45)
                ax.plot(r.value, y, marker, color=color, markersize=5)
            if measure in (floors or {}):
                floor = floors[measure]
                at = floor[scale] if isinstance(floor, Mapping) else floor
                ax.axvline(at, color=COLORS["floor"], **DASHED)
            ax.set(xlim=(-0.03, 1.03), xticks=(0, 0.5, 1), xlabel=fill(title, 16))
            ax.grid(axis="x")
        axes[0].set_yticks(range(len(names)), [fill(name, 22) for name in names])
        axes[0].set_ylim(len(names) - 0.4, -0.6)
        axes[0].set_title(scale, loc="left")
    shape = {"linestyle": "", "markersize": 5}
    kinds = [kind for kind in KINDS if kind in set(frame.target)]
    handles = [key(KINDS[kind], COLORS[kind], marker="o", **shape) for kind in kinds]
    if frame.knows.nunique() > 1:
        handles += [key("who asks", marker="o", **shape), key("who holds the weights", marker="s", **shape)]
    legend(fig, handles)
    return fig


def anytime(frame: pd.DataFrame, measures: Mapping[str, str], *, budget: float, floor: float) -> Figure:
    """What an attack has come to while it runs: a panel a measure, a thin line a network, a thick one their mean.

    `frame`: target, seed, queries (a class) and a column a measure, shares of 1. `measures`: their names. Dotted: the
    paper's `budget` of queries; dashed: what guessing gives.
    """
    fig, axes = panels(len(measures), 0.7, 1.9, sharex=True, sharey=True)
    for ax, (measure, title) in zip(axes.flat, measures.items()):
        for (kind, _), own in frame.groupby(["target", "seed"], sort=False):
            ax.plot(own.queries, own[measure], color=COLORS[kind], linewidth=0.8, alpha=0.45)
        for kind, own in frame.groupby("target", sort=False):
            mean = own.groupby("queries")[measure].mean()
            ax.plot(mean.index, mean, color=COLORS[kind], marker="o", markersize=4)
        ax.axvline(budget, color=COLORS["ink"], linewidth=0.9, linestyle=(0, (1, 2)))
        ax.axhline(floor, color=COLORS["floor"], **DASHED)
        ax.set(xscale="log", xlabel="queries a class", ylim=(-0.03, 1.03))
        ax.set_title(fill(title, 22), loc="left")
        ax.grid(axis="y")
    kinds = [kind for kind in KINDS if kind in set(frame.target)]
    legend(fig, [key(KINDS[kind], COLORS[kind], marker="o", markersize=4) for kind in kinds])
    return fig
