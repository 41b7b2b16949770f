"""Workers share what is missing, and find what one process alone finds."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future

import pandas as pd
import pytest

from snnmi.models import targets
from snnmi.study import extensions, workers
from snnmi.study.controls import CELLS
from snnmi.study.experiment import Experiment
from tests.helpers import ROOT, judged_of, scores_of


def test_workers_share_the_work_and_find_what_one_alone_finds(tmp_path):
    def found(workers):
        given = dict(targets=["ann"], changes={"attack": {"batches": 3}}, seeds=[0, 1], results=tmp_path)
        one = Experiment("smoke", workers=workers, **given)
        return scores_of(one), judged_of(one, "reconstruction")

    together = found(2)
    for folder in (tmp_path / "smoke").glob("[ajst]*"):
        if not folder.name.startswith("judge-"):
            assert json.loads((folder / "run.json").read_text())["provenance"]["threads"] == 1
            shutil.rmtree(folder)
    for shared, alone, rows in zip(together, found(1), (40, 20)):
        assert len(alone) == rows
        pd.testing.assert_frame_equal(shared, alone, rtol=1e-3, atol=1e-3)


def test_workers_compute_a_run_once_though_variants_share_it(tmp_path, monkeypatch):
    """A pool that only notes its jobs: three variants of the ANN want one target, and each its own attack."""
    jobs = []

    class Pool:
        def submit(self, work, get, step, cell):
            jobs.append(step)
            done = Future()
            done.set_result(None)
            return done

    monkeypatch.setattr(workers, "_workers", lambda number: Pool())
    monkeypatch.setattr(Experiment, "_get", lambda self, step, cell, compute=True: None)
    three = [CELLS["ann", encoder] for encoder in ("current", "clip", "rate")]
    variants = [*three, CELLS["snn", "rate"]]
    assert Experiment("smoke", variants=variants, results=tmp_path, workers=2).attacks() == []
    assert Counter(jobs) == {"target": 2, "scores": 4}


INTERRUPTED = """
import os, signal, time
from snnmi.study.experiment import Experiment

def run(seeds):
    Experiment("smoke", targets=["ann"], changes={{"attack": {{"batches": 3}}}}, seeds=seeds, results={results!r},
               workers=2).attacks()

if __name__ == "__main__":
    run([0, 1])
    try:
        os.killpg(0, signal.SIGINT)  # as Jupyter does, to all processes of a kernel
        time.sleep(1)
    except KeyboardInterrupt:
        pass
    run([2, 3])
    print("went on")
"""


def test_idle_workers_do_not_hear_of_an_interrupt_and_work_on(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED.format(results=str(tmp_path / "results")))
    how = {"capture_output": True, "text": True, "cwd": ROOT, "start_new_session": True, "timeout": 300}
    done = subprocess.run([sys.executable, script], env=os.environ | {"PYTHONPATH": str(ROOT)}, **how)
    assert done.returncode == 0 and "went on" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_what_fails_in_a_worker_is_said_here(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path))
    workers._workers.cache_clear()  # workers have the environment in which they were started
    (tmp_path / "att_faces.zip").write_bytes(b"<html>404</html>")
    faces = dict(datasets=["faces"], seeds=[0, 1], results=tmp_path / "results", workers=2)
    with pytest.raises(ValueError, match="att_faces.zip is not a readable zip"):
        Experiment("smoke", **faces).attacks()


def test_what_only_this_process_knows_is_computed_here(tmp_path, monkeypatch):
    """A target registered in a notebook's cell: workers would not find it."""
    monkeypatch.setattr(workers, "_workers", lambda number: pytest.fail("given away"))
    answers = lambda x: x.new_full((len(x), 10), 0.1)  # noqa: E731
    monkeypatch.setitem(targets.TARGETS, "here", lambda dataset, *, seed: answers)
    assert extensions.only_here() == ["here"]
    found = Experiment("smoke", targets=["here"], seeds=[0, 1], results=tmp_path, workers=2).attacks()
    assert [run.seed for run in found] == [0, 1] and {run.target for run in found} == {"here"}
