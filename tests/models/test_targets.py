"""Targets: the LIF layer equals hand-computed traces and snntorch's neuron; training learns, repeats itself and resumes."""

import snntorch
import torch
import torch.nn.functional as F
from pytest import approx, mark, raises, warns
from snntorch import spikegen, surrogate
from torch import nn

from snnmi import data
from snnmi.models import coding, targets
from snnmi.models.coding import DECODERS, ENCODERS, rate_encode
from snnmi.models.neurons import lif
from snnmi.models.targets import ANN, SNN, QueryConfig, TargetConfig, build
from snnmi.models.training import accuracy, train
from snnmi.store import Checkpoint


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def series(*values):
    return torch.tensor(values).view(-1, 1, 1)


# --- the neuron


def test_lif_matches_hand_computed_trace():
    trace = lif(series(0.6, 0.6, 0.6, 0.0), beta=0.5, threshold=1.0)
    assert trace.spk.flatten().tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(trace.mem.flatten(), torch.tensor([0.6, 0.9, 1.05, -0.475]))  # 0.525 - 1


def test_lif_reset_before_decay_matches_hand_computed_trace():
    trace = lif(series(0.6, 0.6, 0.6, 0.0), beta=0.5, threshold=1.0, reset="before_decay")
    assert trace.spk.flatten().tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(trace.mem.flatten(), torch.tensor([0.6, 0.9, 1.05, 0.025]))  # 0.5 (1.05 - 1)


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
    neuron = snntorch.Leaky(
        beta=beta,
        spike_grad=surrogate.fast_sigmoid(slope=40),
        reset_mechanism="subtract" if reset == "delayed" else "none",
    )
    mem, spikes, membranes = neuron.init_leaky(), [], []
    for step in current:
        spk, mem = neuron(step, mem)
        spikes.append(spk)
        membranes.append(mem)
        if reset == "before_decay":  # as code for snntorch 0.7.0 with explicit state does it
            mem = mem - neuron.threshold * spk.detach()
    return torch.stack(spikes), torch.stack(membranes)


@mark.parametrize("through", ["spikes", "membrane", "both"])
@mark.parametrize("reset", ["delayed", "before_decay"])
def test_lif_agrees_with_snntorch_forward_and_backward(reset, through):
    results = []
    w_spk, w_mem = torch.randn(2, 25, 8, 30, generator=seeded(1))
    for neuron in (lambda x: lif(x, beta=0.7, reset=reset, slope=40.0), lambda x: leaky_loop(x, reset)):
        current = (torch.randn(25, 8, 30, generator=seeded()) * 0.5 + 0.4).requires_grad_()
        spk, mem = neuron(current)
        (
            (spk * w_spk).sum() * (through != "membrane") + (mem * w_mem).sum() * (through != "spikes")
        ).backward()
        results.append((spk, mem, current.grad))
    (spk, mem, grad), (their_spk, their_mem, their_grad) = results
    assert torch.equal(spk, their_spk) and 0.1 < spk.mean() < 0.9
    torch.testing.assert_close(mem, their_mem)
    torch.testing.assert_close(grad, their_grad, rtol=1e-4, atol=1e-5)
    assert their_grad.abs().mean() > 0.01


def test_gradient_of_spikes_alone_needs_no_gradient_of_the_membrane():
    current = series(0.9, 1.1).requires_grad_()
    lif(current, beta=0.5, slope=10.0).spk[1].sum().backward()
    slope_at_second = 1 / (1 + 10 * abs(0.5 * 0.9 + 1.1 - 1)) ** 2
    torch.testing.assert_close(current.grad, series(0.5 * slope_at_second, slope_at_second))


# --- the networks


def test_a_mistake_in_the_settings_says_what_was_expected():
    for field, value in (("kind", "rnn"), ("reset", "zero"), ("encoder", "latency"), ("decoder", "max")):
        with raises(ValueError, match=f"{field} is '{value}', expected one of"):
            TargetConfig(**{field: value})


