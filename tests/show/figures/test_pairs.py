"""ANN and SNN side by side: a panel a place, a line a pair."""

import pandas as pd
import pytest

from snnmi.show import figures
from tests.helpers import texts


def test_flips_have_a_panel_a_scale_and_a_line_a_kind_of_path():
    counted = pd.DataFrame({"kind": ["within", "between"], "ann": [0.5, 1.5], "scale": "MNIST"})
    counted[["snn_low", "snn_high", "snn_single"]] = [1.0, 2.0, 3.0]
    names = {"between": "two classes", "within": "one class"}
    fig = figures.flips(counted, names)
    assert {"MNIST", "two classes", "one class"} <= set(texts(fig))
    (ax,) = fig.axes
    assert ax.lines[0].get_xdata().tolist() == [0.5, 1.5]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.85, -0.15])
    assert len(figures.flips(counted[:0], names).axes) == 1
