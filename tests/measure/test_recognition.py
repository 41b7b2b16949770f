"""What judge and distances say of images: hand-computed on toy data, and on the digits where they must be."""

import torch
from pytest import approx, mark
from torch import nn

from snnmi import data
from snnmi.measure.distances import feature_distance, pixel_distance
from snnmi.measure.recognition import AT_MOST, judge_images, natural_distance, reference_points


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
        assert row[f"{kind}_nearest"] == 2


def test_natural_distance_lets_19_of_20_test_images_pass(judge, digits):
    natural = natural_distance(judge, digits)
    own = [(digits.x_train[digits.y_train == y], digits.x_test[digits.y_test == y]) for y in range(10)]
    lie = torch.cat([feature_distance(judge, test, train).amin(1) for train, test in own])
    assert (lie > natural).float().mean().item() == approx(0.05, abs=1 / len(lie))


def test_natural_distance_is_to_the_own_class_alone():
    few = grey_set([(0.0, 0), (1.0, 1)], [(0.1, 0), (0.9, 0), (0.2, 1), (0.7, 1)])
    # the second: far from its class, near the other
    assert natural_distance(FirstPixel(), few, level=1.0) == approx(0.9)
    assert natural_distance(FirstPixel(), few, level=0.0) == approx(0.1)


@mark.parametrize("natural, recognised", [(0.05, 0.0), (0.15, 0.5), (0.25, 1.0)])
def test_an_image_called_y_but_far_from_the_class_is_not_recognised(natural, recognised):
    few = grey_set([(0.0, 0), (0.8, 1)], [(0.3, 1)])
    row = judged(few, greys(0.9, 0.6), 1, natural)  # 0.1 and 0.2 from the class
    assert row["judge_accuracy"] == 1 and row["recognised"] == recognised


def test_an_image_near_the_class_but_called_otherwise_is_not_recognised():
    row = judged(grey_set([(0.4, 1), (0.8, 0)], [(0.3, 1)]), greys(0.4), 1)
    assert row["feature_train"] == 0 and row["judge_accuracy"] == row["recognised"] == 0


def test_a_large_class_is_looked_at_evenly():
    ramp = torch.linspace(0, 1, 3 * AT_MOST).tolist()
    large = grey_set([(grey, 0) for grey in ramp], [(0.0, 0)])
    assert [judged(large, greys(grey), 0)["pixel_nearest"] for grey in (0.0, 1.0)] == [0, len(ramp) - 1]


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


def test_nearest_training_image_of_a_copy_is_itself(judge, digits):
    places = [int((digits.y_train == label).nonzero()[3]) for label in (7, 2)]
    rows = judge_images(judge, digits, digits.x_train[places][:, None], [7, 2], natural=0.0)
    for row, place in zip(rows, places, strict=True):
        assert row["feature_nearest"] == row["pixel_nearest"] == place
        assert digits.y_train[place] == row["label"]
