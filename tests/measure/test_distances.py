"""Distances and leak have hand-computed and invariant values."""

from functools import partial

import torch
from pytest import approx, mark

from snnmi.measure.distances import feature_distance, leak, nearest, pixel_distance
from snnmi.measure.judges import JudgeConfig, build
from tests.helpers import seeded

UNTRAINED = build(JudgeConfig(), (8, 8), 10, seed=0)


def leaks(images, train, test, *, distance):
    return leak(distance(images, train), distance(images, test), pixel_distance(images, test) == 0)


by_pixel = partial(leaks, distance=pixel_distance)


def pixels(*values):
    """Images of one pixel each."""
    return torch.tensor(values).view(-1, 1, 1)


def test_pixel_distance_is_the_root_mean_square_difference():
    a, b = torch.zeros(1, 2, 2), torch.zeros(3, 2, 2)
    b[1, 0, 0], b[2] = 1, 0.4
    torch.testing.assert_close(pixel_distance(a, b), torch.tensor([[0.0, 0.5, 0.4]]))


def test_feature_distance_is_between_penultimate_features():
    a, b = torch.rand(2, 8, 8, generator=seeded(0)), torch.rand(3, 8, 8, generator=seeded(1))
    expected = (UNTRAINED.features(a)[:, None] - UNTRAINED.features(b)[None]).square().sum(-1).sqrt()
    torch.testing.assert_close(feature_distance(UNTRAINED, a, b), expected)


INF, NAN = float("inf"), float("nan")
LEAST = [  # of so many drawn from these: the mean over all draws
    ([5.0, 1.0, 2.0], 2, (1 + 1 + 2) / 3),
    ([5.0, 1.0, 2.0], 3, 1),
    ([5.0, 1.0, 2.0], 1, 8 / 3),
    ([5.0, INF, 2.0], 1, 3.5),
    ([5.0, INF], 0, NAN),
    ([5.0, INF], 2, NAN),
]


@mark.parametrize("distances, size, expected", LEAST)
def test_nearest_is_the_mean_over_all_draws_of_that_size(distances, size, expected):
    assert nearest(torch.tensor(distances), size) == approx(expected, nan_ok=True)


@mark.parametrize(
    "distance", [pixel_distance, partial(feature_distance, UNTRAINED)], ids=["pixel", "feature"]
)
def test_a_copy_of_a_training_image_leaks(distance):
    train, test = torch.rand(2, 5, 8, 8, generator=seeded())
    apart, found = distance(train, test).amin(1), leaks(train, train, test, distance=distance)
    torch.testing.assert_close(found, -apart, atol=1e-5, rtol=1e-5)
    assert apart.min() > 0


def test_a_copy_counts_only_in_the_cuts_that_hold_it():
    assert by_pixel(pixels(0.0), pixels(0.0, 0.4), pixels(1.0)).item() == approx((0 + 0.4) / 2 - 1)


@mark.parametrize("train, test", [(40, 40), (40, 5), (5, 40)])
def test_fresh_images_of_the_class_have_no_leak_whatever_the_sizes(train, test):
    draws = torch.rand(300, 2 + train + test, 4, 4, generator=seeded())  # 300 classes of two fresh images
    parts = [x.split([2, train, test]) for x in draws]
    means = torch.stack([by_pixel(*part) for part in parts]).mean(1)
    raw = torch.stack([pixel_distance(x, a).amin(1) - pixel_distance(x, b).amin(1) for x, a, b in parts])
    error = means.std() / 300**0.5
    assert means.mean().abs() < 3 * error
    if train != test:  # without the cut the larger set would win by its size
        assert raw.mean().abs() > 20 * error and (raw.mean() < 0) == (train > test)


def test_a_test_image_is_left_out_of_its_own_comparison():
    image, train, test = pixels(0.6), pixels(0.0, 0.5), pixels(0.6, 0.9)
    # one test image is left to compare with, so one training image: 0.6 or 0.1 away, against 0.3
    assert by_pixel(image, train, test).item() == approx(0.35 - 0.3, abs=1e-6)
    assert by_pixel(image, train, image).isnan().all()
