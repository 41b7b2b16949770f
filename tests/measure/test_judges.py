"""The honest judge learns, and sees images one by one. Its training is a target's: `test_training`."""

import torch
from pytest import mark

from snnmi.measure.judges import JudgeConfig, build
from snnmi.models.training import accuracy
from tests.helpers import seeded

UNTRAINED = build(JudgeConfig(), (8, 8), 10, seed=0)


def test_judge_learns_the_digits(judge, digits):
    assert accuracy(judge, digits.x_test, digits.y_test, seed=0) > 0.96


@mark.parametrize("shape, pools", [((8, 8), 2), ((28, 28), 2), ((28, 23), 2), ((112, 92), 4)])
def test_judge_takes_images_of_any_size_from_8_on(shape, pools):
    model = build(JudgeConfig(), shape, 3, seed=0)
    assert len(model.convolutions) == pools and model.features(torch.rand(2, *shape)).shape == (2, 128)


def test_features_of_an_image_do_not_depend_on_its_company_or_on_the_mode():
    x = torch.rand(9, 8, 8, generator=seeded())
    alone = torch.cat([UNTRAINED.features(image[None]) for image in x])
    torch.testing.assert_close(UNTRAINED.train().features(x), alone)
    torch.testing.assert_close(UNTRAINED.eval().features(x.flip(0)).flip(0), alone)


def test_without_augmentation_the_loss_is_cross_entropy_and_with_it_chance_is_the_generators():
    x, y = torch.rand(6, 8, 8, generator=seeded()), torch.arange(6)
    plain = build(JudgeConfig(warp=0.0, noise=0.0, dropout=0.0), (8, 8), 10, seed=0)
    torch.testing.assert_close(plain.loss(x, y, generator=seeded()), -plain(x)[range(6), y].log().mean())
    first, again, other = (UNTRAINED.loss(x, y, generator=seeded(s)).item() for s in (0, 0, 1))
    assert first == again != other
