"""Leaky integrate-and-fire neurons (paper, eqs. 1-2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi.fast import membranes


class LIFTrace(NamedTuple):
    spk: Float[Tensor, " time batch neuron"]
    mem: Float[Tensor, " time batch neuron"]


RESETS = {"delayed", "before_decay"}


def lif(
    current: Float[Tensor, " time batch neuron"],
    *,
    beta: float,
    threshold: float = 1.0,
    reset: str = "delayed",
    slope: float = 40.0,
) -> LIFTrace:
    """Leaky integrate-and-fire neurons with soft reset (paper, eqs. 1-2), differentiable by surrogate gradient.

    "delayed" (snntorch 0.9.4, 1.0.0): U[t] = beta U[t-1] + I[t] - theta S[t-1].
    "before_decay" (snntorch 0.7.0, explicit state): U[t] = beta (U[t-1] - theta S[t-1]) + I[t].
    S[t] = 1 where U[t] > theta. Backward, dS/dU = 1 / (1 + slope abs(U - theta))^2; the reset is not differentiated.
    """
    if reset not in RESETS:
        raise ValueError(f"reset is {reset!r}, expected one of {sorted(RESETS)}")
    return LIFTrace(*_LIF.apply(current, beta, threshold, reset_height(beta, threshold, reset), slope))


def reset_height(beta: float, threshold: float, reset: str) -> float:
    """By how much a spike lowers the next membrane potential."""
    return threshold if reset == "delayed" else beta * threshold


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current, beta, threshold, height, slope):
        if membranes.fit(current):
            spk, mem = membranes.lif(current, beta, threshold, height)
        else:
            spk, mem = torch.empty_like(current), torch.empty_like(current)
            for t in range(len(current)):
                if t == 0:
                    mem[0] = current[0]
                else:
                    torch.add(current[t], mem[t - 1], alpha=beta, out=mem[t])
                    mem[t].sub_(spk[t - 1], alpha=height)
                torch.gt(mem[t], threshold, out=spk[t])
        ctx.save_for_backward(mem)
        ctx.beta, ctx.threshold, ctx.slope = beta, threshold, slope
        ctx.set_materialize_grads(False)
        return spk, mem

    @staticmethod
    def backward(ctx, grad_spk, grad_mem):
        (mem,) = ctx.saved_tensors
        if membranes.fit(mem):
            own = ctx.beta, ctx.threshold, ctx.slope
            return membranes.lif_backward(mem, grad_spk, grad_mem, *own), None, None, None, None
        grad = torch.empty_like(mem)
        for t in reversed(range(len(mem))):
            if grad_spk is None:
                grad[t] = 0
            else:
                torch.sub(mem[t], ctx.threshold, out=grad[t])
                grad[t].abs_().mul_(ctx.slope).add_(1).square_().reciprocal_().mul_(grad_spk[t])
            if grad_mem is not None:
                grad[t].add_(grad_mem[t])
            if t + 1 < len(mem):
                grad[t].add_(grad[t + 1], alpha=ctx.beta)
        return grad, None, None, None, None


def fire_in_place(
    current: Float[Tensor, " time batch neuron"], beta: float, threshold: float, height: float
) -> Tensor:
    """`lif` for queries: spikes overwrite the currents, and only the present membrane is kept."""
    if membranes.fit(current) and current.is_contiguous():
        membranes.fire_in_place(current, beta, threshold, height)
        return current
    mem = current[0].clone()
    torch.gt(mem, threshold, out=current[0])
    for t in range(1, len(current)):
        torch.add(current[t], mem, alpha=beta, out=mem)
        mem.sub_(current[t - 1], alpha=height)
        torch.gt(mem, threshold, out=current[t])
    return current
