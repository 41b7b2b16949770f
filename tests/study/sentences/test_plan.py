"""The plan's outcomes in words; each verdict can be printed, and so can its opposite."""

import numpy as np
import pandas as pd
import pytest

from snnmi.study import plan
from snnmi.study.findings import plan as findings
from snnmi.study.sentences import plan as say
from tests.study.findings.test_plan import at_both_budgets


def curve(*effects):
    return pd.DataFrame({"effect": effects, "ANN": 0.5, "ANN behind a clip": 0.5 - np.array(effects)})


def test_the_specification_curve_in_a_sentence():
    assert say.specification_said(curve(0.5, -0.1)) == (
        "Under 1 of 2 settings the clip takes something away; the effect runs from −0.10 to +0.50. So far: 2 of 30 "
        "have been run."
    )
    assert say.specification_said(curve(*[0.5] * 30)).endswith("from +0.50 to +0.50.")
    assert say.specification_said(curve()).startswith("No setting")
    assert say.specification(curve(0.1, 0.5)).effect.tolist() == ["+0.500", "+0.100"], "the largest first"
    assert say.specification(curve()).setting.tolist() == ["not run yet"]


@pytest.mark.parametrize(
    "effects, found",
    [
        (
            [0.5, 0.3] * 15,
            "Not in its direction: under each of the 30 settings tried the clip takes something",
        ),
        (
            [-0.5, -0.3] * 15,
            "Not in its direction: under each of the 30 settings tried the clip takes nothing",
        ),
        (
            [0.5, -0.3] * 15,
            "Yes: the clip takes something from the attack on this ANN under 15 of 30 settings only",
        ),
        ((0.5, 0.3), "Open: not all settings have been run. Under 2 of 2"),
        ((), "Open"),
    ],
)
def test_the_answer_says_whether_the_direction_hangs_on_a_guess(effects, found):
    assert say.guesses_answer(curve(*effects)).startswith(found)


def test_the_calibration_says_how_near_it_came_and_whether_the_surrogate_was_reached():
    row = {
        "hidden": "512",
        "rate": "0.0001",
        "split": "64 + 64",
        "reading": "fidelity_mae",
        "distance": 0.054,
    }
    scores = {
        "M_global": 1,
        "fidelity_mae": 0.9,
        "fidelity_top": 0.7,
        "A_comb": 1,
        "A_target": 1,
        "last": 0.53,
    }
    near = pd.DataFrame([row | scores | {findings.PRIMARY: 0.52}])
    said = say.calibration_said(near)
    assert "differ by 5.4% on average" in said and "no setting reaches that, the best comes to 52%" in said
    assert "the best setting comes to 70%" in say.calibration_said(near.assign(**{findings.PRIMARY: 0.7}))
    assert say.calibration_said(near[:0]) == "No setting of the grid has been run yet."
    both = pd.concat([near, near.assign(reading="fidelity_top", distance=0.1)])
    (shown,) = say.calibration(both).to_dict("records")
    assert (shown["distance (F as error)"], shown["distance (F as top class)"]) == ("5.4%", "10.0%")
    assert say.published_row() == "1.0371, 0.8929, 0.6813, 1, 1"


def test_a_cell_that_has_not_been_run_is_a_dash():
    cells = pd.DataFrame([{"setting": "frozen", "ANN": 0.5, "SNN": None}])
    assert say.nearest(cells).iloc[0].tolist() == ["frozen", "0.500", "–"]


@pytest.mark.parametrize(
    "full, found",
    [
        (
            0.53,
            "53% on the ANN (50%) of the test images of MNIST (one network of each): no cell moves by "
            "more than 0.05, the largest change "
            "is +0.030.",
        ),
        (0.40, "a cell moves by more than 0.05, the largest change is −0.100."),
    ],
)
def test_what_the_full_budget_changes_is_said_in_both_directions(full, found):
    table = at_both_budgets({plan.ANN: [0.5]}, {plan.ANN: [full]})
    assert say.budgets_said(table).endswith(found)
    assert say.budgets(table)["queries a class"].tolist() == ["128,000", "1,280,000"]


def test_without_the_full_budget_it_is_open():
    assert say.budgets_said(pd.DataFrame()).startswith("Open")
    assert say.budgets(pd.DataFrame()).setting.tolist() == ["not run yet"]


def test_the_convolutional_point_is_said_or_not_run():
    row = {"reading": "fidelity_mae", findings.PRIMARY: 0.61, "last": 0.62, "distance": 0.125}
    said = say.convolutional_said(pd.DataFrame([row, row | {"reading": "fidelity_top"}]))
    assert "read 61% of the test images (last pair 62%); their five numbers differ by 12.5%" in said
    assert say.convolutional_said(pd.DataFrame()) == "Convolutional players have not been run."
