"""Every shape in a signature of snnmi is checked while the tests run."""

import importlib
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook
from playwright.sync_api import sync_playwright

FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync"""
if torch.cuda.is_available():
    importlib.import_module("snnmi.fast.kernels")  # before the hook: what it wraps, Triton cannot compile
else:
    os.environ["TRITON_INTERPRET"] = "1"  # a GPU's kernels, run by Triton's interpreter
install_import_hook("snnmi", "beartype.beartype")


FIRST = ("test_book.py", "test_notebooks.py", "test_slurm.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first, or one worker would be left with it."""
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder of this run, the same for all of its workers."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets; tests that need it are skipped without one, and nothing is downloaded."""
    folder = os.environ.get("SNNMI_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SNNMI_DATA names no folder with data sets")
    return Path(folder)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty SNNMI_DATA and an empty cache, and no network."""
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()

    def unreachable(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return tmp_path / "data"


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        end = pytest.fail if os.environ.get("CI") else pytest.skip
        end("no chromium on this machine (Debian's package `chromium`)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def digits():
    from snnmi import data  # not before the hook

    return data.load("digits")


@pytest.fixture
def matmul_setting():
    """The setting of float32 products, put back afterwards."""
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before
