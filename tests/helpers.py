"""What several test files use: chance, small settings, a process that dies, the project as a clone has it."""

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from snnmi import data
from snnmi.checkpoint import Checkpoint
from snnmi.models.targets import Network, Neuron, build
from snnmi.models.training import TrainedTarget, Training, train

NAN = float("nan")
ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
TOOLS = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
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
    assert a.keys() == b.keys()
    for name, value in a.items():
        if isinstance(value, dict):
            assert_same_tensors(value, b[name])
        else:
            assert value.dtype == b[name].dtype and torch.equal(value.isnan(), b[name].isnan()), name
            assert torch.equal(value.nan_to_num(), b[name].nan_to_num()), name


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


def run(command: list[str], folder: Path) -> str:
    """The command's output; a failure shows the end of it."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, env=TOOLS, **piped)
    if done.returncode:
        said = f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        pytest.fail(said, pytrace=False)
    return done.stdout


def plain(text: str) -> str:
    """With spaces at which a line may break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def texts(fig) -> list[str]:
    """Whatever stands in a figure."""
    fig.canvas.draw()
    return [text.get_text() for text in fig.findobj(plt.Text)]
