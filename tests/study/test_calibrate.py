"""Calibration: the settings that were screened."""

from snnmi.attack.players import GaminConfig
from snnmi.study import calibrate


def test_the_frozen_setting_is_one_of_those_screened():
    frozen = GaminConfig()
    tried = [setting == {name: getattr(frozen, name) for name in setting} for setting in calibrate.GRID]
    assert sum(tried) == 1 and len(tried) == 6
