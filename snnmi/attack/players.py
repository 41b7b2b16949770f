"""Who plays: the attack's settings and the networks of both players.

A family of networks of your own is one more function here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnmi.attack.blackbox import FORMS
from snnmi.attack.noises import CHOSEN, NOISES
from snnmi.checks import above, at_least, one_of, within

Players = tuple[nn.Module, nn.Module]  # surrogate and generator


@dataclass(frozen=True)
class GaminConfig:
    """The attack's settings, GAMIN's but for `attacker`; marks: (P) the paper says so, (G) GAMIN's code, (?) a guess
    (the book, "What had to be guessed").
    """

    batches: int = 20_000  # x 64 queries = the paper's 1,280,000 per class (P)
    batch_size: int = 64  # half noise, half generated
    gamma: float = 0.5  # wanted ratio of generated to noise loss (G)
    lam: float = 0.001  # step of k_t (G)
    k0: float = 0.001  # first k_t (G)
    lr_surrogate: float = 1e-5  # Adam (G; calibrated)
    lr_generator: float = 1e-5  # Adam (G; calibrated)
    generator_steps: int = 2  # for one surrogate step (G)
    family: str = "mlp"  # networks of both players, of `FAMILIES` (?)
    # Width of both MLPs, or the widths of several layers from the surrogate's side, the generator's in reverse;
    # of the CNN surrogate, whose convolutions have half as many channels (?)
    hidden: int | Sequence[int] = 256
    z_dim: int = 100  # (?)
    noise: str = "normal"  # x_N: "normal" is N(0, 1), not clipped (G); "chosen": what a pilot chooses
    drift: float = 0.0  # share of the way to generated images that x_N has gone by the last batch
    smooth: float = 0.0  # weight of a generated image's roughness in the generator's loss
    output_bias: float = 0.0  # added to the generator's last biases at its start: at -3 images start black
    keep_window: int = 1  # batches over which M_global is averaged before the lowest is kept (?)
    log_points: int = 400  # points kept of each curve
    classes: int | None = None  # attack only so many first ones; None: all
    answers: str = "full"  # what the interface gives of its confidences
    as_events: bool = False  # inputs are sent as zeros and ones, their values being the chances
    repeats: int = 1  # times each input is asked, the answers averaged; of so many times fewer inputs
    # Who attacks, of `study/attacks.py`; another than GAMIN takes of all this the classes, the answers and the budget.
    attacker: str = "GAMIN"

    def __post_init__(self):
        one_of(self, family=FAMILIES, noise=[*NOISES, CHOSEN], answers=FORMS)
        at_least(self, repeats=1)
        at_least(self, batches=1, generator_steps=1, z_dim=1, keep_window=1, log_points=1, batch_size=2)
        if isinstance(self.hidden, list):  # as files and command lines write it
            object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.widths or not all(type(width) is int and width > 0 for width in self.widths):
            raise ValueError(f"hidden is {self.hidden!r}, expected a whole number, at least 1, or several")
        if self.family in ("cnn", "spiking") and len(self.widths) > 1:
            raise ValueError(f"hidden is {self.hidden!r}, expected one number for the family {self.family!r}")
        above(self, lr_surrogate=0, lr_generator=0, gamma=0)
        within(self, 0, 1, "k0", "drift")
        within(self, 0, inf, "lam", "smooth")
        within(self, -inf, inf, "output_bias")
        if self.batch_size % (2 * self.repeats):
            raise ValueError(
                f"batch_size is {self.batch_size}, expected a multiple of {2 * self.repeats}: half noise, half "
                f"generated, each asked {self.repeats} times"
            )
        if self.classes is not None:
            at_least(self, classes=1)
        if self.keep_window > self.batches:
            raise ValueError(f"keep_window is {self.keep_window}, expected at most batches, {self.batches}")

    @property
    def widths(self) -> tuple[int, ...]:
        return self.hidden if isinstance(self.hidden, tuple) else (self.hidden,)

    @property
    def half(self) -> int:
        """Different noise inputs of a batch, and generated ones."""
        return self.batch_size // 2 // self.repeats

    @property
    def queries_per_class(self) -> int:
        return self.batches * self.batch_size

    @property
    def every(self) -> int:
        """Batches averaged in each point of a curve."""
        return max(1, self.batches // self.log_points)

    @property
    def points(self) -> int:
        return -(-self.batches // self.every)

    @property
    def last_point(self) -> int:
        """Batches averaged in the last point, which may be fewer."""
        return self.batches - self.every * (self.points - 1)


def mlp(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> Players:
    """Surrogate and generator of dense layers."""
    pixels = image_shape[0] * image_shape[1]
    surrogate = nn.Sequential(nn.Flatten(), *_dense(pixels, *config.widths, num_classes))
    generator = nn.Sequential(
        *_dense(config.z_dim, *config.widths[::-1], pixels), nn.Sigmoid(), nn.Unflatten(1, image_shape)
    )
    return surrogate, generator


def _dense(*sizes: int) -> list[nn.Module]:
    """Linear layers with rectifiers between."""
    layers = [[nn.Linear(*pair), nn.ReLU()] for pair in pairwise(sizes)]
    return sum(layers, [])[:-1]


def cnn(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> Players:
    """Convolutional players after BORGNE, GAMIN's forerunner: conv 3x3, dense; dense, batch norm, up-sampling convs.

    Batch norm uses each batch's own statistics throughout, so that a kept generator is just its weights.
    """
    height, width = image_shape
    channels = config.hidden // 2
    low = (-(-height // 4), -(-width // 4))  # a quarter of the side, rounded up
    surrogate = nn.Sequential(
        nn.Unflatten(1, (1, height)),
        nn.Conv2d(1, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(channels * low[0] * low[1], config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, num_classes),
    )
    generator = nn.Sequential(
        nn.Linear(config.z_dim, 32 * low[0] * low[1]),
        nn.BatchNorm1d(32 * low[0] * low[1], track_running_stats=False),
        nn.ReLU(),
        nn.Unflatten(1, (32, *low)),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(size=image_shape),
        nn.Conv2d(32, 1, 3, padding=1),
        nn.Sigmoid(),
        nn.Flatten(1, 2),
    )
    return surrogate, generator


class Spiking(nn.Module):
    """An SNN as a copy: the clipped image as a constant current, a layer of LIF neurons and one of integrating outputs,
    and the mean over the steps of what each believes, as logits.

    It knows what the paper tells of the target (its leak, its threshold, that it clips and averages) and none of its
    weights. Gradients pass a spike as that of the fast sigmoid. (`snn.Leaky` cannot be stacked by `torch.func.vmap`, as
    players are: its surrogate gradient has no `setup_context`.)
    """

    steps, beta, threshold, slope = 10, 0.7, 1.0, 40.0

    def __init__(self, pixels: int, hidden: int, num_classes: int):
        super().__init__()
        self.hidden, self.output = nn.Linear(pixels, hidden), nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        current = self.hidden(x.clamp(0, 1).flatten(1))
        u = spike = torch.zeros_like(current)
        membrane, believed = 0.0, []
        for _ in range(self.steps):
            u = self.beta * u + current - spike.detach() * self.threshold
            over = u - self.threshold
            soft = over / (1 + self.slope * over.abs())
            spike = (over > 0).to(u) + soft - soft.detach()
            membrane = self.beta * membrane + self.output(spike)
            believed.append(membrane.softmax(-1))
        return torch.stack(believed).mean(0).clamp_min(1e-12).log()


def spiking(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> Players:
    """A spiking copy, and the MLP's generator."""
    _, generator = mlp(config, image_shape, num_classes)
    return Spiking(image_shape[0] * image_shape[1], config.widths[0], num_classes), generator


