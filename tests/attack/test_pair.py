"""Pairs of all classes side by side: each with weights of its own, copied, chosen and loaded one by one."""

from functools import partial

import pytest
import torch
from torch import nn

from snnmi.attack.blackbox import BlackBox
from snnmi.attack.gamin import attack
from snnmi.attack.noises import CHOSEN, NOISES
from snnmi.attack.pair import Pair, try_pieces
from snnmi.attack.players import FAMILIES, GaminConfig
from tests.helpers import assert_same_tensors, seeded


def pair(seed=0, count=3, **changes):
    return Pair.new(GaminConfig(hidden=16, z_dim=6, **changes), (4, 5), 3, count, seed=seed)


def test_classes_begin_with_weights_of_their_own():
    weight = pair().parameters["generator"]["0.weight"]
    assert weight.shape[0] == 3 and not torch.equal(weight[0], weight[1])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_generator_may_start_black_in_every_family_and_is_else_the_same(family):
    z = torch.randn(3, 50, 6, generator=seeded())
    grey, black = (pair(family=family, output_bias=bias) for bias in (0.0, -3.0))
    assert grey.G(z).mean().item() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(black.G(z).logit(), grey.G(z).logit() - 3, rtol=0, atol=1e-3)
    assert_same_tensors(grey.parameters["surrogate"], black.parameters["surrogate"])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_one_class_alone_answers_as_among_the_others(family):
    all_three, z = pair(family=family), torch.randn(3, 7, 6, generator=seeded())
    alone, images = all_three.only(1), all_three.G(z)
    torch.testing.assert_close(alone.G(z[1:2])[0], images[1])
    torch.testing.assert_close(alone.S(images[1:2])[0], all_three.S(images)[1])


def test_gradients_pass_a_frozen_surrogate_and_stop_at_its_weights():
    players, z = pair(), torch.randn(3, 7, 6, generator=seeded())
    players.S(players.G(z), frozen=True).sum().backward()
    assert all(w.grad is None for w in players.parameters["surrogate"].values())
    assert all(w.grad.abs().sum() > 0 for w in players.parameters["generator"].values())


# --- pieces of a user's own, tried before anything is asked


def mine(config, image_shape, num_classes, *, within=(), before=(), ends=None, last=()):
    """A family with something of a user's own in it: in the middle of both, before the surrogate, at their ends."""
    pixels, h = image_shape[0] * image_shape[1], 8
    ends = [nn.Sigmoid(), nn.Unflatten(1, image_shape)] if ends is None else ends
    layers = [layer() for layer in within]
    surrogate = [*before, nn.Flatten(), nn.Linear(pixels, h), *layers, nn.Linear(h, num_classes), *last]
    generator = [nn.Linear(config.z_dim, h), *(layer() for layer in within), nn.Linear(h, pixels), *ends]
    return nn.Sequential(*surrogate), nn.Sequential(*generator)


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(8))

    def forward(self, x):
        return self.scale * x


class Detached(nn.Module):
    def forward(self, x):
        return x.detach()


WRONG_FAMILIES = {
    "BatchNorm": ({"within": [lambda: nn.BatchNorm1d(8)]}, r"has buffers \(surrogate's 2.running_mean\)"),
    "a constant": ({"within": [Constant]}, r"has buffers \(surrogate's 2.scale\)"),
    "Dropout": ({"within": [nn.Dropout]}, "its surrogate fails .*no Dropout"),
    "a channel": ({"ends": [nn.Sigmoid(), nn.Unflatten(1, (1, 4, 5))]}, r"its generator gives shape \(2, 2, 1, 4, 5\)"),
    "any values": ({"ends": [nn.Unflatten(1, (4, 5))]}, "its generator gives values from -.*end it with a Sigmoid"),
    "no gradient": ({"within": [Detached], "last": [Detached()]}, "its surrogate fails .*does not require grad"),
    "confidences": ({"last": [nn.Softmax(-1)]}, "its surrogate gives confidences, expected logits"),
    "fewer classes": ({"last": [nn.Linear(3, 2)]}, r"its surrogate gives shape \(2, 2, 2\)"),
    "in place": ({"before": [nn.Hardtanh(0, 1, inplace=True)]}, "its surrogate fails .*in-place"),
    "one network": (lambda *_: nn.Linear(2, 2), "fails: .*expected .*surrogate and generator"),
    "no weights yet": (lambda *_: (nn.LazyLinear(3),) * 2, "fails: .*expected .*surrogate and generator"),
}  # fmt: skip


@pytest.mark.parametrize("how, sentence", WRONG_FAMILIES.values(), ids=WRONG_FAMILIES)
def test_a_family_that_cannot_play_is_named_before_any_query(how, sentence, monkeypatch):
    monkeypatch.setitem(FAMILIES, "mine", how if callable(how) else partial(mine, **how))
    asked = BlackBox(lambda x: pytest.fail("was asked"), seed=0)
    with pytest.raises(ValueError, match=f"^family 'mine'.*{sentence}"):
        attack(asked, GaminConfig(family="mine"), image_shape=(4, 5), num_classes=3, labels=[0], seed=0)


WRONG_NOISES = {  # `checks.tried` finds all else
    "flat": (lambda n, *shape, generator, device: torch.rand(n, 20, generator=generator), r"gives shape \(2, 20\)"),
    "of images alone": (
        lambda n, h, w, *, generator, device: torch.rand(n, h, w, generator=generator), "fails .*TypeError"
    ),
}  # fmt: skip


@pytest.mark.parametrize("own, sentence", WRONG_NOISES.values(), ids=WRONG_NOISES)
def test_a_noise_that_cannot_be_asked_is_named_before_any_query(own, sentence, monkeypatch):
    monkeypatch.setitem(NOISES, "mine", own)
    asked = BlackBox(lambda x: pytest.fail("was asked"), seed=0)
    with pytest.raises(ValueError, match=f"^noise 'mine' .*{sentence}.*expected"):
        attack(asked, GaminConfig(noise="mine"), image_shape=(4, 5), num_classes=3, labels=[0], seed=0)


def test_a_noise_that_asks_the_same_at_every_batch_is_said(monkeypatch):
    monkeypatch.setitem(NOISES, "mine", lambda *shape, generator, device: torch.zeros(shape, device=device))
    with pytest.warns(UserWarning, match="noise 'mine' is the same by other draws"):
        try_pieces(GaminConfig(noise="mine", hidden=8, z_dim=3), (4, 5), 3)


PIECES = [*((family, "normal") for family in FAMILIES), *(("mlp", noise) for noise in [*NOISES, CHOSEN])]


@pytest.mark.parametrize("family, noise", PIECES)
def test_the_projects_own_pieces_pass_and_nobodys_chance_has_moved(family, noise):
    torch.manual_seed(0)
    try_pieces(GaminConfig(family=family, noise=noise, hidden=8, z_dim=3), (16, 8), 3)  # as two bins
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(3))
