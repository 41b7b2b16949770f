"""Calibration: the distance from the published numbers, and the settings that were screened."""

import pytest

from snnmi.attack.players import GaminConfig
from snnmi.study import calibrate, published

ROW = published.TABLE_2["mnist", "ann"] | {"fidelity_mae": 0.8929}


def test_distance_is_the_mean_relative_difference_of_five_numbers():
    assert calibrate.distance(ROW) == pytest.approx(0)
    assert calibrate.distance(ROW | {"M_global": 1.0371 * 1.5, "A_target": 0.5}) == pytest.approx(
        (0.5 + 0.5) / 5
    )


def test_the_frozen_setting_is_one_of_those_screened():
    frozen = GaminConfig()
    tried = [setting == {name: getattr(frozen, name) for name in setting} for setting in calibrate.GRID]
    assert sum(tried) == 1 and len(tried) == 6
