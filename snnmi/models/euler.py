"""Neurons given by differential equations, in Euler's steps: those that files of other tools hold."""

from collections.abc import Mapping
from math import inf, prod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.fast import events
from snnmi.models.neurons import RESETS

# After a spike: to `v_reset` at once, not at all, or by subtraction as in `neurons.lif`.
RULES = {"zero", "none", *RESETS}


class Neurons(nn.Module):
    """One layer of NIR's LIF, IF or LI, with synapse or without, in steps of `dt` (snntorch's arithmetic):

    I[t] = (1 - dt / tau_syn) I[t-1] + w_in dt / tau_syn x[t]   (without synapse x[t]),
    U[t] = (1 - dt / tau) U[t-1] + dt / tau (v_leak + r I[t])   (IF: U[t-1] + dt r I[t], and r = 1 is one a step).
    """

    def __init__(self, node: Mapping[str, object], *, dt: int | float, reset: str):
        """`node`: r and, where its kind has them, tau or tau_mem, tau_syn (s), w_in, v_leak, v_threshold, v_reset."""
        super().__init__()
        self.shape, self.reset, self.spiking = np.shape(node["r"]), reset, "v_threshold" in node
        tau, self.synapse = node.get("tau", node.get("tau_mem")), "tau_syn" in node
        for name in ("tau", "tau_mem", "tau_syn"):
            if not (np.asarray(node.get(name, dt)) >= dt * (1 - 1e-6)).all():
                raise ValueError(
                    f"{name} goes down to {np.min(node[name]):g} s, expected a step dt, {dt:g} s, or more"
                )
        leak = np.zeros(self.shape) if tau is None else dt / tau
        drive = np.where(node["r"] == 1, 1, dt * node["r"]) if tau is None else node["r"] * leak
        values = {"keep": 1 - leak, "drive": drive, "rest": node.get("v_leak", 0)}
        values |= {"offset": leak * values["rest"]}
        values |= {"threshold": node.get("v_threshold", 0), "reset_to": node.get("v_reset", 0)}
        if self.synapse:
            share = dt / node["tau_syn"]
            values |= {"synapse_keep": 1 - share, "synapse_drive": node["w_in"] * share}
        for name, value in values.items():
            if not np.isfinite(value).all():  # as of snnTorch's beta = 1
                raise ValueError(
                    f"{name} comes to {np.max(value):g}, expected numbers: a neuron without a leak is an IF"
                )
            value = torch.as_tensor(np.asarray(value, np.float32))
            alike = value.numel() > 0 and bool((value == value.flatten()[0]).all())
            self.register_buffer(name, value.flatten()[0] if alike else value)

    def alike(self) -> events.Neuron | None:
        """What `engine` calls such neurons where they are alike, begin at 0 and have no synapse; else None."""
        numbers = [self.keep, self.threshold, self.rest, self.reset_to]
        if self.synapse or not self.spiking or any(n.numel() > 1 for n in numbers):
            return None
        keep, threshold, *zeros = map(float, numbers)
        if any(zeros):
            return None
        height = {"zero": inf, "none": 0.0, "delayed": threshold, "before_decay": keep * threshold}[
            self.reset
        ]
        return events.Neuron(keep, threshold, height)

    def forward(self, x: Float[Tensor, " time batch *n"]) -> tuple[Tensor | None, Tensor]:
        """Spikes (None of a layer that has none) and membranes before their reset, " time batch *n"."""
        if prod(self.shape) > 1:  # one number stands for all neurons
            if [n for n in self.shape if n > 1] != [n for n in x.shape[2:] if n > 1]:
                raise RuntimeError(f"its neurons are {tuple(self.shape)}")
            x = x.reshape(*x.shape[:2], *self.shape)
        if self.synapse:
            x = self.synapse_drive * x
            for t in range(1, len(x)):
                x[t].addcmul_(self.synapse_keep, x[t - 1])
        mem = self.drive * x + self.offset  # what comes in at each step, then the membranes
        spk, v = torch.zeros_like(mem), torch.zeros_like(mem[0]) + self.rest
        for t in range(len(mem)):
            mem[t].addcmul_(self.keep, v)
            if self.reset == "delayed" and t:
                mem[t].addcmul_(self.threshold, spk[t - 1], value=-1)
            v = mem[t]
            if self.spiking:
                torch.gt(v, self.threshold, out=spk[t])
                if self.reset == "zero":
                    v = torch.where(spk[t] > 0, self.reset_to, v)
                elif self.reset == "before_decay":
                    v = v - self.threshold * spk[t]
        return (spk if self.spiking else None), mem
