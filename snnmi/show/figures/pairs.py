"""ANN beside SNN, measured on the same things: flips along paths, likeness by class."""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from snnmi.show.figures.style import COLORS, DASHED, KINDS, WIDTH, key, legend, new_figure, panels


def flips(counted: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Mean label flips a path, a panel a scale, a line a kind of path, called by `names`.

    `counted`: scale, kind, ann; of the SNN snn_low and snn_high (a bar between them), snn_single (a ring).
    """
    scales = counted.scale.unique()
    fig, axes = panels(max(1, len(scales)), 0.5, 1.5, columns=2, width=5.2, sharey=True)
    for ax, scale in zip(axes.flat, scales, strict=False):
        part = counted[counted.scale == scale]
        y = part.kind.map([*names].index)
        ax.plot(part.ann, y - 0.15, "o", color=COLORS["ann"])
        ax.plot(part.snn_single, y + 0.15, "o", color=COLORS["snn"], markerfacecolor="none")
        ax.hlines(y + 0.15, part.snn_low, part.snn_high, color=COLORS["snn"], linewidth=5)
        ax.plot(part.snn_high, y + 0.15, "|", color=COLORS["snn"], markersize=8)
        ax.set(yticks=range(len(names)), yticklabels=names.values(), ylim=(len(names) - 0.5, -0.5))
        ax.set(xlim=(0, None), xlabel="flips per path")
        ax.set_title(fill(scale, 32), loc="left", fontsize=9)
    dot, ring = {"marker": "o", "linestyle": ""}, {"markerfacecolor": "none"}
    handles = [
        key("ANN", COLORS["ann"], **dot),
        key("SNN, noise voted away", COLORS["snn"], linewidth=5),
        key("SNN, asked once", COLORS["snn"], **dot, **ring),
    ]
    legend(fig, handles)
    return fig


def likeness(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """A dot a class, ANN and SNN joined by a line, bars for their means, a panel a place.

    Each frame: target, label, delta (likeness to the own class beyond that to the others).
    """
    fig = new_figure(WIDTH, 2.9)
    axes = fig.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for ax, (name, part) in zip(axes, panels.items(), strict=True):
        none = part[part.delta.isna()]
        if len(none):
            said = ", ".join(f"{r.label} ({KINDS[r.target]})" for r in none.itertuples())
            below = dict(transform=ax.transAxes, ha="center", va="bottom", fontsize=7)
            ax.text(0.5, 0.01, f"no numbers: {said}", **below)
        for _, pair in part.groupby("label"):
            ends = pair.target.map([*KINDS].index)
            ax.plot(ends, pair.delta, color=COLORS["faint"], linewidth=0.9, zorder=1)
        for x, kind in enumerate(KINDS):
            values = part.delta[part.target == kind]
            dots = {"s": 16, "alpha": 0.7, "linewidth": 0, "zorder": 2}
            ax.scatter(np.full(len(values), x), values, color=COLORS[kind], **dots)
            ax.hlines(values.mean(), x - 0.2, x + 0.2, color=COLORS[kind], linewidth=2.4)
        ax.axhline(0, color="#777777", **DASHED)
        ax.set(xticks=range(len(KINDS)), xticklabels=KINDS.values(), xlim=(-0.5, 1.5))
        ax.set_title(name, fontsize=9.5)
    axes[0].set_ylabel(r"likeness to own class, $\Delta_y$")
    return fig
