"""The models under attack: a fully connected ANN and SNN with one hidden layer (paper, section IV-A)."""

import copy
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.fast import cuda
from snnmi.fast.cpu import spike_product
from snnmi.models.coding import CONSTANT, DECODERS, ENCODERS, SPIKING, tempered
from snnmi.models.neurons import RESETS, LIFTrace, fire_in_place, lif, reset_height

AT_ONCE = {
    "cpu": 25 * 32 * 3000,
    "cuda": 25 * 4096 * 3000,
}  # time x images x neurons computed at once: on a CPU what stays in cache, on a GPU what keeps it busy


@dataclass(frozen=True)
class TargetConfig:
    """A target and its training; the defaults are the SNN's of the paper, BrainLeaks' code where the paper is silent."""

    kind: str = "snn"
    hidden: int = 3000
    epochs: int = 10
    batch_size: int = 100
    lr: float = 5e-5  # Adam
    clip_norm: float | None = 1.0  # gradient norm; None: not clipped
    num_steps: int = 25  # T; this and what follows: SNN only
    beta: float = 0.7  # leak: share of the membrane potential kept per step
    threshold: float = 1.0
    slope: float = 40.0  # of the fast-sigmoid surrogate gradient
    reset: str = "delayed"
    encoder: str = "rate"
    decoder: str = "membrane"

    def __post_init__(self):
        for field, allowed in (
            ("kind", MODELS),
            ("reset", RESETS),
            ("encoder", ENCODERS),
            ("decoder", DECODERS),
        ):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} is {getattr(self, field)!r}, expected one of {sorted(allowed)}")


PARTS = {"float32": 2, "float16": 1}  # half-precision matrices that a weight is cut into on a GPU


@dataclass(frozen=True)
class QueryConfig:
    """How trained weights are asked: None leaves them the encoder and decoder that they were trained with."""

    encoder: str | None = (
        None  # an ANN's own is "current"; behind one that draws it answers the mean over `num_steps` draws
    )
    decoder: str | None = None  # SNN only
    temperature: float = (
        1.0  # confidences to the power 1 / temperature, normalised: above 1 flatter, below 1 sharper
    )
    match_entropy: bool = (
        False  # temperature at which the mean entropy on test images is that of the other kind of target
    )
    precision: str = "float32"  # "float16": 11 significant bits of each weight, all that products of tf32 or half precision take

    def __post_init__(self):
        for field, allowed in (("encoder", ENCODERS), ("decoder", DECODERS)):
            if getattr(self, field) not in (None, *allowed):
                raise ValueError(
                    f"{field} is {getattr(self, field)!r}, expected None or one of {sorted(allowed)}"
                )
        if self.precision not in PARTS:
            raise ValueError(f"precision is {self.precision!r}, expected one of {sorted(PARTS)}")
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}, expected more than 0")


