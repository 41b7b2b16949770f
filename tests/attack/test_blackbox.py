"""The black box lets confidences out, nothing else, and never more than was paid for."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from snnmi.attack.blackbox import BlackBox, BudgetExceeded, Remembered
from snnmi.checkpoint import Checkpoint
from tests.helpers import Interrupting, Killed

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
    return torch.rand(len(x), 3, generator=generator).softmax(-1)


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
    x[..., 0, :3] = x[..., 0, :3].softmax(-1)
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


# --- any callable


class Rows:
    """A model by scikit-learn's convention: rows of pixels in, float64 arrays out."""

    n_features_in_ = 20

    def predict_proba(self, x):
        assert isinstance(x, np.ndarray) and x.ndim == 2
        return np.tile([0.25, 0.75], (len(x), 1))


def plain(x):
    return torch.full((len(x), 4), 0.25, dtype=torch.float64)


@pytest.mark.parametrize(
    "target, expected",
    [(Rows().predict_proba, [0.25, 0.75]), (plain, [0.25] * 4), (lambda x: plain(x).tolist(), [0.25] * 4)],
    ids=["scikit-learn", "float64", "lists"],
)
def test_any_callable_is_a_target(target, expected):
    answer = BlackBox(target, seed=0)(images(2, 3))
    assert answer.dtype == torch.float32 and answer.shape == (2, 3, len(expected))
    assert answer[0, 0].tolist() == expected


@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(5, random_state=0), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["forest", "pipeline that takes **params"],
)
def test_scikit_learns_models_are_targets_as_they_are(model, digits):
    rows = digits.x_train[:200].flatten(1).numpy()
    box = BlackBox(model.fit(rows, digits.y_train[:200]).predict_proba, seed=0)
    assert box(digits.x_test[:0]).shape == (0, 10) and box.queries == 0
    expected = model.predict_proba(digits.x_test[:6].flatten(1).numpy())
    answer = box(digits.x_test[:6].view(2, 3, 8, 8)).view(6, 10)
    assert np.array_equal(answer, expected.astype(np.float32)) and box.queries == 6


def test_only_who_names_a_generator_is_given_one():
    def drawing(x, temperature, *, generator):
        return noisy(x, generator=generator)

    expected = BlackBox(noisy, seed=0)(images(4))
    assert torch.equal(BlackBox(partial(drawing, temperature=2), seed=0)(images(4)), expected)
    assert BlackBox(lambda x, **more: plain(x) if not more else None, seed=0)(images(4)).shape == (4, 4)


def test_draws_are_of_the_role_that_asks():
    """So that what an examiner asks moves nothing of what the attacker is told."""
    own, default, examiner = (
        BlackBox(noisy, seed=0, **role)(images(4))
        for role in ({"role": "target's answers"}, {}, {"role": "examiner's answers"})
    )
    assert torch.equal(own, default) and not torch.equal(own, examiner)


@pytest.mark.parametrize(
    "answer, found",
    [
        ([[3.0, -1.0]], r"spans \[-1, 3\] in rows that sum to 2 up to 2, .*does it give logits"),
        ([[0.5, 0.4]], "rows that sum to 0.9 up to 0.9"),
        ([0.5, 0.5], r"to 1 images has shape \(2,\), expected confidences \(1, classes\)"),
        ([[0.5, 0.5]] * 2, r"has shape \(2, 2\)"),
        ([[float("nan"), 1.0]], "holds NaN or infinite values"),
        ([[[0.5, 0.5]]], r"has shape \(1, 1, 2\)"),
        (None, "answer is a ndarray, expected an array of confidences"),
    ],
)
def test_what_are_no_confidences_is_said_at_the_first_answer(answer, found):
    with pytest.raises(ValueError, match=found):
        BlackBox(lambda x: np.array(answer), seed=0)(images(1))


def test_a_measurement_that_was_killed_asks_for_the_rest_alone(tmp_path):
    questions, asked = [images(2), images(3), images(1), images(4)], []

    def counting(x, *, generator):
        asked.append(len(x))
        return noisy(x, generator=generator)

    whole = [BlackBox(noisy, seed=3)] * 4
    whole = [box(x) for box, x in zip(whole, questions)]
    box = Remembered(BlackBox(counting, seed=3), Interrupting(tmp_path / "checkpoint", 2))
    box(questions[0])
    with pytest.raises(Killed):
        box(questions[1])
    later = BlackBox(counting, seed=3)
    again = Remembered(later, Checkpoint(tmp_path / "checkpoint"))
    assert all(torch.equal(again(x), before) for x, before in zip(questions, whole))
    assert asked == [2, 3, 1, 4] and later.queries == 10
