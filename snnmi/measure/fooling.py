"""Noise that fools a target: what a network can be made to call y with no picture in it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from snnmi import chance
from snnmi.checkpoint import Checkpoint
from snnmi.fast import engine
from snnmi.models.coding import DECODERS, encode, straight
from snnmi.models.targets import ANN, SNN

SURE = 0.9  # confidence beyond which an image is left as it is
LR = 0.02  # Adam
DRAWS = 4  # of a spiking target a step


class Fooling(NamedTuple):
    images: Float[Tensor, " classes n height width"]
    # the target's own, drawn afresh, that each image is of the class it was made for
    confidences: Float[Tensor, " classes n"]


def adversarial_noise(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """Uniform noise, moved until the target alone is sure of the class: Adam on the pixels (white box).

    Pixels stay within [0, 1]; an image stops once the target's confidence exceeds SURE, to stay as near to noise as
    it can, or after `steps`. A spiking target is asked DRAWS times a step, as its answers vary. The share of the
    images that a judge calls y is its false-positive rate.
    """

    def invert(label: int, stream: torch.Generator) -> Float[Tensor, " n height width"]:
        x = torch.rand(per_class, *image_shape, generator=stream, device=stream.device).requires_grad_()
        adam = torch.optim.Adam([x], lr=LR)
        for _ in range(steps):
            loss, confidence = white_box(target, x, label, DRAWS, stream)
            sure_already = (confidence > SURE)[:, None, None]
            if sure_already.all():
                break
            (x.grad,) = torch.autograd.grad(loss, x)
            before = x.detach().clone()
            adam.step()
            x.data = torch.where(sure_already, before, x.data.clamp(0, 1))
        return x.detach()

    return class_by_class(target, labels, invert, "fooling noise", seed, checkpoint)


def class_by_class(
    target: ANN | SNN,
    labels: Sequence[int],
    invert: Callable[[int, torch.Generator], Float[Tensor, " n height width"]],
    role: str,
    seed: int,
    checkpoint: Checkpoint | None,
) -> Fooling:
    """One class at a time, since an SNN keeps all time steps of all images; finished ones survive a kill."""
    stream = chance.generator(role, seed, next(target.parameters()).device)
    saved = (checkpoint.load() if checkpoint else None) or {"images": {}, "confidences": {}}
    if "stream" in saved:
        stream.set_state(saved.pop("stream"))
    for i in range(len(saved["images"]), len(labels)):
        x = invert(labels[i], stream)
        saved["images"][i] = x.cpu()
        saved["confidences"][i] = target(x, generator=stream)[:, labels[i]].detach().cpu()
        if checkpoint and checkpoint.due():
            checkpoint.save(saved | {"stream": stream.get_state()})
    return Fooling(*(torch.stack([saved[name][i] for i in range(len(labels))]) for name in Fooling._fields))


def white_box(
    target: ANN | SNN, x: Float[Tensor, " n height width"], label: int, draws: int, stream: torch.Generator
) -> tuple[Float[Tensor, ""], Float[Tensor, " n"]]:
    """The target's training loss for one class and its confidences in it; gradients pass a spike code as if spikes
    were pixels.
    """
    if isinstance(target, ANN):
        logits, wanted = target.logits(x), torch.full((len(x),), label, device=x.device)
        return F.cross_entropy(logits, wanted), logits.softmax(-1)[:, label]
    neuron, pixels = target.neuron, x.flatten(1).repeat(draws, 1)
    spikes = encode(neuron.encoder, pixels.detach(), neuron.num_steps, generator=stream)
    spk, mem = engine.run(target, spikes + straight(neuron.encoder, pixels, neuron.num_steps))
    confidences = DECODERS[neuron.decoder](spk, mem)[:, label].unflatten(0, (draws, len(x)))
    return -mem.log_softmax(-1)[..., label].mean(), confidences.mean(0)
