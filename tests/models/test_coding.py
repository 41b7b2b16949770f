"""Encoders and decoders: their rates, confidences and temperatures are what arithmetic says."""

import math

import pytest
import torch
from snntorch import spikegen

from snnmi.models import coding
from snnmi.models.coding import (
    DECODERS,
    ENCODERS,
    burst_encode,
    latency_encode,
    num_fed,
    phase_encode,
    rate_encode,
    straight,
    tuned,
)
from snnmi.models.targets import Query
from snnmi.models.training import answers
from tests.helpers import seeded, small


def test_rate_of_spikes_is_the_pixel_value():
    x = torch.tensor([[0.0, 0.1, 0.5, 0.9, 1.0]])
    spikes = rate_encode(x, 20_000, generator=seeded())
    assert spikes.shape == (20_000, 1, 5) and spikes.dtype == torch.float32
    assert spikes.unique().tolist() == [0, 1]
    torch.testing.assert_close(spikes.mean(0), x, atol=0.015, rtol=0)  # 4 standard deviations
    assert spikes[..., 0].sum() == 0 and spikes[..., 4].sum() == 20_000


def test_a_latency_code_spikes_once_the_brighter_the_sooner_as_snntorchs():
    x = torch.tensor([[1.0, 0.5, 0.3, 0.02, 0.0, -1.0, 2.0]])
    spikes = latency_encode(x, 5, generator=seeded())
    assert spikes.sum(0).tolist() == [[1, 1, 1, 1, 0, 0, 1]]
    assert spikes.argmax(0).tolist() == [[0, 2, 3, 4, 0, 0, 0]]
    inside = torch.rand(3, 40, generator=seeded()).clamp_min(0.02)
    theirs = spikegen.latency(inside, num_steps=25, linear=True, normalize=True)
    assert torch.equal(latency_encode(inside, 25, generator=seeded()), theirs)


def test_a_burst_has_more_spikes_and_closer_ones_the_brighter_it_is():
    spikes = burst_encode(torch.tensor([[1.0, 0.5, 0.1, 0.0, -1.0, 3.0]]), 25, generator=seeded())
    assert [spikes[:, 0, i].nonzero().flatten().tolist() for i in range(6)] == [
        [0, 2, 4, 6, 8],
        [0, 14],  # three spikes, the third beyond the window
        [0],
        [],
        [],
        [0, 2, 4, 6, 8],
    ]


def test_a_phase_code_is_the_grey_values_bits():
    x = torch.tensor([[0.0, 128 / 255, 1.0, 85 / 255, 2.0, -1.0]])
    fed = phase_encode(x, 16, generator=seeded())
    torch.testing.assert_close(fed[:8].sum(0) * 256 / 255, x.clamp(0, 1))
    assert torch.equal(fed[:8], fed[8:]) and fed[:8, 0, 1].tolist() == [0.5, *[0] * 7]
    assert (fed[:8, 0, 3] > 0).tolist() == [False, True] * 4  # 85 is 01010101


@pytest.mark.parametrize("name", ["latency", "burst", "phase", "clip", "frozen"])
def test_codes_without_chance_clip_and_ask_for_none(name):
    x = torch.tensor([[-2.0, 0.4, 3.0]])
    one, other = (ENCODERS[name](x, 9, generator=seeded(seed)) for seed in (0, 1))
    assert torch.equal(one, other) and torch.equal(one, ENCODERS[name](x.clamp(0, 1), 9, generator=seeded()))


def test_a_populations_neurons_prefer_values_of_their_own_and_fall_silent_far_outside():
    centres = torch.tensor([[-0.25, 0.25, 0.75, 1.25]])
    rates = tuned(centres).unflatten(1, (4, 4))  # a row a pixel
    assert torch.equal(rates.argmax(2), torch.tensor([[0, 1, 2, 3]])) and rates[0].diag().tolist() == [1] * 4
    aside = torch.exp(torch.tensor(-0.5 * (0.5 * 3) ** 2)).item()  # the next centre is 1.5 widths away
    assert rates[0, 0, 1].item() == pytest.approx(aside) and tuned(torch.tensor([[9.0]])).max() < 1e-6
    fed = ENCODERS["population"](torch.full((1, 3), 0.25), 4000, generator=seeded())
    assert fed.shape == (4000, 1, 12) and coding.says("population", "binary")
    torch.testing.assert_close(fed.mean(0), tuned(torch.full((1, 3), 0.25)), atol=0.03, rtol=0)


