"""The black box lets confidences out, nothing else, and never more than was paid for."""

from functools import partial, wraps

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from snnmi.attack.blackbox import BlackBox, BudgetExceeded, Remembered, as_images
from snnmi.checkpoint import Checkpoint
from tests.helpers import Interrupting, Killed, unchecked

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


@pytest.mark.parametrize("lead", [(), (7,), (2, 3, 7), (3, 0)])
def test_every_image_under_any_leading_axes_is_one_query_and_keeps_its_place(lead):
    asked = []
    box = BlackBox(lambda x: asked.append(x) or x[:, 0, :3].softmax(-1), seed=0)
    x = torch.rand(*lead, 4, 5)
    torch.testing.assert_close(box(x), x[..., 0, :3].softmax(-1))
    assert box.queries == sum(map(len, asked)) == torch.Size(lead).numel()
    assert all(images.shape[1:] == (4, 5) for images in asked)


@pytest.mark.parametrize("turned_on", [False, True], ids=["plain target", "target that turns gradients on"])
def test_no_gradient_crosses_and_none_is_computed(turned_on):
    """A graph that nobody may use would still cost its memory."""
    seen = []

    def target(x, *, generator):
        seen.append(torch.is_grad_enabled())
        with torch.set_grad_enabled(turned_on or torch.is_grad_enabled()):
            return model(x.requires_grad_() if turned_on else x, generator=generator)

    model, x = Target(), images(2).requires_grad_()
    with torch.enable_grad():
        answer = BlackBox(target, seed=0)(x)
    assert not answer.requires_grad and answer.grad_fn is None and seen == [False]
    with pytest.raises(RuntimeError, match="does not require grad"):
        answer.sum().backward()
    assert x.grad is None and model.weight.grad is None


def test_budget_is_refused_before_anything_is_computed_or_drawn():
    asked = []

    def target(x, *, generator):
        asked.append(len(x))
        return noisy(x, generator=generator)

    box, free = BlackBox(target, seed=0, budget=5), BlackBox(noisy, seed=0)
    assert torch.equal(box(images(3)), free(images(3)))
    with pytest.raises(BudgetExceeded, match="3 queries asked for, 2 of 5 left"):
        box(images(3))
    assert asked == [3] and box.queries == 3
    assert torch.equal(box(images(2)), free(images(2))) and box.queries == 5
    with pytest.raises(BudgetExceeded, match="1 queries asked for, 0 of 5 left"):
        box(images())


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


@pytest.mark.parametrize(
    "form, expected",
    [
        ("full", [0.126, 0.5, 0.374]),
        ("largest", [0, 0.5, 0]),
        ("one decimal", [0.1, 0.5, 0.4]),
        ("label", [0, 1, 0]),
    ],
)
def test_output_forms_of_real_interfaces(form, expected):
    box = BlackBox(Target(), seed=0, answers=form)
    torch.testing.assert_close(box(images(2)), torch.tensor(expected).float().expand(2, 3))
    assert box.queries == 2


# --- any callable


def of_rows(x):
    """By scikit-learn's convention: rows of pixels in, float64 arrays out."""
    assert isinstance(x, np.ndarray) and x.ndim == 2
    return np.tile([0.25, 0.75], (len(x), 1))


def plain(x):
    return torch.full((len(x), 4), 0.25, dtype=torch.float64)


@pytest.mark.parametrize("target", [plain, lambda x: plain(x).tolist()], ids=["float64", "lists"])
def test_any_callable_is_a_target(target):
    answer = BlackBox(target, seed=0)(images(2, 3))
    assert answer.dtype == torch.float32 and answer.tolist() == [[[0.25] * 4] * 3] * 2


# --- scikit-learn's convention, said or not


class Root(TransformerMixin, BaseEstimator):
    """A transformer that says nothing of its features."""

    def fit(self, x, y=None):
        return self

    def transform(self, x):
        return np.sqrt(x)


class Nearest(ClassifierMixin, BaseEstimator):
    """A classifier of a user's own."""

    def fit(self, x, y):
        self.means = np.stack([x[y == label].mean(0) for label in range(10)])
        return self

    def predict_proba(self, x):
        distances = ((x[:, None] - self.means) ** 2).sum(-1)
        weights = np.exp(-distances)
        return weights / weights.sum(1, keepdims=True)


