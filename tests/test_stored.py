"""What version 1.0.0 stored is found by its settings and read, number by number: the oldest runs that a reader has."""

import pytest

from snnmi.study import judged, table
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements
from tests.helpers import ROOT

STORED = ROOT / "tests/stored"
one = Experiment("smoke", targets=["snn"], results=STORED, compute=False)


def test_its_runs_are_found_by_settings_that_are_made_today():
    (target,), (attack,), (boundary,) = one.targets(), one.attacks(), one.boundaries()
    (judgement,) = judgements(one, ("reconstruction",))
    for run in (target.run, attack.run, attack.scored, boundary.run, judgement.run):
        assert run.provenance["snnmi"] == "1.0.0" and run.weights() is None
    assert judged.originals("digits", (8, 8), STORED)["class mean"].shape == (10, 8, 8)
    assert attack.moments["image"].shape == (10, 10, 8, 8) and attack.reconstructions.shape == (10, 3, 8, 8)
    assert boundary.arrays["plane_target_labels"].shape == (7, 7)
    assert target.history.epoch.tolist() == [1, 2, 3]


def test_its_numbers_are_read_as_they_were_written():
    rows = table.runs(results=STORED)
    last = rows[rows["pair"] == "last"]
    assert len(rows) == 20 and last.label.tolist() == [*range(10)]
    assert {*last.queries} == {0.0015} and {*last.batches} == {30} and {*last.noise} == {"normal"}
    found = last[["surrogate_accuracy", "L_N", "fidelity_mae", "A_target", "commonest_answer"]].mean()
    assert found.tolist() == pytest.approx([0.099443, 2.331609, 0.937891, 0.12, 0.24], abs=1e-6)
    said = judged.everything(rows, results=STORED)
    assert said.attack.tolist() == last.folder.tolist()
    found = said[["feature_train", "judge_confidence", "identified"]].mean()
    assert found.tolist() == pytest.approx([11.812330, 0.076518, 0.233333], abs=1e-6)
