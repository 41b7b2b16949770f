"""Scores of players whose scores are known."""

import math

import numpy as np
import pytest
import torch

from snnmi import data
from snnmi.attack import pair, players
from snnmi.measure import scores

SCORES = ["fidelity_mae", "fidelity_top", "surrogate_accuracy", "A_comb", "A_target"]
PATTERNS = torch.zeros(3, 4, 4)
PATTERNS[range(3), range(3)] = 1.0  # class i: the i-th row is white


def brightest_row(x, *, generator):
    """A target that knows the patterns; a black image it calls class 2."""
    brightness = x.sum(2)[:, :3] + torch.tensor([0.0, 0.0, 1e-3])
    return torch.nn.functional.one_hot(brightness.argmax(-1), 3).float()


def always_0(x, *, generator):
    return torch.eye(3)[0].expand(len(x), 3)


class Known(pair.Pair):
    """A surrogate that is given; a generator of the class's pattern, every fourth time a black image."""

    def __init__(self, surrogate):
        three = {"": torch.zeros(3)}
        super().__init__(players.GaminConfig(batches=1), (4, 4), 3, {"surrogate": three, "generator": three})
        self.given = surrogate

    def S(self, x, *, frozen=False):
        return self.given(x.flatten(0, 1), generator=None).view(*x.shape[:2], 3).log()

    def G(self, z, chance=None):
        shown = (torch.arange(z.shape[1]) % 4 > 0).float()
        return 0.999 * PATTERNS[:, None] * shown[:, None, None]


def scored(surrogate):
    labels = torch.tensor([0, 1, 2, 0])
    images = data.Dataset("patterns", PATTERNS, torch.arange(3), PATTERNS[[0, 1, 2, 2]], labels)
    evaluation = scores.Evaluation(noise=60, generated=20, shown=2)
    answers = scores.ask(brightest_row, Known(surrogate), images, [0, 1, 2], evaluation, seed=0)
    return scores.score(answers), scores.pictures(answers, 2)


def test_perfect_players_reach_the_ceiling():
    rows, shown = scored(brightest_row)
    expected = [[1, 1, 0.75, 0.75, 0.75], [1, 1, 0.75, 0.75, 0.75], [1, 1, 0.75, 1, 1]]
    assert [[row[name] for name in SCORES] for row in rows] == expected
    for row in rows:
        assert (row["surrogate_accuracy_floor"], row["surrogate_accuracy_ceiling"]) == (0.5, 0.75)
        assert row["fidelity_top_ceiling"] == 1 and 1 / 3 <= row["fidelity_top_floor"] < 0.6
        assert row["A_comb_floor"] == pytest.approx(1 / 3) and row["A_target_ceiling"] == 1
        assert row["M_global_ceiling"] == row["entropy_generated"] == 0, "a target that is always sure"
        assert 0.5 < row["M_global_floor"] <= math.log(3)
    assert [row["likeness"] for row in rows] == pytest.approx([0.75] * 3), "a quarter is black"
    assert [row["identified"] for row in rows] == [0.75] * 3 and math.isnan(rows[0]["ssim"])
    images = shown["reconstructions"]
    assert images.shape == (3, 2, 4, 4)
    assert (images[:, 0] == 0).all() and (images[:, 1] == 255 * PATTERNS.numpy()).all()


def test_a_surrogate_that_always_says_0_is_scored_as_such():
    rows, shown = scored(always_0)
    assert [row["A_comb"] for row in rows] == [1, 0, 0]
    assert [row["A_target"] for row in rows] == [0.75, 0.75, 1]
    agreed = rows[0]["fidelity_top"]
    assert 0.15 < agreed < 0.55 and rows[0]["fidelity_mae"] == pytest.approx(1 - 2 / 3 * (1 - agreed))
    assert rows[0]["surrogate_accuracy"] == 0.5
    assert shown["target_confidences"].argmax(-1)[:, 1].tolist() == [0, 1, 2]
    assert (shown["surrogate_confidences"].argmax(-1) == 0).all()


def test_a_class_whose_surrogate_diverged_is_named_and_has_no_score():
    def diverged(x, *, generator):
        answers = brightest_row(x, generator=generator)
        return torch.where(torch.arange(len(x))[:, None] < len(x) // 3, torch.nan, answers)  # class 0's

    with pytest.warns(UserWarning, match=r"classes \[0\] have answers or images that are no numbers"):
        rows, _ = scored(diverged)
    assert math.isnan(rows[0]["A_comb"]) and math.isnan(rows[0]["surrogate_accuracy"])
    assert rows[1]["A_comb"] == 0.75 and rows[0]["A_target"] == 0.75


# --- metrics of a user's own


@pytest.mark.parametrize(
    "own, why",
    [
        (lambda a, i: a.labels[7], "IndexError"),
        (lambda a, i: a.T_image[i], "AttributeError"),
        (lambda a: 1.0, "TypeError"),
        (lambda a, i: a.T_images[i, :, 0], "TypeError"),
        (lambda a, i: None, "TypeError"),
    ],
)
def test_a_metric_that_gives_no_number_is_named_before_any_training(own, why, digits, monkeypatch):
    evaluation = scores.Evaluation(noise=20, generated=9)
    monkeypatch.setitem(scores.METRICS, "mine", scores.Metric("mine", own))
    with pytest.raises(ValueError, match=rf"^metric 'mine': its score gives no number \({why}"):
        scores.try_metrics(digits, evaluation)
    floor = scores.Metric("mine", lambda a, i: 1.0, floor=lambda a: a.y_test)
    monkeypatch.setitem(scores.METRICS, "mine", floor)
    with pytest.raises(ValueError, match="^metric 'mine': its floor gives no number"):
        scores.try_metrics(digits, evaluation)


@pytest.mark.parametrize("own", [1, np.float32(0.5), torch.tensor(0.5), float("nan"), np.array(0.5), True])
def test_any_one_number_will_do(own, digits, monkeypatch):
    monkeypatch.setitem(scores.METRICS, "mine", scores.Metric("mine", lambda a, i: own))
    scores.try_metrics(digits, scores.Evaluation())


def test_metrics_are_tried_on_as_many_images_as_they_will_get_and_on_every_class(digits, monkeypatch):
    """So that what needs many, or all classes, is not refused."""
    seen = []
    monkeypatch.setitem(scores.METRICS, "mine", scores.Metric("mine", lambda a, i: seen.append(a) or 0.0))
    scores.try_metrics(digits, scores.Evaluation(noise=11, generated=7))
    a = seen[0]
    assert a.images.shape == (2, 7, 8, 8) and a.T_noise.shape == (11, 10) and a.S_test.shape == (2, 359, 10)
    assert set(a.y_test) == set(range(10)) and a.class_means.shape == (10, 8, 8)


def test_a_metric_that_changes_what_it_is_handed_changes_no_other_score(monkeypatch):
    def spoils(a, i):
        for values in (a.images, a.T_images, a.S_images, a.T_noise, a.T_test, a.class_means, a.y_test):
            values[:] = 0
        return 0.0

    before, pictures = scored(brightest_row)
    own = scores.Metric("mine", spoils, floor=lambda a: spoils(a, 0))
    monkeypatch.setattr(scores.score, "__defaults__", ({"mine": own} | scores.METRICS,))
    after, same = scored(brightest_row)
    assert str([{key: row[key] for key in before[0]} for row in after]) == str(before)  # NaN and all
    assert all((pictures[name] == same[name]).all() for name in pictures)
