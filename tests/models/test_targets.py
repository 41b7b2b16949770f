"""The networks under attack equal formulas and snntorch's plain loop, fast queries the differentiable run."""

import snntorch
import torch
import torch.nn.functional as F
from pytest import mark, param, raises
from snntorch import surrogate

from snnmi.fast import engine, events
from snnmi.models.coding import DECODERS, ENCODERS, encoder, frozen_draw, rate_encode, rates, says
from snnmi.models.targets import SNN, Network, Neuron, Query
from tests.helpers import needs_compiler, seeded, small


def digits_model(kind="snn", louder=1.0, **changes):
    """A small untrained target of ten classes of 8 x 8 pixels; `louder` weights give current for spikes."""
    model = small(kind, **changes)
    with torch.no_grad():
        model.hidden.weight.mul_(louder)
    return model


WRONG = [(Neuron, {name: "never"}) for name in ("reset", "encoder", "decoder")]
WRONG += [(Query, {"encoder": "never"}), (Query, {"temperature": 0.0})]


@mark.parametrize("settings, wrong", WRONG)
def test_a_mistake_in_the_settings_says_what_was_expected(settings, wrong):
    (field,) = wrong
    with raises(ValueError, match=f"{field} is .*, expected"):
        settings(**wrong)


def test_ann_is_linear_sigmoid_linear_softmax():
    model = small("ann", (5, 7), 3, hidden=20)
    x, y = torch.randn(4, 5, 7, generator=seeded()), torch.tensor([0, 1, 2, 0])
    hidden = 1 / (1 + torch.exp(-(x.reshape(4, 35) @ model.hidden.weight.T + model.hidden.bias)))
    exponentials = torch.exp(hidden @ model.output.weight.T + model.output.bias)
    torch.testing.assert_close(model(x), exponentials / exponentials.sum(1, keepdim=True))
    torch.testing.assert_close(model.loss(x, y, generator=seeded()), -model(x)[range(4), y].log().mean())


def test_first_weights_depend_on_the_seed_and_disturb_no_other_chance():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (small("snn", (5, 7), 3, hidden=20, seed=seed).hidden.weight for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again) and not torch.equal(first, other)


def spikes_of(encoder: str, x, chance, by_events: bool):
    """What a query with this chance is fed: the plain encoder's spikes, or those that events draw."""
    if not by_events or not says(encoder, "bernoulli"):
        return ENCODERS[encoder](x, 25, generator=chance)
    x = rates(encoder, x)
    fixed = frozen_draw((25, 1, *x.shape[1:]), x.device, x.dtype)[:, 0]
    return events.spikes(events.draw(x, 25, fixed if encoder == "frozen" else events.key(chance)))


EVENTS = [param(True, many, id=name, marks=needs_compiler) for name, many in (("events", 1), ("tables", -1))]

CODES = [name for name in sorted(ENCODERS) if not says(name, "binned")]
ASKED = [*((code, "delayed", "membrane") for code in CODES), ("rate", "before_decay", "membrane")]
ASKED += [("rate", "delayed", decoder) for decoder in sorted(DECODERS) if decoder != "membrane"]


@mark.parametrize("by_events, many", [param(False, 0, id="plain"), *EVENTS])
@mark.parametrize("encoder, reset, decoder", ASKED)
def test_fast_queries_equal_the_differentiable_run(monkeypatch, encoder, reset, decoder, by_events, many):
    monkeypatch.setattr(events, "available", lambda: by_events)
    monkeypatch.setattr(events, "MANY", many)
    monkeypatch.setitem(engine.AT_ONCE, "cpu", 19 * 25 * 50)  # all images at once: one draw for the plain one
    model = digits_model(louder=3, reset=reset, decoder=decoder, encoder=encoder)
    x = torch.rand(19, 8, 8, generator=seeded()) * 1.5 - 0.25
    hidden, output = model.run(spikes_of(encoder, x.flatten(1), seeded(7), by_events))
    assert 0.01 < hidden.spk.mean() < 0.95
    confidences = model(x, generator=seeded(7))
    assert confidences.shape == (len(x), 10) and not confidences.requires_grad
    torch.testing.assert_close(confidences, DECODERS[decoder](*output).detach(), rtol=1e-4, atol=1e-5)


