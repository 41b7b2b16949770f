"""Numbers with their intervals: a mark a number, beside what it is to be read against."""

import textwrap
from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from snnmi.show.figures.style import (
    BAND,
    COLORS,
    DASHED,
    KINDS,
    diamond,
    interval,
    key,
    kinds,
    legend,
    lines,
    new_figure,
    panels,
    title,
)


def score_dots(scores: pd.DataFrame) -> Figure:
    """Scores beside the paper's: a panel a metric, a line a data set and target, a thin line from ours, as the
    paper scores, to theirs.

    `scores`: metric, dataset, target, value (a dot), and where known low, high (its interval), kept (a ring: the other
    pair's value), published (a diamond), floor, ceiling (a grey band), in each metric's own unit; lost: names of
    classes without numbers, for a ¶ at the dot. Metrics and lines keep their order of appearance.
    """
    known = "metric dataset target value low high kept published floor ceiling lost"
    scores = scores.reindex(columns=known.split())
    scores = scores.assign(lost=scores.lost.astype(object).fillna("").astype(str))
    found = scores[["dataset", "target"]].drop_duplicates()
    heights = np.where(found.dataset == found.dataset.shift(), 1.0, 1.5).cumsum()  # data sets a little apart
    positions = dict(zip(found.itertuples(index=False, name=None), heights - heights[0]))
    bottom = max(positions.values()) + 0.65
    height = 0.55 + 0.25 * (bottom + 0.65)
    fig, axes = panels(scores.metric.nunique(), 0.5, height, sharey=True)
    hollow = dict(markerfacecolor="white", markeredgewidth=1.1)
    for ax, (metric, own) in zip(axes.flat, scores.groupby("metric", sort=False)):
        for row in own.itertuples():
            y, color = positions[row.dataset, row.target], COLORS.get(row.target, COLORS["ink"])
            ax.barh(y, row.ceiling - row.floor, left=row.floor, height=0.8, color=BAND)
            ax.vlines([row.floor, row.ceiling], y - 0.4, y + 0.4, color=COLORS["floor"], linewidth=0.9)
            scored = row.kept if np.isfinite(row.kept) else row.value  # as the paper scores
            ax.plot([scored, row.published], [y, y], color=color, linewidth=1)
            ax.plot(row.kept, y, "o", color=color, markersize=5.5, **hollow)
            interval(ax, row, y, color)
            if row.lost:
                at = (row.value, y) if np.isfinite(row.value) else (row.floor, y)
                ax.annotate("¶", at, (4, 5), textcoords="offset points", color=color)
            ax.plot(row.published, y, "D", color=COLORS["published"], markersize=4.2, **hollow)
        names = [f"{title(dataset)}  {KINDS.get(kind, kind)}" for dataset, kind in positions]
        ax.set_yticks(list(positions.values()), names)
        ax.set_ylim(bottom, -0.65)
        ax.tick_params(axis="y", length=0)
        ax.use_sticky_edges = False
        _axis(ax, metric, margin=0.07)
    legend(fig, _score_handles(scores), list(axes.flat[scores.metric.nunique() :]))
    return fig


def _score_handles(scores: pd.DataFrame) -> list:
    """The legend of what occurs."""
    handles = [key("ours, and its interval", marker="o", linewidth=2.4, markersize=5)]
    if scores.kept.notna().any():
        ring = dict(linestyle="", marker="o", markerfacecolor="white", markersize=5.5)
        handles.append(key("ours, the kept pair", **ring))
    if scores.published.notna().any():
        handles.append(diamond(COLORS["published"]))
    if scores.floor.notna().any():
        band = dict(edgecolor=COLORS["floor"], linewidth=0.9, label="from floor to ceiling")
        handles.append(Patch(facecolor=BAND, **band))
    if scores.lost.any():
        handles.append(key("classes without numbers left out", linestyle="", marker="$¶$"))
    return handles


def _axis(ax: Axes, metric: str = "", *, margin: float | None = None, ticks: int = 4) -> None:
    """A metric's axis: a grid, and few ticks."""
    ax.set_xlabel(metric)
    ax.grid(axis="x")
    ax.margins(x=margin)
    ax.xaxis.set_major_locator(MaxNLocator(ticks))


