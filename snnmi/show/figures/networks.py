"""Networks as dots: by what they were asked, under every guess, and beside what a question is worth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from snnmi.show.figures.style import COLORS, DASHED, diamond, key, kinds, legend, lines, new_figure


def networks(frame: pd.DataFrame, published: Mapping[str, float], *, name: str, floor: float) -> Figure:
    """A line a cell: a dot a network, a bar at their mean, a diamond where the paper has a number.

    `frame`: cell (as people write it), target ("ann" or "snn", its colour), value in 0..1; cells keep their order of
    appearance. `published`: value by cell. `floor`: what guessing gives, a dashed line. `name`: of the axis.
    """
    cells = list(frame.cell.unique())
    fig = new_figure(0.9 + 0.42 * len(cells))
    ax = fig.subplots()
    for y, cell in enumerate(cells):
        own = frame[frame.cell == cell]
        color = COLORS[own.target.iloc[0]]
        ax.barh(y, own.value.mean(), height=0.62, color=color, alpha=0.22)
        ax.vlines(own.value.mean(), y - 0.31, y + 0.31, color=color, linewidth=1.6)
        heights = y + np.linspace(-0.18, 0.18, len(own)) if len(own) > 1 else [y]
        ax.plot(own.value, heights, "o", color=color, markersize=5, markeredgecolor="white", linestyle="")
        if cell in published:
            hollow = dict(markerfacecolor="white", markersize=6, markeredgewidth=1.2)
            ax.plot(published[cell], y, "D", color=COLORS["published"], **hollow)
    ax.axvline(floor, color=COLORS["floor"], **DASHED)
    lines(ax, cells, room=0.55)
    ax.set(xlim=(0, 1), xlabel=name)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.grid(axis="x")
    handles = [key("a network", marker="o", markersize=5, linestyle="")]
    if set(published) & set(cells):
        handles.append(diamond(COLORS["published"]))
    legend(fig, [*handles, key("guessing", COLORS["floor"], **DASHED)])
    return fig


def specification(
    frame: pd.DataFrame,
    choices: Sequence[str],
    shown: Mapping[str, tuple[str, str]],
    *,
    name: str,
    floor: float,
    chosen: pd.Series,
) -> Figure:
    """The specification curve: what comes out under every setting, sorted, and below it which setting that is.

    `frame`: one column for each of `shown`, a colour and a marker each, NaN where it was not run, the first sorts; and
    one for each of `choices`, whose values keep their order of appearance. `floor`: what guessing gives; `chosen`:
    whether a setting is the frozen one, a thin line. `name`: of the axis.
    """
    order = frame[[*shown][0]].sort_values(kind="stable").index
    frame, chosen = frame.loc[order], chosen.loc[order].to_numpy(bool)
    taken = [(choice, value) for choice in choices for value in dict.fromkeys(frame[choice].sort_index())]
    fig = new_figure(2.6 + 0.18 * len(taken))
    above, below = fig.subplots(2, sharex=True, height_ratios=[1.9, 0.18 * len(taken)])
    places = np.arange(len(frame))
    for ax in (above, below):
        for place in places[chosen]:
            ax.axvline(place, color=COLORS["faint"], linewidth=4, zorder=0)
    handles = []
    for column, (color, marker) in shown.items():
        dots = dict(color=color, marker=marker, markersize=4.5, linestyle="")
        above.plot(places, frame[column], **dots)
        handles.append(key(column, **dots))
    above.axhline(floor, color=COLORS["floor"], **DASHED)
    above.set(ylabel=name, ylim=(0, None))
    above.yaxis.set_major_formatter("{x:.0%}")
    above.grid(axis="y")
    for y, (choice, value) in enumerate(taken):
        at = places[frame[choice] == value]
        below.plot(at, np.full(len(at), y), "s", color=COLORS["ink"], markersize=2.6)
        if y and taken[y - 1][0] != choice:
            below.axhline(y - 0.5, color=COLORS["faint"], linewidth=0.8)
    lines(below, [f"{choice} {value}" for choice, value in taken])
    below.set(xticks=[], xlabel=f"{len(frame)} settings")
    legend(fig, [*handles, key("guessing", COLORS["floor"], **DASHED)])
    return fig


def answers(frame: pd.DataFrame) -> Figure:
    """The copy's accuracy against the share of the commonest answer to what it learnt from: a dot a network, each
    noise named where there is room, beside its dots or below them.

    `frame`: kind, name (of the noise, and of what was changed of the target), commonest_answer, surrogate_accuracy
    (shares of 1).
    """
    fig = new_figure(3.3)
    ax = fig.subplots()
    for kind, own in frame.groupby("kind", sort=False):
        dots = dict(color=COLORS[kind], markersize=5.5, markeredgecolor="white", linestyle="", alpha=0.85)
        ax.plot(own.commonest_answer, own.surrogate_accuracy, "o", **dots)
    taken = frame[["commonest_answer", "surrogate_accuracy"]].to_numpy()
    named: list[tuple[str, float, float]] = []
    for (_, name), own in frame.groupby(["kind", "name"], sort=False):
        x, y, wide = own.commonest_answer, own.surrogate_accuracy, 0.018 * len(name)
        if any(name == other and abs(x.mean() - a) + abs(y.mean() - b) < 0.2 for other, a, b in named):
            continue
        for left, low in ((x.max() + 0.015, y.mean()), (x.mean() - wide / 2, y.min() - 0.05)):
            inside = (taken >= (left - 0.005, low - 0.03)) & (taken <= (left + wide, low + 0.03))
            if not inside.all(1).any():
                ax.text(left, low, name, va="center")
                named.append((name, x.mean(), y.mean()))
                taken = np.vstack([taken, [(left + wide * part, low) for part in np.linspace(0, 1, 9)]])
                break
    ax.set(xlim=(0, 1), xlabel="share of the commonest answer")
    ax.set(ylim=(0, 1), ylabel="test images that the copy reads")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:.0%}")
    ax.grid()
    legend(fig, kinds(frame.kind, marker="o", linestyle=""))
    return fig
