"""The house stays light: no endless files, short functions, code that fits a page, a test beside every piece; and the
examples in its docstrings are true.
"""

import ast
import builtins
import doctest
import importlib
import re

import nbformat
import pytest

from tests.helpers import NOTEBOOKS, ROOT

MODULES = sorted([*(ROOT / "snnmi").rglob("*.py"), *(ROOT / "_sphinx").glob("*.py")])
ROOMS = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if path.parent != ROOT / "tests")


def relative(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_no_file_is_one_that_a_newcomer_would_dread(module):
    text = module.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    long = {f.name: n for f in functions if (n := f.end_lineno - f.lineno + 1) > 60}
    assert not long and len(text.splitlines()) <= 650  # a file is as long as its one idea


@pytest.mark.parametrize("module", [one for one in MODULES if ">>> " in one.read_text()], ids=relative)
def test_examples_are_true(module):
    found = doctest.testmod(importlib.import_module(relative(module)[:-3].replace("/", ".")))
    assert found.attempted and not found.failed


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=relative)
def test_no_line_of_a_notebooks_code_is_cut_off_on_its_page(notebook):
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert not [line for cell in cells for line in cell.source.splitlines() if len(line) > 88]


def names(code: str) -> tuple[set[str], set[str]]:
    """What a cell makes, and what it reads."""
    nodes = [*ast.walk(ast.parse(code))]
    variables = [node for node in nodes if isinstance(node, ast.Name)]
    made = {node.id for node in variables if isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    made |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return made, {node.id for node in variables} - made


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=relative)
def test_no_cell_needs_a_claim_to_run(notebook):
    known = {*dir(builtins)}  # a page's copied code brings no claims (book/_static/book.js)
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code" and "claim" not in cell.metadata.get("tags", ()):
            made, read = names(cell.source)
            known |= made
            assert read <= known, cell.source


@pytest.mark.parametrize("test", ROOMS, ids=relative)
def test_every_test_in_a_room_has_its_piece_of_the_house(test):
    piece = test.relative_to(ROOT / "tests").with_name(test.name.removeprefix("test_"))
    assert (ROOT / "snnmi" / piece).exists()


@pytest.mark.parametrize("name", ["requirements", "requirements-lab"])
def test_every_pinned_package_has_its_hashes(name):
    pinned = re.findall(r"^[\w.-]+==[\w.]+", (ROOT / f"{name}.txt").read_text(), re.M)
    lock = (ROOT / f"{name}.lock").read_text()
    hashed = re.findall(r"^([\w.-]+==[\w.]+)(?: \\\n    --hash=sha256:[0-9a-f]{64})+$", lock, re.M)
    own_builds = {"torch", "triton"}  # of which each machine has another
    assert sorted(hashed) == sorted(one for one in pinned if one.split("==")[0] not in own_builds)
