"""Pictures of spikes and membranes have as many spikes as they are given."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from snnmi.show import figures
from tests.helpers import texts


@pytest.mark.parametrize("num_steps", [1, 25])
def test_raster_has_one_mark_a_spike(num_steps):
    chance = np.random.default_rng(0)
    image = chance.random((3, 4)).astype(np.float32)
    spikes = (chance.random((num_steps, 3, 4)) < image).astype(np.float32)
    fig = figures.rate_coding(image, spikes)
    marks = [segment for lines in fig.findobj(LineCollection) for segment in lines.get_segments()]
    assert len(marks) == spikes.sum()


def test_a_codes_rows_go_from_the_brightest_pixel_down_and_neuron_by_neuron():
    image = np.array([0.1, 0.9, 0.5], dtype=np.float32)
    one = np.tile(image, (4, 1))  # what is fed is the pixel itself
    two = np.stack([image, image + 1], axis=1).reshape(1, 6).repeat(4, axis=0)  # its two neurons side by side
    fig = figures.rasters(image, {"one": one, "two": two})
    first, second = (ax.images[0].get_array()[:, 0].data for ax in fig.axes[:2])
    np.testing.assert_allclose(first, [0.9, 0.5, 0.1])
    np.testing.assert_allclose(second, [0.9, 0.5, 0.1, 1.9, 1.5, 1.1], rtol=1e-6)


def test_lif_traces_count_the_spikes():
    spk = np.array([0, 0, 1, 0, 1], dtype=np.float32)
    fig = figures.lif_traces(np.full(5, 0.6, dtype=np.float32), {"delayed": (spk, 0.4 * spk + 0.7)})
    assert "delayed: 2 spikes" in texts(fig)


def test_the_surrogate_gradient_is_drawn_beside_what_training_made_of_it():
    u = np.linspace(-1, 1, 5)
    curve = np.array([[2.0, 0.5], [1.0, 0.25]])
    fig = figures.surrogate_gradient(u, (u > 0) * 1.0, (1 + abs(u)) ** -2, {"surrogate": (curve, 0.9)})
    assert "surrogate: 90% right" in texts(fig)
    loss, norm = (ax.lines[0].get_ydata().tolist() for ax in fig.axes[1:3])
    assert (loss, norm) == ([2.0, 1.0], [0.5, 0.25])
