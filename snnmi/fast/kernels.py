"""The elementwise work of spiking neurons on a GPU, each in one pass over memory (Triton); `cuda` decides where they
run.

Spikes are 0 or 1, exact in half precision; time is the leading axis of all that changes with it.
"""

from math import isinf

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from snnmi.fast.events import Neuron

BLOCK = 1024


@triton.jit
def _rate_encode(x, spikes, seed, numel, NUM_STEPS: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < numel
    rate = tl.load(x + i, mask=inside)
    chance = tl.load(seed)
    spikes += i
    for t in tl.static_range(0, NUM_STEPS, 4):  # Philox gives four draws at once
        a, b, c, d = tl.rand4x(chance, (t // 4) * numel + i)
        tl.store(spikes, (a < rate).to(tl.float16), mask=inside)
        tl.store(spikes + numel, (b < rate).to(tl.float16), mask=inside & (t + 1 < NUM_STEPS))
        tl.store(spikes + 2 * numel, (c < rate).to(tl.float16), mask=inside & (t + 2 < NUM_STEPS))
        tl.store(spikes + 3 * numel, (d < rate).to(tl.float16), mask=inside & (t + 3 < NUM_STEPS))
        spikes += 4 * numel


def rate_encode(
    x: Float[Tensor, " batch pixels"], num_steps: int, seed: Int[Tensor, " 1"]
) -> Float[Tensor, " time batch pixels"]:
    """`coding.rate_encode` in half precision; the draws are Philox's, set by `seed`, a tensor so that a CUDA graph
    may change it.
    """
    x, spikes = x.contiguous(), torch.empty(num_steps, *x.shape, dtype=torch.float16, device=x.device)
    _rate_encode[(triton.cdiv(x.numel(), BLOCK),)](
        x, spikes, seed, x.numel(), NUM_STEPS=num_steps, BLOCK=BLOCK
    )
    return spikes


@triton.jit
def _lif(product, scale, bias, spikes, membranes, numel, neurons, beta, threshold, lowered, zeroed,
         NUM_STEPS: tl.constexpr, PARTS: tl.constexpr, KEEP: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < numel
    neuron = i % neurons
    unit, rest = tl.load(scale), tl.load(bias + neuron, mask=inside)
    mem = tl.zeros([BLOCK], tl.float32)
    spk = tl.zeros([BLOCK], tl.float32)
    product += (i // neurons) * (PARTS * neurons) + neuron
    spikes += i
    membranes += i
    for _ in tl.static_range(NUM_STEPS):
        current = tl.load(product, mask=inside)
        if PARTS == 2:
            current += tl.load(product + neurons, mask=inside)
        mem = beta * (mem - zeroed * spk * mem) + (current * unit + rest) - lowered * spk
        spk = (mem > threshold).to(tl.float32)
        tl.store(spikes, spk.to(tl.float16), mask=inside)
        if KEEP:
            tl.store(membranes, mem, mask=inside)
        product += numel * PARTS
        spikes += numel
        membranes += numel


def lif(
    product: Float[Tensor, " time batch width"],
    scale: Float[Tensor, " 1"],
    bias: Float[Tensor, " neuron"],
    neuron: Neuron,
    *,
    keep_membranes: bool = False,
) -> tuple[Float[Tensor, " time batch neuron"], Float[Tensor, " time batch neuron"] | None]:
    """snnTorch's neurons: half-precision spikes, and float32 membranes if they are to be kept.

    Their input currents are scale * (sum of the product's parts, one or two, side by side) + bias.
    """
    num_steps, batch, width = product.shape
    neurons, zeroed = len(bias), isinf(neuron.height)
    spikes = torch.empty(num_steps, batch, neurons, dtype=torch.float16, device=product.device)
    membranes = torch.empty_like(spikes, dtype=torch.float32) if keep_membranes else None
    numel, kept = batch * neurons, membranes if keep_membranes else spikes
    own = neuron.beta, neuron.threshold, 0.0 if zeroed else neuron.height, float(zeroed)
    how = {"NUM_STEPS": num_steps, "PARTS": width // neurons, "KEEP": keep_membranes, "BLOCK": BLOCK}
    grid = (triton.cdiv(numel, BLOCK),)
    _lif[grid](product.contiguous(), scale, bias, spikes, kept, numel, neurons, *own, **how)
    return spikes, membranes


@triton.jit
def _lif_backward(mem, by_spikes, by_membranes, out, numel, num_steps, beta, threshold, slope,
                  SPIKES: tl.constexpr, MEMBRANES: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < numel
    grad = tl.zeros([BLOCK], tl.float32)
    mem += i
    by_spikes += i
    by_membranes += i
    out += i
    for _ in range(num_steps):  # from the last step, where all of them point to, to the first
        grad = beta * grad
        if MEMBRANES:
            grad += tl.load(by_membranes, mask=inside)
        if SPIKES:
            steep = 1 + slope * tl.abs(tl.load(mem, mask=inside) - threshold)
            grad += tl.load(by_spikes, mask=inside) / (steep * steep)
        tl.store(out, grad, mask=inside)
        mem -= numel
        by_spikes -= numel
        by_membranes -= numel
        out -= numel


def lif_backward(
    mem: Float[Tensor, " time batch neuron"],
    by_spikes: Float[Tensor, " time batch neuron"] | None,
    by_membranes: Float[Tensor, " time batch neuron"] | None,
    neuron: Neuron,
) -> Float[Tensor, " time batch neuron"]:
    """What the currents of `lif` get of what its spikes and membranes get, by the fast sigmoid's surrogate gradient; a
    reset has none.
    """
    out, numel = torch.empty_like(mem), mem[0].numel()
    arrived = [mem if grad is None else grad.contiguous() for grad in (by_spikes, by_membranes)]
    lasts = [tensor[-1] for tensor in (mem, *arrived, out)]
    how = {"SPIKES": by_spikes is not None, "MEMBRANES": by_membranes is not None, "BLOCK": BLOCK}
    sizes, own = (numel, len(mem)), (neuron.beta, neuron.threshold, neuron.slope)
    _lif_backward[(triton.cdiv(numel, BLOCK),)](*lasts, *sizes, *own, **how)
    return out
