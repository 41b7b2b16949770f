"""Encoders (image -> spikes) and decoders (membranes and spikes -> confidences) of the spiking targets."""

import math
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from scipy import optimize
from torch import Tensor

from snnmi.checks import tried

Images, Spikes = Float[Tensor, " batch *image"], Float[Tensor, " time batch *image"]
Pixels, Fed = Float[Tensor, " batch pixels"], Float[Tensor, " time batch fed"]
Encode = Callable[..., Spikes]


def encoder(
    *,
    binary: bool = False,
    bernoulli: bool = False,
    period: int | None = None,
    binned: bool = False,
    rates: Callable[[Tensor], Tensor] | None = None,
    fixed: Callable[..., Tensor] | None = None,
) -> Callable[[Encode], Encode]:
    """Say of an encoder what lets its network be computed sooner; a plain function is an encoder too.

    binary: it gives 0 or 1 and nothing else. bernoulli: it draws them, with the chance that is the pixel's value or
    what `rates` says. period: what it gives repeats itself after so many steps, which so serve all (1: a constant).
    binned: its image holds all steps, one below the other, and each is fed its own part. rates: from images to the
    rates of what is fed, where these are not the pixels: a gradient passes the code through them. fixed: (shape,
    device, dtype) -> what it draws each time. Example: `@encoder(binary=True)` above a code of single spikes.
    """

    def mark(encode: Encode) -> Encode:
        encode.binary, encode.bernoulli = binary or bernoulli, bernoulli
        encode.period, encode.binned, encode.rates, encode.fixed = period, binned, rates, fixed
        return encode

    return mark


def says(name: str, what: str) -> object:
    """What an encoder says of itself by `@encoder`; None: nothing."""
    return getattr(ENCODERS[name], what, None)


def is_constant(name: str) -> bool:
    return says(name, "period") == 1


def is_per_pixel(name: str) -> bool:
    """Whether each input of the network stands for one pixel."""
    return not (says(name, "binned") or says(name, "rates"))


def rates(name: str, x: Pixels) -> Float[Tensor, " batch fed"]:
    """What an encoder's inputs spike by, where it does not say otherwise the pixels."""
    own = says(name, "rates")
    return own(x.clone()) if own else x


@encoder(bernoulli=True)
def rate_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """Bernoulli spike trains whose rate is the pixel value (paper, section II-A).

    Values outside [0, 1] are clipped, as a probability must be: out-of-range queries lose
    information here. (A uniform draw in [0, 1) is never below a negative rate and always
    below a rate of 1 or more, so the comparison itself is the clip.) `spikegen.rate` has no generator of its own.
    """
    draw = torch.rand((num_steps, *x.shape), generator=generator, device=x.device, dtype=x.dtype)
    return torch.lt(draw, x, out=draw)


@encoder(binary=True)
def latency_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """Time to first spike: one spike a pixel, the brighter the sooner (white at the first step, the darkest grey at the
    last), none for black. Values outside [0, 1] are clipped; there is no chance. `spikegen.latency` looks at its data
    first, which no captured step can.
    """
    when = ((1 - x.clamp(0, 1)) * (num_steps - 1)).round()
    steps = torch.arange(num_steps, device=x.device).view(-1, *[1] * x.ndim)
    return ((steps == when) & (x > 0)).to(x)


BURST, SHORTEST = 5, 2  # most spikes of a burst, and the steps between them at full brightness


@encoder(binary=True)
def burst_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """Bursts (Guo et al. 2021): the brighter a pixel, the more spikes, up to five, and the closer they follow; from two
    steps apart for white to the whole window for black. Values outside [0, 1] are clipped; there is no chance.
    """
    x = x.clamp(0, 1)
    count = (BURST * x).ceil()
    apart = torch.where(count > 1, (num_steps - (num_steps - SHORTEST) * x).ceil(), num_steps).clamp_min(1)
    spikes = x.new_zeros(num_steps, *x.shape)
    for i in range(BURST):
        spike = (i < count) & (i * apart < num_steps)
        spikes.scatter_add_(0, (i * apart * spike).long()[None], spike.to(x)[None])
    return spikes


BITS = 8


