"""What a chapter's parameters mean: the arguments of its experiment, or one sentence."""

import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

from snnmi.study import audit, chapter
from tests.helpers import NOTEBOOKS, ROOT, TOOLS

NONE = dict.fromkeys(["datasets", "noise", "num_steps", "changes", "code", "tables"])


def given(**parameters):
    """By the cell that papermill puts in."""
    cell = chapter.INJECTED + "".join(f"{name} = ...\n" for name in parameters)
    return chapter.given(
        {"profile": "smoke", "In": [cell], "_i": "x", "chapter": chapter} | NONE | parameters
    )


def test_plain_parameters_are_changes_and_none_keeps_the_profiles_own():
    assert given() == {"profile": "smoke", "changes": {}}
    found = given(noise="clipped", num_steps=50, datasets='["digits"]')
    assert found["changes"] == {"attack": {"noise": "clipped"}, "training": {"num_steps": 50}}
    assert found["datasets"] == '["digits"]'


@pytest.mark.parametrize(
    "parameters, section, field, meant",
    [
        ({"batches": 1e1}, "attack", "batches", 10),
        ({"batches": "1_000"}, "attack", "batches", 1000),
        ({"changes": {"attack": {"lr_surrogate": "1e-4"}}}, "attack", "lr_surrogate", 1e-4),  # YAML's text
        ({"changes": {"neuron": {"threshold": 2}}}, "neuron", "threshold", 2.0),
        ({"changes": {"attack": {"hidden": [512, 256]}}}, "attack", "hidden", [512, 256]),
        ({"changes": {"training": {"clip_norm": None}}}, "training", "clip_norm", None),
        ({"batches": True}, "attack", "batches", True),  # for the settings to refuse
        ({"batches": "many"}, "attack", "batches", "many"),
    ],
)
def test_numbers_are_what_their_fields_hold_however_they_are_written(parameters, section, field, meant):
    found = given(**parameters)["changes"][section][field]
    assert found == meant and type(found) is type(meant)


@pytest.mark.parametrize("changes", [{"attack": {"z_dim": 10}}, '{"attack": {"z_dim": 10}}'])
def test_changes_come_as_a_mapping_or_as_its_text_and_count_last(changes):
    assert given(noise="clipped", changes=changes)["changes"] == {"attack": {"noise": "clipped", "z_dim": 10}}
    both = given(noise="clipped", changes={"attack": {"noise": "uniform"}})
    assert both["changes"] == {"attack": {"noise": "uniform"}}


@pytest.mark.parametrize(
    "wrong, found",
    [
        ({"dataset": "mnist"}, "dataset is no parameter of this chapter, .*: did you mean datasets"),
        ({"epsilon": 0.1}, "epsilon is no parameter of this chapter, expected some of changes, code, datas"),
        ({"Datasets": ["mnist"]}, "Datasets is no parameter .*: did you mean datasets"),
        ({"results": 5}, "results is 5, expected a path"),
        ({"tables": ""}, "tables is '', expected a path"),
        ({"tables": "README.md"}, "tables: .*README.md cannot be written, expected a folder that can"),
        ({"code": ["mine.py"]}, r"code is \['mine.py'\], expected a path"),
        ({"changes": {"attack": 3}}, "changes is .*, expected sections of fields"),
        ({"changes": {"attack": {"nois": "clipped"}}}, "attack has no 'nois'"),
    ],
)
def test_what_a_chapter_does_not_know_stops_it_in_one_sentence(wrong, found):
    with pytest.raises(ValueError, match=found):
        given(**wrong)


@pytest.fixture
def kernel():
    """It runs cells and remembers them, as IPython's `In` does; gives what the last one says."""
    scope = {"In": [""], "_i": "", "_oh": {}}

    def run(*cells):
        for cell in cells:
            scope["In"].append(cell)
            exec(cell, scope)
        return scope["said"]

    return run


OWN = nbformat.read(ROOT / "book/02_targets.ipynb", as_version=4)
PARAMETERS = next(c.source for c in OWN.cells if "parameters" in c.metadata.get("tags", []))
INJECTED = '# Parameters\nprofile = "smoke"\nnum_steps = 50\n'
GIVEN = "from snnmi.study import chapter\nsaid = chapter.given(globals())"
MEANT = {"profile": "smoke", "device": "cpu", "results": "results"} | {
    "changes": {"training": {"num_steps": 50}}
}


