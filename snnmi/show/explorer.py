"""The explorer: what was drawn of a class, target beside target. In a rendered book it works without a kernel.

Every picture is an <img> with its own text inside an HTML widget (an Image widget cannot carry one); nested
Stacks linked in the browser choose among them. Only the button that draws new samples needs a kernel; links to what
is chosen, arrow keys, thumbnails, blur and the film's button are the book's (book/_static/book.js).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image

from snnmi.show.figures import COLORS
from snnmi.show.player import chosen, png

SHOWN = 4  # reconstructions a class, where they differ
ALIKE = 0.9  # images that correlate so on average are one picture: the generator has collapsed
SPECKLE, BLOTS = 0.2, 0.6  # correlation of pixels that touch, up to which a picture is called so
# Pixels a side: larger pictures are averaged down, to keep the page small.
LARGEST_SIDE, AT_WORK, THUMB = 112, 56, 32

STYLE = f"<style>\n{Path(__file__).with_suffix('.css').read_text()}</style>"


@dataclass(frozen=True)
class Drawn:
    """What one attack drew of every class of one target, and how sure of its class target and copy are of it."""

    kind: str  # "ann" or "snn": its colour
    labels: list[int]
    originals: Mapping[str, Shaped[np.ndarray, " classes height width"]]  # "class mean", "test image"
    pictures: Shaped[np.ndarray, " classes n height width"]
    target: Float[np.ndarray, " classes"]
    copy: Float[np.ndarray, " classes"] | None = None  # of an attack that makes one
    moments: Mapping[str, np.ndarray] = field(default_factory=dict)  # batch, image, target, surrogate
    fresh: Callable[[], "Drawn"] | None = None  # new samples, with a kernel


Cells = Mapping[str, Drawn]  # by the name of what was attacked, in the order shown


def of(experiment, attack, originals: Mapping[str, np.ndarray]) -> Drawn:
    """What an `experiment.Experiment` stored of a `runs.AttackRun`, beside `judged.originals`."""

    def drawn(pictures, target, copy, **more) -> Drawn:
        wanted = [answers[np.arange(len(answers)), :, attack.labels].mean(1) for answers in (target, copy)]
        if not np.isfinite(wanted[1]).all():  # who made none
            wanted[1] = None
        return Drawn(attack.target, attack.labels, originals, pictures[:, :SHOWN], *wanted, **more)

    stored = attack.reconstructions, attack.target_confidences, attack.surrogate_confidences
    return drawn(*stored, moments=attack.moments, fresh=lambda: drawn(*new_samples(experiment, attack)))


@torch.no_grad()
def new_samples(experiment, attack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fresh draws from the kept generators, with the target's and the surrogate's confidences, class by class.

    Raises FileNotFoundError, with the command that helps, where the run keeps no weights.
    """
    pair, target = attack.pair, experiment.box(attack)
    chance = torch.Generator()
    chance.seed()  # a new draw at every call: this is for looking, not for measuring
    images = pair.G(torch.randn(len(attack.labels), SHOWN, pair.config.z_dim, generator=chance), chance)
    answers = np.stack([target(own).numpy() for own in images])
    return images.numpy(), answers, pair.S(images).softmax(-1).numpy()


def explorer(
    scales: Mapping[str, Mapping[str, Cells]], start: Mapping[str, int] | None = None
) -> widgets.VBox:
    """Choose data, attack and class; see originals, and side by side what was drawn from each target.

    `scales`: by data, then by attack, all on the same classes. `start`: at which class data open, the first where it
    does not say. Reconstructions are the first drawn, never picked.
    """
    if not scales:
        raise ValueError("explorer: no finished attack is at hand")
    choice = _menu("Data", [*scales])
    panels = [_scale(name, attacks, (start or {}).get(name)) for name, attacks in scales.items()]
    box = widgets.VBox([widgets.HTML(STYLE), choice, chosen(choice, panels)])
    box.add_class("snnmi-explorer")
    return box


def _scale(name: str, attacks: Mapping[str, Cells], start: int | None) -> widgets.VBox:
    """Of one data set: its attacks and classes, the attack at work where that was stored, and the button."""
    first = next(iter(next(iter(attacks.values())).values()))
    options = [str(one) for one in first.labels]
    which = _menu("Attack", [*attacks])
    label = _menu("Class", options, first.labels.index(start) if start in first.labels else 0)
    by_attack = []
    for attack, cells in attacks.items():
        panels = [_html(class_panel(f"{name}: {attack}", cells, place)) for place in range(len(options))]
        by_attack.append(widgets.VBox([chosen(label, panels), *_at_work(cells, label)]))
    button, drawn = widgets.Button(description="Draw new samples"), widgets.HTML()
    button.add_class("snnmi-live")

    def draw(_) -> None:
        try:
            cells = {who: own.fresh() for who, own in attacks[which.value].items() if own.fresh}
            drawn.value = class_panel(f"{name}: {which.value}", cells, label.index) if cells else ""
        except FileNotFoundError as error:
            drawn.value = f"<p>{escape(str(error))}</p>"

    button.on_click(draw)
    thumbs = widgets.HTML(_thumbs(first))
    return widgets.VBox([which, label, thumbs, chosen(which, by_attack), button, drawn])


def _menu(name: str, options: list[str], index: int = 0) -> widgets.Dropdown:
    menu = widgets.Dropdown(options=options, index=index, description=name)
    menu.add_class(f"snnmi-{name.lower()}")  # the book's script finds it by this
    return menu


@cache
def _look() -> dict[str, widgets.Widget]:
    """One layout and one style for all panels: each is a model of its own in the page."""
    return {"layout": widgets.Layout(), "style": widgets.HTML().style}