def test_ann_is_linear_sigmoid_linear_softmax():
    model, x = (
        build(TargetConfig(kind="ann", hidden=20), (5, 7), 3, seed=0),
        torch.randn(4, 5, 7, generator=seeded()),
    )
    hidden = 1 / (1 + torch.exp(-(x.reshape(4, 35) @ model.hidden.weight.T + model.hidden.bias)))
    exponentials = torch.exp(hidden @ model.output.weight.T + model.output.bias)
    torch.testing.assert_close(model(x), exponentials / exponentials.sum(1, keepdim=True))
    y = torch.tensor([0, 1, 2, 0])
    torch.testing.assert_close(model.loss(x, y, generator=seeded()), -model(x)[range(4), y].log().mean())


def test_first_weights_depend_on_the_seed_and_disturb_no_other_chance():
    config = TargetConfig(hidden=20)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build(config, (5, 7), 3, seed=seed).hidden.weight for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again) and not torch.equal(first, other)


@mark.parametrize("decoder", sorted(DECODERS))
@mark.parametrize("reset", ["delayed", "before_decay"])
@mark.parametrize("encoder", sorted(ENCODERS))
def test_fast_queries_equal_the_differentiable_run(monkeypatch, encoder, reset, decoder):
    monkeypatch.setitem(targets.AT_ONCE, "cpu", 8 * 25 * 50 + 7)  # 8 images at once
    config = TargetConfig(hidden=50, reset=reset, decoder=decoder, encoder=encoder)
    model, x = build(config, (8, 8), 10, seed=0), torch.rand(19, 8, 8, generator=seeded()) * 1.5 - 0.25
    with torch.no_grad():
        model.hidden.weight.mul_(3)  # enough current for spikes
    blocks, chance = [], seeded(7)
    for images in x.flatten(1).split(8):
        hidden, output = model.run(ENCODERS[encoder](images, 25, generator=chance))
        assert 0.05 < hidden.spk.mean() < 0.95
        blocks.append(DECODERS[decoder](*output).detach())
    confidences = model(x, generator=seeded(7))
    assert confidences.shape == (len(x), 10) and not confidences.requires_grad
    torch.testing.assert_close(confidences, torch.cat(blocks))


def test_the_same_weights_answer_behind_another_encoder_and_decoder():
    model, x = build(TargetConfig(hidden=50), (8, 8), 10, seed=0), torch.randn(6, 8, 8, generator=seeded())
    before = model(x, generator=seeded(1))
    asked = model.asked(QueryConfig(encoder="clip", decoder="count"))
    whole = build(TargetConfig(hidden=50, encoder="clip", decoder="count"), (8, 8), 10, seed=0)
    assert torch.equal(asked(x, generator=seeded()), whole(x, generator=seeded()))
    assert asked.hidden is model.hidden and torch.equal(
        model(x, generator=seeded(1)), before
    )  # shared, and left as it was


def test_an_ann_behind_a_clip_answers_for_the_clipped_image():
    model, x = (
        build(TargetConfig(kind="ann", hidden=50), (8, 8), 10, seed=0),
        torch.randn(6, 8, 8, generator=seeded()),
    )
    clipped = model.asked(QueryConfig(encoder="clip"))
    torch.testing.assert_close(clipped(x, generator=seeded()), model(x.clamp(0, 1)))
    assert not torch.allclose(clipped(x, generator=seeded()), model(x))


def test_an_ann_behind_bernoulli_spikes_answers_the_mean_over_25_draws():
    model, x = (
        build(TargetConfig(kind="ann", hidden=50), (8, 8), 10, seed=0),
        torch.rand(6, 8, 8, generator=seeded()),
    )
    spikes = rate_encode(x.flatten(1), 25, generator=seeded(3))
    expected = torch.stack([model(step.view(x.shape)) for step in spikes]).mean(0)
    torch.testing.assert_close(model.asked(QueryConfig(encoder="rate"))(x, generator=seeded(3)), expected)


