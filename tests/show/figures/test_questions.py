"""What a question is worth, drawn where the numbers are."""

import pandas as pd
import pytest

from snnmi.show import figures
from tests.helpers import texts


def test_answers_are_a_dot_a_network_in_its_kinds_colour_and_each_cloud_is_named_once():
    rows = [("ann", "strokes", 0.2, 0.8), ("ann", "strokes", 0.3, 0.7), ("snn", "grey", 0.6, 0.2)]
    columns = ["kind", "name", "commonest_answer", "surrogate_accuracy"]
    fig = figures.answers(pd.DataFrame(rows, columns=columns))
    drawn = {line.get_color(): line.get_xydata().tolist() for line in fig.axes[0].lines}
    assert drawn == {
        figures.COLORS["ann"]: [[0.2, 0.8], [0.3, 0.7]],
        figures.COLORS["snn"]: [[0.6, 0.2]],
    }
    named = {text.get_text(): text.xy for text in fig.axes[0].texts}
    assert named["strokes"] == pytest.approx((0.3, 0.75)) and named["grey"] == (0.6, 0.2)
    assert {"ANN", "SNN"} <= set(texts(fig))