SKLEARN = {  # a model, and in what its method is handed on
    "a forest": (RandomForestClassifier(5, random_state=0), lambda f: f),
    "a pipeline": (make_pipeline(Root(), LogisticRegression(max_iter=30)), lambda f: f),
    "own classifier": (Nearest(), lambda f: f),
    "partial": (Nearest(), partial),
    "decorated": (Nearest(), lambda f: wraps(f)(lambda x: f(x))),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model, wrap", SKLEARN.values(), ids=SKLEARN)
def test_what_follows_scikit_learns_convention_whether_it_says_so_or_not_is_given_rows(model, wrap, digits):
    fitted = model.fit(digits.x_train[:200].flatten(1).numpy(), digits.y_train[:200].numpy())
    box = BlackBox(wrap(fitted.predict_proba), seed=0)
    assert box(digits.x_test[:0]).shape == (0, 10) and box.queries == 0
    expected = fitted.predict_proba(digits.x_test[:6].flatten(1).numpy()).astype(np.float32)
    answer = box(digits.x_test[:6].view(2, 3, 8, 8))
    assert np.array_equal(answer.view(6, 10), expected) and box.queries == 6


def test_a_classifier_of_images_goes_on_getting_images():
    class OfImages:
        def fit(self, x, y):
            return self

        def predict_proba(self, x):
            return plain(x) if x.ndim == 3 else pytest.fail("was given rows")

    assert BlackBox(OfImages().predict_proba, seed=0)(images(2)).shape == (2, 4)


WRAPPED = torch.nn.Sequential(
    torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(18, 3), torch.nn.Softmax(-1)
)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    "target, wrapped",
    [
        (WRAPPED, lambda x: WRAPPED(x[:, None])),
        (WRAPPED[2:], None),
        (of_rows, lambda x: of_rows(x.flatten(1).numpy())),
        (lambda x, temperature: plain(x), lambda x: plain(x)),
    ],
    ids=["channels", "other pixels", "rows", "another argument"],
)
def test_who_wants_another_shape_is_told_which_it_gets_and_what_to_wrap(target, wrapped, n):
    with pytest.raises(ValueError, match=rf"fails on an array \({n}, 4, 5\): .*wrap .* as lambda x: f"):
        BlackBox(target, seed=0)(images(n))
    if wrapped:
        assert len(BlackBox(wrapped, seed=0)(images(n))) == n


@pytest.mark.parametrize("wrong", [RandomForestClassifier(), Nearest()])
def test_an_estimator_itself_is_no_callable_and_its_method_is_named(wrong):
    with pytest.raises(ValueError, match="expected a callable .*, such as its predict_proba"):
        unchecked(BlackBox.__init__)(None, wrong, seed=0)


# --- whoever is asked gets a copy


def in_numpy(x):
    a = x.numpy()
    a *= 255
    return plain(x)


class Norm(Nearest):
    """Whitens what it is given in place, and says nothing of its features."""

    def predict_proba(self, x):
        x -= 0.5
        return np.full((len(x), 3), 1 / 3) if x.ndim == 2 else None


CHANGES = {
    "in place": lambda x: plain(x.sub_(0.5).div_(0.5)),
    "a view in numpy": in_numpy,
    "rows": Norm().predict_proba,
    "with a generator": lambda x, *, generator: plain(x.normal_(generator=generator)),
    "a box in a box": BlackBox(lambda x: plain(x.fill_(7)), seed=0),
}


@pytest.mark.parametrize("target", CHANGES.values(), ids=CHANGES)
def test_what_is_asked_is_afterwards_bit_for_bit_what_it_was(target):
    x = torch.rand(2, 3, 4, 5)
    before, box = x.clone(), BlackBox(target, seed=0)
    for _ in range(2):
        box(x)
        assert torch.equal(x, before)
    array = before.numpy().copy()
    box(array)
    assert np.array_equal(array, before)


@pytest.mark.parametrize("kind", [torch.zeros, np.zeros])
def test_an_answer_is_not_changed_by_the_next_one(kind):
    """A target may fill the same array at every query."""
    same = kind((2, 3))

    def target(x):
        same[:] = 0
        same[:, int(x[0, 0, 0])] = 1
        return same

    box = BlackBox(target, seed=0)
    first, second = box(images(2)), box(images(2) + 2)
    assert first.argmax(-1).tolist() == [0, 0] and second.argmax(-1).tolist() == [2, 2]


# --- what may be asked


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.float16),
        lambda x: x.astype(">f8")[::-1, ..., ::-2],
        lambda x: np.broadcast_to(x[0], (3, 4, 5)),  # not to be written to
    ],
)
def test_arrays_of_floats_are_images_whatever_they_are_and_however_they_lie(change, recwarn):
    x, seen = change(np.random.default_rng(0).random((3, 4, 5), np.float32)), []
    box = BlackBox(lambda x: plain(seen.append(x) or x), seed=0)
    box(x), box(torch.tensor(np.array(x, "<f4", order="C")).double())
    assert torch.equal(*seen) and seen[1].dtype == torch.float32 and not recwarn.list


@pytest.mark.parametrize(
    "x, found",
    [
        (torch.zeros(2, 4, 5).to_sparse(), r"sparse torch.float32 \(2, 4, 5\)"),
        (np.zeros((2, 4, 5), np.uint8), r"uint8 \(2, 4, 5\)"),
        (torch.zeros(2, 4, 5, dtype=torch.long), r"torch.int64 \(2, 4, 5\)"),
        (torch.zeros(20), r"torch.float32 \(20,\)"),
        ([[[0.0]]], "list"),
    ],
)
def test_what_are_no_images_is_refused_in_one_sentence(x, found):
    with pytest.raises(ValueError, match=f"images are {found}, expected floats"):
        as_images(x, "cpu")


@pytest.mark.parametrize("wrong", [{"budget": 1e5}, {"budget": -1}, {"budget": "3"}, {"answers": "top"}])
def test_settings_that_make_no_sense_are_refused_before_any_query(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}, expected"):
        unchecked(BlackBox.__init__)(BlackBox(plain, seed=0), plain, seed=0, **wrong)


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
        (
            [0.5, 0.5],
            r"to 1 images has shape \(2,\), expected confidences \(1, classes\).*: does it give labels",
        ),
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