@encoder(period=BITS)
def phase_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """Weighted spikes (Kim et al. 2018): the eight bits of a grey value, the highest first, over and over, each spike
    worth half of the one before. Values outside [0, 1] are clipped; there is no chance.
    """
    grey = (x.clamp(0, 1) * (2**BITS - 1)).round().to(torch.uint8)
    phases = torch.stack([(grey >> (BITS - 1 - i) & 1) * 2.0 ** -(1 + i) for i in range(BITS)])
    return phases[torch.arange(num_steps, device=x.device) % BITS]


@encoder(binned=True)
def raw_bins_encode(x: Pixels, num_steps: int, *, generator: torch.Generator) -> Fed:
    """A recording fed as it is, a bin a step (`recordings`): no draws, no clip."""
    return x.unflatten(-1, (num_steps, -1)).movedim(-2, 0)


@encoder(binary=True, binned=True)
def bins_encode(x: Pixels, num_steps: int, *, generator: torch.Generator) -> Fed:
    """A recording fed a bin a step, each event drawn with its value as the chance: a real recording, of 0 and 1, is fed
    as it is; what a generator draws are rates, a bin, pixel and polarity each.
    """
    return raw_bins_encode(rate_encode(x, 1, generator=generator)[0], num_steps, generator=generator)


POPULATION = 4  # neurons a pixel


def tuned(x: Float[Tensor, " *batch pixels"]) -> Float[Tensor, " *batch fed"]:
    """Rates of a pixel's neurons, the next to each other: Gaussians of its value with the centres and width of Bohte et
    al. (2002), whose beta is 1.5.
    """
    centre = (torch.arange(POPULATION, device=x.device) - 0.5) / (POPULATION - 2)
    width = 1 / (1.5 * (POPULATION - 2))
    return torch.exp(-0.5 * ((x[..., None] - centre) / width) ** 2).flatten(-2)


@encoder(bernoulli=True, rates=tuned)
def population_encode(x: Pixels, num_steps: int, *, generator: torch.Generator) -> Fed:
    """Four neurons a pixel, each spiking the more often the nearer the pixel's value is to its own: Bernoulli spikes of
    Gaussian rates. Values outside [0, 1] are not clipped; far outside all four fall silent.
    """
    return rate_encode(tuned(x), num_steps, generator=generator)


@encoder(period=1)
def current_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """The pixel value itself, fed as the same input current at every step: no spikes, no chance, no clip."""
    return x.expand(num_steps, *x.shape)


@encoder(period=1)
def clip_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """A constant current of the pixel value clipped to [0, 1]: the rate encoder's range without its spikes and
    chance.
    """
    return current_encode(x.clamp(0, 1), num_steps, generator=generator)


@cache
def frozen_draw(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device, dtype)


@encoder(bernoulli=True, fixed=frozen_draw)
def frozen_encode(x: Images, num_steps: int, *, generator: torch.Generator) -> Spikes:
    """The rate encoder with one draw for ever, the same for all images and queries: its spikes and range without its
    chance.
    """
    return torch.lt(frozen_draw((num_steps, 1, *x.shape[1:]), x.device, x.dtype), x).to(x)


# An encoder of your own is one more entry: (images, num_steps, *, generator) -> what is fed at each step.
ENCODERS: dict[str, Encode] = {
    "rate": rate_encode,
    "frozen": frozen_encode,
    "clip": clip_encode,
    "current": current_encode,
    "latency": latency_encode,
    "burst": burst_encode,
    "phase": phase_encode,
    "population": population_encode,
    "bins": bins_encode,
    "raw_bins": raw_bins_encode,
}


def encode(name: str, x: Images, num_steps: int, *, generator: torch.Generator | None) -> Tensor:
    """What an encoder feeds at each step. It is handed a copy: whatever it does to that, the images stay."""
    return ENCODERS[name](x.clone(), num_steps, generator=generator)