@pytest.mark.parametrize(
    "cell",
    [
        "runs, shape, i = [1], (8, 8), 3",
        "from math import *",
        "from numpy import *\nfrom pylab import *",
        "for i in range(3):\n    label = str(i)",
        "with open('/dev/null') as file:\n    text = file.read()",
        "seed = 3\nattack_seeds = [7]",  # the second is known, but not to this chapter
        "INJECTED = '# Parameters of mine'",
    ],
)
def test_only_what_its_parameters_cells_set_counts(kernel, cell):
    """Before them (a start-up file), between, after them, and when all is run again."""
    assert kernel(cell, PARAMETERS, INJECTED, cell, GIVEN) == MEANT
    assert kernel(PARAMETERS, INJECTED, GIVEN) == MEANT
    assert kernel(cell, GIVEN) == MEANT


@pytest.mark.parametrize(
    "edited",
    [
        PARAMETERS.replace('results = "results"', "#"),
        "".join(line for line in PARAMETERS.splitlines(True) if not line.startswith(("tables", "code"))),
        f"get_ipython = lambda: None\nrun = ('time', '', {PARAMETERS!r})",  # as IPython keeps %%time
    ],
)
def test_a_parameters_cell_that_was_edited_is_one_when_all_is_run_again(kernel, edited):
    for _ in range(2):
        found = kernel(PARAMETERS.replace("\n", "\n#\n"), edited, INJECTED, GIVEN, "runs, i = [1], 3")
        assert found["changes"] == MEANT["changes"] and found["profile"] == "smoke"


def test_what_a_reader_changes_in_a_cell_of_his_own_counts_for_parameters(kernel):
    assert kernel(PARAMETERS, INJECTED, 'num_steps = 10\nprofile = "quick"', GIVEN) == MEANT | {
        "profile": "quick",
        "changes": {"training": {"num_steps": 10}},
    }


@pytest.mark.parametrize("wrong", ["num_step = 5", "Num_steps: int = 5", "num_steps = num_step = 5", "N = 5"])
def test_what_is_misspelt_in_a_parameters_cell_is_refused_until_it_is_put_right(kernel, wrong):
    for cells in ([PARAMETERS, INJECTED + wrong], [PARAMETERS + "\n" + wrong, INJECTED]):
        with pytest.raises(ValueError, match="is no parameter of this chapter"):
            kernel(*cells, GIVEN)
        assert kernel(PARAMETERS, INJECTED, GIVEN) == MEANT


def test_parameters_of_any_kind_are_handed_on_to_be_looked_at(kernel):
    own = "from pathlib import Path\nresults, seeds = Path('elsewhere'), range(2)"
    found = kernel(PARAMETERS + "\n" + own, INJECTED, GIVEN)
    assert found["results"] == Path("elsewhere") and found["seeds"] == range(2)


# What readers want to change first; and where it is not there, fixed by the data or what is varied.
FIRST = {"noise", "num_steps", "encoder", "decoder", "family", "batches", "changes"}
VARIED = {"11_codes": {"noise", "encoder"}, "12_events": {"encoder", "num_steps"}}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapter_knows_its_parameters_and_all_of_those_that_make_book_gives(notebook):
    names = set(papermill.inspect_notebook(str(notebook)))
    assert {"profile", "device", "tables", "code"} <= names
    assert names <= chapter.KNOWN | {"live_batches", "recordings", *audit.OWN}
    if notebook.stem[:2] not in ("01", "02", "13"):  # which attack nobody, or vary these
        assert names & FIRST == FIRST - VARIED.get(notebook.stem, set())


SAYS = """
import warnings
from snnmi.study import chapter, workers
if __name__ == "__main__":
    chapter.given({"profile": "smoke"})
    warnings.warn("said here")
    workers._workers(1).submit(warnings.warn, "said there").result()
"""


@pytest.mark.parametrize("how", ["error::UserWarning", "default"])
def test_a_warning_stops_no_chapter_nor_its_workers(how, tmp_path):
    (tmp_path / "page.py").write_text(SAYS)
    given = {"env": TOOLS | {"PYTHONWARNINGS": how}, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, tmp_path / "page.py"], **given)
    assert done.returncode == 0 and all(said in done.stderr for said in ("said here", "said there"))
