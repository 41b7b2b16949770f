"""Leaky integrate-and-fire neurons with soft reset (paper, eqs. 1-2): snnTorch's, and its reset rule of old."""

from typing import NamedTuple

import snntorch as snn
import torch
from jaxtyping import Float
from snntorch import surrogate
from torch import Tensor, nn


class LIFTrace(NamedTuple):
    spk: Float[Tensor, " time batch neuron"]
    mem: Float[Tensor, " time batch neuron"]


class BeforeDecay(snn.Leaky):
    """snntorch 0.7.0 with explicit state, U[t] = beta (U[t-1] - theta S[t-1]) + I[t], where 0.9.4 and 1.0.0 have
    U[t] = beta U[t-1] + I[t] - theta S[t-1].
    """

    def _base_sub(self, input_: Tensor) -> Tensor:
        return self.beta.clamp(0, 1) * (self.mem - self.reset * self.threshold) + input_

    def height(self, beta: float, threshold: float) -> float:
        """By how much a spike lowers the next membrane: of others by the threshold."""
        return beta * threshold


RESETS: dict[str, type[snn.Leaky]] = {"delayed": snn.Leaky, "before_decay": BeforeDecay}


def lif(
    current: Float[Tensor, " time batch neuron"],
    *,
    beta: float,
    threshold: float = 1.0,
    reset: str = "delayed",
    slope: float = 40.0,
) -> LIFTrace:
    """What snnTorch's neurons make of currents, differentiable by the surrogate gradient, which their reset has not."""
    if reset not in RESETS:
        raise ValueError(f"reset is {reset!r}, expected one of {sorted(RESETS)}")
    neuron = RESETS[reset](beta=beta, threshold=threshold, spike_grad=surrogate.fast_sigmoid(slope))
    mem, found = neuron.to(current.device).reset_mem(), []
    for step in current:
        spk, mem = neuron(step, mem)
        found.append((spk, mem))
    return LIFTrace(*map(torch.stack, zip(*found)))


def weights_alone(network: nn.Module) -> nn.Module:
    """The network, whose state is weights and nothing else: its neurons' settings are no part of what is stored."""
    for layer in network.modules():
        if isinstance(layer, snn.Leaky):
            layer._non_persistent_buffers_set.update(layer._buffers)
            snn.SpikingNeuron.instances.remove(layer)  # a list that would keep every network of a process
    return network
