"""Every notebook, on its own, in a fresh clone, at the size of `smoke`."""

import json

import nbformat
import papermill
import pytest

from tests.helpers import NOTEBOOKS, ROOT, clone, run

pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem, scope="module")


TURNING = f"""import json, sys
sys.path.append({str(ROOT)!r})
from tests.turning import steadfast
print(json.dumps(steadfast()))"""


@pytest.fixture(scope="module")
def executed(notebook, tmp_path_factory):
    """The chapter as it was executed, with a cell behind that turns its claims' numbers."""
    folder = clone(tmp_path_factory.mktemp(notebook.stem) / "clone")
    chapter = nbformat.read(notebook, as_version=4)
    if claims(chapter):
        chapter.cells.append(nbformat.v4.new_code_cell(TURNING))
    nbformat.write(chapter, folder / "book" / notebook.name)
    run(f"papermill --cwd . -k python3 -p profile smoke book/{notebook.name} out.ipynb".split(), folder)
    return nbformat.read(folder / "out.ipynb", as_version=4)


def claims(chapter) -> list:
    return [cell for cell in chapter.cells if cell.cell_type == "code" and "@pages.claim" in cell.source]


def test_notebook_runs_on_its_own(executed):
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells if cell.source)
    assert any(cell.outputs for cell in cells), "a chapter shows something"


def test_claims_hold_and_are_what_an_executed_chapter_says(executed):
    """In Jupyter, too: as outputs of their own cells. They speak of runs in git, whatever this page has computed."""
    for cell in claims(executed):
        said = [output for output in cell.outputs if output.output_type == "display_data"]
        assert len(said) == cell.source.count("@pages.claim"), cell.source
        marks = [output.data["text/plain"][-1] for output in said]
        assert all(mark == "✓" for mark in marks), [output.data["text/plain"] for output in said]


def test_a_claim_fails_where_its_numbers_are_turned(executed):
    if claims(executed):
        (printed,) = (one.text for one in executed.cells[-1].outputs if one.get("name") == "stdout")
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
    cells = nbformat.read(notebook, as_version=4).cells
    cells = [cell for cell in cells if cell.cell_type == "code" and "@pages.claim" in cell.source]
    assert not [cell.id for cell in cells if not {"claim", "hide-input"} <= {*cell.metadata.get("tags", [])}]