@mark.parametrize("by_events", [False, param(True, marks=needs_compiler)])
def test_blocks_of_a_query_change_nothing_but_the_plain_encoders_draws(monkeypatch, by_events):
    monkeypatch.setattr(events, "available", lambda: by_events)
    model, x = digits_model(louder=3, encoder="rate"), torch.rand(19, 8, 8, generator=seeded())
    whole = model(x, generator=seeded(7))
    monkeypatch.setitem(engine.AT_ONCE, "cpu", 8 * 25 * 50 + 7)  # 8 images at once
    monkeypatch.setattr(events, "AT_ONCE", 8 * 25)
    if not by_events:  # each block draws from where the one before it stopped
        blocks, chance = x.flatten(1).split(8), seeded(7)
        trains = [spikes_of("rate", images, chance, False) for images in blocks]
        whole = torch.cat([DECODERS["membrane"](*model.run(train)[1]) for train in trains]).detach()
    torch.testing.assert_close(model(x, generator=seeded(7)), whole, rtol=1e-4, atol=1e-5)


@needs_compiler
@mark.parametrize(
    "encoder, reset",
    [("rate", "before_decay"), *((code, "delayed") for code in ("rate", "population", "latency"))],
)
def test_training_by_events_has_the_loss_and_gradients_of_the_plain_run(monkeypatch, reset, encoder):
    model, found = digits_model(louder=3, reset=reset, encoder=encoder), []
    by_events = events.snn
    monkeypatch.setattr(events, "snn", lambda *how: found.append(how) or by_events(*how))
    x, y = torch.rand(20, 8, 8, generator=seeded()), torch.arange(20) % 10
    loss = model.loss(x, y, generator=seeded(7))
    assert found
    mem = model.run(spikes_of(encoder, x.flatten(1), seeded(7), True))[1].mem
    plain = F.cross_entropy(mem.flatten(0, 1), y.repeat(25)) * 25
    torch.testing.assert_close(loss, plain)
    for ours, theirs in zip(*(torch.autograd.grad(one, [*model.parameters()]) for one in (loss, plain))):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_the_same_weights_answer_behind_another_encoder_and_decoder():
    model, x = digits_model(), torch.randn(6, 8, 8, generator=seeded())
    before = model(x, generator=seeded(1))
    asked = model.asked(Query(encoder="clip", decoder="count"))
    whole = digits_model(encoder="clip", decoder="count")
    assert torch.equal(asked(x, generator=seeded()), whole(x, generator=seeded()))
    # shared, and left as it was
    assert asked.hidden is model.hidden and torch.equal(model(x, generator=seeded(1)), before)


def test_an_encoder_that_feeds_another_number_of_inputs_is_refused_behind_trained_weights():
    model = digits_model(encoder="population")
    assert model.hidden.in_features == 4 * 64
    with raises(ValueError, match="encoder is 'clip', which feeds 64 inputs, expected one that feeds 256"):
        model.asked(Query(encoder="clip"))


def test_an_ann_behind_a_clip_answers_for_the_clipped_image():
    model, x = digits_model("ann"), torch.randn(6, 8, 8, generator=seeded())
    clipped = model.asked(Query(encoder="clip"))
    torch.testing.assert_close(clipped(x, generator=seeded()), model(x.clamp(0, 1)))
    assert not torch.allclose(clipped(x, generator=seeded()), model(x))


def test_an_ann_behind_bernoulli_spikes_answers_the_mean_over_25_draws():
    model, x = digits_model("ann"), torch.rand(6, 8, 8, generator=seeded())
    spikes = spikes_of("rate", x.flatten(1), seeded(3), events.available())
    expected = torch.stack([model(step.view(x.shape)) for step in spikes]).mean(0)
    torch.testing.assert_close(model.asked(Query(encoder="rate"))(x, generator=seeded(3)), expected)


