"""Every figure is drawn in the book's style and leaves nothing open."""

import matplotlib.pyplot as plt
import pytest

from snnmi.show import figures


@pytest.fixture(autouse=True)
def nothing_stays_open():
    figures.use_style()
    yield
    assert not plt.get_fignums(), "an open figure would be shown twice in a notebook"
