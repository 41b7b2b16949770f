"""What a GPU needs to be as fast as it can be: half-precision products that lose nothing, fused kernels, steps
captured whole.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import snntorch as snn
import torch
from jaxtyping import Float
from snntorch import surrogate
from torch import Tensor

from snnmi.fast import events

try:
    from snnmi.fast import kernels
except ImportError:  # no Triton: the plain path remains
    kernels = None


def fused(device: torch.device) -> bool:
    """Whether the kernels run on this device: it is a GPU, and `probe` found them right there."""
    return device.type == "cuda" and probe(device)


@cache
def probe(device: torch.device) -> bool:
    """Whether every kernel agrees with the plain code on this device; tried once, and told if it does not."""
    try:
        if kernels is None:
            raise ImportError("Triton is not installed")
        chance = torch.Generator(device).manual_seed(0)
        x = torch.tensor([[-0.5, 0.0, 0.25, 1.0, 1.5]], device=device).expand(1000, -1)
        spikes = rate_encode(x, 25, generator=chance)
        rates, again = spikes.float().mean((0, 1)), rate_encode(x, 25, generator=chance)
        expect(
            "spike rates", (rates - x[0].clamp(0, 1)).abs().max() < 0.02 and not torch.equal(spikes, again)
        )
        weight, bias = (
            torch.randn(shape, generator=chance, device=device) for shape in ((300, 1000), (300,))
        )
        spikes = rate_encode(torch.rand(40, 1000, generator=chance, device=device), 25, generator=chance)
        exact = spikes.double() @ weight.double().T + bias.double()
        expect(
            "spike products", (product(spikes, weight, bias) - exact).abs().max() < 1e-6 * exact.abs().max()
        )
        current = torch.randn(25, 64, 300, generator=chance, device=device).requires_grad_()
        leaky = snn.Leaky(beta=0.7, spike_grad=surrogate.fast_sigmoid(40.0)).to(device)
        own, plain, state = events.Neuron(0.7, 1.0, 1.0, 40.0), [], leaky.reset_mem()
        for step in current:
            plain.append(leaky(step, state))
            state = plain[-1][1]
        plain = [torch.stack(trace) for trace in zip(*plain)]
        spk, mem = fire(current.detach(), own, keep_membranes=True)
        different, error = (spk != plain[0]).float().mean(), (mem - plain[1]).abs().median()
        expect("neurons", different < 1e-4 and error < 1e-5)
        arrived = torch.randn(2, *current.shape, generator=chance, device=device)
        (exact,) = torch.autograd.grad(plain, current, [*arrived])
        found = kernels.lif_backward(plain[1].detach(), *arrived, own)
        expect("gradients", (found - exact).abs().max() < 1e-4 * exact.abs().max())
    except Exception as error:  # whatever a driver or compiler may raise: slower is better than not at all
        warnings.warn(
            f"{device} goes without fused kernels, which is slower ({type(error).__name__}: {error})",
            stacklevel=2,
        )
        return False
    return True


def expect(what: str, true: bool | Tensor) -> None:
    if not true:
        raise ArithmeticError(f"{what} differ from the plain code")


def rate_encode(
    x: Float[Tensor, " batch pixels"], num_steps: int, *, generator: torch.Generator
) -> Float[Tensor, " time batch pixels"]:
    """`coding.rate_encode` by kernel, in half precision; one number of the generator seeds all draws."""
    seed = torch.randint(2**62, (1,), generator=generator, device=x.device)
    return kernels.rate_encode(x, num_steps, seed)


def halves(
    weight: Float[Tensor, " out in"], parts: int = 2
) -> tuple[Float[Tensor, " {parts}*out in"], Float[Tensor, " 1"]]:
    """Half-precision matrices, one above the other, and a power of two: weight = scale * their sum.

    Two leave out 2^-22 of the largest weight, less than the rounding of a float32 sum. One keeps 11 significant bits
    of each weight, which is also what tf32 keeps; a product with spikes has no other error.
    """
    scale = torch.ldexp(
        weight.new_ones(1), torch.frexp(weight.abs().amax()).exponent - 15
    )  # the largest lies below half's 65,504
    rest, digits = weight / scale, []
    for _ in range(parts):
        digits.append(rest.half())
        rest = rest - digits[-1]
    return torch.cat(digits), scale


def multiply(
    spikes: Float[Tensor, " time batch in"], weight: Float[Tensor, " out in"]
) -> Float[Tensor, " time batch out"]:
    """spikes @ weight.T of half-precision factors, one product for all steps, summed and given in float32."""
    rows = spikes.flatten(0, 1)
    out = (
        torch.mm(rows, weight.T, out_dtype=torch.float32) if rows.is_cuda else rows.float() @ weight.float().T
    )
    return out.unflatten(0, spikes.shape[:2])


def product(
    spikes: Float[Tensor, " time batch in"],
    weight: Float[Tensor, " out in"],
    bias: Float[Tensor, " out"],
    parts: int = 2,
) -> Float[Tensor, " time batch out"]:
    """spikes @ weight.T + bias by half-precision products."""
    digits, scale = halves(weight, parts)
    return multiply(spikes.half(), digits).unflatten(-1, (parts, -1)).sum(-2) * scale + bias


def spiking_layer(
    spikes: Float[Tensor, " time batch in"],
    layer: torch.nn.Linear,
    neuron: events.Neuron,
    *,
    parts: int = 2,
    keep_membranes: bool = False,
) -> tuple[Float[Tensor, " time batch out"], Float[Tensor, " time batch out"] | None]:
    """Spikes, in half precision, of neurons behind what the layer makes of spikes; membranes if they are to be kept."""
    digits, scale = halves(layer.weight, parts)
    product = multiply(spikes.half(), digits)
    return kernels.lif(product, scale, layer.bias, neuron, keep_membranes=keep_membranes)


def fire(
    current: Float[Tensor, " time batch neuron"], neuron: events.Neuron, *, keep_membranes: bool = False
) -> tuple[Float[Tensor, " time batch neuron"], Float[Tensor, " time batch neuron"] | None]:
    """The same of currents that are written out."""
    one, none = current.new_ones(1), current.new_zeros(current.shape[-1])
    return kernels.lif(current, one, none, neuron, keep_membranes=keep_membranes)


WARM_UP = 3  # steps before one is captured: libraries choose their kernels and take their memory


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """A stream other than the default one, on which nothing can be captured; what comes before and after it waits."""
    torch.cuda.synchronize(device)
    with torch.cuda.stream(torch.cuda.Stream(device)):
        yield
    torch.cuda.synchronize(device)


def capture(step: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], object]:
    """The step as one CUDA graph: what replays it, with no Python between its kernels; the step itself, with a
    warning, if that fails.

    Nothing in the step may wait for the GPU or depend on the host; the generators go on from replay to replay. To be
    called on `own_stream`, after `WARM_UP` steps.
    """
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    try:
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            step()
    except RuntimeError as error:
        warnings.warn(f"a step was not captured, which is slower ({error})", stacklevel=2)
        return step
    return graph.replay


@cache
def captures(device: torch.device) -> bool:
    """Whether steps can be captured on this device: a replayed one must go on drawing as one that is called does."""
    if device.type != "cuda":
        return False
    try:
        drawn = {}
        for how in ("called", "replayed"):
            chance, out = torch.Generator(device).manual_seed(0), torch.zeros(8, device=device)

            def step(chance=chance, out=out) -> None:
                out.copy_(
                    torch.randn(8, generator=chance, device=device)
                    + torch.rand(8, generator=chance, device=device)
                )

            rows = []
            with own_stream(device):
                for i in range(2 * WARM_UP):
                    if i == WARM_UP and how == "replayed":
                        step = capture(step, [chance])
                    step()
                    rows.append(out.clone())
            drawn[how] = torch.stack(rows)
        expect("replayed draws", torch.equal(drawn["called"], drawn["replayed"]))
    except Exception as error:
        warnings.warn(
            f"{device} goes without captured steps, which is slower ({type(error).__name__}: {error})",
            stacklevel=2,
        )
        return False
    return True
