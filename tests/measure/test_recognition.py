"""What judge and distances say of images: hand-computed on toy data, and on the digits where they must be."""

from functools import partial

import torch
from pytest import approx, mark
from torch import nn

from snnmi import data
from snnmi.measure.judges import JudgeConfig, build
from snnmi.measure.recognition import (
    feature_distance,
    judge_images,
    leak,
    natural_distance,
    nearest,
    pixel_distance,
    reference_points,
)
from tests.helpers import NAN, seeded

# --- distances

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


INF = float("inf")
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


# --- what is said of images


class FirstPixel(nn.Module):
    """Sees the first pixel alone: three quarters sure of class 1 where it is bright, of class 0 else."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def features(self, x):
        return x[:, 0, :1]

    def forward(self, x, *, generator=None):
        bright = (x[:, 0, :1] > 0.5).float()
        return torch.cat([0.75 - bright / 2, 0.25 + bright / 2], 1)


def greys(*values):
    """Images of 8 x 8 pixels of one grey."""
    return torch.tensor(values)[:, None, None].expand(-1, 8, 8).contiguous()


def grey_set(train, test):
    """A data set of grey images: lists of (grey, label)."""
    (x_train, y_train), (x_test, y_test) = (zip(*pairs) for pairs in (train, test))
    labels = torch.tensor(y_train), torch.tensor(y_test)
    return data.Dataset("greys", greys(*x_train), labels[0], greys(*x_test), labels[1])


def judged(dataset, images, label, natural=1.0):
    (row,) = judge_images(FirstPixel(), dataset, images[None], [label], natural=natural)
    return row


def test_a_row_of_scores_equals_what_is_computed_by_hand():
    few = grey_set([(0.0, 0), (0.2, 0), (0.8, 1), (1.0, 1)], [(0.3, 0), (0.7, 1), (0.9, 1)])
    row = judged(few, greys(0.75, 0.45), 1, natural=0.1)
    assert row["judge_accuracy"] == 0.5 and row["recognised"] == 0.5
    assert row["judge_confidence"] == approx(0.5)
    for kind in ("feature", "pixel"):
        assert row[f"{kind}_train"] == approx((0.05 + 0.35) / 2)
        assert row[f"{kind}_test"] == approx((0.05 + 0.25) / 2)
        assert row[f"{kind}_leak"] == approx((0.0 + 0.1) / 2, abs=1e-6)


def test_natural_distance_is_to_the_own_class_alone():
    few = grey_set([(0.0, 0), (1.0, 1)], [(0.1, 0), (0.9, 0), (0.2, 1), (0.7, 1)])
    # 0.1, 0.9 (near the other class), 0.8 and 0.3 from their own: between the two largest at 0.95
    assert natural_distance(FirstPixel(), few) == approx(0.8 + 0.85 * 0.1)


@mark.parametrize("natural, recognised", [(0.05, 0.0), (0.15, 0.5), (0.25, 1.0)])
def test_an_image_called_y_but_far_from_the_class_is_not_recognised(natural, recognised):
    few = grey_set([(0.0, 0), (0.8, 1)], [(0.3, 1)])
    row = judged(few, greys(0.9, 0.6), 1, natural)  # 0.1 and 0.2 from the class
    assert row["judge_accuracy"] == 1 and row["recognised"] == recognised


def test_an_image_near_the_class_but_called_otherwise_is_not_recognised():
    row = judged(grey_set([(0.4, 1), (0.8, 0)], [(0.3, 1)]), greys(0.4), 1)
    assert row["feature_train"] == 0 and row["judge_accuracy"] == row["recognised"] == 0


def test_a_class_without_test_images_has_no_leak_to_speak_of():
    few = grey_set([(0.0, 0), (0.8, 1)], [(0.3, 0)])
    assert sorted(reference_points(few, per_class=2, seed=0)) == ["class mean", "noise", "training image"]
    with_test, without = (judged(few, greys(grey), label) for label, grey in enumerate((0.1, 0.7)))
    assert with_test["pixel_leak"] == approx(0.1 - 0.2) and without["pixel_leak"] != without["pixel_leak"]


def test_reference_points_are_images_of_their_class_and_repeat_with_the_seed(digits):
    points, again, other = (reference_points(digits, per_class=4, seed=seed) for seed in (0, 0, 1))
    shapes = dict.fromkeys(("noise", "training image", "test image"), (10, 4, 8, 8))
    assert {name: x.shape for name, x in points.items()} == shapes | {"class mean": (10, 1, 8, 8)}
    assert (pixel_distance(points["test image"][6], digits.x_test[digits.y_test == 6]).amin(1) == 0).all()
    assert all(torch.equal(points[name], again[name]) for name in points)
    assert not torch.equal(points["test image"], other["test image"])


def test_reference_points_of_the_digits_are_where_they_must_be(judge, digits):
    natural, means = natural_distance(judge, digits), {}
    for name, images in reference_points(digits, per_class=10, seed=0).items():
        rows = judge_images(judge, digits, images, range(10), natural=natural)
        means[name] = {key: sum(row[key] for row in rows) / 10 for key in rows[0]}
    train, test, noise = (means[name] for name in ("training image", "test image", "noise"))
    assert test["judge_accuracy"] > 0.9 and noise["judge_accuracy"] <= 0.2
    assert train["recognised"] > 0.95 and test["recognised"] > 0.85 and noise["recognised"] < 0.05
    for kind in ("feature", "pixel"):
        assert train[f"{kind}_train"] == approx(0, abs=1e-5)
        assert train[f"{kind}_leak"] < test[f"{kind}_leak"] and train[f"{kind}_leak"] < 0
        assert abs(test[f"{kind}_leak"]) < 0.1 * test[f"{kind}_test"]
        assert noise[f"{kind}_train"] > test[f"{kind}_train"]
    assert train["ssim_train"] == 1 and means["class mean"]["ssim_mean"] == 1
    assert noise["ssim_train"] < test["ssim_train"] < 1
