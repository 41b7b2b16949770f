"""Images by class, and maps of class labels."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib as mpl
import numpy as np
import seaborn as sns
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import ndimage

from snnmi.show.figures.style import COLORS, SIZE, WIDTH, Image, frame, new_figure

PER_ROW = 10  # classes; half as many of pictures that have detail, so that these are twice as large
DETAILED = 64  # pixels a side
NAMES = 0.95  # inches, for the names of the lines
LETTER = 1.3 * SIZE / 72  # inches, a line of letters


def reconstructions(labels: Sequence[int | str], columns: Mapping[str, Sequence[Image | None]]) -> Figure:
    """Classes side by side, PER_ROW to a block; in a block one line a kind of picture (Figs. 3 and 4).

    `columns`: `{"class mean": [one image a label], "ANN": ...}`, floats in [0, 1] or uint8, all on the
    same grey scale. A picture that is not there (None) is an empty frame, one whose pixels are no numbers says so; a
    line that has none is left out. Its ink is read on white and on black: pictures may not be inverted in the dark.
    """
    for name, pictures in columns.items():
        if len(pictures) != len(labels):
            raise ValueError(f"column {name!r} holds {len(pictures)} pictures for {len(labels)} labels")
    columns = {fill(name, 11): own for name, own in columns.items() if any(one is not None for one in own)}
    shapes = [picture.shape for pictures in columns.values() for picture in pictures if picture is not None]
    across = min(PER_ROW if max(max(shapes, default=(0,))) < DETAILED else PER_ROW // 2, len(labels))
    unit = (WIDTH - NAMES) / (1.06 * max(across, 5))  # inches, the width of a picture
    height = unit * shapes[0][0] / shapes[0][1] if shapes else unit
    pitch = max([height + 0.06 * unit, *(LETTER * (1 + name.count("\n")) for name in columns)])
    block, blocks = 2.2 * LETTER + len(columns) * pitch, -(-len(labels) // across)
    fig = new_figure(blocks * block, layout=None)
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(blocks * block, 0), aspect="equal")
    ax.set_axis_off()
    middle = dict(color=COLORS["mid"], va="center")
    for index, label in enumerate(labels):
        x, y = NAMES + (index % across) * 1.06 * unit, (index // across) * block + LETTER
        ax.text(x + unit / 2, y - LETTER / 2, str(label), ha="center", **middle)
        for line, pictures in enumerate(columns.values()):
            bottom = y + line * pitch + height
            _picture(ax, pictures[index], (x, x + unit, bottom, bottom - height))
    for line, name in enumerate(columns):
        for number in range(blocks):
            y = number * block + LETTER + line * pitch + height / 2
            ax.text(NAMES - 0.08, y, name, ha="right", linespacing=1.1, **middle)
    return fig


def decision_slices(rows: Sequence[Mapping], num_classes: int) -> Figure:
    """Labels over a plane, a colour and a number a class: the target's, the surrogate's, and where they differ.

    Each row: "title", "target" and "surrogate" (side, side) integer labels with y upwards, "extent"
    (x0, x1, y0, y1), and, where the plane passes through images, "points" (m, 2) and "point_labels" (m,).
    """
    strong = label_colors(num_classes)
    soft = 0.45 * strong + 0.55
    fig = new_figure(0.4 + 1.7 * len(rows))
    axes = fig.subplots(len(rows), 3, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        target, surrogate = np.asarray(row["target"]), np.asarray(row["surrogate"])
        differ = target != surrogate
        agreement = np.where(differ[..., None], mpl.colors.to_rgb("#4A4A4A"), mpl.colors.to_rgb("#F2F2F2"))
        for ax, picture in zip(line, (soft[target], soft[surrogate], agreement), strict=True):
            ax.imshow(picture, origin="lower", extent=row["extent"], aspect="auto")
            frame(ax)
            ax.set_box_aspect(1)
        points = np.reshape(row.get("points", ()), (-1, 2)).astype(float)
        for ax, regions in zip(line[:2], (target, surrogate), strict=True):
            _number_regions(ax, regions, row["extent"], points)
        for ax in line if len(points) else ():
            ring = dict(s=110, edgecolor="white", linewidth=1.3, zorder=3)
            ax.scatter(*points.T, c=strong[np.asarray(row["point_labels"])], **ring)
            inside = dict(ha="center", va="center_baseline", color="black", weight="bold")
            for (x, y), label in zip(points, row["point_labels"], strict=True):
                ax.text(x, y, str(label), **inside, zorder=4)
        line[0].set_ylabel(row["title"])
        line[2].set_xlabel(f"{differ.mean():.0%} of the plane")
    for ax, head in zip(axes[0], ("target", "surrogate", "where they differ"), strict=True):
        ax.set_title(head)
    return fig


def label_colors(num_classes: int) -> Float[np.ndarray, " classes rgb"]:
    """One colour a class: a colour-blind-safe set up to ten; beyond, hues spread so that neighbours differ."""
    if num_classes <= 10:
        return np.array(sns.color_palette("colorblind", 10)[:num_classes])
    step = 7 if num_classes % 7 else 1
    hues = np.array(sns.husl_palette(num_classes, s=0.75, l=0.6))
    return hues[step * np.arange(num_classes) % num_classes]


def _picture(ax: Axes, picture: Image | None, extent: tuple[float, float, float, float]) -> None:
    left, right, bottom, top = extent
    edge = {"linewidth": 0.5, "edgecolor": "#999999", "facecolor": "none", "linestyle": ":"}
    if picture is not None and np.isnan(picture).any():
        middle = (left + right) / 2, (top + bottom) / 2
        ax.text(*middle, "NaN", ha="center", va="center", color=COLORS["mid"])
    elif picture is not None:
        ax.imshow(
            picture, vmin=0, vmax=255 if picture.dtype == np.uint8 else 1, extent=extent, aspect="equal"
        )
        edge["linestyle"] = "-"
    ax.add_patch(Rectangle((left, top), right - left, bottom - top, **edge))


def _number_regions(
    ax: Axes, regions: Integer[np.ndarray, " side side"], extent: tuple, points: Float[np.ndarray, " m 2"]
) -> None:
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
            ax.text(x, y, str(label), ha="center", va="center")