FACTORS = {  # of `effects`: colour and name
    "gap": (COLORS["ink"], "SNN − ANN"),
    "encoding": (COLORS["noise"], "encoding"),
    "neuron": (COLORS["snn"], "neuron"),
}


def effects(frame: pd.DataFrame, *, name: str) -> Figure:
    """The gap between SNN and ANN and what each factor adds to it: a panel a scale. `name`: what is different.

    `frame`: scale, factor (a key of FACTORS), effect, low, high, smallest, largest. Bar: effect; black line: its
    interval; hollow box: from the smallest to the largest of the ways to measure it.
    """
    fig = new_figure(1.85)
    axes = fig.subplots(1, frame.scale.nunique(), squeeze=False, sharex=True, sharey=True)[0]
    for ax, (scale, part) in zip(axes, frame.groupby("scale", sort=False)):
        for row in part.itertuples():
            y, color = [*FACTORS].index(row.factor), FACTORS[row.factor][0]
            ax.barh(y, row.effect, height=0.58, color=color, alpha=1 if row.factor == "gap" else 0.75)
            ax.hlines(y, row.low, row.high, color="white", linewidth=3.4)
            ax.hlines(y, row.low, row.high, color="black", linewidth=1.5)
            if row.factor != "gap" and row.smallest < row.largest:
                box = dict(height=0.8, fill=False, edgecolor=color, linewidth=0.8, zorder=3)
                ax.barh(y, row.largest - row.smallest, left=row.smallest, **box)
        ax.axvline(0, color="#777777", linewidth=0.9)
        ax.axhline(0.5, color=COLORS["faint"], linewidth=0.8)
        ax.use_sticky_edges = False
        _axis(ax, margin=0.06, ticks=2)
        lines(ax, [called for _, called in FACTORS.values()], room=0.55)
        ax.set_title(textwrap.fill(scale, 16))
    axes[0].set_ylabel(name, fontweight="bold")
    return fig


def changes(frame: pd.DataFrame, *, name: str) -> Figure:
    """A forest of controls minus their baseline: a line a control, grouped by factor; a mark a scale. `name`: of the
    axis.

    `frame`: scale, factor, target, name, difference, low, high.
    """
    texts: list[tuple[str, str]] = []  # and targets; a factor's heading has none
    controls = frame.groupby(["factor", "target", "name"], sort=False)
    fig = new_figure(0.8 + 0.19 * (len(controls) + frame.factor.nunique()))
    ax = fig.subplots()
    markers = dict(zip(frame.scale.unique(), cycle("osD^vPX*")))
    ax.axvline(0, color="#777777", linewidth=0.9)
    for (factor, target, control), rows in controls:
        if (factor, "") not in texts:
            texts.append((factor, ""))
        shifts = np.linspace(-0.2, 0.2, len(rows)) if len(rows) > 1 else [0.0]
        for row, shift in zip(rows.itertuples(), shifts, strict=True):
            y, color = len(texts) + shift, COLORS[row.target]
            face = color if row.scale == frame.scale.iloc[0] else "white"
            ax.hlines(y, row.low, row.high, color=color, linewidth=1.3)
            mark = dict(markerfacecolor=face, markersize=4, markeredgewidth=1.1)
            ax.plot(row.difference, y, markers[row.scale], color=color, **mark)
        texts.append((f"{KINDS.get(target, target)}: {control}", target))
    lines(ax, [text for text, _ in texts])
    _axis(ax, name)
    for label, (_, target) in zip(ax.get_yticklabels(), texts, strict=True):
        label.set(color=COLORS.get(target, COLORS["ink"]), fontweight="normal" if target else "bold")
    mark = {"markersize": 4, "linewidth": 1.3}
    handles = [key(scale, marker=marker, **mark) for scale, marker in markers.items()]
    for handle in handles[1:]:
        handle.set_markerfacecolor("white")
    legend(fig, handles)
    return fig


