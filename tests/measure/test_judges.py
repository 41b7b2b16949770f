"""The honest judge: it learns, sees images one by one, and its training resumes."""

import torch
from pytest import mark, raises

from snnmi.checkpoint import Checkpoint
from snnmi.measure.judges import JudgeConfig, build, train_judge
from snnmi.models.training import accuracy
from tests.helpers import Interrupting, Killed, assert_same_tensors, few_digits, seeded

UNTRAINED = build(JudgeConfig(), (8, 8), 10, seed=0)


def test_judge_learns_the_digits(judge, digits):
    assert accuracy(judge, digits.x_test, digits.y_test, seed=0) > 0.96


def test_confidences_are_the_output_layer_on_the_features():
    x = torch.rand(5, 8, 8, generator=seeded())
    logits = UNTRAINED.features(x) @ UNTRAINED.output.weight.T + UNTRAINED.output.bias
    torch.testing.assert_close(UNTRAINED(x), logits.exp() / logits.exp().sum(1, keepdim=True))


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


def test_interrupted_training_ends_bit_for_bit_as_uninterrupted(tmp_path):
    few, path = few_digits(100), tmp_path / "checkpoint"
    config = JudgeConfig(updates=5, epochs=3, batch_size=32)  # 4 batches an epoch
    model, history = train_judge(config, few, seed=0)
    assert len(history["loss"]) == 3
    with raises(Killed):
        train_judge(config, few, seed=0, checkpoint=Interrupting(path, 6))
    resumed = train_judge(config, few, seed=0, checkpoint=Checkpoint(path))
    assert resumed.history == history
    assert_same_tensors(model.state_dict(), resumed.model.state_dict())
