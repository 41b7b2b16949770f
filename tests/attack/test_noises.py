"""Noises have the distributions and the looks of their names, at any image size."""

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from snnmi.attack.noises import IN_RANGE, NOISES
from tests.helpers import seeded

SIZES = {"digits": (28, 28), "faces": (112, 92)}


def drawn(name, *shape):
    return NOISES[name](*shape, generator=seeded(), device="cpu")


@pytest.mark.parametrize(
    "name, low, high, mean, std",
    [
        ("normal", -9, 9, 0, 1),
        ("clipped", 0, 1, 0.3156, 0.3980),
        ("uniform", 0, 1, 0.5, 0.2887),
        ("sparse", 0, 1, 0.1, (0.2 / 3 - 0.1**2) ** 0.5),
        ("binary", 0, 1, 0.5, 0.5),
        ("grey", -9, 9, 0.316, 0.389),
        ("centred", -0.316, 0.684, 0, 0.3980),
    ],
)
def test_noise_has_the_distribution_of_its_name(name, low, high, mean, std):
    x = drawn(name, 50, 1000)
    assert x.shape == (50, 1000) and low <= x.min() and x.max() <= high
    assert x.mean().item() == pytest.approx(mean, abs=0.01) and x.std().item() == pytest.approx(std, abs=0.01)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", IN_RANGE)
def test_noise_in_the_range_never_leaves_it_and_its_images_differ(name, size):
    x = drawn(name, 2, 10, *SIZES[size])
    assert x.shape == (2, 10, *SIZES[size]) and x.min() >= 0 and x.max() <= 1
    assert len(x.flatten(2).flatten(0, 1).unique(dim=0)) == 20


def test_smooth_noise_is_alike_from_pixel_to_pixel_and_spans_every_image():
    x = drawn("smooth", 2, 50, 28, 23)
    assert (x.amin((-2, -1)) == 0).all() and (x.amax((-2, -1)) == 1).all()
    near, far = ((x[..., k:] - x[..., :-k]).square().mean() for k in (1, 8))
    assert far > 5 * near


def test_mixed_noise_has_a_quarter_of_each_kind():
    x = drawn("mixed", 4000, 8, 8).flatten(1)
    binary = ((x == 0) | (x == 1)).all(1)
    sparse = ((x == 0).float().mean(1) > 0.5) & ~binary
    smooth = (x.amin(1) == 0) & (x.amax(1) == 1) & ~binary
    assert [kind.float().mean().item() for kind in (binary, sparse, smooth)] == pytest.approx(
        [0.25] * 3, abs=0.03
    )


@pytest.mark.parametrize("size", SIZES)
def test_blobs_are_the_bright_parts_of_clouds_and_patches_are_larger_and_fewer(size):
    clouds, blobs, patches = (drawn(name, 200, *SIZES[size]) for name in ("clouds", "blobs", "patches"))
    torch.testing.assert_close(blobs, ((clouds - 0.6) / 0.4).clamp(min=0))
    for x in (clouds, blobs, patches):
        assert (x.amin((-2, -1)) == 0).all()
        torch.testing.assert_close(x.amax((-2, -1)), torch.ones(200))
    assert clouds.mean().item() == pytest.approx(0.5, abs=0.02)
    assert (blobs == 0).float().mean().item() == pytest.approx(0.65, abs=0.03)
    assert blobs.mean().item() == pytest.approx(0.13, abs=0.02)
    spots = [np.mean([label(image)[1] for image in (x > 0).numpy()]) for x in (blobs, patches)]
    assert 3 < spots[0] < 9 and spots[1] < spots[0] / 1.5


@pytest.mark.parametrize("name, along, across", [("clouds", 7, 6), ("patches", 4, 4)])
def test_a_face_has_as_many_cells_as_its_longer_side_rounded_up_along_the_shorter(name, along, across):
    """Bilinear values bend only at the middle of a cell: of clouds 16 pixels wide, of patches 28."""
    x = drawn(name, 300, 112, 92)
    if name == "patches":
        x = torch.where(x > 0, x, torch.nan)  # black is no part of a cell
    for dim, cells in ((-2, along), (-1, across)):
        other = -1 if dim == -2 else -2
        bends = (x.diff(n=2, dim=dim).nan_to_num().abs() > 1e-4).any(other).float().mean(0) > 0.2
        assert bends.int().diff(prepend=torch.zeros(1, dtype=torch.int)).eq(1).sum() == cells


@pytest.mark.parametrize("size", SIZES)
def test_strokes_are_one_to_four_lines_on_black_that_keep_from_the_edge(size):
    height, width = SIZES[size]
    x, scale = drawn("strokes", 400, height, width), max(height, width) / 28
    assert 0.8 < (x == 0).float().mean() < 0.93 and (x == 1).float().mean() > 0.02
    edges = [int(side / 7 - 1.8 * scale) for side in (height, width)]
    assert not x[:, : edges[0]].any() and not x[:, :, : edges[1]].any()
    assert not x[:, height - edges[0] :].any() and not x[:, :, width - edges[1] :].any()
    parts = torch.tensor([label(image)[1] for image in (x > 0).numpy()])
    assert parts.min() == 1 and parts.max() <= 4


def test_a_stroke_is_white_within_eight_tenths_of_a_pixel_of_its_line_and_black_beyond_eighteen(monkeypatch):
    """One level stroke of 28x28, through the middle of row 14, from column 4 to column 24."""
    ends = torch.tensor([0.5 + 1 / 56, 0.5 + 1 / 56, 1 / 7, 6 / 7]).view(2, 2, 1, 1, 1, 1)
    four = (ends * 7 - 1).div(5).expand(2, 2, 4, 1, 1, 1)
    monkeypatch.setattr("snnmi.attack.noises.uniform_noise", lambda *shape, generator, device: four)
    (x,) = drawn("strokes", 1, 28, 28)
    column = [0.0] * 12 + [0.0, 0.8, 1.0, 0.8, 0.0] + [0.0] * 11
    assert x[:, 14].tolist() == pytest.approx(column, abs=1e-5)
    assert x[14, :6].tolist() == pytest.approx([0, 0, 1.8 - 1.5, 1.0, 1.0, 1.0], abs=1e-5)


def test_moving_strokes_are_what_got_brighter_and_what_got_darker_of_strokes_that_go_around_a_square(
    monkeypatch,
):
    still = torch.zeros(1, 6, 6)
    still[0, 2, 2:4] = torch.tensor([1.0, 0.25])
    monkeypatch.setattr("snnmi.attack.noises.stroke_noise", lambda *shape, **draws: still)
    x = drawn("moving strokes", 1, 2 * 6 * 5, 6).view(5, 2, 6, 6)
    down, right = x[0], x[1]  # the first bin moves down, the second to the right, the fifth down again
    assert down[0, 3].tolist() == [0, 0, 1, 0.25, 0, 0] and down[1, 2].tolist() == [0, 0, 1, 0.25, 0, 0]
    assert right[0, 3].tolist() == [0, 0, 0, 0.75, 0.25, 0] and right[1, 3].tolist() == [0, 0, 1, 0, 0, 0]
    assert x.sum() == 2 * (3 * 1.25 + 2 * 1) and torch.equal(x[0], x[4])


def test_moving_strokes_of_what_is_no_recording_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"28x28 pixels, expected a recording: a multiple of 56 rows"):
        drawn("moving strokes", 1, 28, 28)
