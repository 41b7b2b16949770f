"""The black box lets confidences out, nothing else, and never more than was paid for."""

import pytest
import torch

from snnmi.attack.blackbox import BlackBox, BudgetExceeded

CONFIDENCES = torch.tensor([0.126, 0.5, 0.374])


class Target(torch.nn.Module):
    """A differentiable target of three classes that remembers what it was asked."""

    def __init__(self):
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.ones(())), []

    def forward(self, x, *, generator):
        self.asked.append(tuple(x.shape))
        return CONFIDENCES.expand(len(x), 3) * self.weight + 0 * x.sum((1, 2))[:, None]


def noisy(x, *, generator):
    """A target that draws: as many confidences as images, all of them chance."""
    return torch.rand(len(x), 3, generator=generator)


def images(*lead):
    return torch.zeros(*lead, 4, 5)


def test_confidences_come_back_as_the_target_gave_them():
    assert torch.equal(BlackBox(Target(), seed=0)(images(2)), CONFIDENCES.expand(2, 3))


@pytest.mark.parametrize("lead", [(), (1,), (7,), (3, 7), (2, 3, 7), (0,), (3, 0)])
def test_any_leading_axes_are_kept_and_every_image_is_one_query(lead):
    target = Target()
    box = BlackBox(target, seed=0)
    assert box(images(*lead)).shape == (*lead, 3)
    assert box.queries == sum(shape[0] for shape in target.asked) == torch.Size(lead).numel()
    assert all(shape[1:] == (4, 5) for shape in target.asked)


def test_images_keep_their_order_under_leading_axes():
    box = BlackBox(lambda x, *, generator: x[:, 0, :3], seed=0)
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(box(x), x[..., 0, :3])


@pytest.mark.parametrize(
    "own_gradients", [False, True], ids=["plain target", "target that turns gradients on"]
)
def test_no_gradient_crosses(own_gradients):
    def target(x, *, generator):
        with torch.set_grad_enabled(own_gradients or torch.is_grad_enabled()):
            return model(x.requires_grad_() if own_gradients else x, generator=generator)

    model, x = Target(), images(2).requires_grad_()
    with torch.enable_grad():
        answer = BlackBox(target, seed=0)(x)
    assert not answer.requires_grad and answer.grad_fn is None
    with pytest.raises(RuntimeError, match="does not require grad"):
        answer.sum().backward()
    assert x.grad is None and model.weight.grad is None


def test_target_computes_without_gradients():
    """A graph that nobody may use would still cost its memory."""
    seen = []

    def target(x, *, generator):
        seen.append(torch.is_grad_enabled())
        return model(x, generator=generator)

    model = Target()
    BlackBox(target, seed=0)(images(2).requires_grad_())
    assert seen == [False]


def test_budget_is_refused_before_anything_is_computed():
    target = Target()
    box = BlackBox(target, seed=0, budget=5)
    box(images(3))
    with pytest.raises(BudgetExceeded, match="3 queries asked for, 2 of 5 left"):
        box(images(3))
    assert target.asked == [(3, 4, 5)] and box.queries == 3
    box(images(2))
    assert box.queries == 5
    with pytest.raises(BudgetExceeded, match="1 queries asked for, 0 of 5 left"):
        box(images())


def test_refused_query_moves_no_chance():
    box, free = BlackBox(noisy, seed=0, budget=4), BlackBox(noisy, seed=0)
    with pytest.raises(BudgetExceeded):
        box(images(5))
    assert torch.equal(box(images(4)), free(images(4)))


def test_a_stochastic_target_draws_afresh_and_repeats_with_the_seed():
    box, again, other = (BlackBox(noisy, seed=seed) for seed in (0, 0, 1))
    first, second = box(images(6)), box(images(6))
    assert not torch.equal(first, second)
    assert torch.equal(again(images(6)), first) and not torch.equal(other(images(6)), first)
    torch.manual_seed(0)
    before = torch.rand(2)
    torch.manual_seed(0)
    box(images(6))
    assert torch.equal(torch.rand(2), before)  # the attacker's own chance is another one


def test_a_restored_box_goes_on_where_it_stood():
    box, restored = BlackBox(noisy, seed=0, budget=20), BlackBox(noisy, seed=99, budget=20)
    box(images(3))
    restored.restore(box.state())
    assert restored.queries == 3
    assert torch.equal(box(images(4)), restored(images(4)))
    with pytest.raises(BudgetExceeded, match="13 of 20 left"):
        restored(images(14))


@pytest.mark.parametrize(
    "form, expected",
    [
        ({"top_k": 1}, [0, 0.5, 0]),
        ({"top_k": 2}, [0, 0.5, 0.374]),
        ({"top_k": 9}, [0.126, 0.5, 0.374]),
        ({"decimals": 1}, [0.1, 0.5, 0.4]),
        ({"decimals": 2}, [0.13, 0.5, 0.37]),
        ({"top_k": 2, "decimals": 1}, [0, 0.5, 0.4]),
        ({"label_only": True}, [0, 1, 0]),
    ],
)
def test_output_forms_of_real_interfaces(form, expected):
    box = BlackBox(Target(), seed=0, **form)
    torch.testing.assert_close(box(images(2)), torch.tensor(expected).float().expand(2, 3))
    assert box.queries == 2


@pytest.mark.parametrize(
    "form, found",
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"label_only": True, "top_k": 2}, "label_only"),
        ({"label_only": True, "decimals": 1}, "label_only"),
    ],
)
def test_output_forms_that_make_no_sense_are_refused(form, found):
    with pytest.raises(ValueError, match=f"{found}.*expected"):
        BlackBox(Target(), seed=0, **form)
