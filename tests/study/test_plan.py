"""The plan's settings are the ones that were written down."""

from snnmi.study import plan
from snnmi.study.controls import BASELINES

FROZEN = "512, 0.0001, 64 + 64, to 97.7%, 2, 100, GAMIN's"


def chosen(variant):
    return ", ".join(plan.choices(variant).values())


def test_the_grid_is_the_plans_on_either_target_and_names_its_choices():
    plain, clipped = plan.settings(plan.ANN), plan.settings(plan.CLIP)
    assert len({v.name for v in plain}) == len(plain) == 4 * 3 * 2
    assert {v.changes["attack"]["batch_size"] * v.changes["attack"]["batches"] for v in plain} == {128_000}
    assert chosen(plain[-1]) == FROZEN.replace("512, 0.0001", "1024, 0.001")
    assert [chosen(v) for v in clipped] == [chosen(v) for v in plain]
    assert chosen(plan.runner_up(plan.ANN)) == FROZEN.replace("512", "1024")
    assert all(v.changes["query"] == {"encoder": "clip"} for v in clipped) and plan.ANN is BASELINES["ann"]


def test_each_other_guess_is_one_change_from_the_frozen_setting():
    assert chosen(plan.ANN) == FROZEN
    changed = [{*chosen(v).split(", ")} - {*FROZEN.split(", ")} for v in plan.guesses(plan.ANN)]
    assert changed == [{"five epochs"}, {"twelve epochs"}, {"25 epochs"}, {"50 epochs"}, {"1"}, {"10"}]
