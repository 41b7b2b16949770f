"""Numbers with their intervals: a mark a number, beside what it is to be read against."""

import textwrap
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
    key,
    legend,
    lines,
    new_figure,
    panels,
    title,
)


def score_dots(scores: pd.DataFrame) -> Figure:
    """Scores beside the paper's: a panel a metric, a line a data set and target, a thin line from ours to theirs.

    `scores`: metric, dataset, target, value (a dot), and where known low, high (its interval), kept (a ring: the other
    pair's value), published (a diamond), floor, ceiling (a grey band), in each metric's own unit; lost: names of
    classes without numbers, for a ¶ at the dot. Metrics and lines keep their order of appearance.
    """
    known = "metric dataset target value low high kept published floor ceiling lost"
    scores = scores.reindex(columns=known.split())
    scores = scores.assign(lost=scores.lost.astype(object).fillna("").astype(str))
    metrics = list(scores.metric.unique())
    positions = _positions(scores)
    bottom = max(positions.values()) + 0.65
    height = 0.55 + 0.25 * (bottom + 0.65)
    fig, axes = panels(len(metrics), 0.5, height, sharey=True)
    hollow = dict(markerfacecolor="white", markeredgewidth=1.1)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for row in scores[scores.metric == metric].itertuples():
            y, color = positions[row.dataset, row.target], COLORS.get(row.target, COLORS["ink"])
            ax.barh(y, row.ceiling - row.floor, left=row.floor, height=0.8, color=BAND)
            ax.vlines([row.floor, row.ceiling], y - 0.4, y + 0.4, color=COLORS["floor"], linewidth=0.9)
            ax.plot([row.value, row.published], [y, y], color=color, linewidth=1)
            ax.hlines(y, row.low, row.high, color=color, linewidth=3.2, alpha=0.45)
            ax.plot(row.kept, y, "o", color=color, markersize=5.5, **hollow)
            ax.plot(row.value, y, "o", color=color, markersize=5)
            if row.lost:
                at = (row.value, y) if np.isfinite(row.value) else (row.floor, y)
                ax.annotate("¶", at, (4, 5), textcoords="offset points", color=color)
            ax.plot(row.published, y, "D", color=COLORS["published"], markersize=4.2, **hollow)
        names = [f"{title(dataset)}  {KINDS[kind]}" for dataset, kind in positions]
        ax.set_yticks(list(positions.values()), names)
        ax.set_ylim(bottom, -0.65)
        ax.tick_params(axis="y", length=0)
        ax.use_sticky_edges = False
        _axis(ax, metric, margin=0.07)
    legend(fig, _score_handles(scores), list(axes.flat[len(metrics) :]))
    return fig


