"""What `make book` is asked for: each chapter gets what it has, and what none has is refused."""

import pytest

from snnmi.study import asked
from tests.helpers import NOTEBOOKS


@pytest.mark.parametrize(
    "text, meant",
    [
        ("-p noise strokes -p batches 50", {"noise": "strokes", "batches": 50}),
        ("""-p datasets "my 'own' \\"file\\".npz\"""", {"datasets": "my 'own' \"file\".npz"}),
        ("-p compute False -p seeds '[0, 1]'", {"compute": False, "seeds": "[0, 1]"}),
        ("-p noise grey -p noise blobs", {"noise": "blobs"}),
        ("-p reset no", {"reset": "no"}),
        ("-y 'changes: {attack: {z_dim: 10}}'", {"changes": {"attack": {"z_dim": 10}}}),
        ("", {}),
    ],
)
def test_parameters_are_read_as_papermill_reads_them(text, meant):
    assert asked.parameters(text) == meant


@pytest.mark.parametrize("text", ["-p noise", "noise=strokes", "-y noise", "-y [", "-k ir", "-p noise 'x"])
def test_what_is_no_parameter_is_refused_in_a_line(text):
    with pytest.raises(ValueError, match="PARAMS: .*expected such as -p noise strokes") as refused:
        asked.parameters(text)
    assert "\n" not in str(refused.value)


def test_each_chapter_gets_what_it_has():
    found = asked.handed({"profile": "smoke", "noise": "strokes", "live_batches": 5}, NOTEBOOKS)
    assert all(own["profile"] == "smoke" for own in found.values()) and len(found) == len(NOTEBOOKS)
    assert "noise" in found["08_questions"] and "noise" not in found["01_preliminaries"]
    assert [name for name, own in found.items() if "live_batches" in own] == ["03_attack"]


def test_a_parameter_that_no_chapter_has_is_refused():
    with pytest.raises(ValueError, match="nosie is no parameter of any chapter.*did you mean noise"):
        asked.handed({"noise": "strokes", "nosie": "strokes"}, NOTEBOOKS)
