"""The honest judge: it learns, adversarial noise fools targets, distances and leak have hand-computed and invariant values."""

from functools import partial

import torch
import torch.nn.functional as F
from pytest import approx, fixture, mark, raises
from torch import nn

from snnmi import data
from snnmi.measure.distances import feature_distance, leak, nearest, pixel_distance, ssim
from snnmi.measure.fooling import _white_box, adversarial_noise
from snnmi.measure.judges import EvaluationCNN, JudgeConfig, build, train_judge
from snnmi.measure.recognition import AT_MOST, judge_images, natural_distance, reference_points
from snnmi.models import targets, training
from snnmi.models.coding import rate_encode
from snnmi.store import Checkpoint
from tests.models.test_targets import ANN_CONFIG, SNN_CONFIG, Interrupting, Killed, seeded

UNTRAINED = build(JudgeConfig(), (8, 8), 10, seed=0)


@fixture(scope="module")
def digits():
    return data.load("digits")


@fixture(scope="module")
def judge(digits):
    return train_judge(JudgeConfig(), digits, seed=0).model


# --- the judge


def test_judge_learns_the_digits(judge, digits):
    assert training.accuracy(judge, digits.x_test, digits.y_test, seed=0) > 0.96


def test_confidences_are_the_output_layer_on_the_features():
    x = torch.rand(5, 8, 8, generator=seeded())
    logits = UNTRAINED.features(x) @ UNTRAINED.output.weight.T + UNTRAINED.output.bias
    torch.testing.assert_close(UNTRAINED(x), logits.exp() / logits.exp().sum(1, keepdim=True))


@mark.parametrize("shape, pools", [((8, 8), 2), ((28, 28), 2), ((28, 23), 2), ((112, 92), 4)])
def test_judge_takes_images_of_any_size_from_8_on(shape, pools):
    model = build(JudgeConfig(), shape, 3, seed=0)
    assert len(model.convolutions) == pools and model.features(torch.rand(2, *shape)).shape == (2, 128)
    with raises(ValueError, match="image_shape is \\(7, 20\\), expected at least 8 pixels a side"):
        EvaluationCNN(JudgeConfig(), (7, 20), 3)


def test_features_of_an_image_do_not_depend_on_its_company_or_on_the_mode():
    x = torch.rand(9, 8, 8, generator=seeded())
    alone = torch.cat([UNTRAINED.features(image[None]) for image in x])
    torch.testing.assert_close(UNTRAINED.train().features(x), alone)
    torch.testing.assert_close(UNTRAINED.eval().features(x.flip(0)).flip(0), alone)


def test_without_augmentation_the_loss_is_plain_cross_entropy_and_with_it_chance_is_the_generators():
    x, y = torch.rand(6, 8, 8, generator=seeded()), torch.arange(6)
    plain = build(JudgeConfig(warp=0.0, noise=0.0, dropout=0.0), (8, 8), 10, seed=0)
    torch.testing.assert_close(plain.loss(x, y, generator=seeded()), -plain(x)[range(6), y].log().mean())
    first, again, other = (UNTRAINED.loss(x, y, generator=seeded(s)).item() for s in (0, 0, 1))
    assert first == again != other


def test_interrupted_training_ends_bit_for_bit_as_uninterrupted(tmp_path, digits):
    few = data.Dataset(
        "digits", digits.x_train[:100], digits.y_train[:100], digits.x_test[:50], digits.y_test[:50]
    )
    config, path = (
        JudgeConfig(updates=5, epochs=3, batch_size=32),
        tmp_path / "checkpoint",
    )  # 4 batches an epoch
    model, history = train_judge(config, few, seed=0)
    assert len(history["loss"]) == 3
    with raises(Killed):
        train_judge(config, few, seed=0, checkpoint=Interrupting(path, 6))
    resumed = train_judge(config, few, seed=0, checkpoint=Checkpoint(path))
    assert resumed.history == history
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), resumed.model.state_dict().values(), strict=True)
    )


# --- images that fool a target


@mark.parametrize("config", [ANN_CONFIG, SNN_CONFIG], ids=["ann", "snn"])
def test_adversarial_noise_convinces_the_target_more_than_the_judge(config, judge, digits):
    target = training.train(config, digits, seed=0).model
    before = [p.clone() for p in target.parameters()]
    images, confidences = adversarial_noise(
        target, range(10), (8, 8), per_class=5, steps=150, seed=0, sure=0.95
    )
    assert images.shape == (10, 5, 8, 8) and images.min() >= 0 and images.max() <= 1
    assert confidences.mean() > 0.9
    again = torch.stack([target(x, generator=seeded())[:, y] for y, x in enumerate(images)])
    assert (again > 0.9).float().mean() > 0.8  # other draws of a spiking target, too
    rows = judge_images(judge, digits, images, range(10), natural=0.0)
    assert sum(row["judge_confidence"] for row in rows) / 10 < confidences.mean()  # at 8x8 pixels not by far
    assert all(torch.equal(a, b) for a, b in zip(before, target.parameters(), strict=True))