def test_temperature_is_that_of_the_softmax():
    logits = torch.tensor([[1.0, 3.0, -2.0]])
    torch.testing.assert_close(coding.tempered(logits.softmax(-1), 2.0), (logits / 2).softmax(-1))
    assert coding.tempered(logits.softmax(-1), 1e-3).tolist() == [[0, 1, 0]]


def test_matched_temperature_gives_the_wanted_mean_entropy():
    confidences = torch.randn(50, 10, generator=seeded()).mul(3).softmax(-1)
    for wanted in (0.1, coding.mean_entropy(confidences), 2.0):
        found = coding.matched_temperature(confidences, wanted)
        assert coding.mean_entropy(coding.tempered(confidences, found)) == approx(wanted, abs=1e-4)
    assert coding.matched_temperature(confidences, coding.mean_entropy(confidences)) == approx(1, abs=1e-3)
    assert coding.matched_temperature(confidences, 9.0) == approx(
        1000
    )  # no answer is that flat: the flattest


@mark.parametrize("wrong", [dict(encoder="ratte"), dict(decoder="ratte"), dict(temperature=0.0)])
def test_a_query_setting_that_does_not_exist_is_refused(wrong):
    with raises(ValueError, match="expected"):
        QueryConfig(**wrong)


def test_queries_follow_when_the_weights_change():
    model, x = build(TargetConfig(hidden=50), (8, 8), 10, seed=0), torch.rand(5, 8, 8, generator=seeded())
    before = model(x, generator=seeded(0))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam(
        model.parameters(), lr=0.5, fused=True
    )  # changes weights and does not tell autograd
    model.loss(x, torch.arange(5), generator=seeded(0)).backward()
    optimizer.step()
    assert not torch.equal(before, model(x, generator=seeded(0)))
    model.load_state_dict(weights)
    assert torch.equal(before, model(x, generator=seeded(0)))


@mark.parametrize("encoder", ["current", "clip", "frozen"])
def test_only_the_rate_encoder_has_chance_in_it(encoder):
    model = build(TargetConfig(hidden=50, encoder=encoder), (8, 8), 10, seed=0)
    x = torch.randn(5, 8, 8, generator=seeded())
    before = x.clone()
    assert torch.equal(model(x, generator=seeded(0)), model(x, generator=seeded(1)))
    assert torch.equal(x, before)


def test_snn_loss_and_its_gradients_equal_the_plain_snntorch_loop():
    model, x = build(TargetConfig(hidden=50), (8, 8), 10, seed=0), torch.rand(20, 8, 8, generator=seeded())
    with torch.no_grad():
        model.hidden.weight.mul_(3)
    y, spikes = torch.arange(20) % 10, rate_encode(x.flatten(1), 25, generator=seeded(3))
    loss = model.loss(x, y, generator=seeded(3))
    loss.backward()
    ours = [p.grad.clone() for p in model.parameters()]

    model.zero_grad()
    first, second = (snntorch.Leaky(beta=0.7, spike_grad=surrogate.fast_sigmoid(slope=40)) for _ in range(2))
    mem1, mem2, total = first.init_leaky(), second.init_leaky(), 0
    for step in spikes:
        spk1, mem1 = first(model.hidden(step), mem1)
        _, mem2 = second(model.output(spk1), mem2)
        total = total + F.cross_entropy(mem2, y)
    total.backward()
    torch.testing.assert_close(loss, total)
    for our, parameter in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(our, parameter.grad, rtol=1e-3, atol=1e-5)
        assert parameter.grad.abs().max() > 1e-3


