"""Arrays and tables in, matplotlib figures out: one style, one pair of colours for ANN and SNN. Computes nothing.

Every function returns a closed Figure, so a notebook shows it once, as a cell's last value. Figures
stand on a white card of their own and can be read in a light and in a dark page.
"""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float, Integer, Shaped
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from scipy import ndimage

# Okabe and Ito's palette: told apart with every common colour vision, and in grey.
COLORS = {
    "ann": "#0072B2",
    "snn": "#D55E00",
    "surrogate": "#008F68",
    "noise": "#8C5B9E",
    "published": "#1A1A1A",
    "floor": "#7A7A7A",
    "ceiling": "#7A7A7A",
    "ink": "#222222",
    "faint": "#D9D9D9",
}
KINDS = {"ann": "ANN", "snn": "SNN"}
TITLES = {"digits": "Digits (8×8)", "mnist": "MNIST", "faces": "AT&T faces"}
BAND = "#ECECEC"
WIDTH = 7.4  # inches, the width of a page's text column

Image = Shaped[np.ndarray, " height width"]


def use_style() -> None:
    """Set the book's matplotlib style; call it once, at the top of a notebook."""
    sns.set_theme(
        context="paper",
        style="ticks",
        palette=[COLORS[name] for name in ("ann", "snn", "surrogate", "noise")],
        rc={
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.facecolor": "white",
            "figure.dpi": 160,
            "savefig.dpi": 160,
            "font.size": 9,
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8.5,
            "legend.frameon": False,
            "text.color": COLORS["ink"],
            "axes.labelcolor": COLORS["ink"],
            "axes.edgecolor": "#777777",
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": "#555555",
            "ytick.color": "#555555",
            "xtick.labelcolor": COLORS["ink"],
            "ytick.labelcolor": COLORS["ink"],
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "axes.grid": False,
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


def rate_coding(image: Image, spikes: Shaped[np.ndarray, " time height width"]) -> Figure:
    """An image, its spike trains and the image read back from their rates; below, what single steps carry (Fig. 1)."""
    num_steps, height, width = spikes.shape
    fig = _figure(WIDTH, 3.9)
    top, bottom = fig.subfigures(2, 1, height_ratios=[2.75, 1], hspace=0.03)
    left, strip, raster, right = top.subplots(1, 4, width_ratios=[1, 0.055, 1.45, 1])
    for ax, picture, label in (
        (left, image, "image $x$"),
        (right, spikes.mean(0), f"read back: rate over {num_steps} steps"),
    ):
        ax.imshow(picture, vmin=0, vmax=1)
        _frame(ax)
        ax.set_xlabel(label)
    strip.imshow(image.reshape(-1, 1), vmin=0, vmax=1, aspect="auto")
    _frame(strip)
    strip.set_ylabel(f"pixel, row by row (1 to {image.size})")
    strip.set_xlabel("$x$")
    step, pixel = np.nonzero(spikes.reshape(num_steps, -1))
    half = max(0.42, image.size / 500)  # of a mark's height, never too small to see
    marks = np.stack([np.stack([step + 1, pixel - half], -1), np.stack([step + 1, pixel + half], -1)], 1)
    raster.add_collection(LineCollection(marks, colors=COLORS["ink"], linewidths=1.4))
    raster.set(xlim=(0.3, num_steps + 0.7), ylim=(image.size - 0.5, -0.5), yticks=[], xlabel="time step $t$")
    raster.set_xticks([1, *range(5, num_steps + 1, 5)] if num_steps <= 50 else raster.get_xticks())
    raster.spines["left"].set_visible(False)
    shown = min(num_steps, 10)
    for t, ax in enumerate(bottom.subplots(1, shown)):
        ax.imshow(spikes[t], vmin=0, vmax=1)
        _frame(ax)
        ax.set_xlabel(f"$t={t + 1}$", fontsize=8)
    return fig


def lif_traces(
    current: Float[np.ndarray, " time"],
    traces: Mapping[str, tuple[Float[np.ndarray, " time"], Float[np.ndarray, " time"]]],
    *,
    threshold: float = 1.0,
) -> Figure:
    """Input current, then one panel a trace `{label: (spk, mem)}`: membrane, threshold, and a mark for each spike."""
    steps = np.arange(1, len(current) + 1)
    fig = _figure(WIDTH, 1.1 + 1.35 * len(traces))
    axes = fig.subplots(1 + len(traces), 1, sharex=True, height_ratios=[0.55] + [1] * len(traces))
    axes[0].fill_between(steps, current, step="mid", color=COLORS["faint"])
    axes[0].set(ylabel="current $I$", ylim=(0, None))
    for ax, (label, (spk, mem)) in zip(axes[1:], traces.items(), strict=True):
        fired = spk > 0
        ax.axhline(threshold, color="#777777", linewidth=0.9, linestyle=(0, (4, 3)))
        ax.plot(steps, mem, color=COLORS["snn"], marker="o", markersize=2.6)
        top = max(mem.max(), threshold) * 1.12
        ax.vlines(steps[fired], top * 1.02, top * 1.2, color=COLORS["ink"], linewidth=1.6)
        ax.set(ylabel="membrane $U$", ylim=(min(mem.min(), 0) - 0.05, top * 1.26))
        ax.annotate("θ", (1, threshold), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center")
        ax.set_title(f"{label}: {int(fired.sum())} spikes", loc="left", fontsize=9, pad=3)
    axes[-1].set(xlabel="time step $t$", xlim=(0.5, len(current) + 0.5))
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def training_curves(history: pd.DataFrame, published: Mapping[tuple[str, str], float] | None = None) -> Figure:
    """Loss (above) and accuracy (below) against the epoch, a column a data set, a line a target and seed.

    `history`: dataset, target, seed, epoch, loss, test_accuracy and, if known, train_accuracy (shares in 0..1).
    `published`: `{(dataset, target): accuracy}`, drawn as a dashed line.
    """
    datasets = list(history.dataset.unique())
    fig = _figure(WIDTH, 4.1)
    axes = fig.subplots(2, len(datasets), squeeze=False, sharex="col")
    for column, dataset in enumerate(datasets):
        upper, lower = axes[:, column]
        for (kind, _), run in history[history.dataset == dataset].groupby(["target", "seed"], sort=False):
            marker = "o" if len(run) < 12 else None
            upper.plot(run.epoch, run.loss, color=COLORS[kind], marker=marker, markersize=3)
            if "train_accuracy" in run:
                lower.plot(run.epoch, run.train_accuracy, color=COLORS[kind], linewidth=1, alpha=0.5)
            lower.plot(run.epoch, run.test_accuracy, color=COLORS[kind], marker=marker, markersize=3)
            if (dataset, kind) in (published or {}):
                lower.axhline(published[dataset, kind], color=COLORS[kind], linestyle=(0, (4, 3)), linewidth=1)
        upper.set_yscale("log")
        upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        upper.yaxis.set_major_formatter("{x:g}")
        upper.yaxis.set_minor_formatter(NullFormatter())
        upper.set_title(title(dataset), loc="left", fontsize=9.5)
        lower.set(xlabel="epoch", ylim=(None, 1.005))
        lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("training loss")
    axes[1, 0].set_ylabel("accuracy")
    handles = [Line2D([], [], color=COLORS[kind], label=KINDS[kind]) for kind in history.target.unique()]
    if "train_accuracy" in history:
        handles += [
            Line2D([], [], color=COLORS["ink"], label="test"),
            Line2D([], [], color=COLORS["ink"], linewidth=1, alpha=0.5, label="training"),
        ]
    if published:
        handles.append(Line2D([], [], color=COLORS["ink"], linestyle=(0, (4, 3)), linewidth=1, label="published, test"))
    _legend(fig, handles)
    return fig


CURVES = {
    "L_N": "noise loss $L_N$",
    "L_G": "generated loss $L_G$",
    "k": "equilibrium $k_t$",
    "M_global": "$M_{\\mathrm{global}}$",
}


def convergence(histories: Mapping[str, Mapping[str, np.ndarray]], *, batch_size: int | None = None) -> Figure:
    """L_N, L_G, k_t and M_global against the batch: a thin line a class, a thick one for their median.

    `histories`: `{"ann": history, "snn": history}`, each with "batch" (logged,) and "L_N", "L_G", "k",
    "M_global" (logged, classes). With `batch_size`, the axis counts queries per class instead of batches.
    """
    fig = _figure(WIDTH, 4.6)
    axes = fig.subplots(2, 2, sharex=True)
    for ax, (key, label) in zip(axes.flat, CURVES.items(), strict=True):
        _curves(ax, histories, key, batch_size)
        ax.set_ylabel(label)
    for ax in axes[1]:
        ax.set_xlabel("queries per class" if batch_size else "batch")
    _legend(fig, _curve_handles(histories))
    return fig


def convergence_grid(rows: Mapping[str, Mapping[str, Mapping]], *, batch_size: int | None = None) -> Figure:
    """`convergence` for several runs, a row each: `{row title: {"ann": history, "snn": history}}`."""
    fig = _figure(WIDTH, 0.7 + 1.45 * len(rows))
    axes = fig.subplots(len(rows), 4, squeeze=False)
    for line, (name, histories) in zip(axes, rows.items(), strict=True):
        for ax, key in zip(line, CURVES, strict=True):
            _curves(ax, histories, key, batch_size)
            ax.xaxis.set_major_locator(MaxNLocator(3))
            ax.yaxis.set_major_locator(MaxNLocator(4))
        line[0].set_ylabel(name)
    for ax, label in zip(axes[0], CURVES.values(), strict=True):
        ax.set_title(label, fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("queries per class" if batch_size else "batch")
    _legend(fig, _curve_handles({kind: None for histories in rows.values() for kind in histories}))
    return fig


def _curves(ax: Axes, histories: Mapping[str, Mapping[str, np.ndarray]], key: str, batch_size: int | None) -> None:
    for kind, history in histories.items():
        batch, curves = np.asarray(history["batch"]) * (batch_size or 1), np.asarray(history[key])
        ax.plot(batch, curves, color=COLORS[kind], linewidth=0.6, alpha=max(0.12, min(0.4, 4 / curves.shape[1])))
        ax.plot(batch, np.nanmedian(curves, axis=1), color=COLORS[kind], linewidth=2)
    ax.set_ylim(0, None)
    ax.margins(x=0.01)
    ax.grid(axis="y")
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))


def _curve_handles(kinds: Iterable[str]) -> list[Line2D]:
    return [Line2D([], [], color=COLORS[kind], linewidth=2, label=f"{KINDS[kind]} target") for kind in kinds] + [
        Line2D([], [], color=COLORS["ink"], linewidth=0.6, alpha=0.6, label="one class"),
        Line2D([], [], color=COLORS["ink"], linewidth=2, label="median of classes"),
    ]


def score_dots(scores: pd.DataFrame) -> Figure:
    """Table II as a picture: a panel a metric, a line a data set and target; dot and interval ours, diamond the paper's.

    `scores`: metric, dataset, target, value, and where known low, high, published, floor, ceiling, in
    each metric's own unit. Metrics and lines keep their order of appearance; a grey band runs from floor to ceiling.
    """
    scores = scores.reindex(columns=["metric", "dataset", "target", "value", "low", "high", "published", "floor", "ceiling"])
    metrics = list(scores.metric.unique())
    lines = list(scores[["dataset", "target"]].drop_duplicates().itertuples(index=False, name=None))
    positions: dict[tuple[str, str], float] = {}
    for index, line in enumerate(lines):
        step = 0 if index == 0 else 1 if lines[index - 1][0] == line[0] else 1.5
        positions[line] = step + (positions[lines[index - 1]] if index else 0)
    bottom = max(positions.values()) + 0.65
    columns = min(len(metrics), 3)
    rows = -(-len(metrics) // columns)
    fig = _figure(WIDTH, 0.5 + rows * (0.55 + 0.25 * (bottom + 0.65)))
    axes = fig.subplots(rows, columns, squeeze=False, sharey=True)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for row in scores[scores.metric == metric].itertuples():
            y, color = positions[row.dataset, row.target], COLORS.get(row.target, COLORS["ink"])
            ax.barh(y, row.ceiling - row.floor, left=row.floor, height=0.8, color=BAND)
            ax.vlines([row.floor, row.ceiling], y - 0.4, y + 0.4, color=COLORS["floor"], linewidth=0.9)
            ax.hlines(y - 0.12, row.low, row.high, color=color, linewidth=2.4, alpha=0.45)
            ax.plot(row.value, y - 0.12, "o", color=color, markersize=5.5)
            ax.plot(row.published, y + 0.2, "D", color=COLORS["published"], markerfacecolor="white", markersize=4, markeredgewidth=1)
        ax.set_yticks(list(positions.values()), [f"{title(dataset)}  {KINDS.get(kind, kind)}" for dataset, kind in positions])
        ax.set_ylim(bottom, -0.65)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(metric)
        ax.grid(axis="x")
        ax.set_axisbelow(True)
        ax.use_sticky_edges = False
        ax.margins(x=0.07)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    handles = [Line2D([], [], color=COLORS["ink"], marker="o", linewidth=2.4, markersize=5.5, label="this run and its interval")]
    if scores.published.notna().any():
        handles.append(_diamond(COLORS["published"]))
    if scores.floor.notna().any():
        handles.append(Patch(facecolor=BAND, edgecolor=COLORS["floor"], linewidth=0.9, label="from floor to ceiling"))
    _legend(fig, handles, list(axes.flat[len(metrics) :]))
    return fig


VERDICTS = {"reproduced": ("o", COLORS["ink"]), "not reproduced": ("x", COLORS["ink"]), "open": ("o", "white")}


def differences(frame: pd.DataFrame) -> Figure:
    """SNN minus ANN, a panel a metric, a line a scale: the difference with its interval, and the paper's.

    `frame`: metric, scale, difference, low, high, published (may be NaN), verdict (a key of VERDICTS).
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    columns = min(len(metrics), 3)
    rows = -(-len(metrics) // columns)
    fig = _figure(WIDTH, 0.5 + rows * (0.6 + 0.3 * len(scales)))
    axes = fig.subplots(rows, columns, squeeze=False, sharey=True)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        ax.axvline(0, color="#777777", linewidth=0.9)
        for row in frame[frame.metric == metric].itertuples():
            y = scales.index(row.scale)
            marker, face = VERDICTS[row.verdict]
            ax.hlines(y - 0.12, row.low, row.high, color=COLORS["ink"], linewidth=1.6)
            ax.plot(row.difference, y - 0.12, marker, color=COLORS["ink"], markerfacecolor=face, markersize=6, markeredgewidth=1.6)
            ax.plot(row.published, y + 0.22, "D", color=COLORS["snn"], markerfacecolor="white", markersize=4, markeredgewidth=1.2)
        ax.set_yticks(range(len(scales)), scales)
        ax.set_ylim(len(scales) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(metric)
        ax.grid(axis="x")
        ax.margins(x=0.1)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    handles = [
        Line2D([], [], color=COLORS["ink"], marker=marker, markerfacecolor=face, markersize=6, markeredgewidth=1.6, label=verdict)
        for verdict, (marker, face) in VERDICTS.items()
        if verdict in set(frame.verdict)
    ]
    if frame.published.notna().any():
        handles.append(_diamond(COLORS["snn"]))
    _legend(fig, handles, list(axes.flat[len(metrics) :]))
    return fig


def growth(frame: pd.DataFrame) -> Figure:
    """Time against size, both logarithmic, a panel a variable, a line a target; dashed: time in proportion to size.

    `frame`: variable ("classes", "side" or "num_steps"), value, target, seconds_per_batch.
    """
    names = {"classes": "classes attacked at once", "side": "image side (pixels)", "num_steps": "time steps $T$"}
    variables = list(frame.variable.unique())
    fig = _figure(WIDTH, 2.7)
    axes = fig.subplots(1, len(variables), squeeze=False, sharey=True)[0]
    for ax, variable in zip(axes, variables, strict=True):
        part = frame[frame.variable == variable].sort_values("value")
        for kind, line in part.groupby("target", sort=False):
            x, seconds = line.value.to_numpy(), line.seconds_per_batch.to_numpy()
            ax.plot(x, seconds, color=COLORS[kind], marker="o", markersize=4)
            ax.plot(x[[0, -1]], seconds[0] * x[[0, -1]] / x[0], color=COLORS[kind], linewidth=0.9, linestyle=(0, (4, 3)))
        ax.set(xscale="log", yscale="log", xlabel=names.get(variable, variable))
        ax.set_xticks(sorted(part.value.unique()))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.grid(axis="y")
    axes[0].set_ylabel("seconds a batch")
    axes[0].yaxis.set_major_formatter("{x:g}")
    kinds = frame.target.unique()
    handles = [Line2D([], [], color=COLORS[kind], marker="o", markersize=4, label=f"{KINDS[kind]} target") for kind in kinds]
    handles.append(Line2D([], [], color=COLORS["ink"], linewidth=0.9, linestyle=(0, (4, 3)), label="in proportion"))
    _legend(fig, handles)
    return fig


def reconstructions(labels: Sequence[int | str], columns: Mapping[str, Sequence[Image | None]], *, per_row: int = 10) -> Figure:
    """Classes side by side, `per_row` to a block; in a block one line a kind of picture (Figs. 3 and 4).

    `columns`: `{"class mean": [one image a label], "ANN": ...}`, floats in [0, 1] or uint8, all on the
    same grey scale. None stands for a picture that this machine lacks and is drawn as an empty frame.
    """
    for name, pictures in columns.items():
        if len(pictures) != len(labels):
            raise ValueError(f"column {name!r} holds {len(pictures)} pictures for {len(labels)} labels")
    shapes = [picture.shape for pictures in columns.values() for picture in pictures if picture is not None]
    height = shapes[0][0] / shapes[0][1] if shapes else 1.0  # of a picture one unit wide
    gap, head, block_gap = 0.06, 0.3, 0.22
    across = min(per_row, len(labels))
    blocks = -(-len(labels) // across)
    block = head + len(columns) * (height + gap) + block_gap
    margin = 1.15  # for the names of the lines
    total_width, total_height = margin + across * (1 + gap), blocks * block - block_gap
    scale = WIDTH / (margin + max(across, 8) * (1 + gap))
    fig = _figure(total_width * scale, total_height * scale, layout=None)
    ax = fig.add_axes((0, 0, 1, 1), xlim=(-margin, total_width - margin), ylim=(total_height, 0), aspect="equal")
    ax.set_axis_off()
    for index, label in enumerate(labels):
        x, y = (index % across) * (1 + gap), (index // across) * block
        ax.text(x + 0.5, y + head - 0.08, str(label), ha="center", va="bottom", fontsize=8.5)
        for line, pictures in enumerate(columns.values()):
            bottom = y + head + line * (height + gap) + height
            _picture(ax, pictures[index], (x, x + 1, bottom, bottom - height))
    for line, name in enumerate(columns):
        color = next((COLORS[kind] for kind, known in KINDS.items() if known in name.split()), COLORS["ink"])
        for number in range(blocks):
            y = number * block + head + line * (height + gap) + height / 2
            ax.text(-0.12, y, name.replace(" ", "\n"), ha="right", va="center", fontsize=8.5, color=color, linespacing=1.1)
    return fig


def decision_slices(rows: Sequence[Mapping], num_classes: int) -> Figure:
    """Labels over a plane, a colour and a number a class: the target's, the surrogate's, and where they differ.

    Each row: "title", "target" and "surrogate" (side, side) integer labels with y upwards, "extent"
    (x0, x1, y0, y1), and, where the plane passes through images, "points" (m, 2) and "point_labels" (m,).
    """
    strong = label_colors(num_classes)
    soft = 0.45 * strong + 0.55
    fig = _figure(WIDTH, 0.35 + 2.5 * len(rows))
    axes = fig.subplots(len(rows), 3, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        target, surrogate = np.asarray(row["target"]), np.asarray(row["surrogate"])
        differ = target != surrogate
        agreement = np.where(differ[..., None], mpl.colors.to_rgb("#4A4A4A"), mpl.colors.to_rgb("#F2F2F2"))
        for ax, picture in zip(line, (soft[target], soft[surrogate], agreement), strict=True):
            ax.imshow(picture, origin="lower", extent=row["extent"], aspect="auto")
            _frame(ax)
            ax.set_box_aspect(1)
        points = np.reshape(row.get("points", ()), (-1, 2)).astype(float)
        for ax, regions in zip(line[:2], (target, surrogate), strict=True):
            _number_regions(ax, regions, row["extent"], points)
        for ax in line if len(points) else ():
            ax.scatter(*points.T, c=strong[np.asarray(row["point_labels"])], s=95, edgecolor="white", linewidth=1.3, zorder=3)
            for (x, y), label in zip(points, row["point_labels"], strict=True):
                ax.text(x, y, str(label), ha="center", va="center_baseline", fontsize=7, color="black", weight="bold", zorder=4)
        line[0].set_ylabel(row["title"])
        line[2].set_xlabel(f"labels differ on {differ.mean():.0%} of the plane", fontsize=8)
    for ax, head in zip(axes[0], ("target", "surrogate", "where they differ"), strict=True):
        ax.set_title(head, fontsize=9.5)
    return fig


def label_colors(num_classes: int) -> Float[np.ndarray, " classes rgb"]:
    """One colour a class: a colour-blind-safe set up to ten; beyond, hues spread so that neighbours differ."""
    if num_classes <= 10:
        return np.array(sns.color_palette("colorblind", 10)[:num_classes])
    hues = sns.husl_palette(num_classes, s=0.75, l=0.6)
    return np.array([hues[(index * 7) % num_classes if num_classes % 7 else index] for index in range(num_classes)])


def _figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """An empty figure, sizes in inches, already closed for pyplot: a notebook shows it only where it is asked to."""
    fig = plt.figure(figsize=(width, height), layout=layout)
    plt.close(fig)
    return fig


def _legend(fig: Figure, handles: list, spare: Sequence[Axes] = ()) -> None:
    """A legend below the panels, or in the first spare one."""
    for ax in spare:
        ax.set_axis_off()
    if len(spare):
        spare[0].legend(handles=handles, loc="center", labelspacing=1)
    else:
        fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), handlelength=1.6, columnspacing=1.6)


def _diamond(color: str) -> Line2D:
    return Line2D([], [], color=color, marker="D", linestyle="", markerfacecolor="white", markersize=4, label="published")


def _frame(ax: Axes) -> None:
    """A thin frame and no ticks: for pictures."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color="#999999", linewidth=0.6)


def _picture(ax: Axes, picture: Image | None, extent: tuple[float, float, float, float]) -> None:
    left, right, bottom, top = extent
    box = {"xy": (left, top), "width": right - left, "height": bottom - top, "linewidth": 0.5, "edgecolor": "#999999"}
    if picture is None:
        ax.add_patch(Rectangle(**box, facecolor="#F4F4F4", hatch="////", linestyle=":"))
        card = {"facecolor": "#F4F4F4", "edgecolor": "none", "pad": 1}
        middle = (left + right) / 2, (top + bottom) / 2
        ax.text(*middle, "not on this\nmachine", ha="center", va="center", fontsize=5.5, bbox=card)
        return
    ax.imshow(picture, vmin=0, vmax=255 if picture.dtype == np.uint8 else 1, extent=extent, aspect="equal")
    ax.add_patch(Rectangle(**box, facecolor="none"))


def _number_regions(ax: Axes, regions: Integer[np.ndarray, " side side"], extent: tuple, points: Float[np.ndarray, " m 2"]) -> None:
    """Write each sizable region's class where the region is widest and no test image lies."""
    (height, width), (x0, x1, y0, y1) = regions.shape, extent
    taken = np.ones((height, width), dtype=bool)
    for x, y in points:
        row, column = int((y - y0) / (y1 - y0) * height), int((x - x0) / (x1 - x0) * width)
        taken[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)] = False
    spread = ndimage.distance_transform_edt(taken) if len(points) else np.full(taken.shape, np.inf)
    for label in np.unique(regions):
        parts, count = ndimage.label(regions == label)
        for part in range(1, count + 1):
            depth = ndimage.distance_transform_edt(np.pad(parts == part, 1))[1:-1, 1:-1]
            depth = np.minimum(depth, spread - 0.03 * height)  # a test image's mark is this large
            if depth.max() < 0.04 * height:
                continue
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            x, y = x0 + (column + 0.5) / width * (x1 - x0), y0 + (row + 0.5) / height * (y1 - y0)
            ax.text(x, y, str(label), ha="center", va="center", fontsize=7.5)


# --- what carries the gap (chapter "Controls")

FACTORS = {  # of `effects`: colour and name
    "gap": (COLORS["ink"], "SNN − ANN"),
    "range": (COLORS["surrogate"], "input range"),
    "encoder": (COLORS["noise"], "encoder's draw"),
    "neuron": (COLORS["snn"], "spiking neuron"),
}


def effects(frame: pd.DataFrame) -> Figure:
    """The gap between SNN and ANN and what each factor adds to it: a row of panels a metric, a column a scale.

    `frame`: metric, scale, factor (a key of FACTORS; others are left out), effect, low, high, smallest, largest. Bar: effect;
    black line: its interval; hollow box: from the smallest to the largest over the orders of making the changes.
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    fig = _figure(np.clip(1.9 + 1.9 * len(scales), 4.2, 6.4), 0.6 + 1.15 * len(metrics))
    axes = fig.subplots(len(metrics), len(scales), squeeze=False, sharex="row", sharey=True)
    for (metric, scale), part in frame.groupby(["metric", "scale"], sort=False):
        ax = axes[metrics.index(metric), scales.index(scale)]
        for row in part[part.factor.isin(FACTORS)].itertuples():
            y, color = [*FACTORS].index(row.factor), FACTORS[row.factor][0]
            ax.barh(y, row.effect, height=0.58, color=color, alpha=1 if row.factor == "gap" else 0.75)
            ax.hlines(y, row.low, row.high, color="white", linewidth=3.4)
            ax.hlines(y, row.low, row.high, color="black", linewidth=1.5)
            if row.factor != "gap" and row.smallest < row.largest:
                ax.barh(y, row.largest - row.smallest, left=row.smallest, height=0.8, fill=False, edgecolor=color, linewidth=0.8, zorder=3)
        ax.axvline(0, color="#777777", linewidth=0.9)
        ax.axhline(0.5, color=COLORS["faint"], linewidth=0.8)
        ax.grid(axis="x")
        ax.set_axisbelow(True)
        ax.use_sticky_edges = False
        ax.margins(x=0.06)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        if (part[["effect", "smallest", "largest"]] == 0).all(axis=None):
            ax.text(0.5, 0.5, "no gap, no effect", transform=ax.transAxes, ha="center", va="center", backgroundcolor="white")
    for line, metric in zip(axes, metrics, strict=True):
        line[0].set_ylabel(metric, fontweight="bold")
        line[0].set_yticks(range(len(FACTORS)), [name for _, name in FACTORS.values()])
        line[0].set_ylim(len(FACTORS) - 0.45, -0.55)
        for ax in line:
            ax.tick_params(axis="y", length=0)
        if not frame.loc[frame.metric == metric, ["low", "high", "smallest", "largest"]].to_numpy().any():
            line[0].set(xlim=(-1, 1), xticks=[0])
    for ax, scale in zip(axes[0], scales, strict=True):
        ax.set_title(scale, fontsize=9.5)
    return fig


def changes(frame: pd.DataFrame) -> Figure:
    """A forest of controls minus their baseline: a panel a metric, a line a control, grouped by factor; a mark a scale.

    `frame`: metric, scale, factor, target, name, difference, low, high.
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    lines: list[tuple[str, str]] = []  # (text, target); a factor's heading has no target
    places: dict[tuple[str, str, str], int] = {}
    for (factor, target, name), _ in frame.groupby(["factor", "target", "name"], sort=False):
        if (factor, "") not in lines:
            lines.append((factor, ""))
        places[factor, target, name] = len(lines)
        lines.append((f"{KINDS[target]}: {name}", target))
    fig = _figure(6.2, 0.8 + 0.19 * len(lines))
    axes = fig.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    markers = dict(zip(scales, ("o", "s", "D", "^", "v", "P")))
    for ax, metric in zip(axes, metrics, strict=True):
        heights: dict[tuple[str, str, str, str], float] = {}
        ax.axvline(0, color="#777777", linewidth=0.9)
        shown = frame[frame.metric == metric]
        for (factor, target, name), rows in shown.groupby(["factor", "target", "name"], sort=False):
            shifts = np.linspace(-0.2, 0.2, len(rows)) if len(rows) > 1 else [0.0]
            heights |= {(factor, target, name, s): places[factor, target, name] + dy for s, dy in zip(rows.scale, shifts, strict=True)}
        for row in shown.itertuples():
            y = heights[row.factor, row.target, row.name, row.scale]
            color, face = COLORS[row.target], COLORS[row.target] if row.scale == scales[0] else "white"
            ax.hlines(y, row.low, row.high, color=color, linewidth=1.3)
            ax.plot(row.difference, y, markers[row.scale], color=color, markerfacecolor=face, markersize=4, markeredgewidth=1.1)
        ax.set_xlabel(metric)
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].set_yticks(range(len(lines)), [text for text, _ in lines])
    axes[0].set_ylim(len(lines) - 0.4, -0.6)
    for label, (_, target) in zip(axes[0].get_yticklabels(), lines, strict=True):
        label.set(color=COLORS.get(target, COLORS["ink"]), fontweight="normal" if target else "bold")
    handles = [
        Line2D([], [], color=COLORS["ink"], marker=marker, markerfacecolor=COLORS["ink"] if scale == scales[0] else "white",
               markersize=4, linewidth=1.3, label=scale)
        for scale, marker in markers.items()
    ]  # fmt: skip
    _legend(fig, handles)
    return fig


def time_steps(frame: pd.DataFrame) -> Figure:
    """Scores of the SNN against T, a panel a metric, a line a scale; dashed: the ANN of that scale.

    `frame`: metric, scale, target, num_steps (of no use for the ANN), value, low, high.
    """
    metrics, scales = list(frame.metric.unique()), list(frame.scale.unique())
    rows = -(-len(metrics) // 2)
    fig = _figure(5.2, 0.6 + 1.75 * rows)
    axes = fig.subplots(rows, 2, squeeze=False, sharex=True)
    markers = dict(zip(scales, ("o", "s", "D", "^", "v", "P")))
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for scale, part in frame[frame.metric == metric].groupby("scale", sort=False):
            snn = part[part.target == "snn"].sort_values("num_steps")
            ax.fill_between(snn.num_steps, snn.low, snn.high, color=COLORS["snn"], alpha=0.18, linewidth=0)
            ax.plot(snn.num_steps, snn.value, color=COLORS["snn"], marker=markers[scale], markersize=4)
            for ann in part[part.target == "ann"].itertuples():
                ax.axhline(ann.value, color=COLORS["ann"], linewidth=1.2, linestyle=(0, (4, 3)))
        ax.set(xscale="log", ylabel=metric)
        ax.set_xticks(sorted(frame[frame.target == "snn"].num_steps.unique()))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.grid(axis="y")
        ax.yaxis.set_major_locator(MaxNLocator(4))
        if np.ptp(frame.loc[frame.metric == metric, "value"]) < 0.02:  # all alike: no axis that makes much of nothing
            ax.set_ylim(0, 1.1 * frame.loc[frame.metric == metric, "value"].max())
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("time steps $T$")
    names = (lambda kind, scale: f"{KINDS[kind]}, {scale}") if len(scales) > 1 else (lambda kind, scale: KINDS[kind])
    handles = [Line2D([], [], color=COLORS["snn"], marker=markers[s], markersize=4, label=names("snn", s)) for s in scales]
    if (frame.target == "ann").any():
        handles.append(Line2D([], [], color=COLORS["ann"], linewidth=1.2, linestyle=(0, (4, 3)), label="ANN"))
    _legend(fig, handles)
    return fig


# --- what a judge says of images (chapter "An honest judge")


def sources(frame: pd.DataFrame, marks: Mapping[tuple[str, str], float] | None = None) -> Figure:
    """Where each set of images lies: a column a metric, a row of panels a scale, a line a source.

    `frame`: scale, metric, source, target ("" for a reference, drawn in grey), value, low, high. Reconstructions are filled,
    a target's other images hollow. `marks`: `{(scale, metric): value}`, a dashed line.
    """
    scales, metrics = list(frame.scale.unique()), list(frame.metric.unique())
    lines = list(frame[["source", "target"]].drop_duplicates().itertuples(index=False, name=None))
    fig = _figure(max(4.2, 1.2 + 1.55 * len(metrics)), 0.3 + len(scales) * (0.55 + 0.19 * len(lines)))
    axes = fig.subplots(len(scales), len(metrics), squeeze=False, sharey=True)
    for (scale, metric), part in frame.groupby(["scale", "metric"], sort=False):
        ax = axes[scales.index(scale), metrics.index(metric)]
        for row in part.itertuples():
            y, color = lines.index((row.source, row.target)), COLORS.get(row.target, COLORS["floor"])
            face = "white" if row.target and row.source != "reconstruction" else color
            ax.hlines(y, row.low, row.high, color=color, linewidth=2.4, alpha=0.45)
            ax.plot(row.value, y, "o", color=color, markerfacecolor=face, markersize=5, markeredgewidth=1.3)
        if (scale, metric) in (marks or {}):
            ax.axvline(marks[scale, metric], color="#777777", linewidth=0.9, linestyle=(0, (4, 3)))
        ax.grid(axis="x")
        ax.set_axisbelow(True)
        ax.margins(x=0.08)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(3))
    for ax, metric in zip(axes[-1], metrics, strict=True):
        ax.set_xlabel(metric)
    for line, scale in zip(axes, scales, strict=True):
        line[0].set_yticks(range(len(lines)), [" ".join(filter(None, (name, KINDS.get(kind)))) for name, kind in lines])
        line[0].set_ylim(len(lines) - 0.4, -0.6)
        line[0].set_title(scale, loc="left", fontsize=9.5)
        for label, (_, kind) in zip(line[0].get_yticklabels(), lines, strict=True):
            label.set_color(COLORS.get(kind, COLORS["ink"]))
    return fig
