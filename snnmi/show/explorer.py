"""The explorer: reconstructions by class, targets side by side. In a rendered book it works without a kernel.

Every picture is an <img> with its own text inside an HTML widget (an Image widget cannot carry one); nested
Stacks linked in the browser choose among them. Only the button that draws new samples needs a kernel; links to a
class and the arrow keys are the book's (book/_static/book.js).
Experiments and attacks come as `experiment.Experiment` and `runs.AttackRun`; nothing is computed here.
"""

from collections.abc import Callable, Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image

from snnmi.show.figures import COLORS, KINDS, title
from snnmi.show.player import chosen, png

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
.snnmi-explorer .targets { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.snnmi-explorer .targets > section { flex: 1 1 15rem; min-width: 0; max-width: 26rem; }
.snnmi-explorer .targets b { display: block; margin-top: 0.8rem; }
.snnmi-explorer .absent { display: block; border: 1px dotted; padding: 1.6rem 0.3rem; }
.snnmi-explorer svg { width: 100%; max-width: 36rem; height: auto; display: block; margin-top: 0.6rem; }
.snnmi-explorer .key { font-size: 0.8rem; margin: 0; }
.snnmi-explorer .key span { display: inline-block; width: 0.7rem; height: 0.7rem; margin: 0 0.3rem 0 0.8rem; }
.snnmi-explorer .words { margin: 0.4rem 0 0; }
.bd-article .snnmi-live { display: none; } /* a rendered book has no kernel */
</style>"""


Shown = tuple[  # of one class: images, and what target and surrogate say of them
    Shaped[np.ndarray, " n height width"], Float[np.ndarray, " n classes"], Float[np.ndarray, " n classes"]
]
Targets = dict[str, tuple]  # (experiment, attack) by the name of the attacked variant


def explorer(experiments: Sequence) -> widgets.VBox:
    """Choose scale, data set and class; see originals, and side by side what was drawn from each target.

    Of several seeds the first is shown; reconstructions are the first drawn, never picked.
    """
    runs: dict[tuple[str, str], Targets] = {}
    for experiment in experiments:
        for attack in experiment.attacks():
            own = runs.setdefault((attack.profile, attack.dataset), {})
            own.setdefault(attack.variant, (experiment, attack))
    if not runs:
        raise ValueError("explorer: none of the experiments holds a finished attack")
    names = [f"{title(dataset)}, {profile} scale" for profile, dataset in runs]
    choice = widgets.Dropdown(options=names, index=0, description="Data set")
    choice.add_class("snnmi-data")
    panels = [_run_panel(targets) for targets in runs.values()]
    box = widgets.VBox([widgets.HTML(STYLE), choice, chosen(choice, panels)])
    box.add_class("snnmi-explorer")
    return box


def _run_panel(targets: Targets) -> widgets.VBox:
    """One data set at one scale: its classes, the attack at work where that was stored, and the button."""
    labels = next(iter(targets.values()))[1].labels
    label = widgets.Dropdown(options=[str(name) for name in labels], index=0, description="Class")
    label.add_class("snnmi-class")

    def stored(attack, index: int) -> Shown:
        kinds = attack.reconstructions, attack.target_confidences, attack.surrogate_confidences
        return tuple(part[index, :SHOWN] for part in kinds)

    panels = [widgets.HTML(class_panel(targets, index, stored)) for index in range(len(labels))]
    button, drawn = widgets.Button(description="Draw new samples"), widgets.HTML()
    button.add_class("snnmi-live")

    def draw(_) -> None:
        try:
            fresh = {name: new_samples(*pair, label.index) for name, pair in targets.items()}
            drawn.value = class_panel(targets, label.index, lambda attack, _: fresh[attack.variant])
        except FileNotFoundError as error:
            drawn.value = f"<p>{escape(str(error))}</p>"

    button.on_click(draw)
    return widgets.VBox([label, chosen(label, panels), *_at_work(targets, label), button, drawn])


def _at_work(targets: Targets, label: widgets.Dropdown) -> list[widgets.Widget]:
    """A slider over the moments that the attacks stored, and what was drawn then of the class chosen."""
    seen = {name: (attack, attack.moments) for name, (_, attack) in targets.items() if attack.moments}
    if not seen:
        return []
    count = min(len(moments["batch"]) for _, moments in seen.values())
    settings = dict(description="At work", readout=False, continuous_update=True)
    slider = widgets.IntSlider(value=count - 1, min=0, max=count - 1, **settings)
    by_class = []
    for index in range(len(label.options)):
        shown = [widgets.HTML(_moment(seen, index, moment)) for moment in range(count)]
        by_class.append(chosen(slider, shown, by="value"))
    return [slider, chosen(label, by_class)]


def _moment(seen: dict[str, tuple], index: int, moment: int) -> str:
    """What each attack had come to at one moment of its training."""
    pictures = []
    for attack, moments in seen.values():
        wanted, batch = attack.labels[index], int(moments["batch"][moment])
        p, q = (moments[who][moment, index, wanted] for who in ("target", "surrogate"))
        text = f"What the generator drew of class {wanted} from the {named(attack)} after {batch:,} batches"
        picture = _img(moments["image"][moment, index], text)
        pictures.append(f"<div>{picture}{named(attack)}<br>batch {batch:,}<br>T {p:.2f} S {q:.2f}</div>")
    return f'<div class="pictures">{"".join(pictures)}</div>'


def named(attack) -> str:
    """An attacked variant as people write it: "ANN, clipped input"."""
    kind, *change = attack.variant.split(", ", 1)
    return ", ".join([KINDS[kind], *change])


@torch.no_grad()
def new_samples(experiment, attack, index: int) -> Shown:
    """Fresh draws from the kept generator of class `labels[index]`, with the target's and the surrogate's confidences.

    Raises FileNotFoundError, with the command that helps, where the run keeps no weights.
    """
    pair, target = attack.pair, experiment.asked(attack)
    chance = torch.Generator()
    chance.seed()  # a new draw at every call: this is for looking, not for measuring
    images = pair.G(torch.randn(len(attack.labels), SHOWN, pair.config.z_dim, generator=chance), chance)
    answers = target(images[index])
    return images[index].numpy(), answers.numpy(), pair.S(images)[index].softmax(-1).numpy()


def class_panel(targets: Targets, index: int, shown: Callable[[object, int], Shown]) -> str:
    """HTML for one class: originals, then for each target reconstructions with confidences, mean confidences by
    class, and all of it in words. `shown(attack, index)` gives the images and what is said of them.
    """
    experiment, first = next(iter(targets.values()))
    label = first.labels[index]
    pictures = []
    for name, original in originals(experiment, first.dataset, label).items():
        absent = '<span class="absent">not stored</span>'
        picture = absent if original is None else _img(original, f"{name}, class {label}")
        pictures.append(f"<div>{picture}{name}</div>")
    blocks = "".join(_block(attack, index, *shown(attack, index)) for _, attack in targets.values())
    about = f"{escape(title(first.dataset))}, class {label}, {escape(first.profile)} scale, seed {first.seed}"
    return (
        f'<div class="panel"><p class="words">{about}</p><div class="pictures">{"".join(pictures)}</div>'
        f'<div class="targets">{blocks}</div></div>'
    )


def _block(attack, index: int, images: Shaped[np.ndarray, " n height width"], target, surrogate) -> str:
    """One target's part of a class's panel."""
    label, who = attack.labels[index], escape(named(attack))
    pictures = "".join(
        f"<div>{_img(image, f'Reconstruction {number} of class {label} from the {who}')}"
        f"T {p[label]:.2f}<br>S {q[label]:.2f}</div>"
        for number, (image, p, q) in enumerate(zip(images, target, surrogate, strict=True), 1)
    )
    hits, surrogate_hits = (int((c.argmax(-1) == label).sum()) for c in (target, surrogate))
    words = (
        f"{attack.queries_per_class:,} queries. The target (T) calls {hits} of {len(images)} reconstructions class "
        f"{label}, mean confidence {target[:, label].mean():.2f}; the surrogate (S) {surrogate_hits}, "
        f"{surrogate[:, label].mean():.2f}."
    )
    bars = _bars(target.mean(0), surrogate.mean(0), label, attack.target)
    return f'<section><b>{who}</b><div class="pictures">{pictures}</div>{bars}<p class="words">{words}</p></section>'


def originals(experiment, dataset: str, label: int) -> dict[str, Shaped[np.ndarray, " height width"] | None]:
    """A class's mean training image and first test image; None where none were stored."""
    found = experiment.originals(dataset)
    return {name: found[name][label] if found else None for name in ("class mean", "test image")}


def _img(picture: Shaped[np.ndarray, " height width"], text: str) -> str:
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(picture).reduce(-(-max(picture.shape) // LARGEST_SIDE))
    return f'<img alt="{escape(text)}" src="{png(image)}">'


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
