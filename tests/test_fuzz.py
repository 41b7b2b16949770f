"""Whatever a file holds, its reader gives data or says one sentence: files damaged, made up, or bombs.

Thirty inputs a reader; `make test-long` tries 10,000.
"""

import gzip
import json
import os
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from snnmi import data, files, own_data, vision
from snnmi.checkpoint import Checkpoint
from snnmi.models import foreign
from snnmi.store import Run, Store
from snnmi.study import offline
from tests.helpers import small

INPUTS = 10_000 if os.environ.get("SNNMI_LONG") else 30
tried = settings(
    max_examples=INPUTS,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SAID = (ValueError, FileNotFoundError)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """The content after one to four accidents: bytes changed, lost, repeated or put in, the end cut off."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 40))
        kind = draw(st.sampled_from(["change", "flip", "lose", "repeat", "insert", "cut"]))
        some, rest = draw(st.binary(min_size=1, max_size=length)), content[at + length :]
        if kind == "flip" and content:
            some, rest = bytes([content[at] ^ 1 << draw(st.integers(0, 7))]), content[at + 1 :]
        middle = {"lose": b"", "repeat": 2 * content[at : at + length], "cut": b""}.get(kind, some)
        rest = {"insert": content[at:], "cut": b""}.get(kind, rest)
        content = content[:at] + middle + rest
    return content


def outcome(read, *what):
    """What was read, or the sentence; anything else fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(*what)
        except SAID as error:
            said = str(error)
            assert said and "\n" not in said and len(said) < 900, said
            return said


def every_damage(path: Path, read, look=lambda found: None, tried=tried) -> None:
    """`look` is given what is read of one damaged file after the other: data or a sentence."""
    content = path.read_bytes()

    @tried
    @given(damaged(content))
    def one(found):
        path.write_bytes(found)
        look(outcome(read))

    one()
    path.write_bytes(content)


def is_sentence(found) -> None:
    assert isinstance(found, str)


SMALL = {"x_train": np.arange(8 * 64, dtype=np.uint8).reshape(8, 8, 8), "y_train": np.arange(8) % 2}
SMALL |= {"x_test": SMALL["x_train"][:4], "y_test": SMALL["y_train"][:4]}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_is_data_or_a_sentence(save, tmp_path):
    save(path := tmp_path / "mine.npz", **SMALL)
    assert isinstance(outcome(data.load, path), data.Dataset)
    every_damage(path, lambda: data.load(path))


SHAPES = st.sampled_from([(), (0,), (4,), (4, 1), (4, 8, 8), (4, 1, 8, 8), (4, 8, 8, 3), (4, 64), (4, 0, 8)])
ANY = arrays.arrays(
    dtype=arrays.scalar_dtypes() | arrays.unicode_string_dtypes() | arrays.byte_string_dtypes(), shape=SHAPES
)


def test_any_arrays_are_data_or_a_sentence():
    good = {key: st.just(SMALL[key]) for key in own_data.KEYS}

    @tried
    @given(st.fixed_dictionaries({key: ANY | good[key] for key in own_data.KEYS}))
    def one(parts):
        outcome(own_data.checked, "mine.npz", parts)

    one()


@pytest.mark.parametrize("name", ["mine.npz", "att_faces.zip"])
def test_an_archive_that_would_fill_the_memory_or_a_pipe_is_not_read(name, places, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 1 << 20)
    path = places / name
    asked = path if name == "mine.npz" else "faces"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in ("x_train.npy", "s1/1.pgm"):
            packed.writestr(member, bytes(1 << 20))
    assert path.stat().st_size < 10_000
    assert "unpacks to 0.0 GiB, expected at most" in outcome(lambda: data.load(asked, download=False))
    path.unlink()
    os.mkfifo(path)
    assert "is no file" in outcome(lambda: data.load(asked, download=False))


def test_damaged_faces_are_a_sentence(places):
    """A zip of the AT&T faces' form, of other pictures."""
    path = places / "att_faces.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(400):
            name = f"s{number // 10 + 1}/{number % 10 + 1}.pgm"
            packed.writestr(name, b"P5\n92 112\n255\n" + bytes(112 * 92))
    every_damage(path, lambda: data.load("faces", download=False), is_sentence)


def test_damaged_mnist_is_a_sentence(places):
    content = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0x27, 0x10]) + bytes(10_000))
    for name in vision.MNIST.files:
        (places / f"{name}.gz").write_bytes(content)
    path = places / "train-images-idx3-ubyte.gz"
    every_damage(path, lambda: data.load("mnist", download=False), is_sentence)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, and the archive that takes it home."""
    folder = tmp_path_factory.mktemp("fuzz")
    run = Store(folder / "results/smoke").run("attack-digits", {"seed": 0})
    run.checkpoint.start()
    run.finish(metrics={"accuracy": 0.5}, arrays={"x": np.arange(5)})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        offline.pack(folder / "results")
    return run, (folder / "results.zip").read_bytes()


def test_a_damaged_archive_brings_whole_runs_or_a_sentence(finished, tmp_path):
    run, content = finished
    path = tmp_path / "results.zip"
    path.write_bytes(content)

    def look(brought):
        if isinstance(brought, list):
            assert all(Run(folder, run.settings).complete() for folder in brought)

    every_damage(path, lambda: offline.bring(path, tmp_path / "results"), look)


def test_a_damaged_record_is_not_believed(finished):
    run, _ = finished
    path = run.folder / "run.json"
    before = json.loads(path.read_text())

    def look(complete):
        if complete is True:
            assert json.loads(path.read_text()) == before

    every_damage(path, lambda: Run(run.folder, run.settings).complete(), look)


def test_a_damaged_checkpoint_counts_as_none(tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save({"x": data.torch.arange(5), "more": {"y": data.torch.ones(2, 2)}})
    content = checkpoint.path.read_bytes()

    def load():
        if checkpoint.path.read_bytes() != content:
            with pytest.warns(UserWarning, match="checkpoint is damaged"):
                assert checkpoint.load() is None

    every_damage(checkpoint.path, load)


@pytest.fixture
def nir_file(tmp_path):
    """A small network as a NIR file; written twice it is the same bytes twice."""
    return foreign.write(small("snn"), tmp_path / "whole.nir")


def network(path):
    return foreign.read(path, foreign.Assumed(), image_shape=(8, 8), num_classes=10)


def test_a_damaged_nir_file_is_a_network_or_a_sentence(nir_file):
    few = settings(tried, max_examples=INPUTS // 10)  # slow: a process of its own reads it first
    every_damage(nir_file, lambda: network(nir_file), tried=few)


@pytest.mark.parametrize(
    "end, said", [("while True: pass", "had not ended after 1 s"), ("os.abort()", "ended its")]
)
def test_a_nir_file_that_would_hold_or_kill_its_reader_is_given_up(end, said, nir_file, monkeypatch):
    """About one damage in a thousand does either to HDF5's library; here its reader does as it does then."""
    monkeypatch.setattr(foreign, "PATIENCE", 1)
    monkeypatch.setattr(foreign, "TRIAL", f"import os\n{end}")
    assert f"reading it {said}" in outcome(network, nir_file)


# --- not damaged, but meant badly


def test_a_nir_file_that_would_fill_the_memory_is_not_read(nir_file):
    with h5py.File(nir_file, "a") as file:
        hidden = file["node/nodes/hidden_weights"]
        del hidden["weight"]
        hidden.create_dataset("weight", shape=(2**20, 2**20), dtype="f4", chunks=(1024, 1024))
    assert nir_file.stat().st_size < 1 << 20
    assert "needs more than 4 GiB" in outcome(network, nir_file)


def test_a_nir_file_that_holds_itself_is_refused(nir_file):
    with h5py.File(nir_file, "a") as file:
        file["node/nodes/hidden_weights/again"] = file["node"]
    assert "cannot be read as a NIR file" in outcome(network, nir_file)
