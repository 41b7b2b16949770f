"""Inversion without a copy: the estimated gradient is the true one on average, and queries are all it takes."""

import pytest
import torch

from snnmi.attack.blackbox import BlackBox
from snnmi.attack.evolution import evolve
from snnmi.checkpoint import Checkpoint
from tests.helpers import Interrupting, Killed, seeded, small, unchecked

SHAPE = (4, 5)


def linear(seed: int = 5):
    weight = torch.randn(20, 3, generator=seeded(seed))
    return weight, lambda x: (x.flatten(1) @ weight).softmax(-1)


def test_images_climb_to_where_the_target_is_sure_and_stay_in_the_range():
    _, target = linear()
    x = evolve(BlackBox(target, seed=0), [0, 2], SHAPE, per_class=2, steps=40, seed=0, lr=0.1)
    assert x.shape == (2, 2, *SHAPE) and x.min() >= 0 and x.max() <= 1
    assert target(x.flatten(0, 1)).view(2, 2, 3)[[0, 1], :, [0, 2]].min() > 0.9


def test_the_first_step_goes_where_the_true_gradient_points():
    """Adam's first step is the sign of the gradient; of a linear target's log-confidence that is known."""
    weight, target = linear()
    given = dict(per_class=1, seed=0, pairs=4000, sparsity=0.0)
    start, moved = (
        evolve(BlackBox(target, seed=0), [1], SHAPE, steps=1, lr=lr, **given) for lr in (1e-9, 0.02)
    )
    p = target(start.flatten(0, 1))
    true = (weight[:, 1] - (weight * p).sum(1)).view(SHAPE)
    steps, clear = (moved - start)[0, 0], true.abs() > 0.3
    free = clear & ((true > 0) | (start[0, 0] > 0.02))  # what the edge of the range does not stop
    assert free.sum() > 8 and torch.equal(steps[free].sign(), true[free].sign())


def test_it_starts_nearly_black_or_grey_and_only_sparsity_draws_it_to_black():
    def indifferent(x):
        return torch.full((len(x), 3), 1 / 3)

    how = dict(per_class=5, steps=20, seed=0)
    for start in (0.1, 1.0):
        x = evolve(BlackBox(indifferent, seed=0), [0], SHAPE, start=start, sparsity=0.0, **how)
        assert start / 2 * 0.8 < x.mean() < start / 2 * 1.2 and x.max() <= start
    assert evolve(BlackBox(indifferent, seed=0), [0], SHAPE, **how).max() == 0


def test_an_answer_that_is_no_number_ends_nothing():
    _, target = linear()
    asked = []

    def sick(x):
        asked.append(x)
        answers = target(x)
        if len(asked) == 3:
            answers[0] = float("nan")
        return answers

    x = evolve(BlackBox(sick, seed=0), [0], SHAPE, per_class=2, steps=6, seed=0)
    assert len(asked) == 6 and x.isfinite().all()


def test_a_killed_evolution_ends_bit_for_bit_as_uninterrupted(tmp_path):
    model, given = small("snn", hidden=20), dict(per_class=1, steps=6, seed=3, pairs=3)
    whole = evolve(BlackBox(model, seed=1), [4], (8, 8), **given)
    with pytest.raises(Killed):
        evolve(BlackBox(model, seed=1), [4], (8, 8), **given, checkpoint=Interrupting(tmp_path / "c", 4))
    box = BlackBox(model, seed=1)
    assert torch.equal(evolve(box, [4], (8, 8), **given, checkpoint=Checkpoint(tmp_path / "c")), whole)
    assert box.queries == 2 * 3 * 6


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"steps": 0}, "steps is 0, expected a whole number, at least 1"),
        ({"per_class": 1.5}, "per_class is 1.5, expected a whole number"),
        ({"labels": [-1]}, r"labels are \[-1\], expected at least one of 0, 1"),
        ({"labels": [12]}, r"labels are \[12\], expected at least one of 0 to 2"),  # known by the answer
        ({"image_shape": 20}, r"image_shape is 20, expected \(height, width\)"),
        ({"blackbox": len}, "blackbox is a builtin_function_or_method, expected a BlackBox"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_sentence(wrong, sentence):
    given = {"blackbox": BlackBox(linear()[1], seed=0), "labels": [0], "image_shape": SHAPE}
    with pytest.raises(ValueError, match=sentence):
        unchecked(evolve)(**given | {"per_class": 1, "steps": 1, "seed": 0} | wrong)
