"""What several test files use: chance, small settings, a process that dies, the project as a clone has it."""

import fcntl
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
import torch

from snnmi import data
from snnmi.checkpoint import Checkpoint
from snnmi.fast import events
from snnmi.models.targets import Network, Neuron, build
from snnmi.models.training import TrainedTarget, Training, train

NAN = float("nan")
ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
TOOLS = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
needs_compiler = pytest.mark.skipif(not events.available(), reason="no C compiler")
TRAINING = {
    "ann": Training(epochs=6, batch_size=32, lr=5e-3, clip_norm=None),
    "snn": Training(epochs=3, batch_size=32, lr=5e-3),
}


def seeded(seed: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def small(kind: str = "snn", shape=(8, 8), classes: int = 10, *, hidden: int = 50, seed: int = 0, **neuron):
    """An untrained target, of the digits' size; `neuron`: fields of `Neuron`."""
    return build(kind, shape, classes, seed=seed, network=Network(hidden=hidden), neuron=Neuron(**neuron))


def trained(kind: str, dataset: data.Dataset, *, seed: int = 0, **how) -> TrainedTarget:
    """A target of 64 neurons that has learnt a small data set."""
    model = small(kind, dataset.image_shape, dataset.num_classes, hidden=64, seed=seed)
    return train(model, dataset, TRAINING[kind], seed=seed, **how)


def few_digits(count: int) -> data.Dataset:
    """The digits with as many training images, and 50 test images."""
    d = data.load("digits")
    return data.Dataset("digits", d.x_train[:count], d.y_train[:count], d.x_test[:50], d.y_test[:50])


def assert_same_tensors(a: dict, b: dict) -> None:
    """Bit for bit, by name; dicts in dicts too."""
    torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


def flipped(content: bytes, place: int) -> bytes:
    """One byte changed."""
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def unchecked(function: Callable) -> Callable:
    """A function as users call it, without the look at every argument that tests take (`conftest`)."""
    return inspect.unwrap(function)


class Killed(Exception):
    pass


class Interrupting(Checkpoint):
    """Saves after every batch and dies after so many."""

    def __init__(self, path: Path, batches: int):
        super().__init__(path, every=0.0)
        self.left = batches

    def save(self, state: dict) -> None:
        super().save(state)
        self.left -= 1
        if self.left == 0:
            raise Killed


def clone(folder: Path) -> Path:
    """A fresh clone: no executed notebooks, no book, of the results only what is kept in git."""
    unwanted = ".* __pycache__ executed _build build tests quick smoke *.safetensors".split()
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*unwanted))


def once(place: Path, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker who asks for it makes, and all share."""
    with open(place.with_name(f"{place.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made := place.with_name(f"{place.name}.made")).exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
            made.touch()
    return place


TURNING = f"""import json, sys
sys.path.append({str(ROOT)!r})
from tests.turning import steadfast
print(json.dumps(steadfast()))"""


def claims(chapter: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in chapter.cells if cell.cell_type == "code" and "@pages.claim" in cell.source]


def executed(notebook: Path, shared: Path) -> Path:
    """A fresh clone in which `make` has executed this chapter alone, at the size of `smoke`, and a cell behind it that
    turns its claims' numbers: once for all tests.
    """

    def execute(folder: Path) -> None:
        parameters = clone(folder) / f"executed/parameters/{notebook.stem}.yml"
        parameters.parent.mkdir(parents=True)
        given = {"profile": "smoke", "device": "cpu", "tables": "executed/tables"}
        parameters.write_text(json.dumps(given))
        chapter = nbformat.read(notebook, as_version=4)
        if claims(chapter):
            chapter.cells.append(nbformat.v4.new_code_cell(TURNING, id="turning"))
        nbformat.write(chapter, folder / "book" / notebook.name)
        others = [word for one in NOTEBOOKS if one != notebook for word in ("-o", f"executed/{one.name}")]
        run(["make", f"executed/{notebook.name}", f"VENV={sys.prefix}", *others], folder)

    return once(shared / notebook.stem, execute)


def run(command: list[str], folder: Path) -> str:
    """The command's output; a failure shows the end of it."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, env=TOOLS, **piped)
    if done.returncode:
        said = f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        pytest.fail(said, pytrace=False)
    return done.stdout


def scores_of(experiment) -> pd.DataFrame:
    """One row a class and pair of its attacks: whose, and all scores."""
    found = [run.scores.assign(target=run.target) for run in experiment.attacks()]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def judged_of(experiment, *sources) -> pd.DataFrame:
    """One row a class and set of images: whose they are, and what the judge says."""
    from snnmi.study.judgements import SOURCES, judgements  # not before the hook

    found = []
    for one in judgements(experiment, sources or SOURCES):
        whose = (one.cell.variant.kind, one.cell.variant.name) if one.cell else ("", "")
        found.append(one.run.table("judged").assign(source=one.source, target=whose[0], variant=whose[1]))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def plain(text: str) -> str:
    """With spaces at which a line may break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def texts(fig) -> list[str]:
    """Whatever stands in a figure."""
    fig.canvas.draw()
    return [text.get_text() for text in fig.findobj(plt.Text)]
