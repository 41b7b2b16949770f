"""LIF neurons whose currents are written out, on a CPU, in C (events.c): all their steps while they are in cache."""

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi.fast import events

Trace = Float[Tensor, " time *batch neuron"]


def fit(current: Trace) -> bool:
    """Whether these currents can be taken here; a step of them may stand for all."""
    plain = current.device.type == "cpu" and current.dtype == torch.float32 and current.numel() > 0
    return plain and current[0].is_contiguous() and events.available()


def lif(current: Trace, beta: float, threshold: float, height: float) -> tuple[Trace, Trace]:
    """Spikes and membranes."""
    spk, mem = torch.empty(current.shape), torch.empty(current.shape)
    sizes = current.stride(0), len(current), current[0].numel()
    events.call("lif", current[0], *sizes, *map(float, (beta, threshold, height)), spk, mem)
    return spk, mem


def fire_in_place(current: Trace, beta: float, threshold: float, height: float) -> None:
    """Spikes alone, over the currents, of which every step must have its own."""
    sizes = len(current), current[0].numel()
    events.call("fire_in_place", current, *sizes, *map(float, (beta, threshold, height)))


def lif_backward(
    mem: Trace, grad_spk: Trace | None, grad_mem: Trace | None, beta: float, threshold: float, slope: float
) -> Trace:
    """The currents' gradient; None: of what gets none."""
    grads = [None if grad is None else grad.contiguous() for grad in (grad_spk, grad_mem)]
    out, sizes = torch.empty_like(mem), (len(mem), mem[0].numel())
    events.call("lif_backward", mem, *grads, *sizes, *map(float, (beta, threshold, slope)), out)
    return out
