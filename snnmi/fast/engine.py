"""Networks of fully connected LIF layers answer sooner than their plain loop: the one place where a way is chosen.

A network tells its `layers`, pairs of an `nn.Linear` and what fires behind it, and its `code`, an encoder that says of
itself what lets a network be computed sooner (`models.coding.encoder`). What no way here takes runs as it is written.
"""

import inspect
from collections.abc import Callable, Iterator
from math import inf, isnan, nan
from typing import NamedTuple
from weakref import WeakKeyDictionary

import snntorch as snn
import torch
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.fast import cuda, events, membranes

# Time x images x neurons computed at once: on a CPU what stays in cache, on a GPU what keeps it busy.
AT_ONCE = {"cpu": 25 * 32 * 3000, "cuda": 25 * 4096 * 3000}
Output = Float[Tensor, " time batch classes"]


class Fed(NamedTuple):
    """What a network is fed: " time batch fed", or the rates of Bernoulli spikes, " batch fed", and what draws them."""

    x: Tensor
    chance: events.Chance | None = None


def mark(network: nn.Module, name: str) -> object:
    """What the network's encoder says of itself."""
    return getattr(network.code, name, None)


_known: WeakKeyDictionary = WeakKeyDictionary()  # neurons that were looked at, which a captured step cannot


def neuron(fires: nn.Module | events.Neuron | None) -> events.Neuron | None:
    """The constants of snnTorch's neurons where all of a layer are alike, else None."""
    if not isinstance(fires, snn.Leaky):
        return fires or events.INTEGRATOR  # an ANN's hand on their currents
    if fires not in _known:
        one = fires.beta.numel() == fires.threshold.numel() == 1 and not [*fires.parameters()]
        _known[fires] = None
        if one and not (fires.inhibition or fires.state_quant):
            beta, threshold = float(fires.beta.clamp(0, 1)), float(fires.threshold)
            lowered = fires.height(beta, threshold) if hasattr(fires, "height") else threshold
            height = {"subtract": lowered, "zero": inf, "none": 0.0}[fires.reset_mechanism]
            fast = fires.spike_grad.__qualname__.startswith("fast_sigmoid.")
            slope = inspect.getclosurevars(fires.spike_grad).nonlocals["slope"] if fast else nan
            _known[fires] = events.Neuron(beta, threshold, height, slope)
    return _known[fires]


def alike(network: nn.Module) -> list[tuple[nn.Linear, events.Neuron]]:
    """The network's layers as this module takes them; none where it cannot, or where it knows no gradient of theirs."""
    layers = [(linear, neuron(fires)) for linear, fires in network.layers]
    known = all(
        own and not (torch.is_grad_enabled() and (isnan(own.slope) or own.height == inf)) for _, own in layers
    )
    return layers if known else []


def _by_events(layers: list) -> bool:
    """Whether events take these layers: two or more, for a gradient two that are alike."""
    return len(layers) > 1 and (
        not torch.is_grad_enabled() or len(layers) == 2 and layers[0][1] == layers[1][1]
    )


def _in_c(x: Tensor) -> bool:
    """Whether events can be computed where this lies."""
    return x.device.type == "cpu" and not cuda.fused(x.device) and events.available()


# --- what a network is fed


