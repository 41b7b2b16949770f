"""snnTorch's neurons, and their reset rule of old, give hand-computed traces; in C they are the same."""

import snntorch
import torch
from pytest import mark, raises
from snntorch import surrogate
from torch import nn

from snnmi.fast import engine, events, membranes
from snnmi.models.neurons import RESETS, lif, weights_alone
from tests.helpers import needs_compiler, seeded


def series(*values):
    return torch.tensor(values).view(-1, 1, 1)


@mark.parametrize("reset, last", [("delayed", 0.525 - 1), ("before_decay", 0.5 * (1.05 - 1))])
def test_lif_matches_hand_computed_trace(reset, last):
    trace = lif(series(0.6, 0.6, 0.6, 0.0), beta=0.5, threshold=1.0, reset=reset)
    assert trace.spk.flatten().tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(trace.mem.flatten(), torch.tensor([0.6, 0.9, 1.05, last]))


def test_lif_refuses_an_unknown_reset():
    with raises(ValueError, match=r"reset is 'zero', expected one of \['before_decay', 'delayed'\]"):
        lif(series(1.0), beta=0.5, reset="zero")


def test_the_old_rule_is_what_code_for_snntorch_0_7_does_with_explicit_state():
    """Forward and backward: the reset, which has no gradient, comes off the membrane that is handed on."""
    results = []
    for old in (False, True):
        current = (torch.randn(25, 8, 130, generator=seeded()) * 0.5 + 0.4).requires_grad_()
        if old:
            neuron = snntorch.Leaky(beta=0.7, spike_grad=surrogate.fast_sigmoid(40), reset_mechanism="none")
            mem, spikes, membranes_ = neuron.init_leaky(), [], []
            for step in current:
                spk, mem = neuron(step, mem)
                spikes.append(spk), membranes_.append(mem)
                mem = mem - neuron.threshold * spk.detach()
            spk, mem = torch.stack(spikes), torch.stack(membranes_)
        else:
            spk, mem = lif(current, beta=0.7, reset="before_decay")
        (spk.sum() + mem.square().sum()).backward()
        results.append((spk, mem, current.grad))
    torch.testing.assert_close(*results)


@needs_compiler
@mark.parametrize(
    "reset, through", [*((r, "both") for r in RESETS), ("delayed", "spikes"), ("delayed", "membrane")]
)
def test_neurons_in_c_agree_with_snntorchs_forward_and_backward(reset, through):
    results = []
    w_spk, w_mem = torch.randn(2, 25, 8, 130, generator=seeded(1))
    own = engine.neuron(RESETS[reset](beta=0.7, spike_grad=surrogate.fast_sigmoid(40.0)))
    for fire in (lambda x: membranes.lif(x, own), lambda x: lif(x, beta=0.7, reset=reset, slope=40.0)):
        current = (torch.randn(25, 8, 130, generator=seeded()) * 0.5 + 0.4).requires_grad_()
        spk, mem = fire(current)
        loss = (spk * w_spk).sum() * (through != "membrane") + (mem * w_mem).sum() * (through != "spikes")
        loss.backward()
        results.append((spk, mem, current.grad))
    (spk, mem, grad), (their_spk, their_mem, their_grad) = results
    assert torch.equal(spk, their_spk) and 0.1 < spk.mean() < 0.9
    torch.testing.assert_close(mem, their_mem)
    torch.testing.assert_close(grad, their_grad, rtol=1e-3, atol=5e-5)
    assert their_grad.abs().mean() > 0.01


@needs_compiler
@mark.parametrize("threads", [1, 2])
@mark.parametrize("shape", [(1, 1, 1), (7, 3, 5), (25, 9, 300)])
def test_spikes_alone_in_c_are_those_of_the_plain_loop(shape, threads):
    before, own = torch.get_num_threads(), events.Neuron(0.7, 1.0, 1.0)
    torch.set_num_threads(threads)
    current = torch.randn(shape, generator=seeded()) * 0.5 + 0.4
    mine, spk = membranes.lif(current, own), membranes.fire(current.clone(), own)
    torch.set_num_threads(before)
    plain = lif(current, beta=0.7)
    torch.testing.assert_close(mine[1], plain.mem, rtol=0, atol=1e-5)
    assert torch.equal(mine[0], plain.spk) and torch.equal(spk, plain.spk)


def test_a_networks_state_is_its_weights_and_no_list_of_snntorchs_keeps_it():
    network = nn.Sequential(nn.Linear(3, 2), snntorch.Leaky(beta=0.5))
    assert [*weights_alone(network).state_dict()] == ["0.weight", "0.bias"]
    assert not any(network[1] is other for other in snntorch.SpikingNeuron.instances)
