"""The models under attack: a fully connected ANN and SNN with one hidden layer (paper, section IV-A)."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from snntorch import surrogate
from torch import Tensor, nn

from snnmi.chance import first_weights
from snnmi.checks import above, at_least, one_of, within
from snnmi.fast import cuda, engine
from snnmi.models.coding import DECODERS, ENCODERS, encode, is_constant, num_fed, says, tempered, try_decoder
from snnmi.models.neurons import RESETS, LIFTrace, weights_alone

Images, Confidences = Float[Tensor, " batch height width"], Float[Tensor, " batch classes"]
Spikes = Float[Tensor, " time batch fed"]


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
    precision: str = "float32"  # "float16": 11 significant bits a weight, as tf32 and half precision keep

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
            other._modules = self._modules | {
                name: rounded(getattr(self, name)) for name in ("hidden", "output")
            }
        return other

    @property
    def code(self) -> Callable:
        """The encoder."""
        return ENCODERS[self.encoder]

    @torch.no_grad()
    def forward(self, x: Images, *, generator: torch.Generator) -> Confidences:
        """Confidences, without gradients; `generator` is the encoder's chance."""
        fed = engine.feed(self, x.flatten(1), generator)
        return tempered(torch.cat([self.confidences(one) for one in fed]), self.temperature)

    def spikes(self, x: Images, *, generator: torch.Generator) -> Spikes:
        """What `loss` with this generator is fed at each step, written out."""
        return engine.spikes(self, x.flatten(1), generator)

    def confidences(self, fed: engine.Fed) -> Confidences:
        raise NotImplementedError


def rounded(layer: nn.Linear) -> nn.Linear:
    """A copy whose weights keep 11 significant bits."""
    other = copy.deepcopy(layer)
    digits, scale = cuda.halves(layer.weight.detach(), parts=1)
    other.weight = nn.Parameter(digits.float() * scale)
    return other


class ANN(Target):
    """Linear, sigmoid, Linear, softmax (BrainLeaks' code)."""

    encoder = "current"

    def logits(self, x: Images) -> Float[Tensor, " batch classes"]:
        return self.output(self.hidden(x.flatten(1)).sigmoid())

    def forward(self, x: Images, *, generator: torch.Generator | None = None) -> Confidences:
        """Confidences; `generator` is the chance of an encoder put before it (`asked`), and of no use without."""
        if not is_constant(self.encoder):
            return super().forward(x, generator=generator)
        if self.encoder != "current":
            x = encode(self.encoder, x, 1, generator=generator)[0]  # one step serves all
        return tempered(self.logits(x).softmax(-1), self.temperature)

    @property
    def layers(self) -> tuple[tuple[nn.Linear, None], ...]:
        return (self.hidden, None), (self.output, None)

    def confidences(self, fed: engine.Fed) -> Confidences:
        return engine.ann_output(self, fed)

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        return F.cross_entropy(self.logits(x), y)


class SNN(Target):
    """Linear, LIF, Linear, LIF over `num_steps` steps, with encoder in front and decoder behind (paper, section
    IV-A), in snnTorch.
    """

    def __init__(self, network: Network, neuron: Neuron, num_pixels: int, num_classes: int):
        if says(neuron.encoder, "binned") and num_pixels % neuron.num_steps:
            raise ValueError(
                f"num_steps is {neuron.num_steps}, expected the number of bins in images of {num_pixels} pixels"
            )
        try_decoder(neuron.decoder, neuron.num_steps, num_classes)
        self.encoder = neuron.encoder
        super().__init__(network, neuron, num_pixels, num_classes)
        leaky = RESETS[neuron.reset]  # snntorch.Leaky, or one that resets as it once did
        how = dict(beta=neuron.beta, threshold=neuron.threshold, reset_mechanism="subtract")
        how["spike_grad"] = surrogate.fast_sigmoid(neuron.slope)
        self.lif1, self.lif2 = leaky(**how), leaky(**how)
        weights_alone(self)

    @property
    def layers(self) -> tuple[tuple[nn.Linear, nn.Module], ...]:
        return (self.hidden, self.lif1), (self.output, self.lif2)

    def run(self, spikes: Spikes) -> tuple[LIFTrace, LIFTrace]:
        """Hidden and output layer over time, differentiable: what `engine` computes sooner."""
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        hidden, output = [], []
        for step in spikes:
            spk1, mem1 = self.lif1(self.hidden(step), mem1)
            spk2, mem2 = self.lif2(self.output(spk1), mem2)
            hidden.append((spk1, mem1))
            output.append((spk2, mem2))
        return tuple(LIFTrace(*map(torch.stack, zip(*trace))) for trace in (hidden, output))

    def plain(self, spikes: Spikes) -> LIFTrace:
        return self.run(spikes)[1]

    def confidences(self, fed: engine.Fed) -> Confidences:
        return DECODERS[self.neuron.decoder](*engine.snn_output(self, fed))

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Softmax cross-entropy of the output membranes, summed over the steps (paper, section IV-A)."""
        (fed,) = engine.feed(self, x.flatten(1), generator, whole=True)
        _, mem = engine.snn_output(self, fed)
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
