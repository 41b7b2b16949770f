"""The plan's settings are the ones that were written down."""

from snnmi.study import plan
from snnmi.study.controls import BASELINES


def chosen(variant):
    return [*plan.choices(variant).values()]


def test_the_grid_is_the_plans_on_either_target_and_names_its_choices():
    plain, clipped = plan.settings(plan.ANN), plan.settings(plan.CLIP)
    assert len({v.name for v in plain}) == len(plain) == 4 * 3 * 2
    assert {v.changes["attack"]["batch_size"] * v.changes["attack"]["batches"] for v in plain} == {128_000}
    assert chosen(plain[-1]) == ["1024", "0.001", "64 + 64", "to 97.7%", "2", "100", "as published"]
    assert [chosen(v) for v in clipped] == [chosen(v) for v in plain]
    assert chosen(plan.runner_up(plan.ANN)) == [
        "1024",
        "0.0001",
        "64 + 64",
        "to 97.7%",
        "2",
        "100",
        "as published",
    ]
    assert all(v.changes["query"] == {"encoder": "clip"} for v in clipped) and plan.ANN is BASELINES["ann"]


def test_each_other_guess_is_one_change_from_the_frozen_setting():
    frozen = chosen(plan.ANN)
    assert frozen == ["512", "0.0001", "64 + 64", "to 97.7%", "2", "100", "as published"]
    changed = [[new for old, new in zip(frozen, chosen(v)) if new != old] for v in plan.guesses(plan.ANN)]
    assert changed == [["five epochs"], ["twelve epochs"], ["25 epochs"], ["50 epochs"], ["1"], ["10"]]
