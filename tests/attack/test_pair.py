"""Pairs of all classes side by side: each with weights of its own, copied, chosen and loaded one by one."""

import pytest
import torch

from snnmi.attack.pair import Pair
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


def test_only_the_chosen_pairs_are_taken_and_loading_takes_them_all():
    mine, theirs = pair(0).copy(), pair(1)
    first = mine.copy()
    mine.take(theirs, torch.tensor([True, False, True]))
    for name, weights in mine.parameters.items():
        for key, w in weights.items():
            assert torch.equal(w[1], first.parameters[name][key][1])
            assert torch.equal(w[[0, 2]], theirs.parameters[name][key][[0, 2]])
    mine.load(theirs.parameters)
    assert_same_tensors(mine.parameters, theirs.parameters)


def test_gradients_pass_a_frozen_surrogate_and_stop_at_its_weights():
    players, z = pair(), torch.randn(3, 7, 6, generator=seeded())
    players.S(players.G(z), frozen=True).sum().backward()
    assert all(w.grad is None for w in players.parameters["surrogate"].values())
    assert all(w.grad.abs().sum() > 0 for w in players.parameters["generator"].values())
