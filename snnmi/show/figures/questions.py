"""What a question is worth: how often it gets one answer, and what a copy learns from it."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from snnmi.show.figures.style import COLORS, KINDS, key, legend, new_figure


def answers(frame: pd.DataFrame) -> Figure:
    """The copy's accuracy against the share of the commonest answer to what it learnt from: a dot a network, each
    noise named once a kind where there is room.

    `frame`: kind, name (of the noise, and of what was changed of the target), commonest_answer, surrogate_accuracy
    (shares of 1).
    """
    fig = new_figure(3.3)
    ax = fig.subplots()
    for kind, own in frame.groupby("kind", sort=False):
        dots = dict(color=COLORS[kind], markersize=5.5, markeredgecolor="white", linestyle="", alpha=0.85)
        ax.plot(own.commonest_answer, own.surrogate_accuracy, "o", **dots)
    placed: list[tuple[float, float]] = []
    for (kind, name), own in frame.groupby(["kind", "name"], sort=False):
        x, y = own.commonest_answer.max(), own.surrogate_accuracy.mean()
        if all(abs(x - left) > 0.25 or abs(y - low) > 0.05 for left, low in placed):  # names that can be read
            ax.annotate(name, (x, y), (5, -3), textcoords="offset points", color=COLORS[kind])
            placed.append((x, y))
    ax.set(
        xlim=(0, 1),
        xlabel="share of the commonest answer",
        ylim=(0, 1),
        ylabel="test images that the copy reads",
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.grid()
    handles = [key(KINDS[kind], COLORS[kind], marker="o", linestyle="") for kind in frame.kind.unique()]
    legend(fig, handles)
    return fig
