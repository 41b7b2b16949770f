"""White-box inversion: what whoever holds the weights draws of a class, the bound for whoever may only ask."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi import chance
from snnmi.attack.gamin import roughness
from snnmi.attack.players import GaminConfig, mlp
from snnmi.checkpoint import Checkpoint
from snnmi.fast import engine
from snnmi.measure.fooling import Fooling, class_by_class, white_box
from snnmi.models.coding import DECODERS
from snnmi.models.targets import ANN, SNN


def descend(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    smooth: float = 0.0,
    lr: float = 0.02,
    draws: int = 4,
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """Gradient descent on the pixels, from nearly black images (Fredrikson et al. 2015; an SNN's gradient passes its
    code as if spikes were pixels, and its neurons by their surrogate gradient).

    `smooth` is the weight of the images' `roughness`: the prior that images are smooth.
    """

    def invert(label: int, stream: torch.Generator) -> Float[Tensor, " n height width"]:
        x = 0.1 * torch.rand(per_class, *image_shape, generator=stream, device=stream.device)
        adam = torch.optim.Adam([x.requires_grad_()], lr=lr)
        for _ in range(steps):
            loss, _ = white_box(target, x, label, draws, stream)
            (x.grad,) = torch.autograd.grad(loss + smooth * roughness(x).mean(), x)
            adam.step()
            x.data.clamp_(0, 1)
        return x.detach()

    return class_by_class(target, labels, invert, "white-box inversion", seed, checkpoint)


def generate(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    batch_size: int = 16,
    lr: float = 1e-3,
    checkpoint: Checkpoint | None = None,
) -> Fooling:
    """GAMIN's generator with the target's true gradient in place of the surrogate's (eq. 6 with T for S): an MLP,
    trained by Adam until whatever it draws is of the class.
    """
    config = GaminConfig()
    with chance.first_weights("attacker's weights", seed):
        generators = {label: mlp(config, image_shape, num_classes=1)[1] for label in labels}

    def invert(label: int, stream: torch.Generator) -> Float[Tensor, " n height width"]:
        draw = partial(torch.randn, generator=stream, device=stream.device)
        generator = generators[label].to(stream.device)
        adam = torch.optim.Adam(generator.parameters(), lr=lr)
        for _ in range(steps):
            loss, _ = white_box(target, generator(draw(batch_size, config.z_dim)), label, 1, stream)
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

    def invert(label: int, stream: torch.Generator) -> Float[Tensor, " n height width"]:
        spikes = torch.zeros(n.num_steps, per_class, pixels, device=stream.device)
        for _ in range(steps):
            answers = DECODERS[n.decoder](*engine.run(target, spikes.requires_grad_()))[:, label]
            (gradient,) = torch.autograd.grad(answers.sum(), spikes)
            spikes = flipped(spikes.detach(), gradient, stream)
        return spikes.mean(0).unflatten(1, image_shape)

    return class_by_class(target, labels, invert, "white-box inversion", seed, checkpoint)


def flipped(
    spikes: Float[Tensor, " time n pixels"],
    gradient: Float[Tensor, " time n pixels"],
    stream: torch.Generator,
) -> Float[Tensor, " time n pixels"]:
    """Spikes, 0 or 1, moved a step towards the sign of their gradient where a draw of its size, from 0 for the smallest
    to 1 for the largest of an image, says so.
    """
    size = gradient.abs()
    low, high = (end((0, 2), keepdim=True) for end in (size.amin, size.amax))
    chosen = torch.bernoulli((size - low) / (high - low).clamp_min(1e-30), generator=stream)
    return (spikes + gradient.sign() * chosen > 0).float()
