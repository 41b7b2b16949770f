"""Pictures of spikes and membranes have as many spikes as they are given."""

import numpy as np
from matplotlib.collections import LineCollection

from snnmi.show import figures
from tests.helpers import texts


def test_raster_has_one_mark_a_spike():
    chance = np.random.default_rng(0)
    image = chance.random((3, 4)).astype(np.float32)
    spikes = (chance.random((25, 3, 4)) < image).astype(np.float32)
    fig = figures.rate_coding(image, spikes)
    marks = [segment for lines in fig.findobj(LineCollection) for segment in lines.get_segments()]
    assert len(marks) == spikes.sum()


def test_lif_traces_count_the_spikes():
    spk = np.array([0, 0, 1, 0, 1], dtype=np.float32)
    fig = figures.lif_traces(np.full(5, 0.6, dtype=np.float32), {"delayed": (spk, 0.4 * spk + 0.7)})
    assert "delayed: 2 spikes" in texts(fig)