def test_a_gradient_passes_a_code_through_its_rates():
    x = torch.tensor([[0.3, 0.9]], requires_grad=True)
    for name, rates in (("rate", torch.clone), ("population", tuned), ("latency", torch.clone)):
        way = straight(name, x, 5)
        assert not way.any() and way.shape[-1] == num_fed(name, 2, 5)
        (ours,) = torch.autograd.grad(way.square().sum() + way.sum(), x)
        (theirs,) = torch.autograd.grad(rates(x).sum(), x)
        torch.testing.assert_close(ours, theirs)
    way = straight("bins", torch.rand(3, 6, requires_grad=True), 2)
    assert way.shape == (2, 3, 3) and num_fed("bins", 6, 2) == 3


def test_a_code_of_ones_own_that_feeds_more_inputs_than_pixels_must_say_its_rates(monkeypatch):
    twice = lambda x, num_steps, *, generator: torch.cat([x, 1 - x], -1).expand(num_steps, -1, -1)  # noqa: E731
    monkeypatch.setitem(ENCODERS, "twice", twice)
    said = r"'twice' feeds 8 inputs for 4 pixels, expected @encoder\(rates=...\)"
    with pytest.raises(ValueError, match=said):
        straight("twice", torch.rand(2, 4), 3)
    monkeypatch.setitem(ENCODERS, "twice", coding.encoder(rates=lambda x: torch.cat([x, 1 - x], -1))(twice))
    assert straight("twice", torch.rand(2, 4), 3).shape == (1, 2, 8)


def test_a_recording_is_fed_a_bin_a_step_and_drawn_where_it_is_a_rate():
    recording = torch.tensor([[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
    for name in ("bins", "raw_bins"):
        fed = ENCODERS[name](recording, 3, generator=seeded())
        assert fed.tolist() == [[[1, 0]], [[0, 1]], [[1, 1]]]
    rates = torch.full((1, 40_000), 0.3)
    assert ENCODERS["bins"](rates, 4, generator=seeded()).mean() == pytest.approx(0.3, abs=0.01)
    outside = torch.tensor([[-1.0, 2.0]])
    assert ENCODERS["bins"](outside, 2, generator=seeded()).flatten().tolist() == [0, 1]
    assert ENCODERS["raw_bins"](outside, 2, generator=seeded()).flatten().tolist() == [-1, 2]


@pytest.mark.parametrize("draw, spikes", [(0.0, [0, 1, 1]), (1 - 2**-24, [0, 0, 1])])
def test_black_never_spikes_and_white_always_even_at_the_ends_of_the_draw(monkeypatch, draw, spikes):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, draw))
    x = torch.tensor([-3.0, 0.0, 0.5, 1.0, 3.0])
    assert rate_encode(x, 2, generator=seeded()).tolist() == [[0, *spikes, 1]] * 2


# 4 steps, 1 image, 2 classes: 4 spikes and 1
SPK = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])[:, None]
MEM = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])[:, None]


def share(difference):
    """Softmax of two classes whose logits differ by this."""
    return 1 / (1 + math.exp(-difference))


CONFIDENCE = {
    "membrane": (share(1) + share(-1) + share(2) + share(0)) / 4,
    "summed_membrane": share(2),
    "count": share(3),
    "rate": share(3 / 4),
}


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_confidences_are_what_the_formula_says(decoder):
    expected = CONFIDENCE[decoder]
    torch.testing.assert_close(DECODERS[decoder](SPK, MEM), torch.tensor([[expected, 1 - expected]]))


def test_temperature_is_that_of_the_softmax():
    logits = torch.tensor([[1.0, 3.0, -2.0]])
    torch.testing.assert_close(coding.tempered(logits.softmax(-1), 2.0), (logits / 2).softmax(-1))
    assert coding.tempered(logits.softmax(-1), 1e-3).tolist() == [[0, 1, 0]]


