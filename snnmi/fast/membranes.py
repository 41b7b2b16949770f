"""LIF neurons whose currents are written out, all their steps at once: in C (events.c), by kernels on a GPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi.fast import cuda, events

Trace = Float[Tensor, " time *batch neuron"]


def fit(current: Tensor) -> bool:
    """Whether such currents can be taken here."""
    here = cuda.fused(current.device) or current.device.type == "cpu" and events.available()
    return here and current.dtype == torch.float32 and current.numel() > 0


def lif(current: Trace, neuron: events.Neuron) -> tuple[Trace, Trace]:
    """Spikes and membranes, differentiable; a step of the currents may stand for all."""
    return _LIF.apply(current, neuron)


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current, neuron):
        if cuda.fused(current.device):
            spk, mem = cuda.fire(current, neuron, keep_membranes=True)
            spk = spk.float()
        else:
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
        if cuda.fused(mem.device):
            return cuda.kernels.lif_backward(mem, grad_spk, grad_mem, ctx.neuron), None
        grads = [None if grad is None else grad.contiguous() for grad in (grad_spk, grad_mem)]
        out, sizes = torch.empty_like(mem), (len(mem), mem[0].numel())
        events.call("lif_backward", mem, *grads, *sizes, beta, threshold, slope, out)
        return out, None


def fire(current: Trace, neuron: events.Neuron) -> Trace:
    """Spikes alone; in C over the currents, of which every step must have its own."""
    if cuda.fused(current.device):
        return cuda.fire(current, neuron)[0]
    sizes = len(current), current[0].numel()
    events.call("fire_in_place", current, *sizes, *map(float, neuron[:3]))
    return current
