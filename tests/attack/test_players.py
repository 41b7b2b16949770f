"""The attack's settings refuse mistakes; its noises have the distributions of their names."""

from dataclasses import replace

import pytest

from snnmi.attack.players import NOISES, GaminConfig
from tests.helpers import seeded


@pytest.mark.parametrize(
    "name, low, high, mean, std",
    [("normal", -9, 9, 0, 1), ("clipped", 0, 1, 0.3156, 0.3980), ("uniform", 0, 1, 0.5, 0.2887)],
)
def test_noise_has_the_distribution_of_its_name(name, low, high, mean, std):
    x = NOISES[name](50, 1000, generator=seeded(), device="cpu")
    assert x.shape == (50, 1000) and low <= x.min() and x.max() <= high
    assert x.mean().item() == pytest.approx(mean, abs=0.01) and x.std().item() == pytest.approx(std, abs=0.01)


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"family": "transformer"}, r"family is 'transformer', expected one of \['cnn', 'mlp'\]"),
        ({"noise": "pink"}, "noise is 'pink', expected one of"),
        ({"batch_size": 7}, "batch_size is 7, expected an even number"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batches": 0}, "batches is 0"),
        ({"generator_steps": 0}, "generator_steps is 0"),
        ({"log_points": 0}, "log_points is 0, expected a whole number, at least 1"),
        ({"keep_window": 0}, "keep_window is 0"),
        ({"batches": 5, "keep_window": 6}, "keep_window is 6, expected at most batches, 5"),
    ],
)
def test_a_mistake_in_the_settings_says_what_was_expected(changes, found):
    with pytest.raises(ValueError, match=found):
        replace(GaminConfig(batches=12, batch_size=8), **changes)
