"""One seed a run, a stream of its own for every role."""

from itertools import combinations

import numpy as np
import pytest
import torch

from snnmi import chance
from tests.helpers import unchecked


def draws(role, seed):
    return torch.rand(200, generator=chance.generator(role, seed))


@pytest.mark.parametrize("one, other", combinations(chance.ROLES, 2))
def test_no_two_roles_share_a_stream(one, other):
    """Neither with the same seed nor with a neighbouring one: no number of the first is among the second's."""
    first = set(draws(one, 0).tolist())
    assert not any(first & set(draws(other, seed).tolist()) for seed in (0, 1))


def test_a_stream_is_known_by_role_and_seed():
    assert torch.equal(draws("attacker's queries", 3), draws("attacker's queries", 3))
    assert not torch.equal(draws("attacker's queries", 3), draws("attacker's queries", 4))
    # the first 63 bits of SHA-256 of "attacker's queries 3"
    assert chance.stream("attacker's queries", 3) == 2485296138006895086


def test_an_unknown_role_is_refused():
    with pytest.raises(ValueError, match="role is 'attacker', expected one of"):
        chance.stream("attacker", 0)


def test_a_seed_is_a_whole_number_of_pythons_or_numpys_and_nothing_else():
    stream = unchecked(chance.stream)
    assert len({stream("boundary paths", seed) for seed in (3, np.int64(3), torch.tensor(3))}) == 1
    for wrong in (None, 1.5, "3", np.zeros(2)):
        with pytest.raises(ValueError, match="seed is .*, expected a whole number"):
            stream("boundary paths", wrong)
