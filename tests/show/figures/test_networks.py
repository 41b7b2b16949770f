"""Networks are dots on their cell's line; a specification curve is sorted and names every setting."""

import pandas as pd
import pytest

from snnmi.show import figures
from tests.helpers import texts

CELLS = pd.DataFrame({"cell": ["ANN", "ANN", "SNN", "ANN behind a clip"], "value": [0.6, 0.5, 0.2, 0.1]})
CELLS["target"] = CELLS.cell.str[:3].str.lower()


def test_a_network_is_a_dot_and_the_paper_a_diamond_on_the_line_of_its_cell():
    fig = figures.networks(CELLS, {"ANN": 0.68, "SNN": 0.2}, name="surrogate accuracy", floor=0.11)
    ax = fig.axes[0]
    dots = [sorted(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]
    assert dots == [[0.5, 0.6], [0.2], [0.1]]
    diamonds = {line.get_ydata()[0]: line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"}
    assert diamonds == {0: 0.68, 1: 0.2}
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.55, 0.2, 0.1]), "at their mean"
    assert {"ANN behind a clip", "surrogate accuracy", "published", "guessing"} <= set(texts(fig))
    assert "published" not in texts(figures.networks(CELLS, {}, name="no number of the paper's", floor=0.1))


def test_a_specification_curve_sorts_by_the_first_and_marks_each_settings_choices():
    frame = pd.DataFrame({"ANN": [0.5, 0.1, 0.3], "SNN": [float("nan"), 0.2, float("nan")]})
    frame = frame.assign(width=[256, 512, 256], rate=[1e-4, 1e-4, 1e-3])
    shown = {"ANN": ("blue", "o"), "SNN": ("orange", "D")}
    how = dict(name="reads", floor=0.1, chosen=frame.width == 512)
    above, below = figures.specification(frame, ["width", "rate"], shown, **how).axes
    dots = {line.get_marker(): line.get_ydata() for line in above.lines}
    assert dots["o"].tolist() == [0.1, 0.3, 0.5] and dots["D"][0] == 0.2, "sorted by the first"
    assert [line.get_xdata()[0] for line in below.lines if line.get_linewidth() == 4] == [0], "the frozen one"
    marks = {(x, y) for line in below.lines if line.get_marker() == "s" for x, y in line.get_xydata()}
    names = [label.get_text() for label in below.get_yticklabels()]
    assert names == ["width 256", "width 512", "rate 0.0001", "rate 0.001"]
    assert marks == {(0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 2)}


def test_answers_are_a_dot_a_network_in_its_kinds_colour_and_each_cloud_is_named_once():
    rows = [("ann", "strokes", 0.2, 0.8), ("ann", "strokes", 0.3, 0.7), ("snn", "strokes", 0.3, 0.8)]
    rows += [("snn", "grey", 0.6, 0.2), ("snn", "other", 0.65, 0.2)]
    columns = ["kind", "name", "commonest_answer", "surrogate_accuracy"]
    fig = figures.answers(pd.DataFrame(rows, columns=columns))
    drawn = {line.get_color(): line.get_xydata().tolist() for line in fig.axes[0].lines}
    assert drawn == {
        figures.COLORS["ann"]: [[0.2, 0.8], [0.3, 0.7]],
        figures.COLORS["snn"]: [[0.3, 0.8], [0.6, 0.2], [0.65, 0.2]],
    }
    assert [text.get_text() for text in fig.axes[0].texts] == ["strokes", "grey", "other"]
    beside, below, other = (text.get_position() for text in fig.axes[0].texts)
    assert beside == pytest.approx((0.315, 0.75)) and other == pytest.approx((0.665, 0.2))
    assert below[0] < 0.6 and below[1] == pytest.approx(0.15), "a dot stands beside it"
    assert {"ANN", "SNN"} <= set(texts(fig))
