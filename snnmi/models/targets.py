"""The models under attack: a fully connected ANN and SNN with one hidden layer (paper, section IV-A)."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.chance import first_weights
from snnmi.checks import above, at_least, one_of, within
from snnmi.fast import cuda, events
from snnmi.models.coding import (
    DECODERS,
    ENCODERS,
    encode,
    frozen_draw,
    is_bernoulli,
    is_binary,
    is_binned,
    is_constant,
    num_fed,
    period,
    rates,
    tempered,
    try_decoder,
)
from snnmi.models.neurons import RESETS, LIFTrace, fire_in_place, lif, reset_height

AT_ONCE = {
    "cpu": 25 * 32 * 3000,
    "cuda": 25 * 4096 * 3000,
}  # time x images x neurons computed at once: on a CPU what stays in cache, on a GPU what keeps it busy


@dataclass(frozen=True)
class Network:
    """The shape of a target: its pixels and classes are the data set's."""

    hidden: int = 3000  # neurons of the one hidden layer
    width: float = 1.0  # times as many

    def __post_init__(self):
        at_least(self, hidden=1)
        above(self, width=0)

    @property
    def neurons(self) -> int:
        return max(1, round(self.hidden * self.width))


@dataclass(frozen=True)
class Neuron:
    """What only a spiking target has; defaults are the paper's, BrainLeaks' code where the paper is silent."""

    num_steps: int = 25  # T
    beta: float = 0.7  # leak: share of the membrane potential kept per step
    threshold: float = 1.0
    slope: float = 40.0  # of the fast-sigmoid surrogate gradient
    reset: str = "delayed"
    encoder: str = "rate"
    decoder: str = "membrane"

    def __post_init__(self):
        one_of(self, reset=RESETS, encoder=ENCODERS, decoder=DECODERS)
        at_least(self, num_steps=1)
        above(self, threshold=0, slope=0)
        within(self, 0, 1, "beta")


@dataclass(frozen=True)
class Query:
    """How trained weights are asked: None leaves them the encoder and decoder that they were trained with."""

    encoder: str | None = None  # behind one that draws an ANN answers the mean over `num_steps` draws
    num_steps: int | None = None  # None: the target's; an ANN's is the paper's T
    decoder: str | None = None  # SNN only
    temperature: float = 1.0  # confidences to the power 1 / temperature: above 1 flatter, below 1 sharper
    match_entropy: bool = False  # the temperature at which mean entropy on test images is the other target's
    precision: str = (
        "float32"  # "float16": 11 significant bits of each weight, as tf32 and half precision keep
    )

    def __post_init__(self):
        one_of(self, encoder={None, *ENCODERS}, decoder={None, *DECODERS}, precision=PARTS)
        above(self, temperature=0)
        if self.num_steps is not None:
            at_least(self, num_steps=1)


PARTS = {"float32": 2, "float16": 1}  # half-precision matrices that a weight is cut into on a GPU


