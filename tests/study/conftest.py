"""The smoke profile, finished once for all tests of the chain."""

import shutil
from pathlib import Path

import pytest

from snnmi.attack import gamin
from snnmi.measure import boundaries
from snnmi.models import training
from snnmi.study import extensions
from snnmi.study.experiment import Experiment
from tests.helpers import once


@pytest.fixture(autouse=True)
def put_back(matmul_setting):
    """An experiment sets float32 products for the whole process."""


@pytest.fixture(scope="session")
def results(shared) -> Path:
    """A results folder in which the smoke profile is finished, for all workers; to be read only."""

    def finish(folder: Path) -> None:
        smoke = Experiment("smoke", results=folder)
        assert [len(runs) for runs in (smoke.targets(), smoke.attacks(), smoke.boundaries())] == [2, 2, 2]

    return once(shared / "finished", finish)


@pytest.fixture
def copied(results, tmp_path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(results, tmp_path / "results")


@pytest.fixture
def without_weights(copied) -> Path:
    """As git keeps them."""
    for path in copied.rglob("weights.safetensors"):
        path.unlink()
    return copied


@pytest.fixture
def no_computing(results, monkeypatch):
    def computed(*args, **kwargs):
        pytest.fail("something was computed again")

    for module, name in ((training, "train"), (gamin, "attack"), (boundaries, "measure")):
        monkeypatch.setattr(module, name, computed)


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """A file of the user's own, to be written; what it registers is forgotten afterwards."""
    before = [dict(table) for table in extensions.NAMED.values()]
    monkeypatch.setattr(extensions, "_latest", [""])
    yield tmp_path / "mine.py"
    for table, known in zip(extensions.NAMED.values(), before):
        table.clear()
        table.update(known)
