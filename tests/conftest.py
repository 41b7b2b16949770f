"""What the tests share. Every shape in a signature of snnmi is checked while they run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # a GPU's kernels, run by Triton's interpreter
install_import_hook("snnmi", "beartype.beartype")

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
TOOLS = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets; tests that need it are skipped without one, and nothing is downloaded."""
    folder = os.environ.get("SNNMI_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SNNMI_DATA names no folder with data sets")
    return Path(folder)


def clone(folder: Path) -> Path:
    """The project as a fresh clone has it: no executed notebooks, no book, of the results only what is kept in git."""
    unwanted = shutil.ignore_patterns(
        ".*", "__pycache__", "executed", "_build", "build", "tests", "quick", "smoke", "*.safetensors"
    )
    shutil.copytree(ROOT, folder, ignore=unwanted)
    return folder


def run(command: list[str], folder: Path) -> str:
    """The command's output; a failure shows the end of it."""
    done = subprocess.run(
        command, cwd=folder, env=TOOLS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        pytest.fail(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}", pytrace=False
        )
    return done.stdout
