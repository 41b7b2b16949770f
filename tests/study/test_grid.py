"""The grid: what may be asked for, and workers who share what is missing."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from snnmi.models import targets
from snnmi.study import extensions, grid
from snnmi.study.controls import CELLS, RECORDED
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements_table
from snnmi.study.tables import attacks_table
from tests.helpers import ROOT


def test_workers_share_the_work_and_find_what_one_alone_finds(tmp_path):
    given = dict(targets=["ann"], changes={"attack": {"batches": 3}}, seeds=[0, 1])
    alone = attacks_table([Experiment("smoke", results=tmp_path / "alone", **given)])
    shared = Experiment("smoke", results=tmp_path / "shared", workers=2, **given)
    pd.testing.assert_frame_equal(attacks_table([shared]), alone, rtol=1e-3, atol=1e-3)
    assert {run.provenance["threads"] for run in shared.attacks()} == {1}


def test_workers_judge_as_one_alone_does(tmp_path):
    given = dict(targets=["ann"], changes={"attack": {"batches": 3}}, seeds=[0, 1], results=tmp_path)
    together = judgements_table([Experiment("smoke", workers=2, **given)], ["reconstruction"])
    for folder in (tmp_path / "smoke").glob("judged-*"):
        assert json.loads((folder / "run.json").read_text())["provenance"]["threads"] == 1
        shutil.rmtree(folder)
    alone = judgements_table([Experiment("smoke", **given)], ["reconstruction"])
    assert len(alone) == 20
    pd.testing.assert_frame_equal(together, alone, rtol=1e-3, atol=1e-3)


def test_workers_compute_a_run_once_though_variants_share_it(tmp_path, monkeypatch):
    """A pool that only notes its jobs: three variants of the ANN want one target, and each its own attack."""
    jobs = []

    class Pool:
        def submit(self, work, take, of, step, cell):
            jobs.append(step)
            done = Future()
            done.set_result(None)
            return done

    monkeypatch.setattr(grid, "_workers", lambda number: Pool())
    monkeypatch.setattr(Experiment, "_get", lambda self, step, cell, compute=True: None)
    three = [CELLS["ann", encoder] for encoder in ("current", "clip", "rate")]
    variants = [*three, CELLS["snn", "rate"]]
    assert Experiment("smoke", variants=variants, results=tmp_path, workers=2).attacks() == []
    assert Counter(jobs) == {"target": 2, "scores": 4}


INTERRUPTED = """
import os, signal, time
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements_table

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
    grid._workers.cache_clear()  # workers have the environment in which they were started
    (tmp_path / "att_faces.zip").write_bytes(b"<html>404</html>")
    faces = dict(datasets=["faces"], seeds=[0, 1], results=tmp_path / "results", workers=2)
    with pytest.raises(ValueError, match="att_faces.zip is not a readable zip"):
        Experiment("smoke", **faces).attacks()


