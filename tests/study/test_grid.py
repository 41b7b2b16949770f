"""The grid: what may be asked for, and workers who share what is missing."""

import contextlib
from collections import Counter
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from snnmi.study import grid
from snnmi.study.controls import CELLS
from snnmi.study.experiment import Experiment
from snnmi.study.tables import attacks_table


def test_workers_share_the_work_and_find_what_one_alone_finds(tmp_path):
    given = dict(targets=["ann"], changes={"attack": {"batches": 3}}, seeds=[0, 1])
    alone = attacks_table([Experiment("smoke", results=tmp_path / "alone", **given)])
    shared = Experiment("smoke", results=tmp_path / "shared", workers=2, **given)
    pd.testing.assert_frame_equal(attacks_table([shared]), alone, rtol=1e-3, atol=1e-3)
    assert {run.provenance["threads"] for run in shared.attacks()} == {1}


def test_workers_compute_a_run_once_though_variants_share_it(tmp_path, monkeypatch):
    """A pool that only notes its jobs: three variants of the ANN want one target, and each its own attack."""
    jobs = []

    class Pool(contextlib.nullcontext):
        def submit(self, compute, of, step, cell):
            jobs.append(step)
            done = Future()
            done.set_result(None)
            return done

    monkeypatch.setattr(grid, "ProcessPoolExecutor", lambda *args, **kwargs: Pool(Pool()))
    monkeypatch.setattr(Experiment, "_get", lambda self, step, cell, compute=True: None)
    variants = [
        CELLS[cell] for cell in (("ann", "current"), ("ann", "clip"), ("ann", "rate"), ("snn", "rate"))
    ]
    assert Experiment("smoke", variants=variants, results=tmp_path, workers=2).attacks() == []
    assert Counter(jobs) == {"target": 2, "scores": 4}


def test_what_fails_in_a_worker_is_said_here(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=np.zeros((4, 8, 8)))
    mine = dict(datasets=[str(tmp_path / "mine.npz")], seeds=[0, 1], results=tmp_path)
    with pytest.raises(ValueError, match="lacks y_train"):
        Experiment("smoke", workers=2, **mine).attacks()


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"profile": "huge"}, r"profile is 'huge', expected one of \["),
        ({"datasets": ["mnits"]}, "mnits.*expected"),
        ({"datasets": []}, "datasets is .*expected a list of different str"),
        ({"datasets": ["digits", "digits"]}, "datasets is .*expected a list of different str"),
        ({"targets": ["rnn"]}, "rnn.*expected some of .'ann', 'snn'"),
        ({"seeds": '["0"]'}, "seeds is .*expected a list of different int"),
        ({"seeds": "[0.5]"}, "seeds is .*expected a list of different int"),
    ],
)
def test_a_mistake_in_the_settings_is_told_before_any_work(tmp_path, settings, found):
    with pytest.raises(ValueError, match=found):
        Experiment(**{"profile": "smoke", "results": tmp_path} | settings)
    assert not any(tmp_path.iterdir())


def test_lists_may_come_as_text_from_a_command_line(tmp_path):
    given = Experiment("smoke", datasets='["digits"]', targets='["snn"]', seeds="[3, 4]", results=tmp_path)
    assert (given.datasets, given.kinds, given.seeds) == (("digits",), ("snn",), (3, 4))
    one = Experiment("smoke", datasets="digits", targets="snn", seeds=3, results=tmp_path)
    assert (one.datasets, one.kinds, one.seeds) == (("digits",), ("snn",), (3,))
    whole = Experiment("laptop", results=tmp_path)
    assert (whole.datasets, whole.kinds, whole.seeds) == (("mnist", "faces"), ("ann", "snn"), (0,))