class Target(nn.Module):
    """Two layers of weights, and how they are asked."""

    encoder: str

    def __init__(self, network: Network, neuron: Neuron, num_pixels: int, num_classes: int):
        super().__init__()
        self.neuron, self.temperature, self.parts = neuron, 1.0, PARTS["float32"]
        self.num_pixels = num_pixels
        self.hidden = nn.Linear(self.num_fed, network.neurons)
        self.output = nn.Linear(network.neurons, num_classes)

    @property
    def num_fed(self) -> int:
        """Inputs that the encoder feeds."""
        return num_fed(self.encoder, self.num_pixels, self.neuron.num_steps)

    @property
    def width(self) -> int:
        """Neurons of the widest layer."""
        return self.hidden.out_features

    def asked(self, query: Query) -> "Target":
        """The same weights (shared, not copied, unless rounded) behind another encoder, decoder or temperature."""
        other = copy.copy(self)
        asked = {name: getattr(query, name) for name in ("num_steps", "decoder") if getattr(query, name)}
        other.neuron, other.encoder = replace(self.neuron, **asked), query.encoder or self.encoder
        other.temperature, other.parts = query.temperature, PARTS[query.precision]
        if (fed := other.num_fed) != self.hidden.in_features:
            raise ValueError(
                f"encoder is {other.encoder!r}, which feeds {fed} inputs, expected one that feeds "
                f"{self.hidden.in_features}, as what the target was trained with does"
            )
        if query.precision != "float32":
            other._modules = {name: rounded(layer) for name, layer in self._modules.items()}
        return other

    @torch.no_grad()
    def forward(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator
    ) -> Float[Tensor, " batch classes"]:
        """Confidences, without gradients; `generator` is the encoder's chance."""
        x, chance = self._drawn(x.flatten(1), generator)
        if chance is None or events.grey(x):
            confidences = torch.cat(
                [self._confidences(spikes) for spikes in self._in_blocks(x, generator, chance)]
            )
        else:
            confidences = self._by_events(x, chance)
        return tempered(confidences, self.temperature)

    def _drawn(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> tuple[Tensor, events.Chance | None]:
        """Where Bernoulli spikes meet a CPU with a C compiler: their rates, " batch fed", and what events draw from;
        else the pixels and None.
        """
        own = is_bernoulli(self.encoder) and x.device.type == "cpu" and not cuda.fused(x.device)
        if not own or not events.available():
            return x, None
        x = rates(self.encoder, x)
        if self.encoder == "frozen":
            return x, frozen_draw((self.neuron.num_steps, 1, *x.shape[1:]), x.device, x.dtype)[:, 0]
        return x, events.key(generator)

    def _in_blocks(
        self, x: Float[Tensor, " batch _"], generator: torch.Generator, chance: events.Chance | None
    ) -> Iterator[Float[Tensor, " time block fed"]]:
        """What is fed at each step, for as many images at once as stay in cache."""
        at_once = AT_ONCE.get(x.device.type, AT_ONCE["cuda"])
        block = max(1, at_once // (self.neuron.num_steps * self.width))
        for images, index in zip(x.split(block), torch.arange(len(x)).split(block)):
            if chance is None:
                yield self._encode(images, generator)
            else:
                yield events.spikes(events.draw(images, self.neuron.num_steps, chance, index))

    def spikes(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator
    ) -> Float[Tensor, " time batch fed"]:
        """What `loss` with this generator is fed at each step, written out."""
        x, chance = self._drawn(x.flatten(1), generator)
        if chance is None:
            return self._encode(x, generator)
        return events.spikes(events.draw(x, self.neuron.num_steps, chance))

    def _confidences(self, spikes: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " batch classes"]:
        raise NotImplementedError

    def _by_events(
        self, x: Float[Tensor, " batch fed"], chance: events.Chance
    ) -> Float[Tensor, " batch classes"]:
        raise NotImplementedError

    def _encode(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> Float[Tensor, " time batch fed"]:
        if self.encoder == "rate" and cuda.fused(x.device) and not torch.is_grad_enabled():
            return cuda.rate_encode(x, self.neuron.num_steps, generator=generator)
        return encode(self.encoder, x, self.neuron.num_steps, generator=generator)

    def _currents(self, x: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " time batch neuron"]:
        """What `self.hidden` gives, differentiable; steps that repeat themselves are computed once."""
        once = self.hidden(x[: period(self.encoder)])
        if len(once) == 1:
            return once.expand(len(x), -1, -1)
        return once if len(once) == len(x) else once[torch.arange(len(x)) % len(once)]

    def _hidden_currents(self, x: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " time batch neuron"]:
        """The same without gradients, every step its own: for spikes on a GPU halves do."""
        if is_binary(self.encoder) and cuda.fused(x.device):
            return cuda.product(x, self.hidden.weight, self.hidden.bias, self.parts)
        return self._currents(x).contiguous()


def rounded(layer: nn.Linear) -> nn.Linear:
    """A copy whose weights keep 11 significant bits."""
    other = copy.deepcopy(layer)
    digits, scale = cuda.halves(layer.weight.detach(), parts=1)
    other.weight = nn.Parameter(digits.float() * scale)
    return other


class ANN(Target):
    """Linear, sigmoid, Linear, softmax (BrainLeaks' code)."""

    encoder = "current"

    def logits(self, x: Float[Tensor, " batch height width"]) -> Float[Tensor, " batch classes"]:
        return self.output(self.hidden(x.flatten(1)).sigmoid())

    def forward(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, " batch classes"]:
        """Confidences; `generator` is the chance of an encoder put before it (`asked`), and of no use without."""
        if not is_constant(self.encoder):
            return super().forward(x, generator=generator)
        if self.encoder != "current":
            x = encode(self.encoder, x, 1, generator=generator)[0]  # one step serves all
        return tempered(self.logits(x).softmax(-1), self.temperature)

    def _confidences(self, spikes: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " batch classes"]:
        """The mean over the encoder's draws."""
        return self.output(self._hidden_currents(spikes).sigmoid_()).softmax(-1).mean(0)

    def _by_events(
        self, x: Float[Tensor, " batch fed"], chance: events.Chance
    ) -> Float[Tensor, " batch classes"]:
        return events.rate_ann(x, self.hidden, self.output, num_steps=self.neuron.num_steps, chance=chance)

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        return F.cross_entropy(self.logits(x), y)


class SNN(Target):
    """Linear, LIF, Linear, LIF over `num_steps` steps, with encoder in front and decoder behind (paper, section
    IV-A).
    """

    def __init__(self, network: Network, neuron: Neuron, num_pixels: int, num_classes: int):
        if is_binned(neuron.encoder) and num_pixels % neuron.num_steps:
            raise ValueError(
                f"num_steps is {neuron.num_steps}, expected the number of bins in images of {num_pixels} pixels"
            )
        try_decoder(neuron.decoder, neuron.num_steps, num_classes)
        self.encoder = neuron.encoder
        super().__init__(network, neuron, num_pixels, num_classes)

    def run(self, spikes: Float[Tensor, " time batch pixels"]) -> tuple[LIFTrace, LIFTrace]:
        """Hidden and output layer over time, differentiable; one matrix product a layer for all steps together."""
        n = self.neuron
        how = dict(beta=n.beta, threshold=n.threshold, reset=n.reset, slope=n.slope)
        hidden = lif(self._currents(spikes), **how)
        return hidden, lif(self.output(hidden.spk), **how)

    @property
    def _height(self) -> float:
        """By how much a spike lowers the next membrane."""
        return reset_height(self.neuron.beta, self.neuron.threshold, self.neuron.reset)

    def _confidences(self, spikes: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " batch classes"]:
        n = self.neuron
        how = dict(beta=n.beta, threshold=n.threshold, height=self._height)
        if cuda.fused(spikes.device):
            if is_binary(self.encoder):
                hidden, _ = cuda.spiking_layer(spikes, self.hidden, **how, parts=self.parts)
            else:
                hidden = cuda.fire(self._hidden_currents(spikes), **how)
            spk, mem = cuda.spiking_layer(hidden, self.output, **how, parts=self.parts, keep_membranes=True)
            return DECODERS[n.decoder](spk.float(), mem)
        if (found := self._events(spikes)) is not None:
            return DECODERS[n.decoder](*events.snn(found, self.hidden, self.output, self._lif))
        hidden = fire_in_place(self._hidden_currents(spikes), **how)
        return DECODERS[n.decoder](
            *lif(self.output(hidden), beta=n.beta, threshold=n.threshold, reset=n.reset)
        )

    def _by_events(
        self, x: Float[Tensor, " batch fed"], chance: events.Chance
    ) -> Float[Tensor, " batch classes"]:
        return DECODERS[self.neuron.decoder](*self._output(x, chance))

    def _output(self, x: Float[Tensor, " batch fed"], chance: events.Chance) -> LIFTrace:
        """Spikes and membranes of the output layer, by events; differentiable in the weights."""
        how = {"num_steps": self.neuron.num_steps, "chance": chance}
        return LIFTrace(*events.rate_snn(x, self.hidden, self.output, self._lif, **how))

    @property
    def _lif(self) -> events.Neuron:
        n = self.neuron
        return events.Neuron(n.beta, n.threshold, self._height, n.slope)

    def _events(self, spikes: Float[Tensor, " time batch pixels"]) -> events.Events | None:
        """What events make of another code's spikes, where a CPU can and they are few enough for it to be sooner."""
        if not is_binary(self.encoder) or spikes.device.type != "cpu" or not events.available():
            return None
        return events.find(spikes) if spikes.count_nonzero() <= events.GREY * spikes.numel() else None

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Softmax cross-entropy of the output membranes, summed over the steps (paper, section IV-A)."""
        x, chance = self._drawn(x.flatten(1), generator)
        if chance is None:
            spikes = self._encode(x, generator)
            found = self._events(spikes)
            how = self.hidden, self.output, self._lif
            mem = self.run(spikes)[1].mem if found is None else events.snn(found, *how)[1]
        else:
            mem = self._output(x, chance).mem
        return F.cross_entropy(mem.flatten(0, 1), y.repeat(len(mem))) * len(mem)


MODELS = {"ann": ANN, "snn": SNN}
# A target of your own, by name: (dataset, *, seed) -> a callable from images to confidences, as `BlackBox` takes it.
TARGETS: dict[str, Callable[..., Callable]] = {}


def build(
    kind: str,
    image_shape: tuple[int, int],
    num_classes: int,
    *,
    seed: int,
    network: Network = Network(),  # noqa: B008 - frozen
    neuron: Neuron = Neuron(),  # noqa: B008
) -> ANN | SNN:
    """An untrained target, "ann" or "snn"; `seed` sets its first weights."""
    with first_weights("target's weights", seed):
        return MODELS[kind](network, neuron, image_shape[0] * image_shape[1], num_classes)