def npz(path, **changes):
    x, y = np.random.default_rng(0).random((6, 8, 8)), np.arange(6) % 2
    np.savez(path, **{"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]} | changes)
    return str(path)


NAMES, WHOLE = "expected a list of different names", "expected a list of different whole numbers"
MISTAKES = [
    ({"profile": "huge"}, r"profile is 'huge', expected one of \["),
    ({"profile": ["quick"]}, r"profile is \['quick'\], expected one of \["),
    ({"datasets": ["mnits"]}, "mnits.*expected"),
    ({"datasets": "digits.npy"}, "digits.npy.*expected .* or paths of .npz files"),
    ({"datasets": []}, f"datasets is .*{NAMES}"),
    ({"datasets": "[]"}, f"datasets is .*{NAMES}"),
    ({"datasets": {"digits": 1}}, f"datasets is .*{NAMES}"),
    ({"datasets": ["digits", "digits"]}, f"datasets is .*{NAMES}"),
    ({"datasets": ["digits", "Digits"]}, "datasets holds 'digits' 2 times, expected different ones"),
    ({"targets": ["rnn"]}, "rnn.*expected some of .'ann', 'snn'"),
    ({"targets": "ann, ANN"}, "targets holds 'ann' 2 times"),
    ({"seeds": '["0"]'}, f"seeds is .*{WHOLE}"),
    ({"seeds": "[0.5]"}, f"seeds is .*{WHOLE}"),
    ({"seeds": [True]}, f"seeds is .*{WHOLE}"),
    ({"seeds": [0, 1, 0]}, f"seeds is .*{WHOLE}"),
    ({"seeds": "0, two"}, f"seeds is .*{WHOLE}"),
    ({"attack_seeds": [None]}, f"attack_seeds is .*{WHOLE}"),
    ({"workers": 0}, "workers is 0, expected a whole number, at least 1"),
    ({"workers": "many"}, "workers is 'many', expected a whole number"),
    ({"compute": "no"}, "compute is 'no', expected true or false"),
    ({"device": "tpu"}, "device is 'tpu', expected 'cpu' or 'cuda'"),
    ({"device": "gpu:99"}, "device is 'gpu:99', and PyTorch finds no such GPU here: expected 'cpu'"),
]


@pytest.mark.parametrize("settings, found", MISTAKES)
def test_a_mistake_in_the_settings_is_told_before_any_work(tmp_path, settings, found):
    with pytest.raises(ValueError, match=found) as error:
        Experiment(**{"profile": "smoke", "results": tmp_path} | settings)
    assert "\n" not in str(error.value) and not any(tmp_path.iterdir())


def test_a_file_of_ones_own_is_looked_at_before_any_work(tmp_path):
    bad, good = npz(tmp_path / "bad.npz", y_test=[0, 0]), npz(tmp_path / "good.npz")
    again = shutil.copy(good, tmp_path / "Again.NPZ")
    for path, found in ((bad, "no image of class 1"), (good + "x.npz", "does not exist")):
        datasets = ["digits", path]
        with pytest.raises((ValueError, FileNotFoundError), match=found):
            Experiment("smoke", datasets=datasets, results=tmp_path / "results")
    (tmp_path / "other").mkdir()
    same = npz(tmp_path / "other/good.npz")
    with pytest.raises(ValueError, match="datasets holds 'good-[0-9a-f]{8}' 2 times"):
        Experiment("smoke", datasets=[good, same], results=tmp_path / "results")
    assert Experiment("smoke", datasets=str(again), results=tmp_path / "results").datasets == (str(again),)
    assert not (tmp_path / "results").exists()


def test_results_that_cannot_be_written_are_said_so_before_any_work(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ValueError, match="results: .* cannot be written, expected a folder that can"):
        Experiment("smoke", results=tmp_path / "results").targets()


def test_lists_may_come_as_text_from_a_command_line(tmp_path):
    given = Experiment("smoke", datasets='["digits"]', targets='["snn"]', seeds="[3, 4]", results=tmp_path)
    assert (given.datasets, given.kinds, given.seeds) == (("digits",), ("snn",), (3, 4))
    one = Experiment("smoke", datasets="digits", targets="snn", seeds=3, results=tmp_path)
    assert (one.datasets, one.kinds, one.seeds) == (("digits",), ("snn",), (3,))
    bare = Experiment("smoke", datasets="[Digits]", targets="SNN, ann", seeds="[3, 1e1]", results=tmp_path)
    assert (bare.datasets, bare.kinds, bare.seeds) == (("digits",), ("snn", "ann"), (3, 10))
    assert Experiment("smoke", seeds=[3.0], workers="2", results=tmp_path).seeds == (3,)
    whole = Experiment("paper", results=tmp_path)
    assert (whole.datasets, whole.kinds, whole.seeds) == (("mnist", "faces"), ("ann", "snn"), (0,))


def test_without_the_recordings_their_stored_runs_are_found_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stored = Experiment("events", results=ROOT / "results", compute=False, variants=RECORDED)
    assert len(stored.attacks()) == 4 * 3 and stored.name("nmnist") == "nmnist-03555933"
    with pytest.raises(FileNotFoundError, match="'nmnist' is not on this machine"):
        Experiment("events", results=ROOT / "results")
    with pytest.raises(FileNotFoundError, match="'nmnist' is not on this machine"):
        Experiment("events", results=tmp_path, compute=False)


def test_what_only_this_process_knows_is_computed_here(tmp_path, monkeypatch):
    """A target registered in a notebook's cell: workers would not find it."""
    monkeypatch.setattr(grid, "_workers", lambda number: pytest.fail("given away"))
    answers = lambda x: x.new_full((len(x), 10), 0.1)  # noqa: E731
    monkeypatch.setitem(targets.TARGETS, "here", lambda dataset, *, seed: answers)
    assert extensions.only_here() == ["here"]
    found = Experiment("smoke", targets=["here"], seeds=[0, 1], results=tmp_path, workers=2).attacks()
    assert [run.seed for run in found] == [0, 1] and {run.target for run in found} == {"here"}
