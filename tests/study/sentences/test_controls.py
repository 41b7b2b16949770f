"""What chapter 7 says of its controls, on numbers whose sentence is known."""

import pandas as pd
import pytest

from snnmi.models.targets import Network
from snnmi.study.controls import CELLS, CONTROLS
from snnmi.study.sentences import controls as say
from snnmi.study.settings import Settings

NBSP = "\u00a0"
SCALE = "MNIST, laptop"


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


def test_every_factor_that_is_controlled_is_a_suspect():
    config = {kind: Settings(kind, network=Network(hidden=64)) for kind in ("ann", "snn")}
    table = say.suspects(config, {"ann": "98.0%"}, outside=0.6587)
    told = "; ".join(table.controls)
    steps = "T = 1, 5, 10, 50, 100"
    assert (
        all(c.label in told for c in CONTROLS if c.factor not in ("baseline", "time steps")) and steps in told
    )
    assert table.ANN.tolist()[4] == "98.0%" and table.SNN.tolist()[4] == "–"
    assert table.SNN[0] == "clips to [0, 1]: 66% of the noise's pixels"
    assert say.suspects_caption(8, SCALE).startswith("**Eight things that differ")


def test_few_cells_that_lack_are_named_and_many_counted():
    controls = [*CELLS.values()]
    assert say.lacking(SCALE, controls[1:3]) == f"{SCALE}: ANN, clipped input, ANN, Bernoulli input"
    assert say.lacking(SCALE, controls[:4]) == f"{SCALE}: four of six"


def cell_scores() -> pd.DataFrame:
    rows = [(scale, *cell) for scale in ("laptop", "smoke") for cell in reversed(CELLS)]
    frame = pd.DataFrame(rows, columns=["scale", "neuron", "input"])
    return frame.assign(score="A_target", own=0.9, moving=0.25, value=0.5, low=0.4, high=0.6)


def test_cells_stand_in_the_order_of_scales_and_inputs():
    table = say.cells(cell_scores(), {"smoke": 0, "laptop": 1})
    assert table.scale.tolist() == ["smoke"] * 6 + ["laptop"] * 6
    assert list(zip(table.weights, table.input))[:4] == [
        ("ANN", "current"),
        ("ANN", "clip"),
        ("ANN", "rate"),
        ("SNN", "current"),
    ]
    assert plain(table.A_target[0]) == "0.50 [0.40, 0.60]" and table["still moving"][0] == "25%"


def test_the_cells_caption_speaks_of_the_largest_scale_with_all_six():
    values = dict(zip(CELLS, (0.49, 0.13, 0.12, 0.58, 0.2, 0.17)))
    rows = [("laptop", "mnist", SCALE, CELLS[cell].name, value) for cell, value in values.items()]
    frame = pd.DataFrame(rows, columns=["profile", "dataset", "scale", "variant", "surrogate_accuracy"])
    caption = say.cells_caption(frame, {SCALE: 0}, {SCALE: [], "half": [*CELLS.values()][:5]})
    assert caption.startswith(
        "**At MNIST, laptop a clip alone takes the accuracy of the ANN's surrogate from 0.49 to 0.13; without clip and "
        "draw that of the SNN's is 0.58 instead of 0.17.**"
    )
    assert caption.endswith("Cells not run: half: five of six.")
    assert say.cells_finding(frame[:0], {}) == "No scale has all six cells."


def noises() -> pd.DataFrame:
    rows = [("Gaussian, as published", 0.5, 0.19, -0.31), ("Gaussian, clipped", 0.13, 0.17, 0.04)]
    frame = pd.DataFrame(rows, columns=["noise", "ann", "snn", "difference"])
    frame = frame.assign(scale=SCALE, score="surrogate_accuracy", low=-0.4, high=-0.2, p_classes=0.002)
    return frame.assign(change=0.35, change_low=0.3, change_high=0.4)


def test_noise_goes_from_the_published_to_the_clipped():
    assert say.noise_finding(noises()) == (
        "With clipped noise the surrogate's accuracy goes at MNIST, laptop from 0.19 to 0.17 on the SNN, from 0.50 to "
        "0.13 on the ANN."
    )
    assert say.noise_finding(noises()[:1]) == "Not run with other noise."
    assert [plain(text) for text in say.noise(noises())["change of this gap"]] == ["–", "+0.35 [0.30, 0.40]"]
    assert say.noise(noises()[:0]).scale.tolist() == ["none"]


def changes() -> pd.DataFrame:
    rows = [("raw current", 0.41, 0.36, 0.46), ("beta = 0.5", -0.01, -0.02, 0.0)]
    frame = pd.DataFrame(rows, columns=["name", "difference", "low", "high"])
    return frame.assign(scale=SCALE, factor="x", target="snn", score="surrogate_accuracy", own=0.97)


def test_the_largest_change_is_named():
    assert plain(say.largest(changes())) == "SNN, raw current (MNIST, laptop), +0.41 [0.36, 0.46]"
    assert say.largest(changes()[:0]) == "none, for it is not run"
    assert say.moved(changes()) == "1 of 2"  # an interval that ends at zero has not moved
    table = say.changes(changes())
    assert (
        table.control.tolist() == ["SNN: raw current", "SNN: beta = 0.5"] and table["own acc."][0] == "0.970"
    )
    assert say.changes_caption(changes()).startswith("**The same in numbers: two controls.**")
    assert say.changes_caption(changes()[:0]).startswith("**The same in numbers: no controls.**")


def test_matched_trainings_say_where_they_stop():
    rows = [("ann", 40, 0.9), ("snn", 40, 0.8), ("ann, trained to the snn's accuracy", 1, 0.81)]
    trained = pd.DataFrame(rows, columns=["variant", "epochs", "test_accuracy"]).assign(
        dataset="digits", seed=0
    )
    assert say.matched(trained) == "Digits (8×8), the ANN stops after one epoch at 81.0% (the SNN: 80.0%)"
    assert say.matched(trained[:2]) == "not run at this scale"


def curves() -> pd.DataFrame:
    frame = pd.DataFrame({"num_steps": [25.0, 1.0, 5.0, float("nan")], "value": [0.2, 0.1, 0.3, 0.5]})
    frame = frame.assign(
        scale=SCALE, target=["snn"] * 3 + ["ann"], low=frame.value - 0.1, high=frame.value + 0.1
    )
    return frame.assign(score="surrogate_accuracy", metric="surrogate acc.")


def test_time_is_told_by_its_ends_and_its_best():
    assert say.over_time(curves()) == "0.10 at T = 1, 0.30 at T = 5 and 0.20 at T = 25 (MNIST, laptop)"
    assert say.over_time(curves()[:0]) == "not run"
    assert say.time_steps(curves()).target.tolist() == ["ANN", "SNN, T = 1", "SNN, T = 5", "SNN, T = 25"]


@pytest.mark.parametrize("low, told", [(0.4, "0.50 [0.40, 0.60]"), (float("nan"), "0.50")])
def test_a_number_without_interval_stands_alone(low, told):
    row = next(pd.DataFrame({"value": [0.5], "low": [low], "high": [0.6]}).itertuples())
    assert plain(say.told(row)) == told
