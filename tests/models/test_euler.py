"""Neurons of NIR files: traces computed by hand, and the book's own neuron."""

import numpy as np
import pytest
import torch

from snnmi.models.euler import Neurons
from snnmi.models.neurons import lif

DT = 1e-3
LIF = {"tau": 2e-3, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}  # U = U / 2 + input


def neurons(reset: str = "zero", *, dt: float = DT, **node: float) -> Neurons:
    return Neurons({name: np.full(1, value) for name, value in node.items()}, dt=dt, reset=reset)


def trace(layer: Neurons, inputs: list[float]) -> tuple[list[int] | None, list[float]]:
    spk, mem = layer(torch.tensor(inputs).view(-1, 1, 1))
    spikes = None if spk is None else spk.flatten().int().tolist()
    return spikes, [round(v, 4) for v in mem.flatten().tolist()]


def test_a_lif_matches_a_hand_computed_trace():
    layer = neurons(**LIF | {"v_leak": 0.2, "v_reset": 0.1})
    assert trace(layer, [0.6] * 4) == ([0, 1, 0, 1], [0.8, 1.1, 0.75, 1.075])  # from rest, 0.2; reset to 0.1


def test_a_synapse_fades_by_itself():
    layer = neurons(**LIF, tau_syn=2e-3, w_in=2.0)  # I = I / 2 + input: 1, 0.5, 0.25
    assert trace(layer, [1.0, 0.0, 0.0]) == ([0, 0, 0], [1.0, 1.0, 0.75])


@pytest.mark.parametrize("r", [1.0, 1 / DT])
def test_an_integrator_adds_what_comes_in_whether_r_is_one_a_step_or_one_a_second(r):
    assert trace(neurons(r=r, v_threshold=1.0, v_reset=0.0), [0.5, 0.5, 0.5]) == ([0, 0, 1], [0.5, 1.0, 1.5])


def test_a_neuron_without_a_threshold_gives_its_membrane_alone():
    assert trace(neurons(tau=2e-3, r=2.0, v_leak=0.0), [1.0, 1.0, 1.0]) == (None, [1.0, 1.5, 1.75])


@pytest.mark.parametrize("reset", ["delayed", "before_decay"])
def test_resets_by_subtraction_are_the_books_own(reset):
    current = torch.rand(30, 4, 1, generator=torch.Generator().manual_seed(0))
    spk, mem = neurons(reset, **LIF)(current)
    theirs = lif(current, beta=0.5, threshold=1.0, reset=reset)
    assert torch.equal(spk, theirs.spk) and spk.any()
    torch.testing.assert_close(mem, theirs.mem)


def test_neurons_may_differ():
    node = {name: np.full(2, value) for name, value in LIF.items()} | {"v_threshold": np.array([0.5, 2.0])}
    spk, _ = Neurons(node, dt=DT, reset="zero")(torch.ones(1, 1, 2))
    assert spk.flatten().tolist() == [1, 0]


def test_a_step_longer_than_a_time_constant_is_refused():
    with pytest.raises(ValueError, match="tau goes down to 0.002 s, expected a step dt, 0.01 s, or more"):
        neurons(dt=0.01, **LIF)
