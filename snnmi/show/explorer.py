"""The explorer: what was drawn of a class, target beside target. In a rendered book it works without a kernel.

Every picture is an <img> with its own text inside an HTML widget (an Image widget cannot carry one); nested
Stacks linked in the browser choose among them. Only the button that draws new samples needs a kernel; links to a
class and the arrow keys are the book's (book/_static/book.js).
Experiments and attacks come as `experiment.Experiment` and `runs.AttackRun`; nothing is computed here.
"""

from collections.abc import Callable, Mapping
from html import escape

import ipywidgets as widgets
import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image

from snnmi.show.figures import COLORS
from snnmi.show.player import chosen, png

SHOWN = 4  # reconstructions a class, where they differ
ALIKE = 0.9  # images that correlate so on average are one picture: the generator has collapsed
LARGEST_SIDE, AT_WORK = 112, 56  # pixels; larger pictures are averaged down, to keep the page small

STYLE = """<style>
.snnmi-explorer, .snnmi-explorer .widget-html, .snnmi-explorer .widget-html-content {
  height: auto; overflow: visible; line-height: 1.4; }
.snnmi-explorer { background: var(--pst-color-background, transparent); padding: 0.4rem; }
.snnmi-explorer, .snnmi-explorer .widget-html-content { color: var(--pst-color-text-base, inherit); }
.snnmi-explorer .cells { display: grid; grid-template-columns: repeat(4, minmax(0, 10rem));
  gap: 0.2rem 0.8rem; margin-top: 0.2rem; font-size: 0.85rem; }
.snnmi-explorer .originals { grid-template-columns: repeat(2, minmax(0, 6rem)); }
@media (max-width: 34rem) { .snnmi-explorer .cells { grid-template-columns: repeat(2, minmax(0, 10rem)); } }
.snnmi-explorer .cells b { display: flex; align-items: end; min-height: 2.4em; line-height: 1.2; }
.snnmi-explorer .pictures { display: grid; gap: 0.3rem; }
.snnmi-explorer .many { grid-template-columns: 1fr 1fr; }
.snnmi-explorer img {
  width: 100%; margin: 0; padding: 0 !important; filter: none !important; image-rendering: pixelated; }
.snnmi-explorer .absent { border: 1px dotted; padding: 2rem 0.3rem; text-align: center; }
.snnmi-explorer svg { width: 100%; height: auto; display: block; margin-top: 0.4rem; }
.snnmi-explorer .key span { white-space: nowrap; }
.snnmi-explorer .key i { display: inline-block; width: 0.7rem; height: 0.7rem; margin-right: 0.3rem; }
.snnmi-explorer p { margin: 0.3rem 0 0; }
.bd-article .snnmi-live { display: none; } /* a rendered book has no kernel */
</style>"""


Shown = tuple[  # of one class: images, and what target and surrogate say of them
    Shaped[np.ndarray, " n height width"], Float[np.ndarray, " n classes"], Float[np.ndarray, " n classes"]
]
Cells = Mapping[str, tuple]  # (experiment, attack) by the name of what was attacked, in the order shown


def explorer(scales: Mapping[str, Cells], start: Mapping[str, int] | None = None) -> widgets.VBox:
    """Choose a scale and a class; see originals, and side by side what was drawn from each target.

    `start`: at which class a scale opens, the first where it does not say. Reconstructions are the first drawn,
    never picked.
    """
    if not scales:
        raise ValueError("explorer: no finished attack is at hand")
    choice = widgets.Dropdown(options=[*scales], index=0, description="Data")
    choice.add_class("snnmi-data")
    panels = [_scale(name, cells, (start or {}).get(name)) for name, cells in scales.items()]
    box = widgets.VBox([widgets.HTML(STYLE), choice, chosen(choice, panels)])
    box.add_class("snnmi-explorer")
    return box


def _scale(name: str, cells: Cells, start: int | None) -> widgets.VBox:
    """One scale: its classes, the attack at work where that was stored, and the button."""
    labels = next(iter(cells.values()))[1].labels
    options = [str(one) for one in labels]
    index = labels.index(start) if start in labels else 0
    label = widgets.Dropdown(options=options, index=index, description="Class")
    label.add_class("snnmi-class")

    def stored(attack, index: int) -> Shown:
        kinds = attack.reconstructions, attack.target_confidences, attack.surrogate_confidences
        return tuple(part[index, :SHOWN] for part in kinds)

    panels = [widgets.HTML(class_panel(name, cells, index, stored)) for index in range(len(labels))]
    button, drawn = widgets.Button(description="Draw new samples"), widgets.HTML()
    button.add_class("snnmi-live")

    def draw(_) -> None:
        try:
            fresh = {id(pair[1]): new_samples(*pair, label.index) for pair in cells.values()}
            drawn.value = class_panel(name, cells, label.index, lambda attack, _: fresh[id(attack)])
        except FileNotFoundError as error:
            drawn.value = f"<p>{escape(str(error))}</p>"

    button.on_click(draw)
    return widgets.VBox([label, chosen(label, panels), *_at_work(cells, label), button, drawn])


