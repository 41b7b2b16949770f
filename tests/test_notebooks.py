"""Every notebook, on its own, in a fresh clone, at the size of `smoke`."""

import json

import nbformat
import papermill
import pytest

from tests.helpers import NOTEBOOKS, claims, executed

pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem, scope="module")


@pytest.fixture(scope="module")
def chapter(notebook, shared):
    return nbformat.read(executed(notebook, shared) / "executed" / notebook.name, as_version=4)


def test_notebook_runs_on_its_own(chapter):
    cells = [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells if cell.source)
    assert any(cell.outputs for cell in cells), "a chapter shows something"


def test_claims_hold_and_are_what_an_executed_chapter_says(chapter):
    """In Jupyter, too: as outputs of their own cells. They speak of runs in git, whatever this page has computed."""
    for cell in claims(chapter):
        said = [output for output in cell.outputs if output.output_type == "display_data"]
        assert len(said) == cell.source.count("@pages.claim"), cell.source
        marks = [output.data["text/plain"][-1] for output in said]
        assert all(mark == "✓" for mark in marks), [output.data["text/plain"] for output in said]


def test_a_claim_fails_where_its_numbers_are_turned(chapter):
    if claims(chapter):
        (printed,) = (one.text for one in chapter.cells[-1].outputs if one.get("name") == "stdout")
        assert json.loads(printed) == []


def test_every_parameter_is_explained(notebook):
    parameters = papermill.inspect_notebook(str(notebook))
    assert "profile" in parameters and "device" in parameters
    assert not [name for name, parameter in parameters.items() if not parameter["help"]]


def test_source_holds_no_outputs(notebook):
    source = nbformat.read(notebook, as_version=4)
    nbformat.validate(source)
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    assert not [cell.id for cell in code if cell.outputs or cell.execution_count]
    assert "parameters" in code[0].metadata.get("tags", [])
    assert source.metadata.kernelspec.name == "python3"


def test_a_claim_is_prose_its_code_folded(notebook):
    cells = claims(nbformat.read(notebook, as_version=4))
    assert not [cell.id for cell in cells if not {"claim", "hide-input"} <= {*cell.metadata.get("tags", [])}]
