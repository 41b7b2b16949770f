"""The explorer: reconstructions by class, from arrays to widgets. In a rendered book it works without a kernel.

Every picture is an <img> with its own text inside an HTML widget (an Image widget cannot carry one); nested
Stacks linked in the browser choose among them. Only the button that draws new samples needs a kernel.
Experiments and attacks come as `experiment.Experiment` and `runs.AttackRun`; nothing is computed here.
"""

import base64
import io
from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image

from snnmi.show.figures import COLORS, KINDS, title

SHOWN = 6  # reconstructions a class
LARGEST_SIDE = 56  # pixels; larger pictures are averaged down, to keep the page small

STYLE = """<style>
.snnmi-explorer, .snnmi-explorer .widget-html, .snnmi-explorer .widget-html-content {
  height: auto; overflow: visible; line-height: 1.4; }
.snnmi-explorer { background: var(--pst-color-background, transparent); padding: 0.4rem; }
.snnmi-explorer, .snnmi-explorer .widget-html-content { color: var(--pst-color-text-base, inherit); }
.snnmi-explorer .pictures { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.4rem; }
.snnmi-explorer .pictures div { width: 5.4rem; text-align: center; font-size: 0.8rem; }
.snnmi-explorer .pictures img {
  width: 100%; margin: 0; padding: 0 !important; filter: none !important; image-rendering: pixelated; }
.snnmi-explorer .absent { display: block; border: 1px dotted; padding: 1.6rem 0.3rem; }
.snnmi-explorer svg { width: 100%; max-width: 36rem; height: auto; display: block; margin-top: 0.6rem; }
.snnmi-explorer .key { font-size: 0.8rem; margin: 0; }
.snnmi-explorer .key span { display: inline-block; width: 0.7rem; height: 0.7rem; margin: 0 0.3rem 0 0.8rem; }
.snnmi-explorer .words { margin: 0.4rem 0 0; }
.bd-article .snnmi-live { display: none; } /* a rendered book has no kernel */
</style>"""


def explorer(experiments: Sequence) -> widgets.VBox:
    """Choose scale and data set, target and class; see originals, reconstructions and both models' confidences.

    Of several seeds the first is shown; reconstructions are the first drawn, never picked.
    """
    runs: dict[tuple[str, str], dict[str, tuple]] = {}  # (scale, data set): {target: (experiment, attack)}
    for experiment in experiments:
        for attack in experiment.attacks():
            runs.setdefault((attack.profile, attack.dataset), {}).setdefault(
                attack.target, (experiment, attack)
            )
    if not runs:
        raise ValueError("explorer: none of the experiments holds a finished attack")
    names = [f"{title(dataset)}, {profile} scale" for profile, dataset in runs]
    choice = widgets.Dropdown(options=names, index=0, description="Data set")
    stack = widgets.Stack([_run_panel(targets) for targets in runs.values()], selected_index=0)
    widgets.jslink((choice, "index"), (stack, "selected_index"))
    box = widgets.VBox([widgets.HTML(STYLE), choice, stack])
    box.add_class("snnmi-explorer")
    return box


def _run_panel(targets: dict[str, tuple]) -> widgets.VBox:
    """One data set at one scale: two more choices, the pictures, and the button."""
    kinds = list(targets)
    labels = targets[kinds[0]][1].labels
    target = widgets.Dropdown(options=[KINDS[kind] for kind in kinds], index=0, description="Target")
    label = widgets.Dropdown(options=[str(name) for name in labels], index=0, description="Class")
    stacks = []
    for experiment, attack in targets.values():
        shown = (
            attack.reconstructions[:, :SHOWN],
            attack.target_confidences[:, :SHOWN],
            attack.surrogate_confidences[:, :SHOWN],
        )
        panels = [
            class_panel(experiment, attack, index, *(part[index] for part in shown))
            for index in range(len(labels))
        ]
        stacks.append(widgets.Stack([widgets.HTML(panel) for panel in panels], selected_index=0))
        widgets.jslink((label, "index"), (stacks[-1], "selected_index"))
    stack = widgets.Stack(stacks, selected_index=0)
    widgets.jslink((target, "index"), (stack, "selected_index"))

    button, drawn = widgets.Button(description="Draw new samples"), widgets.HTML()
    button.add_class("snnmi-live")

    def draw(_) -> None:
        experiment, attack = targets[kinds[target.index]]
        try:
            drawn.value = class_panel(
                experiment, attack, label.index, *new_samples(experiment, attack, label.index)
            )
        except FileNotFoundError as error:
            drawn.value = f"<p>{escape(str(error))}</p>"

    button.on_click(draw)
    return widgets.VBox([target, label, stack, button, drawn])


