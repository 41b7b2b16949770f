"""LIF neurons whose currents are written out, on a CPU, in C (events.c): all their steps while they are in cache."""

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi.fast import events

Trace = Float[Tensor, " time *batch neuron"]


def fit(current: Tensor) -> bool:
    """Whether such currents can be taken here."""
    return (
        current.device.type == "cpu"
        and current.dtype == torch.float32
        and current.numel() > 0
        and events.available()
    )


def lif(current: Trace, neuron: events.Neuron) -> tuple[Trace, Trace]:
    """Spikes and membranes, differentiable; a step of the currents may stand for all."""
    return _LIF.apply(current, neuron)


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current, neuron):
        current = current if current[0].is_contiguous() else current.contiguous()
        spk, mem = torch.empty(current.shape), torch.empty(current.shape)
        sizes = current.stride(0), len(current), current[0].numel()
        events.call("lif", current[0], *sizes, *map(float, neuron[:3]), spk, mem)
        ctx.save_for_backward(mem)
        ctx.neuron = neuron
        ctx.set_materialize_grads(False)
        return spk, mem

    @staticmethod
    def backward(ctx, grad_spk, grad_mem):
        (mem,), (beta, threshold, _, slope) = ctx.saved_tensors, map(float, ctx.neuron)
        grads = [None if grad is None else grad.contiguous() for grad in (grad_spk, grad_mem)]
        out, sizes = torch.empty_like(mem), (len(mem), mem[0].numel())
        events.call("lif_backward", mem, *grads, *sizes, beta, threshold, slope, out)
        return out, None


def fire_in_place(current: Trace, neuron: events.Neuron) -> Trace:
    """Spikes alone, over the currents, of which every step must have its own."""
    sizes = len(current), current[0].numel()
    events.call("fire_in_place", current, *sizes, *map(float, neuron[:3]))
    return current
