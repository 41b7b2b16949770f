"""The store: a run is complete or it is not there; nothing is half-read; a name is its settings."""

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from snnmi import checkpoint, files, provenance, store
from snnmi.checkpoint import Checkpoint
from snnmi.files import atomic_write, given_file, place
from snnmi.store import Store
from tests.helpers import ROOT, flipped

SETTINGS = {"config": {"lr": 1e-3, "hidden": 64, "clip_norm": None}, "seed": 0}
RESULT = {
    "metrics": {"test_accuracy": 0.5, "labels": [0, 1]},
    "tables": {"history": pd.DataFrame({"epoch": [1, 2], "loss": [0.25, 0.125]})},
    "arrays": {"reconstructions": np.arange(6, dtype=np.uint8).reshape(1, 2, 3)},
    "weights": {"kept": {"0.weight": torch.arange(4.0)}},
}


@pytest.fixture
def runs(tmp_path):
    return Store(tmp_path / "results")


def finished(runs):
    run = runs.run("attack-digits", SETTINGS)
    run.checkpoint.save({"x": torch.zeros(1)})
    assert not run.complete()
    run.finish(**RESULT)
    return run


def test_a_relative_path_lies_in_the_project_wherever_in_it_the_kernel_starts(tmp_path, monkeypatch):
    """A file of the user's own also where one is."""
    for inside in (ROOT, ROOT / "book"):
        monkeypatch.chdir(inside)
        assert place("results") == ROOT / "results" and place(tmp_path) == tmp_path
    assert given_file("README.md") == ROOT / "README.md" and given_file("index.md") == ROOT / "book/index.md"
    assert given_file("no/such.npz") == ROOT / "no/such.npz"
    monkeypatch.chdir(tmp_path)
    assert place("results") == tmp_path / "results"
    assert place("~/x") == given_file("~/x") == Path.home() / "x"


@pytest.mark.parametrize("given", ["", "cache", "~/.cache", "./."])
def test_a_cache_that_is_named_by_no_whole_path_is_the_homes_if_there_is_one(monkeypatch, given):
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    for home, cache in (("/home/me", Path("/home/me/.cache/snnmi")), ("", None), ("relative", None)):
        monkeypatch.setenv("HOME", home)
        assert files.cache() == cache

    def unknown(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "expanduser", unknown)  # what Path.home asks, without HOME, in a container
    assert files.cache() is None


def test_what_was_finished_is_read_again(runs):
    finished(runs)
    run = runs.run("attack-digits", SETTINGS)
    assert run.complete() and run.metrics == RESULT["metrics"] and not run.checkpoint.path.exists()
    pd.testing.assert_frame_equal(run.table("history"), RESULT["tables"]["history"])
    np.testing.assert_array_equal(run.arrays()["reconstructions"], RESULT["arrays"]["reconstructions"])
    assert run.arrays()["reconstructions"].dtype == np.uint8
    assert torch.equal(run.weights()["kept"]["0.weight"], torch.arange(4.0))


def test_a_folder_is_named_by_its_settings_in_any_order(runs):
    turned = {"seed": 0, "config": {"clip_norm": None, "hidden": 64, "lr": 0.001}}
    folder = runs.run("attack-digits", SETTINGS).folder
    assert folder == runs.run("attack-digits", turned).folder and folder.name.startswith("attack-digits-")
    slower = {"config": SETTINGS["config"] | {"lr": 1e-4}, "seed": 0}
    others = [SETTINGS | {"seed": 1}, slower, SETTINGS | {"more": 1}]
    assert folder not in [runs.run("attack-digits", other).folder for other in others]
    finished(runs)
    assert runs.run("attack-digits-noise=clipped", SETTINGS).folder == folder, "whatever it is called"