def feed(
    network: nn.Module, x: Float[Tensor, " batch pixels"], generator: torch.Generator, *, whole: bool = False
) -> Iterator[Fed]:
    """Images as their code feeds them, as many at once as stay in cache; `whole`: all at once, as one is trained."""
    x, chance = _rates(network, x, generator)
    if chance is not None and _by_events(alike(network)):
        yield Fed(x, chance)
        return
    at_once = AT_ONCE.get(x.device.type, AT_ONCE["cuda"])
    block = len(x) if whole else max(1, at_once // (network.neuron.num_steps * network.width))
    for images, index in zip(x.split(block), torch.arange(len(x)).split(block)):
        yield Fed(_written(network, images, chance, generator, index))


def spikes(network: nn.Module, x: Float[Tensor, " batch pixels"], generator: torch.Generator) -> Tensor:
    """What `feed` gives of the whole batch with this generator, written out."""
    x, chance = _rates(network, x, generator)
    return _written(network, x, chance, generator)


def _rates(network: nn.Module, x: Tensor, generator: torch.Generator) -> tuple[Tensor, events.Chance | None]:
    """Where Bernoulli spikes meet a CPU with a C compiler: their rates, and what events draw from; else x and None."""
    if not mark(network, "bernoulli") or not _in_c(x):
        return x, None
    x = mark(network, "rates")(x.clone()) if mark(network, "rates") else x
    if fixed := mark(network, "fixed"):
        return x, fixed((network.neuron.num_steps, 1, *x.shape[1:]), x.device, x.dtype)[:, 0]
    return x, events.key(generator)


def _written(
    network: nn.Module,
    x: Tensor,
    chance: events.Chance | None,
    generator: torch.Generator,
    index: Tensor | None = None,
) -> Float[Tensor, " time batch fed"]:
    num_steps = network.neuron.num_steps
    if chance is not None:
        return events.spikes(events.draw(x, num_steps, chance, index))
    plain = mark(network, "bernoulli") and not (mark(network, "rates") or mark(network, "fixed"))
    if plain and cuda.fused(x.device) and not torch.is_grad_enabled():
        return cuda.rate_encode(x, num_steps, generator=generator)
    return network.code(x.clone(), num_steps, generator=generator)  # whatever it does to its copy


# --- what it answers


def snn_output(network: nn.Module, fed: Fed) -> tuple[Output | None, Output]:
    """Spikes, if there are any, and membranes of an SNN's last layer; differentiable in its weights."""
    x, chance = fed
    layers = alike(network)
    if chance is not None:
        return events.rate_snn(x, layers, num_steps=network.neuron.num_steps, chance=chance)
    if layers and cuda.fused(x.device) and not torch.is_grad_enabled():
        return _by_kernels(network, x, layers)
    if not layers or not membranes.fit(x):
        return network.plain(x.float())
    if mark(network, "binary") and _by_events(layers) and _in_c(x):
        return events.snn(events.find(x), layers)
    return _by_currents(x, layers, mark(network, "period"))


def ann_output(network: nn.Module, fed: Fed) -> Float[Tensor, " batch classes"]:
    """The mean of an ANN's confidences over the steps that it is fed."""
    ((hidden, _), (output, _)), x = network.layers, fed.x
    if fed.chance is not None:
        return events.rate_ann(x, hidden, output, num_steps=network.neuron.num_steps, chance=fed.chance)
    if mark(network, "binary") and cuda.fused(x.device):
        current = cuda.product(x, hidden.weight, hidden.bias, network.parts)
    else:
        current = _currents(hidden, x, mark(network, "period")).contiguous()
    return output(current.sigmoid_()).softmax(-1).mean(0)


def run(network: nn.Module, x: Float[Tensor, " time batch fed"]) -> tuple[Output, Output]:
    """What `network.plain` gives, differentiable in what it is fed, too."""
    layers = alike(network)
    return _by_currents(x, layers, None) if layers and membranes.fit(x) else network.plain(x)


def _by_currents(x: Tensor, layers: list, period: int | None) -> tuple[Output, Output]:
    """One matrix product a layer for all steps together, then the neurons, all their steps at once."""
    *hidden, (last, fires) = layers
    for linear, own in hidden:
        current, period = _currents(linear, x, period), None
        if torch.is_grad_enabled():
            x = membranes.lif(current, own)[0]
        else:
            x = membranes.fire(current.contiguous(), own)
    return membranes.lif(_currents(last, x, period), fires)


def _currents(linear: Callable, x: Tensor, period: int | None) -> Float[Tensor, " time batch neuron"]:
    """What a layer gives; steps that repeat themselves are computed once."""
    once = linear(x[:period])
    if len(once) == 1:
        return once.expand(len(x), -1, -1)
    return once if len(once) == len(x) else once[torch.arange(len(x)) % len(once)]


def _by_kernels(network: nn.Module, x: Tensor, layers: list) -> tuple[Output, Output]:
    """The same on a GPU without gradients; for products of spikes halves do."""
    binary = mark(network, "binary")
    for i, (linear, own) in enumerate(layers, 1):
        how = {"keep_membranes": i == len(layers)}
        if binary:
            x, mem = cuda.spiking_layer(x, linear, own, parts=network.parts, **how)
        else:
            x, mem = cuda.fire(_currents(linear, x, mark(network, "period")), own, **how)
        binary = True
    return x.float(), mem
