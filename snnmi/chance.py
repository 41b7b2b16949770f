"""Chance by role: one seed a run, and a stream of its own for everybody who draws from it."""

import hashlib
import operator
from contextlib import contextmanager

import torch

ROLES = (
    "target's weights",  # the first ones
    "target's shuffling",  # of the training images
    "target's training draws",  # of its encoder
    "target's answers",  # draws of an encoder when it is queried
    "attacker's weights",
    "attacker's queries",  # noise and z
    "examiner's queries",  # noise, z and paths on which a finished attack is measured
    "examiner's answers",  # the target's draws when the examiner asks
    "judge's weights",
    "judge's shuffling",
    "judge's training draws",
    "boundary paths",  # which images they join
    "boundary slices",  # their directions, and the test images that are asked twice
    "reference images",  # what the judge is shown beside reconstructions
    "fooling noise",
    "white-box inversion",
)


def stream(role: str, seed: int) -> int:
    """The 63-bit seed of a role: SHA-256 of its name and the run's seed. No two roles share a stream."""
    if role not in ROLES:
        raise ValueError(f"role is {role!r}, expected one of {list(ROLES)}")
    try:
        seed = operator.index(seed)
    except TypeError:
        raise ValueError(f"seed is {seed!r}, expected a whole number") from None
    return int.from_bytes(hashlib.sha256(f"{role} {seed}".encode()).digest()[:8]) >> 1


def generator(role: str, seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """The role's own generator."""
    return torch.Generator(device).manual_seed(stream(role, seed))


@contextmanager
def first_weights(role: str, seed: int):
    """Inside, PyTorch's layers draw their first weights from the role's stream; outside nothing has changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(role, seed))
        yield
