"""Rows of pictures under one blur, as a page is given them."""

import re

import numpy as np
import pytest

from snnmi.show import squint

PICTURES = [*np.random.default_rng(0).integers(0, 256, (2, 112, 92), dtype=np.uint8)]


def test_every_picture_says_of_whom_it_is_and_only_what_was_drawn_gets_more_contrast():
    page = squint.squint([3, 7], PICTURES, {"ANN": PICTURES[::-1], "SNN": PICTURES})
    assert re.findall("<b>(.*?)</b>", page) == ["photograph", "ANN", "SNN"]
    assert re.findall('alt="(.*?)"', page)[1:4] == [
        "A photograph of person 7",
        "Person 3, drawn from the ANN",
        "Person 7, drawn from the ANN",
    ]
    assert page.count("<span>") == 2 and page.count('<span class="drawn">') == 4
    sources = re.findall('src="(.*?)"', page)
    assert sources[2:4] == sources[1::-1] and sources[4:] == sources[:2], "each its own"


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError):
        squint.squint([3], PICTURES, {})
