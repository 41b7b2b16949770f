"""Chapter 9's tables on judgements whose answer is known."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from snnmi.study.findings import judges as findings
from snnmi.study.runs import AttackRun

SCALE = ("laptop", "mnist")
JUDGES = {SCALE: {"test_accuracy": 0.99, "n_test": 100, "natural_distance": 5.0, "num_classes": 10}}


def judged(values: dict[tuple[str, str], float], **more) -> pd.DataFrame:
    """Ten classes a set of images; every measure of class y is its value + 0.01 y."""
    rows = [(source, kind, y, v + 0.01 * y) for (source, kind), v in values.items() for y in range(10)]
    frame = pd.DataFrame(rows, columns=["source", "target", "label", "recognised"])
    frame = frame.assign(**{measure: frame.recognised for measure in findings.MEASURES})
    about = {"profile": SCALE[0], "dataset": SCALE[1], "variant": frame.target, "seed": 0, "attack_seed": 0}
    return frame.assign(**about | more)


MADE = {("reconstruction", "ann"): 0.6, ("reconstruction", "snn"): 0.2}


def test_sources_stand_in_the_order_of_the_page_at_the_largest_scale_no_row_twice():
    frame = judged(MADE | {("noise", ""): 0.0, ("training image", ""): 0.0})
    small, lonely = judged(MADE, profile="smoke"), judged({("noise", ""): 0.0}, profile="paper")
    found = findings.shown(pd.concat([small, frame, frame, lonely]))
    assert found.source.unique().tolist() == ["training image", "noise", "reconstruction"]
    assert set(found.profile) == {"laptop"} and len(found) == 40
    assert findings.of_shown(JUDGES | {("smoke", "mnist"): {}}, found) == JUDGES


def test_what_stands_side_by_side_is_of_the_same_seeds():
    second = judged({("reconstruction", "ann"): 0.0}, seed=1, attack_seed=1)
    found = findings.shown(pd.concat([judged(MADE), second]))
    assert found.seed.unique().tolist() == [0]
    assert set(findings.shown(second).seed) == {1}  # one kind of target only
    scores = pd.concat([judged(MADE), second]).drop(columns="source").assign(pair="kept")
    scores["A_target"] = scores.recognised + 0.3
    told = findings.deceived(scores, found)
    assert told["laptop", "mnist", "ann"] == pytest.approx(0.945)  # with seed 1: 0.645


def test_a_summary_leaves_out_what_was_not_measured():
    frame = judged({("noise", ""): 0.3}, target_confidence=float("nan"))
    found = findings.summary(frame)
    assert found.measure.tolist() == [name for name in findings.MEASURES if name != "target_confidence"]
    assert found.value.tolist() == pytest.approx([0.345] * 10)


def test_readings_come_from_the_lower_ends_and_without_an_interval_from_the_value():
    found = findings.summary(judged(MADE | {("noise", ""): 0.0}))
    readings = findings.readings(found, findings.chances(JUDGES))
    told = {" ".join(key[2:]): text for key, text in readings.items()}
    assert told == {"reconstruction ann": "image", "reconstruction snn": "trace", "noise ": "nothing"}
    one = found.assign(low=float("nan"))[found.target == "ann"]
    assert [*findings.readings(one, findings.chances(JUDGES)).values()] == ["image"]


def test_reconstructions_are_held_against_fooling_noise_and_real_images():
    values = MADE | {("fooling noise", "ann"): 0.5, ("fooling noise", "snn"): 0.3, ("test image", ""): 0.1}
    found = findings.summary(judged(values))
    wide = findings.wide(found)
    assert findings.ahead_of_fooling(wide, "identified").tolist() == [True, False]
    multiples = findings.multiples(wide, SCALE, "reconstruction")
    assert multiples == pytest.approx({"ann": 0.645 / 0.145, "snn": 0.245 / 0.145})
    near = {SCALE: JUDGES[SCALE] | {"natural_distance": 0.5}}
    assert findings.beyond_natural(found, near).tolist() == [True, False]
    same = MADE | {("fooling noise", "ann"): 0.6 - 1e-12}
    assert not findings.ahead_of_fooling(findings.wide(findings.summary(judged(same))), "identified").any()


def test_panels_follow_the_order_of_their_names():
    found = findings.summary(judged(MADE))
    panels = findings.panels(found, {"pixel_train": "pixels", "feature_train": "features"})
    assert panels.metric.tolist() == ["pixels", "pixels", "features", "features"]
    assert set(panels.scale) == {"MNIST, laptop"}


@pytest.mark.parametrize("mean, seen", [(0.5, True), (-0.5, False)])
def test_a_leak_is_seen_where_it_is_lower_than_both_references(mean, seen):
    frame = judged({("test image", ""): 0.5, ("class mean", ""): mean, ("reconstruction", "snn"): -0.2})
    table = findings.leaks_table(frame, JUDGES)
    assert len(table) == 1 and table.seen[0] == seen
    assert (table.test_difference[0], table.mean_difference[0]) == pytest.approx((-0.7, -0.2 - mean))


def test_differences_are_of_what_was_attacked_on_both_and_ruled_where_a_rule_is_due():
    frame = pd.concat([judged(MADE), judged({("reconstruction", "ann"): 0.0}, seed=1, attack_seed=1)])
    table = findings.differences_table(frame).set_index("measure")
    assert table.difference.tolist() == pytest.approx([-0.4] * 5) and (table.seeds == 1).all()
    assert table.verdict.tolist() == ["supported", "supported", "", "", ""]
    assert table.differing["recognised"] == table.classes["recognised"] == 10
    faint = findings.differences_table(judged({key: v - 0.3 for key, v in MADE.items()}))
    assert faint.verdict.tolist() == ["open", "open", "", "", ""]  # the gate
    digits = findings.differences_table(judged(MADE, dataset="digits"))
    assert digits.verdict.tolist() == ["demonstration", "demonstration", "", "", ""]
    assert findings.differences_table(judged({("reconstruction", "ann"): 0.5})).empty


def test_printed_counts_are_tried_by_every_test():
    table = findings.exact_table().set_index(["dataset", "score"])
    assert table.loc[("mnist", "A_comb"), ["ann", "snn", "n"]].tolist() == [10, 7, 10]
    assert table.fisher["mnist", "A_comb"] == pytest.approx(0.2105, abs=1e-4)


def test_a_line_of_pictures_without_the_data_set_has_placeholders():
    attack = Mock(spec=AttackRun, profile=SCALE[0], dataset=SCALE[1], target="ann", variant="ann", seed=0)
    attack.labels, attack.reconstructions = [0, 1], np.zeros((2, 1, 8, 8), np.uint8)
    frame = judged(MADE, feature_nearest=3)
    lines = findings.picture_lines([attack], frame, None)
    assert [*lines] == ["class mean", "ANN", "nearest to ANN"]
    assert lines["class mean"] == lines["nearest to ANN"] == [None, None] and len(lines["ANN"]) == 2
