"""Every notebook, on its own, in a fresh clone, at the size of `smoke`."""

import nbformat
import papermill
import pytest

from tests.helpers import NOTEBOOKS, clone, run

pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def test_notebook_runs_on_its_own_and_again_in_the_same_kernel(notebook, tmp_path):
    folder = clone(tmp_path / "clone")
    (folder / "executed").mkdir()
    run_all_cells_twice(folder / "book" / notebook.name)
    executed = folder / "executed" / notebook.name
    command = f"papermill --cwd . -k python3 -p profile smoke book/{notebook.name} executed/{notebook.name}"
    run(command.split(), folder)
    cells = [cell for cell in nbformat.read(executed, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells if cell.source)
    assert any(cell.outputs for cell in cells), "a chapter shows something"


def run_all_cells_twice(path):
    """What a reader does in JupyterLab, at the size that papermill sets."""
    whole = nbformat.read(path, as_version=4)
    code = [cell for cell in whole.cells if cell.cell_type == "code"]
    again = [nbformat.v4.new_code_cell(cell.source) for cell in code]
    again[0].source = again[0].source.replace('profile = "quick"', 'profile = "smoke"')
    whole.cells += again
    nbformat.write(whole, path)


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
