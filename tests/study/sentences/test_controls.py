"""What chapter 7 says of its cells and controls, on numbers whose sentence is known."""

import pandas as pd
import pytest

from snnmi.study.controls import CELLS, CONTROLS, FOUR
from snnmi.study.sentences import controls as say
from tests.helpers import NAN, plain

SCALE = "MNIST, laptop"


def cell_scores(scale=SCALE, values=(0.49, 0.13, 0.12, 0.58, 0.2, 0.17)) -> pd.DataFrame:
    frame = pd.DataFrame([*CELLS], columns=["neuron", "input"]).assign(scale=scale, value=values)
    return frame.assign(low=NAN, high=NAN, kept=frame.value - 0.01, networks=1, taken=6.0, classes=10)


def test_cells_are_a_grid_of_weights_and_inputs_scale_by_scale():
    found = pd.concat([cell_scores("b"), cell_scores()[1:]])
    table = say.cells(found)
    assert table.scale.tolist() == ["b", "b", SCALE, SCALE]
    assert table.weights.tolist() == ["ANN, one network", "SNN, one network"] * 2
    assert table["current"][0] == "0.49 (kept 0.48), takes 6 of 10" and table["current"][2] == "–"


def test_the_cells_caption_says_what_clip_and_raw_numbers_do():
    caption = say.cells_caption(cell_scores(), [SCALE], {SCALE: [], "quick": [FOUR[1], FOUR[2]]})
    assert caption.startswith(
        "**At MNIST, laptop a clip takes the accuracy of this ANN's copy from 0.49 to 0.13; raw numbers take that of "
        "this SNN's from 0.17 to 0.58.**"
    )
    assert caption.endswith("not run: quick: ANN, clipped input; SNN, raw current.")
    assert say.cells_finding(cell_scores(), []) == "No scale has all four cells."


def noises() -> pd.DataFrame:
    rows = [("Gaussian, as published", 0.5, 0.19, -0.31, 304), ("Gaussian, clipped", 0.14, 0.23, 0.09, 42)]
    frame = pd.DataFrame(rows, columns=["noise", "ann", "snn", "value", "first"])
    frame = frame.assign(scale=SCALE, low=NAN, high=NAN, networks=1, kept=0.05, ann_taken=6.0, snn_taken=6.5)
    return frame.assign(classes=10, latest=1999, batches=2000)


def test_noise_goes_from_the_published_to_the_clipped_with_the_batch_of_the_kept_pairs():
    assert say.noise_finding(noises()) == (
        "With clipped noise the copy's accuracy goes at MNIST, laptop from 0.19 to 0.23 on this SNN, from 0.50 to 0.14 "
        "on this ANN."
    )
    assert say.noise_finding(noises()[:1]) == "Not run with other noise."
    row = say.noise(noises()).iloc[1]
    assert row["SNN − ANN"] == "+0.09 (kept +0.05)" and row["kept at batch"] == "42 to 1,999 of 2,000"
    assert row["SNN"] == "0.23, takes 6.5 of 10" and say.noise(noises()[:0]).scale.tolist() == ["none"]


def changes() -> pd.DataFrame:
    rows = [("raw current", 0.41, 0.36, 0.46), ("beta = 0.5", -0.01, NAN, NAN)]
    frame = pd.DataFrame(rows, columns=["name", "difference", "low", "high"])
    return frame.assign(scale=SCALE, factor="x", target="snn", own=0.97, networks=1, kept=0.4)


def test_the_largest_change_is_named():
    assert plain(say.largest(changes())) == "SNN, raw current (MNIST, laptop), +0.41 [0.36, 0.46]"
    assert say.largest(changes()[1:]) == "SNN, beta = 0.5 (MNIST, laptop), −0.01"
    assert say.largest(changes()[:0]) == "none, for it is not run"
    table = say.changes(changes())
    assert table.control.tolist() == ["SNN: raw current", "SNN: beta = 0.5"]
    assert table["target's own acc."][0] == "0.970"


def test_controls_that_are_their_own_baseline_are_named():
    control = next(control for control in CONTROLS if control.name == "snn, trained to the ann's accuracy")
    caption = say.changes_caption(changes(), [(control, SCALE, 1), (control, SCALE, 2)])
    assert caption.startswith("**The same in numbers: two controls.**")
    assert caption.endswith(
        "Nothing to compare, for control and baseline are one run: SNN, trained to the ANN's accuracy (MNIST, laptop, "
        "seeds 1, 2)."
    )
    assert "Nothing to compare" not in say.changes_caption(changes()[:0], [])


@pytest.mark.parametrize(
    "values, said",
    [
        ((0.2, 0.1), "from 0.10 at T = 1 to 0.20 at T = 25: as expected."),
        ((0.1, 0.3), "from 0.30 at T = 1 to 0.10 at T = 25: the other way."),
        ((0.2, 0.17), "from 0.17 at T = 1 to 0.20 at T = 25: no such growth, the same within 0.05."),
    ],
)
def test_time_ends_with_what_was_found(values, said):
    curves = pd.DataFrame({"num_steps": [25.0, 1.0, NAN], "value": [*values, 0.5]})
    curves = curves.assign(target=["snn", "snn", "ann"], scale=SCALE, score="surrogate_accuracy")
    assert say.over_time(curves) == f"At MNIST, laptop it goes {said}"
    assert say.over_time(curves[:0]) == "Not run at any scale."


def test_shorter_attacks_say_how_much_shorter():
    assert say.shorter(240, 1000).startswith("Every attack here, the baselines too, has 24% of the batches")
    assert say.shorter(2000, 2000) == ""


def test_the_noise_that_serves_best_within_the_range_is_named():
    rows = [("Gaussian, as published", 0.5, 0.19), ("uniform", 0.14, 0.22), ("sparse", 0.3, 0.28)]
    found = pd.DataFrame(rows, columns=["noise", "ann", "snn"]).assign(scale=SCALE, networks=1)
    assert say.in_range(found) == (
        f"At {SCALE}, of two noises within [0, 1] sparse serves best against this SNN: its copies read 28% of the test "
        "images, those of this ANN 30% (noise as published: 19% and 50%)."
    )
    assert say.in_range(found[:2]) == "Not run with several noises within [0, 1]."


def test_measures_stand_scale_by_scale_in_the_order_in_which_scales_come():
    rows = [
        (name, scale, 0.25) for name in ("latency", "burst") for scale in ("MNIST, plan", "Digits, quick")
    ]
    found = pd.DataFrame(rows, columns=["name", "scale", "value"]).assign(
        low=NAN, high=NAN, networks=1, measure="own"
    )
    table = say.measured(found, "code", {"own": "target's accuracy"})
    assert table.code.tolist() == ["latency", "burst", "latency", "burst"]
    assert table.scale.tolist() == ["MNIST, plan"] * 2 + ["Digits, quick"] * 2
    assert set(table["target's accuracy"]) == {"0.25"}
    assert say.measured(found[:0], "code", {}).scale.tolist() == ["none"]
