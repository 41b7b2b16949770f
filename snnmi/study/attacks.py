"""The registry of attacks: whoever draws a target's classes is one entry of ATTACKS, a user's own as well.

    ATTACKS["mine"] = Attack(draw)      # draw(box, labels, image_shape, *, seed) -> images

Store, scores, Table II, chapter 10 and the explorer ask the entry what it is; nothing goes by its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox, takes
from snnmi.attack.evolution import evolve
from snnmi.checkpoint import Checkpoint
from snnmi.checks import one_of
from snnmi.measure import inversion
from snnmi.measure.inversion import Fooling
from snnmi.models.coding import is_per_pixel

ANSWERS, WEIGHTS = "answers", "weights"  # what an attacker may know


@dataclass(frozen=True)
class Attack:
    """One attack. `invert(target, labels, image_shape, *, seed, ...)` draws of every class equally many images
    (classes, n, height, width) in [0, 1]; who makes a copy returns those and the copy, any callable from images
    (n, height, width) to confidences. It is given a checkpoint too, where it takes one.
    """

    invert: Callable
    how: Mapping[str, int | float] = field(default_factory=dict)  # its settings; they name its runs
    knows: str = ANSWERS  # then its target is a `BlackBox`; WEIGHTS: the network itself
    copies: bool = False  # whether it makes a copy, to be scored as GAMIN's is
    # Of a class, by its settings, where a record does not count them; whoever has a box is counted there.
    queries: Callable[[Mapping], int] = lambda how: 0
    kinds: tuple[str, ...] = ("ann", "snn")  # whom it can attack
    per_pixel: bool = False  # only where a code feeds one input for each pixel
    pairs: bool = False  # a game of two players, by the settings of `GaminConfig`: its pairs are what is kept

    def __post_init__(self):
        if not callable(self.invert):
            raise ValueError(f"invert is a {type(self.invert).__name__}, expected a function")
        one_of(self, knows=(ANSWERS, WEIGHTS))
        if self.pairs and self.invert is not gamin.attack:
            raise ValueError("pairs is True, which GAMIN's game alone is: expected False of another attack")

    def fits(self, kind: str, encoder: str) -> bool:
        return kind in self.kinds and (is_per_pixel(encoder) or not self.per_pixel)


def _asked(how: Mapping) -> int:
    return 2 * how["pairs"] * how["steps"] * how["per_class"]


EVOLVED = {"per_class": 2, "steps": 200, "pairs": 20}
# In the order of what the attacker knows: answers, then weights.
ATTACKS: dict[str, Attack] = {
    "GAMIN": Attack(gamin.attack, copies=True, pairs=True),
    "evolution": Attack(evolve, {**EVOLVED}, queries=_asked),
    # is it the missing copy that draws, or that it starts black and is pulled there?
    "evolution from grey": Attack(evolve, EVOLVED | {"start": 1.0, "sparsity": 0.0}, queries=_asked),
    "BrainLeaks v1": Attack(
        inversion.brainleaks, {"per_class": 8, "steps": 10}, WEIGHTS, kinds=("snn",), per_pixel=True
    ),
    "gradient descent": Attack(inversion.descend, {"per_class": 4, "steps": 100}, WEIGHTS),
    "generator descent": Attack(inversion.generate, {"per_class": 4, "steps": 100}, WEIGHTS),
    "smooth descent": Attack(inversion.descend, {"per_class": 4, "steps": 100, "smooth": 1.0}, WEIGHTS),
}
PROJECTS = tuple(ATTACKS)
WITHOUT_A_COPY = tuple(name for name, one in ATTACKS.items() if not one.copies)  # the project's


def own() -> dict[str, Attack]:
    """What a user has registered."""
    return {name: one for name, one in ATTACKS.items() if name not in PROJECTS}


class Drawn(NamedTuple):
    images: Float[Tensor, " classes n height width"]
    # the target's, that each image is of its class; None of images that nobody drew for a target
    confidences: Float[Tensor, " classes n"] | None
    copy: Callable | None = None
    queries: int = 0  # asked in all


def draw(
    attack: Attack,
    target: Callable,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    seed: int,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    **given,  # of the box: its budget, and what it gives
) -> Drawn:
    """Have an attack draw; ValueError where what it gives are no such images. `pairs` are played by `gamin`."""
    saving = {"checkpoint": checkpoint} if takes(attack.invert, "checkpoint") else {}
    box = BlackBox(target, seed=seed, device=device, **given)
    known = box if attack.knows == ANSWERS else target
    found = attack.invert(known, labels, image_shape, seed=seed, **attack.how, **saving)
    if isinstance(found, Fooling):  # asked in the same draws
        return Drawn(*found)
    expected = f"expected images ({len(labels)}, n, {image_shape[0]}, {image_shape[1]}) in [0, 1]"
    try:
        images, copy = found if attack.copies else (found, None)
        images = torch.as_tensor(images, dtype=torch.float32).detach()
    except (TypeError, ValueError, RuntimeError):
        also = ", and its copy" * attack.copies
        raise ValueError(f"the attack returns a {type(found).__name__}, {expected}{also}") from None
    if images.shape[:1] + images.shape[2:] != (len(labels), *image_shape) or not images.numel():
        raise ValueError(f"the attack draws an array {tuple(images.shape)}, {expected}")
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"the attack draws values in [{images.min():g}, {images.max():g}], {expected}")
    asked = BlackBox(target, seed=seed, device=device, role="examiner's answers")(images.to(device))
    return Drawn(images.cpu(), asked[range(len(labels)), :, list(labels)].cpu(), copy, box.queries)
