"""Reconstructions beside their originals, for a run made by hand."""

import numpy as np
import pandas as pd
import pytest

from snnmi.store import Store
from snnmi.study.experiment import Experiment
from snnmi.study.findings import reconstructions as findings
from snnmi.study.runs import AttackRun
from snnmi.study.settings import Settings

CLASSES, SHAPE = 3, (4, 4)
LIKENESS = np.array([[0.9, 0.3, 0.1], [0.5, 0.4, 0.3], [0.0, 0.0, 0.6]])


@pytest.fixture
def attack(tmp_path):
    return attack_of(tmp_path, a_target=[0.0, 1.0, 0.0])


def attack_of(folder, a_target):
    def finish(run):
        answers = np.zeros((CLASSES, 2, CLASSES))
        answers[..., 1] = 1  # the target says 1 to everything
        images = np.arange(CLASSES * 2 * 16, dtype=np.uint8).reshape(CLASSES, 2, *SHAPE)
        run.checkpoint.start()
        run.finish(
            metrics={"labels": [*range(CLASSES)], "queries_per_class": 64},
            arrays={"reconstructions": images, "target_confidences": answers},
            tables={"losses": classes, "scores": classes.assign(A_target=a_target)},
        )

    classes = pd.DataFrame({"label": range(CLASSES), "pair": "kept"})
    run = Store(folder).get("attack", {}, finish)
    return AttackRun("smoke", "digits", "snn", "snn", 0, Settings("snn"), run, 0, run)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (CLASSES, *SHAPE), dtype=np.uint8)
    found = Experiment("smoke", results=tmp_path, compute=False)
    monkeypatch.setattr(found, "originals", lambda name: {"class mean": images, "test image": images})
    return found


def test_originals_stand_above_the_first_reconstruction(experiment, attack):
    lines = findings.lines(experiment, [attack])
    assert [*lines] == ["class mean", "test image", "SNN"]
    assert {len(line) for line in lines.values()} == {CLASSES}
    assert lines["SNN"][1].tolist() == attack.reconstructions[1, 0].tolist()


def test_a_picture_is_accepted_if_the_target_gives_it_its_class(attack):
    assert findings.accepted(attack).tolist() == [False, True, False]


def test_likeness_to_the_own_class_is_set_against_that_to_the_others(experiment, attack):
    table = findings.likeness_table([(experiment, attack)], lambda attack, means: LIKENESS.copy())
    assert table.own.tolist() == [0.9, 0.4, 0.6] and table.other.tolist() == pytest.approx([0.2, 0.4, 0.0])
    assert table.delta.tolist() == pytest.approx([0.7, 0.0, 0.6])
    assert table.identified.tolist() == [True, False, True]
    assert table.label.tolist() == [0, 1, 2] and set(table.target) == {"snn"}


def test_a_lost_class_has_no_picture_and_no_likeness(experiment, tmp_path):
    attack = attack_of(tmp_path / "lost", a_target=[0.0, np.nan, 0.0])
    assert [np.isnan(picture).all() for picture in findings.lines(experiment, [attack])["SNN"]] == [0, 1, 0]
    table = findings.likeness_table([(experiment, attack)], lambda attack, means: LIKENESS.copy())
    assert table.delta.isna().tolist() == table.identified.isna().tolist() == [False, True, False]
    means = findings.likeness_means(table).iloc[0]
    assert means.delta[0] == pytest.approx(0.65) and means.identified == 1


def test_without_the_data_set_there_is_no_likeness(experiment, attack, monkeypatch):
    monkeypatch.setattr(experiment, "originals", lambda name: {})
    table = findings.likeness_table([(experiment, attack)], lambda attack, means: LIKENESS)
    assert table.empty and "delta" in table
    assert findings.lines(experiment, [attack])["class mean"] == [None] * CLASSES


def test_means_and_differences_are_over_classes():
    rows = [("ann", 0, 0.5, True), ("ann", 1, 0.7, True), ("snn", 0, 0.25, True), ("snn", 1, 0.45, False)]
    table = pd.DataFrame(rows, columns=["target", "label", "delta", "identified"])
    table = table.assign(dataset="mnist", profile="quick", own=table.delta, other=0.0)
    ann, snn = findings.likeness_means(table).itertuples()
    assert (ann.n, ann.identified, snn.identified) == (2, 1.0, 0.5)
    assert ann.own == pytest.approx((0.6, 0.5, 0.7)) and ann.other == (0.0, 0.0, 0.0)
    (row,) = findings.likeness_differences(table).itertuples()
    assert (row.n, row.ann, row.snn) == (2, 1.0, 0.5)
    assert (row.difference, row.low, row.high) == pytest.approx((0.25, 0.25, 0.25))
    assert findings.likeness_differences(table[:2]).empty and findings.likeness_means(table[:0]).empty