def num_fed(name: str, num_pixels: int, num_steps: int, device: str | torch.device = "cpu") -> int:
    """Inputs that a network behind this encoder has. It is tried on an image and on noise beyond the range of images;
    ValueError where what it gives cannot be fed.
    """
    n = 3 if num_steps == 2 else 2  # which axis is which can be told
    chance = torch.Generator().manual_seed(0)
    x = torch.rand(n, num_pixels, generator=chance)
    x[1:] = torch.randn(n - 1, num_pixels, generator=chance)
    x = x.to(device)
    found = tried(
        piece := f"encoder {name!r}",
        lambda: encode(name, x, num_steps, generator=torch.Generator(device).manual_seed(0)),
        *(num_steps, n, None),
        advice="(images, num_steps, *, generator) -> what is fed at each step, whatever values the images have",
    )
    if says(name, "binary") and not ((found == 0) | (found == 1)).all():
        raise ValueError(f"{piece} gives other values than 0 and 1, expected what @encoder says of it")
    if (again := says(name, "period")) and not torch.equal(found[again:], found[:-again]):
        raise ValueError(
            f"{piece} does not repeat itself after {again} steps, expected what @encoder says of it"
        )
    return found.shape[-1]


def straight(name: str, x: Pixels, num_steps: int) -> Float[Tensor, " #time batch fed"]:
    """Zeros that carry a gradient: added to what an encoder feeds, they pass the code as if spikes were their rates."""
    if says(name, "binned"):
        passed = raw_bins_encode(x, num_steps, generator=torch.Generator())
    else:
        passed = rates(name, x)[None]
    if (fed := num_fed(name, x.shape[1], num_steps)) != passed.shape[-1]:
        raise ValueError(
            f"encoder {name!r} feeds {fed} inputs for {x.shape[1]} pixels, expected @encoder(rates=...) above it: from "
            "images to the rates of what is fed, through which a gradient passes"
        )
    return passed - passed.detach()


Output = Float[Tensor, " time batch classes"]
Confidences = Float[Tensor, " batch classes"]


# A decoder of your own is one more entry: (spikes, membranes) -> confidences.
DECODERS: dict[str, Callable[[Output, Output], Confidences]] = {
    # the average of what each step believes (the default)
    "membrane": lambda spk, mem: mem.softmax(-1).mean(0),
    # far more confident than the mean of softmaxes
    "summed_membrane": lambda spk, mem: mem.sum(0).softmax(-1),
    "count": lambda spk, mem: spk.sum(0).softmax(-1),
    # spikes per step: never far from uniform, as rates lie in [0, 1]
    "rate": lambda spk, mem: spk.mean(0).softmax(-1),
}


def try_decoder(name: str, num_steps: int, num_classes: int, device: str | torch.device = "cpu") -> None:
    """Raises ValueError where a decoder does not make confidences of two images' spikes and membranes."""
    mem = torch.randn(num_steps, 2, num_classes, generator=torch.Generator().manual_seed(0)).to(device)
    advice = "(spikes, membranes), both (time, images, classes) -> confidences, each row in [0, 1] and summing to 1"
    found = tried(
        f"decoder {name!r}",
        lambda: DECODERS[name]((mem > 1).float(), mem.clone()),
        *(2, num_classes),
        advice=advice,
    )
    if found.min() < -1e-3 or (found.sum(1) - 1).abs().max() > 1e-2:
        sums = found.sum(1).tolist()
        raise ValueError(
            f"decoder {name!r} gives rows that sum to {sums[0]:g} and {sums[1]:g}, expected {advice}"
        )


def tempered(confidences: Confidences, temperature: float) -> Confidences:
    """Confidences to the power 1 / temperature, normalised: softmax(logits / temperature) for those of a softmax."""
    if temperature == 1:
        return confidences
    return (confidences.clamp_min(torch.finfo(confidences.dtype).tiny).log() / temperature).softmax(-1)


def mean_entropy(confidences: Confidences) -> float:
    """Mean entropy of each answer, nats."""
    return float(torch.special.entr(confidences).sum(-1).mean())


def matched_temperature(confidences: Float[Tensor, " batch classes"], entropy: float) -> float:
    """The temperature in [0.001, 1000] at which these answers' mean entropy is (nearest to) `entropy`, nats."""

    def excess(log_temperature: float) -> float:
        return mean_entropy(tempered(confidences.double(), math.exp(log_temperature))) - entropy

    low, high = math.log(1e-3), math.log(1e3)  # the mean entropy grows with the temperature
    if excess(low) >= 0 or excess(high) <= 0:
        return math.exp(low if excess(low) >= 0 else high)
    return math.exp(optimize.brentq(excess, low, high))