@needs_compiler
def test_a_bernoulli_code_of_ones_own_is_drawn_as_events_too(monkeypatch):

    @encoder(bernoulli=True, rates=lambda x: x / 2)
    def dim(x, num_steps, *, generator):
        return rate_encode(x / 2, num_steps, generator=generator)

    monkeypatch.setitem(ENCODERS, "dim", dim)
    fed = digits_model(encoder="dim").spikes(torch.ones(50, 8, 8), generator=seeded())
    monkeypatch.setattr(events, "available", lambda: False)
    plain = digits_model(encoder="dim").spikes(torch.ones(50, 8, 8), generator=seeded())
    assert not torch.equal(fed, plain)
    assert abs(fed.mean() - 0.5) < 0.01 and abs(plain.mean() - 0.5) < 0.01


@mark.parametrize("name, steps, num_steps", [("clip", 1, 25), ("phase", 8, 25), ("phase", 8, 5)])
def test_steps_that_repeat_themselves_are_computed_once_and_change_nothing(
    monkeypatch, name, steps, num_steps
):
    assert says(name, "period") == steps
    whole = encoder()(lambda *args, **how: ENCODERS[name](*args, **how))
    monkeypatch.setitem(ENCODERS, "whole", whole)
    x, y = torch.rand(20, 8, 8, generator=seeded()), torch.arange(20) % 10
    found = {}
    for code in (name, "whole"):
        model = digits_model(encoder=code, num_steps=num_steps)
        model.loss(x, y, generator=seeded()).backward()
        found[code] = [model(x, generator=seeded()), *(p.grad for p in model.parameters())]
    torch.testing.assert_close(found[name], found["whole"])


class Deep(SNN):
    """Three layers, of neurons of one's own choice."""

    def __init__(self, encoder="rate", beta=(0.7, 0.7, 0.7), **how):
        torch.manual_seed(0)
        super().__init__(Network(hidden=50), Neuron(encoder=encoder), 64, 10)
        self.more = torch.nn.Linear(50, 50)
        grad = how.pop("spike_grad", surrogate.fast_sigmoid(slope=40))
        self.lifs = torch.nn.ModuleList(snntorch.Leaky(beta=b, spike_grad=grad, **how) for b in beta)
        with torch.no_grad():
            self.hidden.weight.mul_(4), self.more.weight.mul_(4)

    @property
    def layers(self):
        return [*zip((self.hidden, self.more, self.output), self.lifs)]

    def plain(self, spikes):
        states, found = [lif.reset_mem() for lif in self.lifs], []
        for x in spikes:
            for i, (linear, lif) in enumerate(self.layers):
                x, states[i] = lif(linear(x), states[i])
            found.append((x, states[-1]))
        return tuple(map(torch.stack, zip(*found)))


OUTSIDE = {  # networks that are told from outside how to answer sooner, or are not and answer all the same
    "of other leaks": {"beta": (0.5, 0.9, 0.7)},
    "reset to zero": {"reset_mechanism": "zero"},
    "never reset": {"reset_mechanism": "none"},
    "another gradient": {"spike_grad": surrogate.atan()},
    "neurons unlike": {"beta": (0.7, torch.linspace(0.5, 0.9, 50), 0.7)},
    "learnt leaks": {"learn_beta": True},
    "latency": {"encoder": "latency"},
    "currents": {"encoder": "clip"},
}


@mark.parametrize("how", OUTSIDE.values(), ids=OUTSIDE)
def test_any_fully_connected_network_of_snntorch_answers_and_learns_as_its_plain_loop(how):
    model, x, y = Deep(**how), torch.rand(20, 8, 8, generator=seeded()), torch.arange(20) % 10
    fed = model.spikes(x, generator=seeded(3))
    plain = model.plain(fed)
    confidences = DECODERS["membrane"](*plain).detach()
    torch.testing.assert_close(model(x, generator=seeded(3)), confidences, rtol=1e-4, atol=1e-5)
    assert confidences.std(0).mean() > 1e-3
    loss = F.cross_entropy(plain[1].flatten(0, 1), y.repeat(25)) * 25
    parameters = [p for p in model.parameters() if p.requires_grad and p.shape]
    theirs = torch.autograd.grad(loss, parameters, allow_unused=True)
    ours = torch.autograd.grad(model.loss(x, y, generator=seeded(3)), parameters, allow_unused=True)
    for our, their in zip(ours, theirs, strict=True):
        assert (our is None) == (their is None)
        if our is not None:
            assert (our - their).abs().max() < 1e-3 * their.abs().max()
