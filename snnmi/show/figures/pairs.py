"""ANN beside SNN, measured on the same things: flips along paths."""

from collections.abc import Mapping
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure

from snnmi.show.figures.style import COLORS, key, legend, panels


def flips(counted: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Mean label flips a path, a panel a scale, a line a kind of path, called by `names`.

    `counted`: scale, kind, ann; of the SNN snn_low and snn_high (a bar between them), snn_single (a ring).
    """
    scales = counted.scale.unique()
    fig, axes = panels(max(1, len(scales)), 0.5, 1.6, sharey=True)
    for ax, scale in zip(axes.flat, scales, strict=False):
        part = counted[counted.scale == scale]
        y = part.kind.map([*names].index)
        ax.plot(part.ann, y - 0.15, "o", color=COLORS["ann"])
        ax.plot(part.snn_single, y + 0.15, "o", color=COLORS["snn"], markerfacecolor="none")
        ax.hlines(y + 0.15, part.snn_low, part.snn_high, color=COLORS["snn"], linewidth=5)
        ax.plot(part.snn_high, y + 0.15, "|", color=COLORS["snn"], markersize=8)
        ax.set(yticks=range(len(names)), yticklabels=names.values(), ylim=(len(names) - 0.5, -0.5))
        ax.set(xlim=(0, None), xlabel="flips per path")
        ax.set_title(fill(scale, 22), loc="left")
    dot, ring = {"marker": "o", "linestyle": ""}, {"markerfacecolor": "none"}
    handles = [
        key("ANN", COLORS["ann"], **dot),
        key("SNN, noise voted away", COLORS["snn"], linewidth=5),
        key("SNN, asked once", COLORS["snn"], **dot, **ring),
    ]
    legend(fig, handles)
    return fig