def test_a_run_carries_where_it_comes_from(runs):
    record = json.loads((finished(runs).folder / "run.json").read_text())
    assert record["settings"] == SETTINGS
    wanted = "finished snnmi commit python torch numpy safetensors processor threads gpu float32_matmul"
    assert {*wanted.split(), "wall_s"} <= set(record["provenance"])
    assert record["provenance"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert record["provenance"]["wall_s"] >= 0
    assert set(record["files"]) == {"history.csv", "arrays.npz", "weights.safetensors"}


def test_a_run_that_is_not_there_is_computed_once(runs):
    computed = []

    def compute(run):
        computed.append(run.folder)
        run.finish(metrics={"x": 1})

    assert runs.get("target", SETTINGS, None) is None
    assert [runs.get("target", SETTINGS, compute).metrics for _ in range(2)] == [{"x": 1}] * 2
    assert len(computed) == 1
    with pytest.raises(ValueError, match="no finished run"):
        runs.run("target", {}).metrics["x"]


# --- weights made again


@pytest.fixture
def weightless(runs):
    """A finished run as git keeps it."""
    (finished(runs).folder / "weights.safetensors").unlink()
    return runs.run("attack-digits", SETTINGS)


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_whatever_is_computed_is_computed_by_the_same_library(runs, weightless, matmul_setting):
    """Whether its process has computed before or only loaded: oneDNN and MKL round products each in its own way."""
    products, found = torch.backends.mkldnn.matmul, []

    def compute(run):
        found.append(products.fp32_precision)
        products.fp32_precision = "none"  # as a process begins
        run.finish(**RESULT)

    products.fp32_precision = "none"
    runs.get("judge", {"seed": 1}, compute)
    runs.get("judge", {"seed": 2}, compute)
    runs.weights(weightless, compute)
    assert found in (["bf16"] * 3, ["ieee"] * 3)


def test_weights_are_made_again_beside_the_record_to_the_end_and_once(runs, weightless):
    run, made = weightless, []
    before = contents(run.folder)
    assert run.complete() and run.weights() is None
    with pytest.raises(
        FileNotFoundError, match="attack-digits-.* keeps no weights .*nothing may be computed"
    ):
        runs.weights(run, None)

    def compute(again):
        made.append(again.folder)
        if len(made) == 1:
            again.checkpoint.save({"x": torch.zeros(1)})
            raise KeyboardInterrupt
        assert again.checkpoint.load() is not None
        again.finish(**RESULT | {"metrics": {"test_accuracy": 0.25}})  # another machine's rounding

    with pytest.raises(KeyboardInterrupt):
        runs.weights(run, compute)
    for asked in (run, run, runs.run("attack-digits", SETTINGS)):
        assert torch.equal(runs.weights(asked, compute)["kept"]["0.weight"], torch.arange(4.0))
    assert made == 2 * [runs.folder / ".again" / run.folder.name]
    assert contents(run.folder) == before and run.metrics == RESULT["metrics"]
    assert [one.metrics for one in runs.finished()] == [RESULT["metrics"]]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_ignores_what_was_made_again():
    again = "results/plan/.again/attack-mnist-ann-s0-0123456789"
    paths = [f"{again}/{file}" for file in ("run.json", "weights.safetensors", "checkpoint")]
    ignored = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == paths


# --- who trains for whom


def test_shared_runs_are_found_in_a_store_beside_and_others_and_half_ones_are_not(runs):
    beside, half = Store(runs.folder.parent / "paper"), SETTINGS | {"seed": 1}
    runs.run("attack-digits", half).checkpoint.save({"x": torch.zeros(1)})
    finished(runs)
    assert beside.get("attack-digits", SETTINGS, None, shared=True).metrics == RESULT["metrics"]
    assert beside.get("attack-digits", SETTINGS, None) is None
    assert beside.run("attack-digits", SETTINGS, shared=True).folder.parent == runs.folder
    assert beside.run("attack-digits", half, shared=True).folder.parent == beside.folder


def test_a_store_that_is_only_made_or_read_does_nothing_to_the_world(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: pytest.fail("git was asked"))
    monkeypatch.setattr(provenance, "commit", lambda: pytest.fail("the commit was asked for"))
    runs = Store(tmp_path / "results")
    assert runs.finished() == [] and runs.get("attack-digits", SETTINGS, None) is None
    assert not [*tmp_path.iterdir()]


# --- damage


DAMAGE = {
    "a byte flipped": lambda content: flipped(content, len(content) // 2),
    "cut short": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
}


def spoil(path, damage):
    """Whatever an accident leaves of a file; of one that was removed nothing."""
    content = path.read_bytes()
    path.unlink()
    if damage != "removed":
        path.write_bytes(DAMAGE[damage](content))


ACCIDENTS = [*product(["history.csv", "arrays.npz", "weights.safetensors"], DAMAGE)]
ACCIDENTS += [("history.csv", "removed"), ("arrays.npz", "removed")]


@pytest.mark.parametrize("file, damage", ACCIDENTS)
def test_damaged_run_is_reported_and_counts_as_missing(runs, file, damage):
    spoil(finished(runs).folder / file, damage)
    run = runs.run("attack-digits", SETTINGS)
    with pytest.warns(UserWarning, match=f"attack-digits-.* is damaged .*{file}"):
        assert not run.complete()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no finished run"):
        run.arrays()
    with pytest.warns(UserWarning):
        repaired = runs.get("attack-digits", SETTINGS, lambda run: run.finish(**RESULT))
    assert repaired.metrics == RESULT["metrics"] and runs.run("attack-digits", SETTINGS).complete()


def test_weights_lie_where_pytorch_puts_its_own(runs):
    """Else sums of them round as chance would have it."""
    weights = {str(i): torch.ones(1 + i) for i in range(9)}
    run = runs.run("odd", {"seed": 1})
    run.finish(metrics={}, weights=weights)
    run.checkpoint.save(weights)
    for found in (run.weights(), run.checkpoint.load()):
        assert [tensor.data_ptr() % 64 for tensor in found.values()] == [0] * 9


@pytest.mark.parametrize("section", ["settings", "metrics", "provenance", "files"])
def test_a_record_in_which_anything_was_changed_counts_as_missing(runs, section):
    """A changed number, a changed key, a removed part: nothing of it is believed."""
    path = finished(runs).folder / "run.json"
    whole = json.loads(path.read_text())
    key = next(iter(whole[section]))
    for changed in (
        whole | {section: whole[section] | {key: 7}},
        whole | {section: {f"{name}?": value for name, value in whole[section].items()}},
        whole | {section: {}},
        {name: part for name, part in whole.items() if name != section},
        {name: part for name, part in whole.items() if name != "sha256"},
    ):
        path.write_text(json.dumps(changed))
        with pytest.warns(UserWarning, match="damaged"):
            assert not runs.run("attack-digits", SETTINGS).complete()
            assert runs.finished() == []
    path.write_text(json.dumps(whole, indent=4, sort_keys=True))
    assert runs.run("attack-digits", SETTINGS).complete(), "the same in another layout"


def test_record_of_other_settings_counts_as_missing(runs):
    other = runs.run("attack-digits", SETTINGS | {"seed": 1})
    finished(runs).folder.rename(other.folder)
    with pytest.warns(UserWarning, match="its settings are not those it is named by"):
        assert not other.complete()


@pytest.mark.parametrize("file", ["history.csv", "arrays.npz", "weights.safetensors", "run.json"])
def test_run_killed_before_any_file_is_written_is_incomplete(runs, monkeypatch, file):
    """As a kill between two files, or in the middle of one, leaves it."""

    def killed(path, content):
        if path.name == file:
            path.with_name(f".{path.name}.1").write_bytes(content[: len(content) // 2])
            raise KeyboardInterrupt
        atomic_write(path, content)

    monkeypatch.setattr(store, "atomic_write", killed)
    run = runs.run("attack-digits", SETTINGS)
    run.folder.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        run.finish(**RESULT)
    assert not run.complete() and not runs.run("attack-digits", SETTINGS).complete()
    monkeypatch.setattr(store, "atomic_write", atomic_write)
    assert runs.get("attack-digits", SETTINGS, lambda run: run.finish(**RESULT)).complete()


# --- writing


def test_what_killed_writers_left_is_swept_and_what_may_be_in_use_is_not(runs):
    run = finished(runs)
    fresh, left = (run.folder / f".{name}.0a.half" for name in ("run.json", "checkpoint"))
    for path, hours in ((fresh, 0), (left, 2)):
        path.write_bytes(b"half")
        os.utime(path, (0, time.time() - 3600 * hours))
    run.checkpoint.path.write_bytes(b"of a run that was finished since")
    runs.get("attack-digits", SETTINGS, None)
    assert left.exists() and run.checkpoint.path.exists(), "who only reads changes nothing"
    runs.get("attack-digits", SETTINGS, lambda run: None)
    assert not left.exists() and not run.checkpoint.path.exists() and fresh.exists()


def test_a_finished_run_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    def refuse(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    store = Store(tmp_path)
    store.get("toy", {"a": 1}, lambda run: run.finish(metrics={"b": 2}))
    monkeypatch.setattr(Path, "unlink", refuse)
    assert store.get("toy", {"a": 1}, lambda run: pytest.fail("is there")).metrics == {"b": 2}


def test_where_no_room_is_left_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: .*run.json"):
        files.atomic_write(tmp_path / "run.json", b"")


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_atomic_write_leaves_the_old_file_until_the_new_one_is_whole(tmp_path, monkeypatch, moment, end):
    def ended(*args):
        raise end

    atomic_write(tmp_path / "deep/file", b"old")
    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, OSError)):
        patch.setattr(os, moment, ended)
        atomic_write(tmp_path / "deep/file", b"new")
    assert {path.name: path.read_bytes() for path in (tmp_path / "deep").iterdir()} == {"file": b"old"}
    atomic_write(tmp_path / "deep/file", b"new")
    assert (tmp_path / "deep/file").read_bytes() == b"new"


@pytest.mark.parametrize("number, dies", [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_sync_folders_will_do(tmp_path, monkeypatch, number, dies):
    sync = os.fsync

    def refuses_folders(file):
        if os.path.isdir(f"/proc/self/fd/{file}"):
            raise OSError(number, os.strerror(number))
        sync(file)

    monkeypatch.setattr(os, "fsync", refuses_folders)
    with pytest.raises(OSError) if dies else contextlib.nullcontext():
        atomic_write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


FORBIDDEN = (
    r"(?<!safetensors\.)torch\.(save|load)\(|pickle\.(load|dump)|import pickle|allow_pickle=True|joblib"
)


def test_nothing_is_stored_as_pickle(runs):
    run = finished(runs)
    suffixes = {path.suffix for path in run.folder.iterdir() if not path.name.startswith(".")}
    assert suffixes == {".json", ".csv", ".npz", ".safetensors"}
    modules = [*(ROOT / "snnmi").rglob("*.py")]
    assert len(modules) > 30 and not [path for path in modules if re.search(FORBIDDEN, path.read_text())]


# --- checkpoints


def test_checkpoint_of_another_version_of_the_code_is_said_and_not_gone_on_from(tmp_path, monkeypatch):
    saved = Checkpoint(tmp_path / "checkpoint")
    monkeypatch.setattr(checkpoint, "FORMAT", 0)
    saved.save({"batch": torch.tensor(3)})
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=f"has a state of format 0, expected {checkpoint.FORMAT}"):
        assert Checkpoint(tmp_path / "checkpoint").load() is None


def test_checkpoint_is_due_once_a_minute_and_counts_the_time_of_earlier_sessions(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first = Checkpoint(tmp_path / "checkpoint.safetensors")
    assert not first.due()
    now[0] += 60
    assert first.due()
    first.save({"x": torch.zeros(1)})
    now[0] += 1
    assert not first.due()
    now[0] += 500  # killed; a break
    second = Checkpoint(first.path)
    second.load()
    now[0] += 5
    assert second.seconds == pytest.approx(65)


def test_all_finished_runs_are_found_and_no_others(runs):
    """None that is half done or damaged, no copy under another name, nothing that systems leave about."""
    assert runs.finished() == []
    folder = finished(runs).folder
    runs.run("attack-digits", SETTINGS | {"seed": 1}).checkpoint.save({"step": torch.tensor(1)})
    (runs.folder / "attack-digits-0123456789").mkdir()
    (runs.folder / "attack-digits-0123456789/run.json").write_text("{")
    for name in ("{} copy", "Kopie von {}-2", "old"):
        shutil.copytree(folder, folder.with_name(name.format(folder.name)))
    (runs.folder / "._attack").write_bytes(b"")
    (folder / "._run.json").write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"):
        found = runs.finished()
    assert [run.folder for run in found] == [folder] and found[0].settings == SETTINGS