class Ensemble(nn.Module):
    """Several networks in one: `joined` makes one answer of theirs."""

    def __init__(self, members: Sequence[nn.Module], joined: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.members, self.joined = nn.ModuleList(members), joined

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(x, torch.stack([member(x) for member in self.members]))


MEMBERS = 4


def by_turns(z: Tensor, images: Tensor) -> Tensor:
    """Of each z the image of one member, which z itself chooses: each gets a quarter of all."""
    member = (torch.special.ndtr(z[:, 0]) * MEMBERS).long().clamp(max=MEMBERS - 1)
    return (images * F.one_hot(member, MEMBERS).T[..., None, None]).sum(0)


def ensemble(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> Players:
    """Four MLPs a player, against mode collapse: the mean of four copies, and four generators that take turns."""
    surrogates, generators = zip(*(mlp(config, image_shape, num_classes) for _ in range(MEMBERS)))
    return Ensemble(surrogates, lambda x, logits: logits.mean(0)), Ensemble(generators, by_turns)


FAMILIES: dict[str, Callable] = {"mlp": mlp, "cnn": cnn, "spiking": spiking, "ensemble": ensemble}

# --- the random inputs x_N


def random_inputs(
    config: GaminConfig, *shape: int, generator: torch.Generator, device: str | torch.device
) -> Tensor:
    """x_N as an attack's settings have it."""
    noise = NOISES[config.noise](*shape, generator=generator, device=device)
    return as_events(noise, generator) if config.as_events else noise


def as_events(x: Tensor, generator: torch.Generator) -> Tensor:
    """Zeros and ones, drawn with the chance that the value is; a gradient passes as if they were the values (straight
    through).
    """
    drawn = torch.rand(x.shape, generator=generator, device=x.device) < x.detach()
    return drawn.to(x) + (x - x.detach())
