"""What changes with time or size: training, attacks, and what either costs."""

from collections.abc import Mapping
from itertools import cycle
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from snnmi.show.figures.style import COLORS, DASHED, key, kinds, legend, new_figure, panels

CURVES = {
    "L_N": "noise loss $L_N$",
    "L_G": "generated loss $L_G$",
    "k": "equilibrium $k_t$",
    "M_global": "$M_{\\mathrm{global}}$",
}
ENDS = {"marker": "x", "linestyle": "", "markersize": 6, "markeredgewidth": 1.6}  # a class without numbers


def convergence(histories: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """L_N, L_G, k_t and M_global against the batch: a thin line a class, a thick one for their median.

    `histories`: `{"ann": history, "snn": history}`, each with "batch" (logged,) and "L_N", "L_G", "k",
    "M_global" (logged, classes).
    """
    fig = new_figure(4.0)
    axes = fig.subplots(2, 2, sharex=True)
    handles = kinds(histories, "{} target", linewidth=2)
    handles += [key("one class", linewidth=0.6, alpha=0.6), key("median of classes", linewidth=2)]
    for ax, (name, label) in zip(axes.flat, CURVES.items()):
        for kind, history in histories.items():
            batch, curves = history["batch"], history[name]
            faint = float(np.clip(4 / curves.shape[1], 0.12, 0.4))
            ax.plot(batch, curves, color=COLORS[kind], linewidth=0.6, alpha=faint)
            known = ~np.isnan(curves)
            some = known.any(1)
            ax.plot(batch[some], np.nanmedian(curves[some], axis=1), color=COLORS[kind], linewidth=2)
            for lost in np.flatnonzero(~known[-1] & known.any(0)):
                last = np.flatnonzero(known[:, lost])[-1]
                ax.plot(batch[last], curves[last, lost], **ENDS, color=COLORS[kind])
        ax.set(ylabel=label, ylim=(0, None))
        ax.margins(x=0.01)
        ax.grid(axis="y")
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    for ax in axes[1]:
        ax.set_xlabel("batch")
    if any(np.isnan(history[name][-1]).any() for history in histories.values() for name in CURVES):
        handles.append(key("no numbers from here", **ENDS))
    legend(fig, handles)
    return fig


def growth(frame: pd.DataFrame) -> Figure:
    """Time against size, both logarithmic, a panel a variable, a line a target; dashed: time in proportion to size.

    `frame`: variable ("classes", "side" or "num_steps"), value, target, seconds_per_batch.
    """
    names = {"classes": "classes at once", "side": "image side (pixels)", "num_steps": "time steps $T$"}
    fig = new_figure(2.5)
    axes = fig.subplots(1, frame.variable.nunique(), squeeze=False, sharey=True)[0]
    for ax, (variable, part) in zip(axes, frame.groupby("variable", sort=False)):
        for kind, line in part.sort_values("value").groupby("target", sort=False):
            x, seconds = line.value.to_numpy(), line.seconds_per_batch.to_numpy()
            ax.plot(x, seconds, color=COLORS[kind], marker="o", markersize=4)
            ax.plot(x[[0, -1]], seconds[0] * x[[0, -1]] / x[0], color=COLORS[kind], **DASHED)
        ax.set(yscale="log", xlabel=names.get(variable, variable))
        _in_ratios(ax, part.value)
    axes[0].set_ylabel("seconds a batch")
    axes[0].yaxis.set_major_formatter("{x:g}")
    handles = kinds(frame.target, "{} target", marker="o", markersize=4)
    legend(fig, [*handles, key("in proportion", **DASHED)])
    return fig


def _in_ratios(ax: Axes, values: pd.Series) -> None:
    """A logarithmic axis with a tick at each value and no others."""
    ax.set(xscale="log", xticks=sorted(values.unique()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.grid(axis="y")


def time_steps(frame: pd.DataFrame) -> Figure:
    """Scores of the SNN against T, a panel a metric, a line a scale; dashed: the ANN of that scale.

    `frame`: metric, scale, target, num_steps (of no use for the ANN), value, low, high.
    """
    fig, axes = panels(frame.metric.nunique(), 0.6, 1.6, sharex=True)
    markers, dashed = dict(zip(frame.scale.unique(), cycle("osD^vP"))), DASHED | {"linewidth": 1.2}
    for ax, (metric, own) in zip(axes.flat, frame.groupby("metric", sort=False)):
        for scale, part in own.groupby("scale", sort=False):
            snn = part[part.target == "snn"].sort_values("num_steps")
            ax.fill_between(snn.num_steps, snn.low, snn.high, color=COLORS["snn"], alpha=0.18, linewidth=0)
            ax.plot(snn.num_steps, snn.value, color=COLORS["snn"], marker=markers[scale], markersize=4)
            for ann in part[part.target == "ann"].itertuples():
                ax.axhline(ann.value, color=COLORS["ann"], **dashed)
        ax.set_ylabel(metric)
        _in_ratios(ax, frame[frame.target == "snn"].num_steps)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        if np.ptp(own.value) < 0.02:  # all alike: no axis that makes much of nothing
            ax.set_ylim(0, 1.1 * own.value.max())
    for ax in axes[-1]:
        ax.set_xlabel("time steps $T$")
    names = {scale: f"SNN, {scale}" if len(markers) > 1 else "SNN" for scale in markers}
    handles = [key(names[s], COLORS["snn"], marker=m, markersize=4) for s, m in markers.items()]
    if (frame.target == "ann").any():
        handles.append(key("ANN", COLORS["ann"], **dashed))
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
    legend(fig, kinds(frame.target, marker="o", markersize=4))
    return fig