def test_an_image_stops_where_the_target_is_sure_of_it(digits):
    target = targets.build(ANN_CONFIG, (8, 8), 10, seed=0)
    noise, moved = (
        adversarial_noise(target, [3], (8, 8), per_class=4, steps=50, seed=0, sure=sure)
        for sure in (0.0, 0.9)
    )
    assert torch.equal(noise.images[0], torch.rand(4, 8, 8, generator=seeded()))
    assert (noise.confidences < 0.5).all() and (moved.confidences > noise.confidences).all()


def test_gradient_passes_the_spikes_as_if_they_were_pixels():
    config = targets.TargetConfig(hidden=50)
    target, x = (
        targets.build(config, (8, 8), 10, seed=0),
        torch.rand(3, 8, 8, generator=seeded()).requires_grad_(),
    )
    with torch.no_grad():
        target.hidden.weight.mul_(3)
    loss, confidences = _white_box(target, x, 4, 1, seeded(5))
    torch.testing.assert_close(confidences, target(x.detach(), generator=seeded(5))[:, 4])
    torch.testing.assert_close(loss * 25, target.loss(x.detach(), torch.full((3,), 4), generator=seeded(5)))

    spikes = rate_encode(x.detach().flatten(1), 25, generator=seeded(5)).requires_grad_()
    mem = target.run(spikes)[1].mem
    F.cross_entropy(mem.flatten(0, 1), torch.full((75,), 4)).backward()
    (ours,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(ours.flatten(1), spikes.grad.sum(0))
    assert ours.abs().max() > 1e-4


# --- distances and leak


def test_pixel_distance_is_the_root_mean_square_difference():
    a, b = (
        torch.zeros(1, 2, 2),
        torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.4, 0.4], [0.4, 0.4]]]),
    )
    torch.testing.assert_close(pixel_distance(a, b), torch.tensor([[0.0, 0.5, 0.4]]))


def test_feature_distance_is_between_penultimate_features():
    a, b = torch.rand(2, 8, 8, generator=seeded(0)), torch.rand(3, 8, 8, generator=seeded(1))
    expected = (UNTRAINED.features(a)[:, None] - UNTRAINED.features(b)[None]).square().sum(-1).sqrt()
    torch.testing.assert_close(feature_distance(UNTRAINED, a, b), expected)


def test_ssim_is_1_for_itself_and_near_0_for_other_noise():
    a, b = torch.rand(2, 28, 28, generator=seeded())
    assert ssim(a, a) == 1 and abs(ssim(a, b)) < 0.1


def test_nearest_of_two_among_three_is_the_mean_over_the_three_pairs():
    assert nearest(torch.tensor([5.0, 1.0, 2.0]), 2) == approx((1 + 1 + 2) / 3)
    assert nearest(torch.tensor([5.0, 1.0, 2.0]), 3) == approx(1)
    assert nearest(torch.tensor([5.0, 1.0, 2.0]), 1) == approx(8 / 3)
    assert nearest(torch.tensor([5.0, float("inf"), 2.0]), 1) == approx(3.5)
    assert all(torch.tensor(nearest(torch.tensor([5.0, float("inf")]), size)).isnan() for size in (0, 2))


def test_a_copy_of_a_training_image_leaks():
    train, test = torch.rand(2, 5, 8, 8, generator=seeded())
    for distance in (pixel_distance, partial(feature_distance, UNTRAINED)):
        d = distance(train, test)
        torch.testing.assert_close(
            leak(train, train, test, distance=distance), -d.amin(1), atol=1e-5, rtol=1e-5
        )
        assert d.min() > 0


def test_a_copy_counts_only_in_the_cuts_that_hold_it():
    train, test = torch.tensor([0.0, 0.4]).view(2, 1, 1), torch.tensor([1.0]).view(1, 1, 1)
    assert leak(train[:1], train, test, distance=pixel_distance).item() == approx((0 + 0.4) / 2 - 1)


@mark.parametrize("train, test", [(40, 40), (40, 5), (5, 40)])
def test_fresh_images_of_the_class_have_no_leak_whatever_the_sizes(train, test):
    draws = torch.rand(300, 2 + train + test, 4, 4, generator=seeded())  # 300 classes of two fresh images
    leaks = torch.stack(
        [leak(x[:2], x[2 : 2 + train], x[2 + train :], distance=pixel_distance) for x in draws]
    ).mean(1)
    raw = torch.stack(
        [
            pixel_distance(x[:2], x[2 : 2 + train]).amin(1) - pixel_distance(x[:2], x[2 + train :]).amin(1)
            for x in draws
        ]
    )
    error = leaks.std() / 300**0.5
    assert leaks.mean().abs() < 3 * error
    if train != test:  # without the cut the larger set would win by its size
        assert raw.mean().abs() > 20 * error and (raw.mean() < 0) == (train > test)