def sets(frame: pd.DataFrame) -> Figure:
    """Shares of sets of images, or of what attackers come to: a row of panels a scale, a panel a measure, a line each.

    `frame`: scale, measure and what (each as people write it, in the order shown), value, low, high, target (the kind
    whose colour it has; "" for a reference, grey), floor (what guessing gives, dashed); and where known drawn (False: a
    hollow dot), knows ("weights": a square, for an attacker who holds them).
    """
    frame = frame.assign(drawn=frame.get("drawn", True), knows=frame.get("knows", "answers"))
    scales, measures = frame.groupby("scale", sort=False), list(frame.measure.unique())
    names = {scale: [textwrap.fill(what, 26) for what in own.what.unique()] for scale, own in scales}
    heights = [0.4 + (0.34 if "\n" in "".join(own) else 0.27) * len(own) for own in names.values()]
    whole = frame.groupby(["scale", "measure"]).ngroups == len(scales) * len(measures)
    fig = new_figure(sum(heights) + (0.7 if whole else 1.1))
    how = dict(squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    axes = fig.subplots(len(scales), len(measures), **how)
    # where ANN and SNN share lines, one stands above the other
    paired = float(frame.groupby("what").target.nunique().max() > 1)
    for line, (scale, own) in zip(axes, scales):
        for row in own.itertuples():
            y = names[scale].index(textwrap.fill(row.what, 26))
            y += paired * {"ann": -0.14, "snn": 0.14}.get(row.target, 0)
            color = COLORS[row.target] if row.target else COLORS["floor"]
            face = color if row.drawn or not row.target else "white"
            marker, ax = "s" if row.knows == "weights" else "o", line[measures.index(row.measure)]
            interval(ax, row, y, color, marker, markerfacecolor=face, markeredgewidth=1.3)
        for measure, floor in own[["measure", "floor"]].dropna().drop_duplicates().to_numpy():
            line[measures.index(measure)].axvline(floor, color=COLORS["floor"], **DASHED)
        for ax in line:
            lines(ax, names[scale])
        line[0].set_title(scale, loc="left")
    axes[0, 0].set(xlim=(-0.05, 1.05), xticks=(0, 0.5, 1))
    for ax in axes.flat:
        ax.xaxis.set_major_formatter("{x:.0%}")
        ax.grid(axis="x")
    for column, measure in zip(axes.T, measures):
        empty = [ax for ax in column if not ax.has_data()]
        for ax in empty:
            ax.set_visible(False)
        last = [ax for ax in column if ax not in empty][-1]
        last.set_xlabel(textwrap.fill(measure, 54 // len(measures)))
        last.tick_params(labelbottom=True)
    mark = {"linestyle": "", "markersize": 5}
    handles = kinds(sorted({*frame.target} - {""}), marker="o", **mark)
    if frame.knows.nunique() > 1:
        handles += [key("who asks", marker="o", **mark), key("who holds the weights", marker="s", **mark)]
    legend(fig, handles)
    return fig


def flips(counted: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Mean label flips a path, a panel a scale, a line a kind of path, called by `names`.

    `counted`: scale, kind, ann; of the SNN snn_low and snn_high (a bar between them), snn_single (a ring).
    """
    fig, axes = panels(max(1, counted.scale.nunique()), 0.5, 1.6, sharey=True)
    for ax, (scale, part) in zip(axes.flat, counted.groupby("scale", sort=False)):
        y = part.kind.map([*names].index)
        ax.plot(part.ann, y - 0.15, "o", color=COLORS["ann"])
        ax.plot(part.snn_single, y + 0.15, "o", color=COLORS["snn"], markerfacecolor="none")
        ax.hlines(y + 0.15, part.snn_low, part.snn_high, color=COLORS["snn"], linewidth=5)
        ax.plot(part.snn_high, y + 0.15, "|", color=COLORS["snn"], markersize=8)
        ax.set(yticks=range(len(names)), yticklabels=names.values(), ylim=(len(names) - 0.5, -0.5))
        ax.set(xlim=(0, None), xlabel="flips per path")
        ax.set_title(textwrap.fill(scale, 22), loc="left")
    dot = {"marker": "o", "linestyle": ""}
    handles = [
        key("ANN", COLORS["ann"], **dot),
        key("SNN, noise voted away", COLORS["snn"], linewidth=5),
        key("SNN, asked once", COLORS["snn"], **dot, markerfacecolor="none"),
    ]
    legend(fig, handles)
    return fig
