"""Settings that cannot work are refused in one sentence."""

from math import inf, nan
from types import SimpleNamespace as Fields

import numpy as np
import pytest

from snnmi.checks import above, at_least, number, one_of, within


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3", None, nan])
def test_a_whole_number_is_one_and_not_too_small(value):
    with pytest.raises(ValueError, match=f"n is {value!r}, expected a whole number, at least 1"):
        at_least(Fields(n=value), n=1)


def test_a_whole_number_of_numpys_is_kept_as_pythons():
    settings = Fields(n=np.int64(3))
    at_least(settings, n=1)
    assert type(settings.n) is int and settings.n == 3


@pytest.mark.parametrize("value", [0, -0.1, nan, inf, True, "1", None])
def test_a_rate_is_a_finite_number_above_nothing(value):
    with pytest.raises(ValueError, match=f"lr is {value!r}, expected a number above 0"):
        above(Fields(lr=value), lr=0)


@pytest.mark.parametrize("value", [-0.1, 1.1, nan, False])
def test_a_share_lies_within_its_bounds(value):
    with pytest.raises(ValueError, match=f"beta is {value!r}, expected a number from 0 to 1"):
        within(Fields(beta=value), 0, 1, "beta")


def test_a_name_is_one_of_those_there_are():
    with pytest.raises(ValueError, match=r"reset is 'never', expected one of \['delayed', 'early'\]"):
        one_of(Fields(reset="never"), reset={"delayed", "early"})


MEANT = [("1e1", 10), (1e1, 10), ("0.5", 0.5), *((same, same) for same in (3, True, "rate", [512], None))]


@pytest.mark.parametrize("given, meant", MEANT)
def test_a_number_is_one_however_it_is_written(given, meant):
    assert number(given) == meant and type(number(given)) is type(meant)


def test_what_can_work_passes():
    at_least(Fields(n=1), n=1)
    above(Fields(lr=1e-9), lr=0)
    within(Fields(beta=0), 0, 1, "beta")
    one_of(Fields(encoder=None), encoder={None, "rate"})