def test_matched_temperature_gives_the_wanted_mean_entropy():
    confidences = torch.randn(50, 10, generator=seeded()).mul(3).softmax(-1)
    own = coding.mean_entropy(confidences)
    for wanted in (0.1, own, 2.0):
        found = coding.matched_temperature(confidences, wanted)
        assert coding.mean_entropy(coding.tempered(confidences, found)) == pytest.approx(wanted, abs=1e-4)
    assert coding.matched_temperature(confidences, own) == pytest.approx(1, abs=1e-3)
    # no answer is that flat: the flattest
    assert coding.matched_temperature(confidences, 9.0) == pytest.approx(1000)


# --- codes of a user's own, tried before they are believed


def right(x, num_steps, *, generator):
    return torch.rand(num_steps, *x.shape, generator=generator).lt(x).float()


@coding.encoder(binary=True)
def not_binary(x, num_steps, *, generator):
    return 0.5 * right(x, num_steps, generator=generator)


@coding.encoder(period=2)
def not_periodic(x, num_steps, *, generator):
    return right(x, num_steps, generator=generator)


WRONG_ENCODERS = {
    "images in the range alone": (
        lambda x, n, *, generator: torch.bernoulli(x.expand(n, *x.shape), generator=generator), "fails .*RuntimeError"
    ),
    "a chance of its own": (lambda x, n, *, generator: torch.rand(n, *x.shape).lt(x).float(), "by the same draws"),
    "not binary": (not_binary, "other values than 0 and 1"),
    "not periodic": (not_periodic, "does not repeat itself after 2 steps"),
}  # fmt: skip


@pytest.mark.parametrize("own, sentence", WRONG_ENCODERS.values(), ids=WRONG_ENCODERS)
def test_an_encoder_that_cannot_be_used_is_named_before_any_training(own, sentence, monkeypatch):
    monkeypatch.setitem(ENCODERS, "mine", own)
    with pytest.raises(ValueError, match=f"^encoder 'mine' .*{sentence}.*expected"):
        small("snn", (2, 3), 4, num_steps=5, encoder="mine")


def test_batch_first_is_seen_with_as_many_steps_as_images_are_tried(monkeypatch):
    monkeypatch.setitem(ENCODERS, "mine", lambda x, n, *, generator: x[:, None].expand(-1, n, -1))
    with pytest.raises(ValueError, match=r"encoder 'mine' gives shape \(3, 2, 6\)"):
        num_fed("mine", 6, 2)


WRONG_DECODERS = {
    "logits": (lambda spk, mem: mem.mean(0), "gives rows that sum to"),
    "time first": (lambda spk, mem: mem.softmax(-1), r"gives shape \(5, 2, 4\)"),
    "nothing where none spikes": (lambda spk, mem: (0 * spk).sum(0) / (0 * spk).sum((0, 2))[:, None], "NaN"),
}


@pytest.mark.parametrize("own, sentence", WRONG_DECODERS.values(), ids=WRONG_DECODERS)
def test_a_decoder_that_cannot_be_used_is_named_before_any_training(own, sentence, monkeypatch):
    monkeypatch.setitem(DECODERS, "mine", own)
    with pytest.raises(ValueError, match=f"^decoder 'mine' .*{sentence}.*expected"):
        small("snn", (2, 3), 4, num_steps=5, decoder="mine")


def clips_in_place(x, num_steps, *, generator):
    return x.sub_(0.5).mul_(9).clamp_(0, 1).expand(num_steps, *x.shape)


@pytest.mark.parametrize("kind, marked", [("snn", {}), ("snn", {"period": 1}), ("ann", {})])
def test_an_encoder_that_changes_its_images_changes_nobody_elses(kind, marked, digits, monkeypatch):
    monkeypatch.setitem(ENCODERS, "mine", coding.encoder(**marked)(clips_in_place))
    model = small("snn", encoder="mine") if kind == "snn" else small("ann").asked(Query(encoder="mine"))
    x = digits.x_test[:20].clone()
    for _ in range(2):
        answers(model, x, seed=0)
        model.loss(x, digits.y_test[:20], generator=seeded())
        assert torch.equal(x, digits.x_test[:20])


def test_rates_that_change_their_images_change_nobody_elses(digits, monkeypatch):
    monkeypatch.setitem(ENCODERS, "mine", coding.encoder(bernoulli=True, rates=lambda x: x.mul_(0.5))(right))
    x = digits.x_test[:5].clone()
    small("snn", encoder="mine")(x, generator=seeded())
    straight("mine", x.flatten(1), 25)
    assert torch.equal(x, digits.x_test[:5])