@torch.no_grad()
def new_samples(
    experiment, attack, index: int
) -> tuple[
    Float[np.ndarray, " n height width"], Float[np.ndarray, " n classes"], Float[np.ndarray, " n classes"]
]:
    """Fresh draws from the kept generator of class `labels[index]`, with the target's and the surrogate's confidences.

    Raises FileNotFoundError where the run keeps no weights.
    """
    pair = attack.pair
    target = next(
        t
        for t in experiment.targets()
        if (t.dataset, t.target, t.seed) == (attack.dataset, attack.target, attack.seed)
    )
    chance = torch.Generator()
    chance.seed()  # a new draw at every call: this is for looking, not for measuring
    images = pair.G(torch.randn(len(attack.labels), SHOWN, pair.config.z_dim, generator=chance))
    answers = target.model(images[index], generator=chance)
    return images[index].numpy(), answers.numpy(), pair.S(images)[index].softmax(-1).numpy()


def class_panel(
    experiment,
    attack,
    index: int,
    images: Shaped[np.ndarray, " n height width"],
    target: Float[np.ndarray, " n classes"],
    surrogate: Float[np.ndarray, " n classes"],
) -> str:
    """HTML for class `labels[index]`: originals, reconstructions with confidences, mean confidences by class, and all
    of it in words.
    """
    label, kind = attack.labels[index], KINDS[attack.target]
    pictures = []
    for name, original in originals(experiment, attack.dataset, label).items():
        picture = (
            '<span class="absent">not stored</span>'
            if original is None
            else _img(original, f"{name}, class {label}")
        )
        pictures.append(f"<div>{picture}{name}</div>")
    for number, (image, p, q) in enumerate(zip(images, target, surrogate, strict=True), 1):
        text = f"Reconstruction {number} of class {label} from the {kind}"
        pictures.append(f"<div>{_img(image, text)}T {p[label]:.2f}<br>S {q[label]:.2f}</div>")
    hits, surrogate_hits = (int((c.argmax(-1) == label).sum()) for c in (target, surrogate))
    caption = (
        f"<b>{escape(title(attack.dataset))}, {kind} target, class {label}</b> ({attack.profile} scale, "
        f"seed {attack.seed}, {attack.queries_per_class:,} queries). The target (T) calls {hits} of {len(images)} "
        f"reconstructions class {label}, mean confidence {target[:, label].mean():.2f}; "
        f"the surrogate (S) {surrogate_hits}, {surrogate[:, label].mean():.2f}."
    )
    bars = _bars(target.mean(0), surrogate.mean(0), label, attack.target)
    shown = f'<div class="pictures">{"".join(pictures)}</div>'
    return f'<div class="panel">{shown}{bars}<p class="words">{caption}</p></div>'


def originals(experiment, dataset: str, label: int) -> dict[str, Shaped[np.ndarray, " height width"] | None]:
    """A class's mean training image and first test image; None where none were stored."""
    found = experiment.originals(dataset)
    return {name: found[name][label] if found else None for name in ("class mean", "test image")}


def _img(picture: Shaped[np.ndarray, " height width"], text: str) -> str:
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image, file = Image.fromarray(picture), io.BytesIO()
    image.reduce(-(-max(picture.shape) // LARGEST_SIDE)).save(file, "png", optimize=True)
    return (
        f'<img alt="{escape(text)}" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
    )


def _bars(
    target: Float[np.ndarray, " classes"], surrogate: Float[np.ndarray, " classes"], label: int, kind: str
) -> str:
    """Mean confidences by class as two series of bars, the wanted class marked; colours of text are the page's."""
    left, width, height, step = 22, 420, 80, 420 / len(target)
    series = (("target", target, COLORS[kind]), ("surrogate", surrogate, COLORS["surrogate"]))
    drawn, words, key = [], [], []
    for number, (name, values, color) in enumerate(series):
        starts = (left + (i + 0.12 + 0.38 * number) * step for i in range(len(values)))
        bars = "".join(
            f"M{x:.1f} {8 + height}h{0.38 * step:.1f}v{-height * v:.1f}h{-0.38 * step:.1f}z"
            for x, v in zip(starts, values, strict=True)
        )
        drawn.append(f'<path d="{bars}" fill="{color}"/>')
        words.append(f"{name}: {', '.join(f'class {i} {values[i]:.2f}' for i in values.argsort()[::-1][:3])}")
        key.append(f'<span style="background:{color}"></span>{name}')
    for i in range(0, len(target), 1 if len(target) <= 20 else 5):
        drawn.append(
            f'<text x="{left + (i + 0.5) * step:.1f}" y="{height + 20}" text-anchor="middle">{i}</text>'
        )
    said = f"Mean confidences. {'; '.join(words)}."
    return f"""<svg viewBox="0 0 {left + width} {height + 36}" role="img" aria-label="{said}"
font-family="sans-serif" font-size="10.5" fill="currentColor">
<path d="M{left} 8h{width}M{left} {8 + height / 2}h{width}M{left} {8 + height}h{width}"
stroke="currentColor" stroke-opacity="0.3"/>
<text x="{left - 5}" y="12" text-anchor="end">1</text><text x="{left - 5}" y="{12 + height}" text-anchor="end">0</text>
{"".join(drawn)}<path d="M{left + (label + 0.5) * step:.1f} {height + 25}l-5 8h10z"/></svg>
<p class="key">Mean confidence by class: {"".join(key)}; the triangle marks the wanted class.</p>"""
