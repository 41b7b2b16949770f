"""Settings that cannot work are refused in one sentence."""

from math import inf, nan
from types import SimpleNamespace as Fields

import numpy as np
import pytest
import torch

from snnmi.checks import above, at_least, classes, number, one_of, tried, within


def test_a_whole_number_of_numpys_is_kept_as_pythons():
    settings = Fields(n=np.int64(3))
    at_least(settings, n=1)
    assert type(settings.n) is int and settings.n == 3


REFUSED = {
    "a whole number, at least 1": (lambda s: at_least(s, n=1), [0, -1, 2.5, True, "3", None, nan]),
    "a number above 0": (lambda s: above(s, n=0), [0, -0.1, nan, inf, True, "1", None]),
    "a number from 0 to 1": (lambda s: within(s, 0, 1, "n"), [-0.1, 1.1, nan, False]),
    r"one of \['delayed', 'early'\]": (lambda s: one_of(s, n={"delayed", "early"}), ["never"]),
}
WRONG = [(check, value, said) for said, (check, values) in REFUSED.items() for value in values]


@pytest.mark.parametrize("check, value, expected", WRONG)
def test_a_setting_that_cannot_work_is_refused(check, value, expected):
    with pytest.raises(ValueError, match=f"n is {value!r}, expected {expected}"):
        check(Fields(n=value))


MEANT = [("1e1", 10), (1e1, 10), ("0.5", 0.5), *((same, same) for same in (3, True, "rate", [512], None))]


@pytest.mark.parametrize("given, meant", MEANT)
def test_a_number_is_one_however_it_is_written(given, meant):
    assert number(given) == meant and type(number(given)) is type(meant)


def drawn(x=0.5):
    """Two numbers by the run's own generator, the same at each asking."""
    return torch.rand(2, generator=torch.Generator().manual_seed(0)) * x


PIECES = {
    "fails where it is tried: KeyError: 'x'; expected a float32": lambda: {}["x"],
    "gives a ndarray, expected": lambda: drawn().numpy(),
    "gives torch.float64, expected": lambda: drawn().double(),
    "gives torch.float32, torch.sparse_coo": lambda: drawn().to_sparse(),
    r"gives shape \(2, 1\)": lambda: drawn()[:, None],
    "gives NaN or infinite values": lambda: drawn(float("inf")),
    "gives something else by the same draws": lambda: torch.rand(2),
}


@pytest.mark.parametrize("sentence", PIECES)
def test_a_piece_of_a_users_own_is_tried_and_named(sentence):
    assert tried("noise 'mine'", drawn, None, advice="draw it").shape == (2,)
    with pytest.raises(ValueError, match=f"^noise 'mine' {sentence}.*: draw it$"):
        tried("noise 'mine'", PIECES[sentence], 2, advice="draw it")


LABELS = [np.arange(3), torch.arange(3), range(3), (0, 1, 2), {0, 1, 2}]


@pytest.mark.parametrize("given", LABELS)
def test_labels_are_taken_in_whatever_list_they_come(given):
    assert classes(given, 3) == [0, 1, 2] and all(type(label) is int for label in classes(given))


@pytest.mark.parametrize("given", [[], [3], [-1], [0, 1, 9], 2, ["2"], [1.0], [True, False, True]])
def test_what_are_no_labels_is_refused(given):
    with pytest.raises(ValueError, match="labels are .*, expected at least one of 0 to 2, in a list"):
        classes(given, 3)
