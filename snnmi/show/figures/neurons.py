"""What spikes look like: an image as spike trains, a neuron's membrane over time, a step and its derivative."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snnmi.show.figures.style import COLORS, DASHED, Image, frame, key, legend, new_figure, panels


def rate_coding(image: Image, spikes: Shaped[np.ndarray, " time height width"]) -> Figure:
    """An image, its spike trains and the image read back from their rates; below, what single steps carry (Fig. 1)."""
    num_steps, height, width = spikes.shape
    fig = new_figure(2.9)
    top, bottom = fig.subfigures(2, 1, height_ratios=[2.75, 1], hspace=0.03)
    left, strip, raster, right = top.subplots(1, 4, width_ratios=[1, 0.055, 1.45, 1])
    _picture(left, image, "image $x$")
    _picture(right, spikes.mean(0), f"rate, {num_steps} step{'s' * (num_steps > 1)}")
    _picture(strip, image.reshape(-1, 1), "$x$", aspect="auto")
    strip.set_ylabel(f"{image.size} pixels")
    step, pixel = np.nonzero(spikes.reshape(num_steps, -1))
    half = max(0.42, image.size / 500)  # of a mark's height, never too small to see
    marks = np.stack([np.stack([step + 1, pixel - half], -1), np.stack([step + 1, pixel + half], -1)], 1)
    raster.add_collection(LineCollection(marks, colors=COLORS["mid"], linewidths=1.1))
    raster.xaxis.label.set_color(COLORS["mid"])
    raster.tick_params(labelcolor=COLORS["mid"])
    raster.set(xlim=(0.3, num_steps + 0.7), ylim=(image.size - 0.5, -0.5), yticks=[], xlabel="time step $t$")
    raster.set_xticks([1, *range(5, num_steps + 1, 5)] if num_steps <= 50 else raster.get_xticks())
    raster.spines["left"].set_visible(False)
    shown = min(num_steps, 8)
    for t, ax in enumerate(bottom.subplots(1, shown, squeeze=False)[0]):
        _picture(ax, spikes[t], f"$t={t + 1}$")
    return fig


def _picture(ax: Axes, picture: Image, label: str, **how: object) -> None:
    ax.imshow(picture, vmin=0, vmax=1, **how)
    frame(ax)
    ax.set_xlabel(label)


def rasters(
    image: Float[np.ndarray, " pixels"], spikes: Mapping[str, Float[np.ndarray, " time fed"]]
) -> Figure:
    """What each code feeds at every step: a panel a code, a row a pixel, the brightest on top; dark: much. Of several
    neurons a pixel, next to each other in what is fed, all first ones stand on top, then all second ones.
    """
    order = np.argsort(-image, kind="stable")
    fig, axes = panels(len(spikes), 0.4, 1.9)
    for ax, (name, fed) in zip(axes.flat, spikes.items()):
        rows = fed.reshape(len(fed), len(image), -1)[:, order].transpose(2, 1, 0).reshape(-1, len(fed))
        ax.imshow(rows, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_title(name)
        ax.set(xlabel="time step", yticks=[])
    for ax in axes[:, 0]:
        ax.set_ylabel("pixels, by grey value")
    return fig


def lif_traces(
    current: Float[np.ndarray, " time"],
    traces: Mapping[str, tuple[Float[np.ndarray, " time"], Float[np.ndarray, " time"]]],
    *,
    threshold: float = 1.0,
) -> Figure:
    """Input current, then one panel a trace `{label: (spk, mem)}`: membrane, threshold, and a mark for each spike."""
    steps = np.arange(1, len(current) + 1)
    fig = new_figure(0.9 + 1.2 * len(traces))
    axes = fig.subplots(1 + len(traces), 1, sharex=True, height_ratios=[0.8] + [1] * len(traces))
    axes[0].fill_between(steps, current, step="mid", color=COLORS["faint"])
    axes[0].set(ylabel="current $I$", ylim=(0, None))
    for ax, (label, (spk, mem)) in zip(axes[1:], traces.items(), strict=True):
        fired = spk > 0
        ax.axhline(threshold, color="#777777", **DASHED)
        ax.plot(steps, mem, color=COLORS["snn"], marker="o", markersize=2.6)
        top = max(mem.max(), threshold) * 1.12
        ax.vlines(steps[fired], top * 1.02, top * 1.2, color=COLORS["ink"], linewidth=1.6)
        ax.set(ylabel="membrane $U$", ylim=(min(mem.min(), 0) - 0.05, top * 1.26))
        beside = dict(xycoords=("axes fraction", "data"), textcoords="offset points", va="center")
        ax.annotate("θ", (1, threshold), (3, 0), **beside)
        ax.set_title(f"{label}: {int(fired.sum())} spikes", loc="left", pad=3)
    axes[-1].set(xlabel="time step $t$", xlim=(0.5, len(current) + 0.5))
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def surrogate_gradient(
    u: Float[np.ndarray, " points"],
    spike: Float[np.ndarray, " points"],
    derivative: Float[np.ndarray, " points"],
    training: Mapping[str, tuple[Shaped[np.ndarray, " steps 2"], float]],
) -> Figure:
    """A spike and the surrogate of its derivative over U - theta; loss and norm of the hidden gradient in training.

    `training`: `{"plain": (curve, accuracy), "surrogate": ...}`; a curve has a row a step: loss, norm.
    """
    colors = {"plain": COLORS["floor"], "surrogate": COLORS["surrogate"]}
    fig, axes = panels(3, 0.2, 1.7)
    shape, loss, norm, spare = axes.flat
    shape.plot(u, spike, color=COLORS["ink"], linewidth=1)
    shape.plot(u, derivative, color=colors["surrogate"])
    shape.plot(u, 0 * u, color=colors["plain"])
    shape.set(xlabel=r"$U - \theta$", ylabel="spike, derivative", ylim=(-0.05, 1.06))
    handles = [
        key("spike"),
        key("surrogate derivative", colors["surrogate"]),
        key("true derivative", colors["plain"]),
    ]
    for name, (curve, accuracy) in training.items():
        loss.plot(curve[:, 0], color=colors[name])
        handles.append(key(f"{name}: {accuracy:.0%} right", colors[name]))
        norm.plot(curve[:, 1], color=colors[name])
    loss.set(xlabel="training step", ylabel="loss", ylim=(0, None))
    norm.set(xlabel="training step", ylabel="hidden gradient")
    legend(fig, handles, [spare])
    return fig
