"""Reconstructions and slices: every picture in its place, on one grey scale, and what is missing is said."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snnmi.show import figures
from tests.helpers import texts

BLACK = np.zeros((8, 8))


def test_reconstructions_put_forty_people_in_blocks_of_ten():
    people = list(np.random.default_rng(0).random((40, 28, 23)).astype(np.float32))
    fig = figures.reconstructions(range(40), {"class mean": people, "SNN": people})
    labels = [text for text in fig.findobj(plt.Text) if text.get_text().isdigit()]
    assert sorted(int(text.get_text()) for text in labels) == list(range(40))
    assert len({text.get_position()[1] for text in labels}) == 4
    assert len(fig.axes[0].images) == 80


def test_bytes_and_shares_share_one_grey_scale():
    white = figures.reconstructions([0, 1], {"ANN": [np.full((2, 2), 255, np.uint8), np.ones((2, 2))]})
    assert [image.get_clim() for image in white.axes[0].images] == [(0, 255), (0, 1)]


def test_what_is_missing_is_an_empty_frame_and_a_line_that_has_nothing_is_left_out():
    lines = {"class mean": [None, None], "test image": [BLACK, None], "ANN": [BLACK, np.full((8, 8), np.nan)]}
    fig = figures.reconstructions([0, 1], lines)
    said = texts(fig)
    assert said.count("NaN") == 1 and len(fig.axes[0].images) == 2
    assert "test image" in said and "class mean" not in said


def test_pictures_with_detail_are_twice_as_large():
    widths = []
    for side in (28, 112):
        fig = figures.reconstructions(range(10), {"ANN": [np.zeros((side, side))] * 10})
        left, right, *_ = fig.axes[0].images[0].get_extent()
        widths.append(right - left)
    assert widths[1] == pytest.approx(2 * widths[0])


def test_reconstructions_refuse_columns_of_unequal_length():
    with pytest.raises(ValueError, match="'ANN' holds 1 pictures for 2 labels"):
        figures.reconstructions([0, 1], {"ANN": [BLACK]})


def test_decision_slices_say_how_much_differs():
    target = np.zeros((8, 8), dtype=np.uint8)
    surrogate = target.copy()
    surrogate[:2] = 1  # a quarter
    plane = {"extent": (-1, 1, -1, 1), "points": [[0, 0.5]], "point_labels": [7]}
    row = plane | {"title": "ANN", "target": target, "surrogate": surrogate}
    found = texts(figures.decision_slices([row], num_classes=10))
    assert "25% of the plane" in found
    assert found.count("7") == 3 and "0" in found and "1" in found


@pytest.mark.parametrize("count", [2, 10, 21, 40])
def test_every_class_has_a_colour_of_its_own(count):
    assert len({tuple(color) for color in figures.label_colors(count)}) == count