class Target(nn.Module):
    """Two layers of weights, and how they are asked."""

    encoder: str

    def __init__(self, config: TargetConfig, num_pixels: int, num_classes: int):
        super().__init__()
        self.hidden = nn.Linear(num_pixels, config.hidden)
        self.output = nn.Linear(config.hidden, num_classes)
        self.config, self.temperature, self.parts = config, 1.0, PARTS["float32"]
        self._product = (
            torch.empty(0),
            torch.empty(0),
            None,
        )  # hidden weights and bias, and their `spike_product`

    def asked(self, query: QueryConfig) -> "Target":
        """The same weights (shared, not copied, unless rounded) behind another encoder, decoder or temperature."""
        other = copy.copy(self)
        other.config = replace(self.config, decoder=query.decoder or self.config.decoder)
        other.encoder, other.temperature, other.parts = (
            query.encoder or self.encoder,
            query.temperature,
            PARTS[query.precision],
        )
        if query.precision != "float32":
            other._modules = {name: rounded(layer) for name, layer in self._modules.items()}
        return other

    def forward(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator
    ) -> Float[Tensor, " batch classes"]:
        """Confidences, without gradients, in blocks of images that stay in cache; `generator` is the encoder's
        chance.
        """
        if self.encoder in SPIKING and x.device.type == "cpu":
            self._prepare()
        block = max(
            1, AT_ONCE.get(x.device.type, AT_ONCE["cuda"]) // (self.config.num_steps * self.config.hidden)
        )
        return tempered(
            torch.cat([self._confidences(images, generator) for images in x.flatten(1).split(block)]),
            self.temperature,
        )

    def _confidences(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> Float[Tensor, " batch classes"]:
        raise NotImplementedError

    def _encode(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> Float[Tensor, " time batch pixels"]:
        if self.encoder == "rate" and cuda.fused(x.device) and not torch.is_grad_enabled():
            return cuda.rate_encode(x, self.config.num_steps, generator=generator)
        return ENCODERS[self.encoder](x, self.config.num_steps, generator=generator)

    def _hidden_currents(self, x: Float[Tensor, " time batch pixels"]) -> Float[Tensor, " time batch neuron"]:
        """What `self.hidden` gives, sooner: for a constant input one step serves all, for spikes a product made for
        them.
        """
        if self.encoder in CONSTANT:
            return self.hidden(x[0]).expand(len(x), -1, -1).contiguous()
        if cuda.fused(x.device):
            return cuda.product(x, self.hidden.weight, self.hidden.bias, self.parts)
        if x.device.type == "cpu":
            return self._product[2](x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.hidden(x)

    def _prepare(self) -> None:
        """Make the `spike_product` of the hidden weights anew if they have changed.

        They are compared, number by number: fused optimisers write past the version counters that would tell.
        """
        weight, bias = self.hidden.weight, self.hidden.bias
        if not (torch.equal(weight, self._product[0]) and torch.equal(bias, self._product[1])):
            self._product = weight.detach().clone(), bias.detach().clone(), spike_product(weight, bias)


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
        if self.encoder in SPIKING:
            return super().forward(x, generator=generator)
        if self.encoder != "current":
            x = ENCODERS[self.encoder](x, 1, generator=generator)[
                0
            ]  # a constant current: one step serves all
        return tempered(self.logits(x).softmax(-1), self.temperature)

    @torch.no_grad()
    def _confidences(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> Float[Tensor, " batch classes"]:
        return self.output(self._hidden_currents(self._encode(x, generator)).sigmoid_()).softmax(-1).mean(0)

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        return F.cross_entropy(self.logits(x), y)


class SNN(Target):
    """Linear, LIF, Linear, LIF over `num_steps` steps, with encoder in front and decoder behind (paper, section
    IV-A).
    """

    def __init__(self, config: TargetConfig, num_pixels: int, num_classes: int):
        super().__init__(config, num_pixels, num_classes)
        self.encoder = config.encoder

    def run(self, spikes: Float[Tensor, " time batch pixels"]) -> tuple[LIFTrace, LIFTrace]:
        """Hidden and output layer over time, differentiable; one matrix product a layer for all steps together."""
        c = self.config
        neuron = dict(beta=c.beta, threshold=c.threshold, reset=c.reset, slope=c.slope)
        hidden = lif(self.hidden(spikes), **neuron)
        return hidden, lif(self.output(hidden.spk), **neuron)

    @torch.no_grad()
    def _confidences(
        self, x: Float[Tensor, " batch pixels"], generator: torch.Generator
    ) -> Float[Tensor, " batch classes"]:
        c, spikes = self.config, self._encode(x, generator)
        neuron = dict(beta=c.beta, threshold=c.threshold, height=reset_height(c.beta, c.threshold, c.reset))
        if cuda.fused(x.device):
            if self.encoder in CONSTANT:
                hidden = cuda.fire(self._hidden_currents(spikes), **neuron)
            else:
                hidden, _ = cuda.spiking_layer(spikes, self.hidden, **neuron, parts=self.parts)
            spk, mem = cuda.spiking_layer(
                hidden, self.output, **neuron, parts=self.parts, keep_membranes=True
            )
            return DECODERS[c.decoder](spk.float(), mem)
        hidden = fire_in_place(self._hidden_currents(spikes), **neuron)
        return DECODERS[c.decoder](
            *lif(self.output(hidden), beta=c.beta, threshold=c.threshold, reset=c.reset)
        )

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Softmax cross-entropy of the output membranes, summed over the steps (paper, section IV-A)."""
        mem = self.run(self._encode(x.flatten(1), generator))[1].mem
        return F.cross_entropy(mem.flatten(0, 1), y.repeat(len(mem))) * len(mem)


MODELS = {"ann": ANN, "snn": SNN}


def build(config: TargetConfig, image_shape: tuple[int, int], num_classes: int, *, seed: int) -> ANN | SNN:
    """An untrained target; `seed` sets its first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[config.kind](config, image_shape[0] * image_shape[1], num_classes)
