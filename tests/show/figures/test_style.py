"""ANN and SNN can be told apart by everybody."""

import numpy as np
from matplotlib.colors import to_rgb

from snnmi.show import figures


def test_ann_and_snn_differ_in_grey_too():
    grey = [np.dot(to_rgb(figures.COLORS[kind]), [0.2126, 0.7152, 0.0722]) for kind in ("ann", "snn")]
    assert abs(grey[0] - grey[1]) > 0.07
