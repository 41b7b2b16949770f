"""Every shape in a signature of snnmi is checked while the tests run."""

import os
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # a GPU's kernels, run by Triton's interpreter
install_import_hook("snnmi", "beartype.beartype")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets; tests that need it are skipped without one, and nothing is downloaded."""
    folder = os.environ.get("SNNMI_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SNNMI_DATA names no folder with data sets")
    return Path(folder)


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
