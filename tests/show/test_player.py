"""Films: a picture a bin and film, played in the browser, blue and orange where they belong."""

import ipywidgets as widgets
import numpy as np
import pytest

from snnmi.show.player import BRIGHTER, DARKER, colored, player


def test_brighter_is_blue_darker_is_orange_and_nothing_is_white():
    frame = np.zeros((2, 1, 3), np.float32)
    frame[0, 0, 0] = frame[1, 0, 1] = 1
    found = colored(frame)
    assert found[0].tolist() == [BRIGHTER.tolist(), DARKER.tolist(), [255, 255, 255]]


def test_a_player_has_a_frame_a_bin_and_the_browser_turns_them():
    film = np.zeros((3, 2, 4, 5), np.float32)
    box = player({"a <recording>": film, "drawn": film})
    slider, stack = box.children
    assert len(stack.children) == 3 and isinstance(slider, widgets.IntSlider)
    shown = stack.children[1].value
    assert shown.count("<img") == 2 and "a &lt;recording&gt;, bin 2 of 3" in shown
    assert (slider.min, slider.max) == (0, 2)


@pytest.mark.parametrize(
    "films", [{}, {"a": np.zeros((2, 2, 1, 1), np.float32), "b": np.zeros((3, 2, 1, 1), np.float32)}]
)
def test_films_of_different_lengths_are_refused(films):
    with pytest.raises(ValueError, match="bins, expected some films, all of as many bins"):
        player(films)