def _at_work(cells: Cells, label: widgets.Dropdown) -> list[widgets.Widget]:
    """A slider over the moments that the attacks stored, and what was drawn then of the class chosen."""
    seen = {who: (attack, attack.moments) for who, (_, attack) in cells.items() if attack.moments}
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


def _moment(seen: Mapping[str, tuple], index: int, moment: int) -> str:
    """What each attack had come to at one moment of its training."""
    found = []
    for who, (attack, moments) in seen.items():
        wanted, batch = attack.labels[index], int(moments["batch"][moment])
        p, q = (moments[part][moment, index, wanted] for part in ("target", "surrogate"))
        text = f"What the generator drew of class {wanted} from the {who} after {batch:,} batches"
        picture = _img(moments["image"][moment, index], text, AT_WORK)
        words = f"<p>batch {batch:,}<br>target {p:.0%}, copy {q:.0%}</p>"
        found.append(f"<div><b>{escape(who)}</b>{picture}{words}</div>")
    return f'<div class="cells">{"".join(found)}</div>'


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


def class_panel(name: str, cells: Cells, index: int, shown: Callable[[object, int], Shown]) -> str:
    """HTML for one class: originals, then a column a target, all of one height. `shown(attack, index)` gives the images
    and what is said of them.
    """
    experiment, first = next(iter(cells.values()))
    label, found = first.labels[index], []
    for what, images in experiment.originals(first.dataset).items():
        found.append(f"<div><b>{what}</b>{_img(images[label], f'{what}, class {label}')}</div>")
    originals = "".join(found) or '<div><b>originals</b><div class="absent">not stored</div></div>'
    columns = "".join(_cell(who, attack, index, *shown(attack, index)) for who, (_, attack) in cells.items())
    green = f'<i style="background:{COLORS["surrogate"]}"></i>'
    key = f"Bars: mean confidence by class, of the target and, <span>{green}green,</span> of its copy; "
    return (
        f'<p class="words">{escape(name)}, class {label}</p><div class="cells originals">{originals}</div>'
        f'<div class="cells">{columns}</div>'
        f'<p class="key">{key}the triangle marks the wanted class.</p>'
    )


def _cell(
    who: str, attack, index: int, images: Shaped[np.ndarray, " n height width"], target, surrogate
) -> str:
    """One target's column: one large picture if its generator has collapsed, else the first few."""
    label = attack.labels[index]
    images = images[:1] if _are_one(images) else images
    texts = (f"Reconstruction {n} of class {label} from the {who}" for n in range(1, len(images) + 1))
    pictures = "".join(_img(image, text) for image, text in zip(images, texts))
    words = f"target {target[:, label].mean():.0%}, copy {surrogate[:, label].mean():.0%} sure of {label}"
    bars = _bars(target.mean(0), surrogate.mean(0), label, COLORS[attack.target])
    many = " many" * (len(images) > 1)
    return f'<div><b>{escape(who)}</b><div class="pictures{many}">{pictures}</div><p>{words}</p>{bars}</div>'


def _are_one(images: Shaped[np.ndarray, " n height width"]) -> bool:
    """Whether a generator's images are one picture; blank ones correlate with none."""
    flat = images.reshape(len(images), -1).astype(float)
    flat = flat[flat.std(1) > 0]
    pairs = np.triu_indices(len(flat), 1)
    return len(flat) > 1 and bool(np.corrcoef(flat)[pairs].mean() > ALIKE)


def _img(picture: Shaped[np.ndarray, " height width"], text: str, side: int = LARGEST_SIDE) -> str:
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(picture).reduce(-(-max(picture.shape) // side))
    return f'<img alt="{escape(text)}" src="{png(image)}">'


def _bars(
    target: Float[np.ndarray, " classes"], surrogate: Float[np.ndarray, " classes"], label: int, color: str
) -> str:
    """Mean confidences by class as two series of bars, the wanted class marked; colours of text are the page's."""
    width, height, step = 220, 60, 220 / len(target)
    drawn, words = [], []
    series = (("target", target, color), ("copy", surrogate, COLORS["surrogate"]))
    for number, (name, values, ink) in enumerate(series):
        starts = ((i + 0.12 + 0.38 * number) * step for i in range(len(values)))
        bars = "".join(
            f"M{x:.1f} {height}h{0.38 * step:.1f}v{-height * v:.1f}h{-0.38 * step:.1f}z"
            for x, v in zip(starts, values, strict=True)
        )
        drawn.append(f'<path d="{bars}" fill="{ink}"/>')
        words.append(f"{name}: {', '.join(f'class {i} {values[i]:.2f}' for i in values.argsort()[::-1][:3])}")
    for i in range(0, len(target), 1 if len(target) <= 20 else 5):
        drawn.append(f'<text x="{(i + 0.5) * step:.1f}" y="{height + 14}" text-anchor="middle">{i}</text>')
    said = f"Mean confidences. {'; '.join(words)}."
    return f"""<svg viewBox="0 0 {width} {height + 26}" role="img" aria-label="{said}"
font-family="sans-serif" font-size="12" fill="currentColor">
<path d="M0 {height}h{width}" stroke="currentColor" stroke-opacity="0.3"/>
{"".join(drawn)}<path d="M{(label + 0.5) * step:.1f} {height + 17}l-5 8h10z"/></svg>"""
