"""Chapter 3's table of ends, on attacks whose end is known."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from snnmi.study.experiment import Experiment
from snnmi.study.findings import attacks as findings
from snnmi.study.runs import AttackRun


def test_a_collapsed_generators_images_are_one():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    same, mirrored = np.stack([image, 2 * image]), np.stack([image, image[::-1, ::-1]])
    blank = np.stack([image, 0 * image])
    found = findings.alike(np.stack([same, mirrored, blank]))
    assert found[:2] == pytest.approx([1, -1]) and np.isnan(found[2])


def test_a_run_says_how_many_of_its_attacks_settled_and_when_its_pairs_were_kept():
    fell, falls = np.array([2.0] + [1.0] * 39), np.linspace(2, 1, 40)
    run = Mock(spec=AttackRun, dataset="mnist", target="ann", profile="laptop", seed=0, labels=[0, 1])
    run.history = {"M_global": np.stack([fell, falls], 1), "k": np.stack([0 * fell, fell], 1)}
    run.scores = pd.DataFrame({"pair": ["kept", "kept", "last", "last"], "batch": [42, 1900, 2000, 2000]})
    run.reconstructions = np.tile(np.arange(16, dtype=np.uint8).reshape(4, 4), (2, 3, 1, 1))
    run.queries_per_class, run.provenance = 128_000, {"wall_s": 60.0}
    (row,) = findings.ends_table([run]).to_dict("records")
    assert (row["settled"], row["off"], row["classes"]) == (1, 1, 2)
    assert (row["first_kept"], row["last_kept"], row["batches"]) == (42, 1900, 2000)
    assert (row["queries_per_class"], row["share_of_paper"], row["last_k"]) == (128_000, 0.1, 0.5)
    assert row["alike"] == pytest.approx(1) and row["shown"] == 3
    assert findings.ends_table([]).empty and "alike" in findings.ends_table([])


def test_finished_runs_are_read_as_they_are(results):
    ends = findings.ends_table(Experiment("smoke", results=results).attacks())
    assert len(ends) == 2 and (ends.batches == 30).all() and (ends.alike <= 1).all()
