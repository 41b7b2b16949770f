"""Guess who, as the book's script is given it."""

import re

import numpy as np

from snnmi.show import explorer, guess


def drawn(pictures, **originals):
    return explorer.Drawn("ann", [0, 1], originals, pictures[:, None], np.ones(2))


def test_the_machine_picks_the_photograph_that_a_drawing_is_most_like():
    photographs = np.random.default_rng(0).integers(0, 256, (2, 6, 5), dtype=np.uint8)
    page = guess.guess_who({"ANN": drawn(photographs[[1, 1]], **{"test image": photographs})})
    assert re.findall('data-is="(.)" data-machine="(.)"', page) == [("0", "1"), ("1", "1")]
    assert page.count("<button") == 2 and page.count(" hidden>") == 1, (
        "the first drawing is seen without a script"
    )


def test_without_photographs_there_is_no_game():
    assert guess.guess_who({}) == guess.guess_who({"ANN": drawn(np.zeros((2, 6, 5), np.uint8))}) == ""
