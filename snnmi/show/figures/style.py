"""The book's one style: colours, names, and what every figure begins and ends with."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython import get_ipython
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib_inline.backend_inline import set_matplotlib_formats


class _Palette(dict):
    """Colours by name; a target of the user's own has the last one."""

    def __missing__(self, name: str) -> str:
        return "#A8871C"


# Okabe and Ito's palette: told apart with every common colour vision, and in grey.
COLORS = _Palette(
    ann="#0072B2",
    snn="#D55E00",
    surrogate="#008F68",
    noise="#8C5B9E",
    published="#1A1A1A",
    floor="#7A7A7A",
    ink="#222222",
    mid="#767676",
    faint="#D9D9D9",
)
KINDS = {"ann": "ANN", "snn": "SNN"}
TITLES = {"digits": "Digits (8×8)", "mnist": "MNIST", "faces": "AT&T faces"}
TITLES |= {"saccades": "Saccades", "nmnist": "N-MNIST"}
BAND = "#ECECEC"
DASHED = {"linewidth": 0.9, "linestyle": (0, (4, 3))}
WIDTH = 4.7  # inches, of every figure: on a phone, 340 pixels, its letters are 9 pixels high
SIZE = 9  # points, of all letters

LETTERS = ("axes.labelsize", "axes.titlesize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
TICKS = {"color": "#555555", "labelcolor": COLORS["ink"], "major.width": 0.7, "major.size": 3}

Image = Shaped[np.ndarray, " height width"]


def use_style() -> None:
    """Set the book's matplotlib style; call it once, at the top of a notebook."""
    if get_ipython():
        set_matplotlib_formats("png", bbox_inches=None)  # as wide as it was made
    sns.set_theme(
        context="paper",
        style="ticks",
        palette=[COLORS[name] for name in ("ann", "snn", "surrogate", "noise")],
        rc={
            "figure.dpi": 200,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "font.size": SIZE,
            **dict.fromkeys(LETTERS, SIZE),
            "legend.frameon": False,
            "text.color": COLORS["ink"],
            "axes.labelcolor": COLORS["ink"],
            "axes.edgecolor": "#777777",
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            **{f"{axis}tick.{what}": value for axis in "xy" for what, value in TICKS.items()},
            "grid.color": "#E6E6E6",
            "grid.linewidth": 0.7,
            "lines.linewidth": 1.6,
            "mathtext.fontset": "cm",
            "image.cmap": "gray",
            "image.interpolation": "nearest",
        },
    )


def title(dataset: str) -> str:
    """A data set's name as people write it; a set of the user's own keeps its file's name."""
    return TITLES.get(dataset, dataset)


def new_figure(height: float, layout: str | None = "constrained") -> Figure:
    """An empty figure, so many inches high, closed for pyplot: a notebook shows it only where it is asked to."""
    fig = plt.figure(figsize=(WIDTH, height), layout=layout)
    plt.close(fig)
    return fig


def panels(number: int, head: float, height: float, **how: object) -> tuple[Figure, np.ndarray]:
    """So many panels of that height, in rows of at most two; `how` is for `subplots`."""
    columns = min(number, 2)
    rows = -(-number // columns)
    fig = new_figure(head + rows * height)
    axes = fig.subplots(rows, columns, squeeze=False, **how)
    for ax in axes.flat[number:]:
        ax.set_axis_off()
    return fig, axes


def legend(fig: Figure, handles: list, spare: Sequence[Axes] = ()) -> None:
    """A legend below the panels, or in the first spare one."""
    if len(spare):
        spare[0].legend(handles=handles, loc="center", labelspacing=1)
    else:
        fig.legend(
            handles=handles,
            loc="outside lower center",
            ncols=min(len(handles), max(1, 62 // max(7 + len(one.get_label()) for one in handles))),
            handlelength=1.6,
            columnspacing=1.6,
        )


def key(label: str, color: str = COLORS["ink"], **how: object) -> Line2D:
    """An entry of a legend: a line, or a mark, as `plot` takes them."""
    return Line2D([], [], color=color, label=label, **how)


def diamond(color: str) -> Line2D:
    return key("published", color, marker="D", linestyle="", markerfacecolor="white", markersize=4)


def kinds(those: Iterable[str], what: str = "{}", **how: object) -> list[Line2D]:
    """An entry of a legend for each kind of network, in its colour."""
    return [key(what.format(KINDS.get(kind, kind)), COLORS[kind], **how) for kind in dict.fromkeys(those)]


def interval(ax: Axes, row: object, y: float, color: str, marker: str = "o", **how: object) -> None:
    """A row's value as a dot on its interval."""
    ax.hlines(y, row.low, row.high, color=color, linewidth=2.4, alpha=0.45)
    ax.plot(row.value, y, marker, color=color, **{"markersize": 5} | how)


def lines(ax: Axes, names: Sequence[str], room: float = 0.6) -> None:
    """A line a name, the first on top, without tick marks; `room` is left above and below."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 1 + room, -room)
    ax.tick_params(axis="y", length=0)


def frame(ax: Axes) -> None:
    """A thin frame and no ticks, ink that is read on white and on black: for pictures."""
    ax.set(xticks=[], yticks=[])
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_color(COLORS["mid"])
    for spine in ax.spines.values():
        spine.set(visible=True, color="#999999", linewidth=0.6)