def _html(text: str) -> widgets.HTML:
    return widgets.HTML(text, **_look())


def _thumbs(drawn: Drawn) -> str:
    """A button a class, with its mean."""
    means = drawn.originals.get("class mean", ())
    pictures = (
        img(means[label], f"the mean of class {label}", THUMB) for label in drawn.labels if len(means)
    )
    buttons = "".join(f'<button type="button">{picture}</button>' for picture in pictures)
    return f'<div class="picks">{buttons}</div>'


def _at_work(cells: Cells, label: widgets.Dropdown) -> list[widgets.Widget]:
    """A film: a slider over the moments that the attacks stored, and what was drawn then of the class chosen."""
    seen = {who: own for who, own in cells.items() if "image" in own.moments}
    if not seen:
        return []
    count = min(len(own.moments["batch"]) for own in seen.values())
    settings = dict(description="At work", readout=False, continuous_update=True)
    slider = widgets.IntSlider(value=count - 1, min=0, max=count - 1, **settings)
    by_class = []
    for index in range(len(label.options)):
        shown = [_html(_moment(seen, index, moment)) for moment in range(count)]
        by_class.append(chosen(slider, shown, by="value"))
    film = widgets.VBox([slider, chosen(label, by_class)])
    film.add_class("snnmi-player")
    return [film]


def _moment(seen: Cells, index: int, moment: int) -> str:
    """What each attack had come to at one moment of its training."""
    found = []
    for who, own in seen.items():
        wanted, batch = own.labels[index], int(own.moments["batch"][moment])
        p, q = (own.moments[part][moment, index, wanted] for part in ("target", "surrogate"))
        text = f"What the generator drew of class {wanted} from the {who} after {batch:,} batches"
        picture = img(own.moments["image"][moment, index], text, AT_WORK)
        words = f"<p>batch {batch:,}<br>target {p:.0%}, copy {q:.0%}</p>"
        found.append(f"<div><b>{escape(who)}</b>{picture}{words}</div>")
    return f'<div class="cells">{"".join(found)}</div>'


def class_panel(name: str, cells: Cells, index: int) -> str:
    """HTML for one class, at this place among the labels: originals, then a column a target, all of one height."""
    first = next(iter(cells.values()))
    label, found = first.labels[index], []
    for what, images in first.originals.items():
        found.append(f"<div><b>{what}</b>{img(images[label], f'{what}, class {label}')}</div>")
    originals = "".join(found) or '<div><b>originals</b><div class="absent">not stored</div></div>'
    columns = "".join(_cell(who, own, index) for who, own in cells.items())
    return (
        f'<p class="words">{escape(name)}, class {label}</p><div class="cells originals">{originals}</div>'
        f'<div class="cells">{columns}</div>'
    )


def _cell(who: str, drawn: Drawn, index: int) -> str:
    """One target's column: one large picture if its generator has collapsed, else the first few."""
    label, images = drawn.labels[index], drawn.pictures[index]
    images = images[:1] if _are_one(images) else images
    texts = (f"Reconstruction {n} of class {label} from the {who}" for n in range(1, len(images) + 1))
    pictures = "".join(img(image, text) for image, text in zip(images, texts))
    words = seen(images[0], drawn.originals.get("class mean"), label)
    many = " many" * (len(images) > 1)
    bars = _bar("network", float(drawn.target[index]), COLORS[drawn.kind])
    if drawn.copy is not None:
        bars += _bar("copy", float(drawn.copy[index]), COLORS["surrogate"])
    pictures = f'<div class="pictures{many}">{pictures}</div>'
    return f"<div><b>{escape(who)}</b>{pictures}<p>{words}</p>{bars}</div>"


def seen(
    picture: Shaped[np.ndarray, " height width"],
    means: Shaped[np.ndarray, " classes height width"] | None,
    label: int,
) -> str:
    """In words, what an eye would say: how far pixels that touch are alike, and whose mean the picture is most like."""
    x = picture.astype(float)
    if x.std() == 0:
        return "blank"
    alike = np.nan_to_num(np.corrcoef(x[:, 1:].ravel(), x[:, :-1].ravel())[0, 1])
    word = "speckle" if alike < SPECKLE else "blots" if alike < BLOTS else "smooth shapes"
    if means is None:
        return word
    like = nearest(x, means)
    return f"{word}, most like the mean of {like}" + ("" if like == label else f", not {label}")


def nearest(picture: Shaped[np.ndarray, " height width"], others: Iterable[np.ndarray]) -> int:
    """Which of the others correlates most with the picture."""
    likeness = [np.corrcoef(picture.ravel(), one.ravel())[0, 1] for one in others]
    return int(np.nan_to_num(likeness, nan=-1).argmax())


def _are_one(images: Shaped[np.ndarray, " n height width"]) -> bool:
    """Whether a generator's images are one picture; blank ones correlate with none."""
    flat = images.reshape(len(images), -1).astype(float)
    flat = flat[flat.std(1) > 0]
    pairs = np.triu_indices(len(flat), 1)
    return len(flat) > 1 and bool(np.corrcoef(flat)[pairs].mean() > ALIKE)


def img(
    picture: Shaped[np.ndarray, " height width"], text: str, side: int = LARGEST_SIDE, greys: int = 256
) -> str:
    """The picture as an <img>, averaged down to a side, in pixels, and rounded to so many greys."""
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(picture).reduce(-(-max(picture.shape) // side))
    image = image if greys == 256 else image.quantize(greys)
    return f'<img alt="{escape(text)}" src="{png(image)}">'


def _bar(whose: str, share: float, color: str) -> str:
    bar = f'<i style="width:{share:.0%};background:{color}"></i>'
    return f'<p class="sure">{whose}: {share:.0%} sure{bar}</p>'
