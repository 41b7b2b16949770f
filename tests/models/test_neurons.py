"""The LIF layer equals hand-computed traces, and snntorch's neuron forward and backward."""

import snntorch
import torch
from pytest import mark, raises, skip
from snntorch import surrogate

from snnmi.fast import events
from snnmi.models.neurons import fire_in_place, lif
from tests.helpers import seeded


def series(*values):
    return torch.tensor(values).view(-1, 1, 1)


@mark.parametrize("reset, last", [("delayed", 0.525 - 1), ("before_decay", 0.5 * (1.05 - 1))])
def test_lif_matches_hand_computed_trace(reset, last):
    trace = lif(series(0.6, 0.6, 0.6, 0.0), beta=0.5, threshold=1.0, reset=reset)
    assert trace.spk.flatten().tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(trace.mem.flatten(), torch.tensor([0.6, 0.9, 1.05, last]))


def test_lif_does_not_spike_at_the_threshold_itself():
    assert lif(series(1.0, 0.5), beta=0.5, threshold=1.0).spk.flatten().tolist() == [0, 0]


@mark.parametrize("reset, spikes", [("delayed", 8), ("before_decay", 12)])
def test_the_two_reset_rules_give_8_and_12_spikes_in_25_steps(reset, spikes):
    assert lif(torch.full((25, 1, 1), 0.6), beta=0.7, reset=reset).spk.sum() == spikes


def test_lif_refuses_an_unknown_reset():
    with raises(ValueError, match=r"reset is 'zero', expected one of \['before_decay', 'delayed'\]"):
        lif(series(1.0), beta=0.5, reset="zero")


def leaky_loop(current, reset, beta=0.7):
    """snntorch's own neuron, step by step."""
    mechanism = "subtract" if reset == "delayed" else "none"
    grad = surrogate.fast_sigmoid(slope=40)
    neuron = snntorch.Leaky(beta=beta, spike_grad=grad, reset_mechanism=mechanism)
    mem, spikes, membranes = neuron.init_leaky(), [], []
    for step in current:
        spk, mem = neuron(step, mem)
        spikes.append(spk)
        membranes.append(mem)
        if reset == "before_decay":  # as code for snntorch 0.7.0 with explicit state does it
            mem = mem - neuron.threshold * spk.detach()
    return torch.stack(spikes), torch.stack(membranes)


@mark.parametrize("in_c", [False, True])
@mark.parametrize("through", ["spikes", "membrane", "both"])
@mark.parametrize("reset", ["delayed", "before_decay"])
def test_lif_agrees_with_snntorch_forward_and_backward(monkeypatch, reset, through, in_c):
    if in_c and not events.available():
        skip("no C compiler")
    monkeypatch.setattr(events, "available", lambda: in_c)
    results = []
    w_spk, w_mem = torch.randn(2, 25, 8, 130, generator=seeded(1))
    for neuron in (lambda x: lif(x, beta=0.7, reset=reset, slope=40.0), lambda x: leaky_loop(x, reset)):
        current = (torch.randn(25, 8, 130, generator=seeded()) * 0.5 + 0.4).requires_grad_()
        spk, mem = neuron(current)
        loss = (spk * w_spk).sum() * (through != "membrane") + (mem * w_mem).sum() * (through != "spikes")
        loss.backward()
        results.append((spk, mem, current.grad))
    (spk, mem, grad), (their_spk, their_mem, their_grad) = results
    assert torch.equal(spk, their_spk) and 0.1 < spk.mean() < 0.9
    torch.testing.assert_close(mem, their_mem)
    torch.testing.assert_close(grad, their_grad, rtol=1e-3, atol=5e-5)
    assert their_grad.abs().mean() > 0.01


def test_gradient_of_spikes_alone_needs_no_gradient_of_the_membrane():
    current = series(0.9, 1.1).requires_grad_()
    lif(current, beta=0.5, slope=10.0).spk[1].sum().backward()
    slope_at_second = 1 / (1 + 10 * abs(0.5 * 0.9 + 1.1 - 1)) ** 2
    torch.testing.assert_close(current.grad, series(0.5 * slope_at_second, slope_at_second))


@mark.parametrize("threads", [1, 2])
@mark.parametrize("shape", [(1, 1, 1), (7, 3, 5), (25, 9, 300)])
def test_lif_in_c_is_the_plain_one_and_its_spikes_alone_are_those(monkeypatch, shape, threads):
    if not events.available():
        skip("no C compiler")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    current = torch.randn(shape, generator=seeded()) * 0.5 + 0.4
    own = lif(current, beta=0.7)
    spk = fire_in_place(current.clone(), 0.7, 1.0, 1.0)
    torch.set_num_threads(before)
    monkeypatch.setattr(events, "available", lambda: False)
    plain = lif(current, beta=0.7)
    torch.testing.assert_close(own.mem, plain.mem, rtol=0, atol=1e-5)
    assert torch.equal(own.spk, plain.spk) and torch.equal(spk, plain.spk)


def test_one_current_for_all_steps_need_not_be_written_out():
    once = torch.rand(1, 4, 30, generator=seeded()).requires_grad_()
    written = once.detach().expand(25, -1, -1).contiguous().requires_grad_()
    short, whole = lif(once.expand(25, -1, -1), beta=0.7), lif(written, beta=0.7)
    assert torch.equal(short.spk, whole.spk) and torch.equal(short.mem, whole.mem)
    short.spk.sum().backward()
    whole.spk.sum().backward()
    torch.testing.assert_close(once.grad, written.grad.sum(0, keepdim=True))