def test_a_test_image_is_left_out_of_its_own_comparison():
    train, test = torch.tensor([0.0, 0.5]).view(2, 1, 1), torch.tensor([0.6, 0.9]).view(2, 1, 1)
    # one test image is left to compare with, so one training image: 0.6 or 0.1 away, against 0.3
    assert leak(test[:1], train, test, distance=pixel_distance).item() == approx(0.35 - 0.3, abs=1e-6)
    assert leak(test[:1], train, test[:1], distance=pixel_distance).isnan().all()


def test_leak_refuses_images_of_another_size():
    with raises(ValueError, match="are 8x8, 8x8, 8x9 pixels, expected one size"):
        leak(torch.rand(1, 8, 8), torch.rand(2, 8, 8), torch.rand(2, 8, 9), distance=pixel_distance)


# --- the verdict


def by_name(judge, dataset, **sizes):
    points, natural = reference_points(dataset, **sizes), natural_distance(judge, dataset)
    return {
        name: judge_images(judge, dataset, images, range(dataset.num_classes), natural=natural)
        for name, images in points.items()
    }


def test_reference_points_of_the_digits_are_where_they_must_be(judge, digits):
    rows = by_name(judge, digits, per_class=10, seed=0)
    mean = lambda name, key: sum(row[key] for row in rows[name]) / 10  # noqa: E731
    assert mean("test image", "judge_accuracy") > 0.9 and mean("noise", "judge_accuracy") <= 0.2
    assert (
        mean("training image", "recognised") > 0.95
        and mean("test image", "recognised") > 0.85
        and mean("noise", "recognised") < 0.05
    )
    for kind in ("feature", "pixel"):
        assert mean("training image", f"{kind}_train") == approx(0, abs=1e-5)
        assert (
            mean("training image", f"{kind}_leak") < mean("test image", f"{kind}_leak")
            and mean("training image", f"{kind}_leak") < 0
        )
        assert abs(mean("test image", f"{kind}_leak")) < 0.1 * mean("test image", f"{kind}_test")
        assert mean("noise", f"{kind}_train") > mean("test image", f"{kind}_train")
    assert mean("training image", "ssim_train") == 1 and mean("class mean", "ssim_mean") == 1
    assert mean("noise", "ssim_train") < mean("test image", "ssim_train") < 1


def test_nearest_training_image_of_a_copy_is_itself(judge, digits):
    places = [int((digits.y_train == label).nonzero()[3]) for label in (7, 2)]
    for row, place in zip(
        judge_images(judge, digits, digits.x_train[places][:, None], [7, 2], natural=0.0), places, strict=True
    ):
        assert (
            row["feature_nearest"] == row["pixel_nearest"] == place and digits.y_train[place] == row["label"]
        )