def test_rate_encoding_has_the_statistics_of_snntorchs():
    x = torch.rand(4, 50, generator=seeded())
    torch.manual_seed(0)
    theirs, ours = spikegen.rate(x, num_steps=4000), rate_encode(x, 4000, generator=seeded())
    torch.testing.assert_close(ours.mean(0), theirs.mean(0), atol=0.05, rtol=0)


# --- training


class Fixed(nn.Module):
    """Says the class that the first pixel names, and counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.unused, self.asked = nn.Parameter(torch.zeros(1)), []

    def forward(self, x, *, generator):
        self.asked.append(len(x))
        return F.one_hot(x[:, 0, 0].long(), 4).float()


def test_accuracy_is_the_share_of_hits():
    x = torch.tensor([0.0, 1.0, 2.0, 3.0]).repeat(600)[:, None, None]
    y = torch.tensor([0, 1, 2, 0]).repeat(600)
    model = Fixed()
    assert accuracy(model, x, y, seed=0) == 0.75
    assert sum(model.asked) == 2400 and max(model.asked) == 1000


ANN_CONFIG = TargetConfig(kind="ann", hidden=64, epochs=6, batch_size=32, lr=5e-3, clip_norm=None)
SNN_CONFIG = TargetConfig(kind="snn", hidden=64, epochs=3, batch_size=32, lr=5e-3)


@mark.parametrize("config", [ANN_CONFIG, SNN_CONFIG], ids=["ann", "snn"])
def test_training_learns_the_digits(config):
    digits = data.load("digits")
    model, history = train(config, digits, seed=3)
    assert isinstance(model, ANN if config.kind == "ann" else SNN)
    assert history["test_accuracy"][-1] > 0.88 and history["loss"][-1] < history["loss"][0] / 2
    assert len(history["loss"]) == len(history["test_accuracy"]) == config.epochs
    assert accuracy(model, digits.x_test, digits.y_test, seed=3) == approx(history["test_accuracy"][-1])


class Killed(Exception):
    pass


class Interrupting(Checkpoint):
    """Saves after every batch and dies after so many."""

    def __init__(self, path, batches):
        super().__init__(path, every=0.0)
        self.left = batches

    def save(self, state):
        super().save(state)
        self.left -= 1
        if self.left == 0:
            raise Killed


@mark.parametrize("kind", ["ann", "snn"])
def test_interrupted_training_ends_bit_for_bit_as_uninterrupted(tmp_path, kind):
    digits, path = data.load("digits"), tmp_path / "checkpoint.safetensors"
    digits = data.Dataset(
        "digits", digits.x_train[:300], digits.y_train[:300], digits.x_test[:50], digits.y_test[:50]
    )
    config = TargetConfig(
        kind=kind, hidden=30, epochs=3, batch_size=32, lr=1e-3
    )  # 10 batches an epoch, the last one short
    model, history = train(config, digits, seed=0)
    for batches in (4, 9, 3):  # ends within the first epoch, within the second, within the second again
        with raises(Killed):
            train(config, digits, seed=0, checkpoint=Interrupting(path, batches))
    resumed = train(config, digits, seed=0, checkpoint=Checkpoint(path))
    assert resumed.history == history
    for a, b in zip(model.state_dict().values(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_damaged_checkpoint_is_reported_and_training_begins_again(tmp_path):
    digits, path = data.load("digits"), tmp_path / "checkpoint.safetensors"
    digits = data.Dataset(
        "digits", digits.x_train[:64], digits.y_train[:64], digits.x_test[:50], digits.y_test[:50]
    )
    config = TargetConfig(kind="ann", hidden=30, epochs=2, batch_size=32, lr=1e-3)
    with raises(Killed):
        train(config, digits, seed=0, checkpoint=Interrupting(path, 3))
    path.write_bytes(path.read_bytes()[:-7])
    with warns(UserWarning, match="checkpoint.safetensors is damaged"):
        resumed = train(config, digits, seed=0, checkpoint=Checkpoint(path))
    assert resumed.history == train(config, digits, seed=0).history
