"""White-box inversion: what whoever holds the weights draws of a class, the bound for whoever may only ask; and noise
that fools a target, with no picture in it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from snnmi import chance
from snnmi.attack.gamin import roughness
from snnmi.attack.players import GaminConfig, mlp
from snnmi.checkpoint import Checkpoint
from snnmi.fast import engine
from snnmi.models.coding import DECODERS, encode, straight
from snnmi.models.targets import ANN, SNN

Images, Spikes = Float[Tensor, " n height width"], Float[Tensor, " time n pixels"]
SURE = 0.9  # confidence beyond which an image of `adversarial_noise` is left as it is


class Fooling(NamedTuple):
    images: Float[Tensor, " classes n height width"]
    # the target's own, drawn afresh, that each image is of the class it was made for
    confidences: Float[Tensor, " classes n"]


def class_by_class(
    target: ANN | SNN,
    labels: Sequence[int],
    invert: Callable[[int, torch.Generator], Images],
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
            checkpoint.save(saved | {"stream": stream})
    return Fooling(*(torch.stack([saved[name][i] for i in range(len(labels))]) for name in Fooling._fields))


def white_box(
    target: ANN | SNN, x: Images, label: int, draws: int, stream: torch.Generator
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


def descend(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    start: float = 0.1,
    smooth: float = 0.0,
    sure: float = inf,
    role: str = "white-box inversion",
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """Gradient descent on the pixels by Adam, from uniform noise up to `start`: nearly black images (Fredrikson et al.
    2015; an SNN's gradient passes its code as if spikes were pixels, and its neurons by their surrogate gradient).

    Pixels stay within [0, 1]. `smooth` is the weight of the images' `roughness`: the prior that images are smooth. An
    image stays as it is once the target's confidence exceeds `sure`.
    """

    def invert(label: int, stream: torch.Generator) -> Images:
        x = start * torch.rand(per_class, *image_shape, generator=stream, device=stream.device)
        adam = torch.optim.Adam([x.requires_grad_()], lr=0.02)
        for _ in range(steps):
            loss, confidence = white_box(target, x, label, 4, stream)
            done = (confidence > sure)[:, None, None]
            if done.all():
                break
            (x.grad,) = torch.autograd.grad(loss + smooth * roughness(x).mean(), x)
            before = x.detach().clone()
            adam.step()
            x.data = torch.where(done, before, x.data.clamp(0, 1))
        return x.detach()

    return class_by_class(target, labels, invert, role, seed, checkpoint)


def adversarial_noise(
    target: ANN | SNN, labels: Sequence[int], image_shape: tuple[int, int], **how: object
) -> Fooling:
    """Uniform noise, moved until the target alone is sure of the class, and no further: `descend` takes what else there
    is. The share of the images that a judge calls y is its false-positive rate.
    """
    return descend(target, labels, image_shape, start=1.0, sure=SURE, role="fooling noise", **how)


def generate(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """GAMIN's generator with the target's true gradient in place of the surrogate's (eq. 6 with T for S): an MLP,
    trained by Adam until whatever it draws is of the class.
    """
    config = GaminConfig()
    with chance.first_weights("attacker's weights", seed):
        generators = {label: mlp(config, image_shape, num_classes=1)[1] for label in labels}

    def invert(label: int, stream: torch.Generator) -> Images:
        draw = partial(torch.randn, generator=stream, device=stream.device)
        generator = generators[label].to(stream.device)
        adam = torch.optim.Adam(generator.parameters(), lr=1e-3)
        for _ in range(steps):
            loss, _ = white_box(target, generator(draw(16, config.z_dim)), label, 1, stream)
            adam.zero_grad()
            loss.backward(inputs=[*generator.parameters()])
            adam.step()
        return generator(draw(per_class, config.z_dim)).detach()

    return class_by_class(target, labels, invert, "white-box inversion", seed, checkpoint)


def brainleaks(
    target: SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """BrainLeaks v1 (arXiv 2402.00906 and its code): spikes are turned on and off where the gradient says so.

    From no spikes at all; each step flips towards the sign of the gradient of T(x)[y], with a chance that is the
    gradient's size between the smallest and the largest. The image is the rate of the spikes that were found.
    """
    n, pixels = target.neuron, image_shape[0] * image_shape[1]

    def invert(label: int, stream: torch.Generator) -> Images:
        spikes = torch.zeros(n.num_steps, per_class, pixels, device=stream.device)
        for _ in range(steps):
            answers = DECODERS[n.decoder](*engine.run(target, spikes.requires_grad_()))[:, label]
            (gradient,) = torch.autograd.grad(answers.sum(), spikes)
            spikes = flipped(spikes.detach(), gradient, stream)
        return spikes.mean(0).unflatten(1, image_shape)

    return class_by_class(target, labels, invert, "white-box inversion", seed, checkpoint)


def flipped(spikes: Spikes, gradient: Spikes, stream: torch.Generator) -> Spikes:
    """Spikes, 0 or 1, moved a step towards the sign of their gradient where a draw of its size, from 0 for the smallest
    to 1 for the largest of an image, says so.
    """
    size = gradient.abs()
    low, high = (end((0, 2), keepdim=True) for end in (size.amin, size.amax))
    chosen = torch.bernoulli((size - low) / (high - low).clamp_min(1e-30), generator=stream)
    return (spikes + gradient.sign() * chosen > 0).float()