class FirstPixel(nn.Module):
    """Is three quarters sure of class 1 where the first pixel is bright, of class 0 else; sees the image as its first pixel."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def features(self, x):
        return x[:, 0, :1]

    def forward(self, x, *, generator=None):
        bright = (x[:, 0, :1] > 0.5).float()
        return torch.cat([0.75 - bright / 2, 0.25 + bright / 2], 1)


def greys(*values):
    return torch.tensor(values)[:, None, None].expand(-1, 8, 8).contiguous()


def test_a_row_of_scores_equals_what_is_computed_by_hand():
    few = data.Dataset(
        "few",
        greys(0.0, 0.2, 0.8, 1.0),
        torch.tensor([0, 0, 1, 1]),
        greys(0.3, 0.7, 0.9),
        torch.tensor([0, 1, 1]),
    )
    (row,) = judge_images(FirstPixel(), few, greys(0.75, 0.45)[None], [1], natural=0.1)
    assert (
        row["judge_accuracy"] == 0.5 and row["judge_confidence"] == approx(0.5) and row["recognised"] == 0.5
    )
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
    few = data.Dataset(
        "few", greys(0.0, 1.0), torch.tensor([0, 1]), greys(0.1, 0.9, 0.2, 0.7), torch.tensor([0, 0, 1, 1])
    )
    assert natural_distance(FirstPixel(), few, level=1.0) == approx(
        0.9
    )  # the second: far from its class, near the other
    assert natural_distance(FirstPixel(), few, level=0.0) == approx(0.1)


@mark.parametrize("natural, recognised", [(0.05, 0.0), (0.15, 0.5), (0.25, 1.0)])
def test_an_image_called_y_but_far_from_the_class_is_not_recognised(natural, recognised):
    few = data.Dataset("few", greys(0.0, 0.8), torch.tensor([0, 1]), greys(0.3), torch.tensor([1]))
    (row,) = judge_images(
        FirstPixel(), few, greys(0.9, 0.6)[None], [1], natural=natural
    )  # 0.1 and 0.2 from the class
    assert row["judge_accuracy"] == 1 and row["recognised"] == recognised


def test_an_image_near_the_class_but_called_otherwise_is_not_recognised():
    few = data.Dataset("few", greys(0.4, 0.8), torch.tensor([1, 0]), greys(0.3), torch.tensor([1]))
    (row,) = judge_images(FirstPixel(), few, greys(0.4)[None], [1], natural=1.0)
    assert row["feature_train"] == 0 and row["judge_accuracy"] == row["recognised"] == 0


def test_identified_is_by_correlation_with_the_class_means_whatever_the_contrast():
    left, right = torch.zeros(2, 8, 8)
    left[:, :4], right[:, 4:] = 1, 0.5  # the brighter mean must not win by its brightness
    pair = data.Dataset(
        "pair", torch.stack([left, right]), torch.tensor([0, 1]), greys(0.3), torch.tensor([0])
    )
    images = torch.stack([0.1 + 0.2 * right, right, 0.5 + 0.1 * left, 1 - left])
    (row,) = judge_images(FirstPixel(), pair, images[None], [1], natural=1.0)
    assert row["identified"] == 0.75
    assert [
        r["identified"] for r in judge_images(FirstPixel(), pair, pair.x_train[:, None], [0, 1], natural=1.0)
    ] == [1, 1]


def test_a_large_class_is_looked_at_evenly():
    ramp = torch.linspace(0, 1, 3 * AT_MOST)
    large = data.Dataset(
        "large", greys(*ramp.tolist()), torch.zeros(len(ramp)).long(), greys(0.0), torch.zeros(1).long()
    )
    first, last = (
        judge_images(FirstPixel(), large, greys(value)[None], [0], natural=1.0)[0] for value in (0.0, 1.0)
    )
    assert (first["pixel_nearest"], last["pixel_nearest"]) == (0, len(ramp) - 1)


def test_a_class_without_test_images_has_no_leak_to_speak_of():
    few = data.Dataset("few", greys(0.0, 0.8), torch.tensor([0, 1]), greys(0.3), torch.tensor([0]))
    assert sorted(reference_points(few, per_class=2, seed=0)) == ["class mean", "noise", "training image"]
    rows = judge_images(FirstPixel(), few, greys(0.1, 0.7)[:, None], [0, 1], natural=1.0)
    assert rows[0]["pixel_leak"] == approx(0.1 - 0.2) and rows[1]["pixel_leak"] != rows[1]["pixel_leak"]


def test_reference_points_are_images_of_their_class_and_repeat_with_the_seed(digits):
    points, again, other = (reference_points(digits, per_class=4, seed=seed) for seed in (0, 0, 1))
    assert {name: tuple(x.shape) for name, x in points.items()} == {
        "class mean": (10, 1, 8, 8),
        "noise": (10, 4, 8, 8),
        "training image": (10, 4, 8, 8),
        "test image": (10, 4, 8, 8),
    }
    assert (pixel_distance(points["test image"][6], digits.x_test[digits.y_test == 6]).amin(1) == 0).all()
    assert all(torch.equal(points[name], again[name]) for name in points)
    assert not torch.equal(points["test image"], other["test image"])


@mark.parametrize(
    "images, labels, message",
    [
        (
            torch.zeros(2, 3, 8, 8),
            [0],
            "images hold 3 images of 2 classes, expected one or more of 1 classes",
        ),
        (torch.zeros(1, 3, 8, 9), [0], "images are 8x9 pixels, expected 8x8"),
        (torch.full((1, 3, 8, 8), 255.0), [0], r"images span \[255, 255\], expected grey values in \[0, 1\]"),
        (
            torch.full((1, 3, 8, 8), float("nan")),
            [0],
            r"images span \[nan, nan\], expected grey values in \[0, 1\]",
        ),
        (torch.zeros(1, 3, 8, 8), [10], "labels hold 10, expected classes from 0 to 9"),
    ],
)
def test_judge_refuses_what_it_cannot_judge(images, labels, message, digits):
    with raises(ValueError, match=message):
        judge_images(UNTRAINED, digits, images, labels, natural=1.0)


def test_too_few_images_or_steps_are_refused(digits):
    with raises(ValueError, match="per_class is 0, expected at least 1"):
        reference_points(digits, per_class=0, seed=0)
    with raises(ValueError, match="per_class, steps and draws are 5, 0 and 4, expected at least 1"):
        adversarial_noise(
            targets.build(ANN_CONFIG, (8, 8), 10, seed=0), [0], (8, 8), per_class=5, steps=0, seed=0
        )