def _positions(scores: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Heights of the lines, data sets a little apart."""
    found = scores[["dataset", "target"]].drop_duplicates()
    heights = np.where(found.dataset == found.dataset.shift(), 1.0, 1.5).cumsum()
    return dict(zip(found.itertuples(index=False, name=None), heights - heights[0], strict=True))


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


def effects(frame: pd.DataFrame) -> Figure:
    """The gap between SNN and ANN and what each factor adds to it: a row of panels a metric, a column a scale.

    `frame`: metric, scale, factor (a key of FACTORS), effect, low, high, smallest, largest. Bar:
    effect; black line: its interval; hollow box: from the smallest to the largest of the ways to
    measure it.
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    fig = new_figure(0.7 + 1.15 * len(metrics))
    axes = fig.subplots(len(metrics), len(scales), squeeze=False, sharex="row", sharey=True)
    for (metric, scale), part in frame.groupby(["metric", "scale"], sort=False):
        ax = axes[metrics.index(metric), scales.index(scale)]
        for row in part[part.factor.isin(FACTORS)].itertuples():
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
        if (part[["effect", "smallest", "largest"]] == 0).all(axis=None):
            middle = dict(transform=ax.transAxes, ha="center", va="center", backgroundcolor="white")
            ax.text(0.5, 0.5, "no gap, no effect", **middle)
    for line, metric in zip(axes, metrics, strict=True):
        line[0].set_ylabel(metric, fontweight="bold")
        for ax in line:
            lines(ax, [name for _, name in FACTORS.values()], room=0.55)
        if not frame.loc[frame.metric == metric, ["low", "high", "smallest", "largest"]].to_numpy().any():
            line[0].set(xlim=(-1, 1), xticks=[0])
    for ax, scale in zip(axes[0], scales, strict=True):
        ax.set_title(textwrap.fill(scale, 16))
    return fig


def changes(frame: pd.DataFrame) -> Figure:
    """A forest of controls minus their baseline: a panel a metric, a line a control, grouped by factor; a mark a scale.

    `frame`: metric, scale, factor, target, name, difference, low, high.
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    texts: list[tuple[str, str]] = []  # and targets; a factor's heading has none
    places: dict[tuple[str, str, str], int] = {}
    for (factor, target, name), _ in frame.groupby(["factor", "target", "name"], sort=False):
        if (factor, "") not in texts:
            texts.append((factor, ""))
        places[factor, target, name] = len(texts)
        texts.append((f"{KINDS[target]}: {name}", target))
    fig = new_figure(0.8 + 0.19 * len(texts))
    axes = fig.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    markers = dict(zip(scales, cycle("osD^vPX*")))
    for ax, metric in zip(axes, metrics, strict=True):
        ax.axvline(0, color="#777777", linewidth=0.9)
        shown = frame[frame.metric == metric]
        for place, rows in shown.groupby(["factor", "target", "name"], sort=False):
            shifts = np.linspace(-0.2, 0.2, len(rows)) if len(rows) > 1 else [0.0]
            for row, shift in zip(rows.itertuples(), shifts, strict=True):
                y, color = places[place] + shift, COLORS[row.target]
                face = color if row.scale == scales[0] else "white"
                ax.hlines(y, row.low, row.high, color=color, linewidth=1.3)
                mark = dict(markerfacecolor=face, markersize=4, markeredgewidth=1.1)
                ax.plot(row.difference, y, markers[row.scale], color=color, **mark)
        lines(ax, [text for text, _ in texts])
        _axis(ax, metric)
    for label, (_, target) in zip(axes[0].get_yticklabels(), texts, strict=True):
        label.set(color=COLORS.get(target, COLORS["ink"]), fontweight="normal" if target else "bold")
    mark = {"markersize": 4, "linewidth": 1.3}
    handles = [key(scale, marker=marker, **mark) for scale, marker in markers.items()]
    for handle in handles[1:]:
        handle.set_markerfacecolor("white")
    legend(fig, handles)
    return fig


def sources(frame: pd.DataFrame) -> Figure:
    """What is said of each set of images: a column a measure, a row of panels a scale, a line a set.

    `frame`: scale, what (the set, as people write it), kind (of the target it was made for; "" for a reference, drawn
    in grey), drawn (by the attack that the page is about: filled, a target's other images hollow), a measure's name,
    floor (what guessing gives, dashed), value, low, high.
    """
    scales, measures, order = (list(frame[name].unique()) for name in ("scale", "measure", "what"))
    fig = new_figure(0.3 + len(scales) * (0.5 + 0.21 * len(order)))
    axes = fig.subplots(len(scales), len(measures), squeeze=False, sharey=True, sharex=True)
    for (scale, measure), part in frame.groupby(["scale", "measure"], sort=False):
        ax = axes[scales.index(scale), measures.index(measure)]
        for row in part.itertuples():
            y, color = order.index(row.what), COLORS[row.kind] if row.kind else COLORS["floor"]
            face = "white" if row.kind and not row.drawn else color
            ax.hlines(y, row.low, row.high, color=color, linewidth=2.4, alpha=0.45)
            ax.plot(row.value, y, "o", color=color, markerfacecolor=face, markersize=5, markeredgewidth=1.3)
        ax.axvline(part.floor.iloc[0], color=COLORS["floor"], **DASHED)
        ax.set(xlim=(-0.05, 1.05), xticks=(0, 0.5, 1))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        ax.grid(axis="x")
    for ax, measure in zip(axes[-1], measures, strict=True):
        ax.set_xlabel(measure)
    kinds = frame.drop_duplicates("what").set_index("what").kind
    for line, scale in zip(axes, scales, strict=True):
        for ax in line:
            lines(ax, order)
        line[0].set_title(scale, loc="left")
        for label, what in zip(line[0].get_yticklabels(), order, strict=True):
            label.set_color(COLORS[kinds[what]] if kinds[what] else COLORS["ink"])
    return fig
