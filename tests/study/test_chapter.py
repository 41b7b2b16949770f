"""What a chapter's parameters mean: the arguments of its experiment, or one sentence."""

import papermill
import pytest

from snnmi.study import audit, chapter
from tests.helpers import NOTEBOOKS

NONE = dict.fromkeys(["datasets", "noise", "num_steps", "changes", "code", "tables"])


def given(**parameters):
    return chapter.given({"profile": "smoke", "In": [], "_i": "x", "chapter": chapter} | NONE | parameters)


def test_none_keeps_the_profiles_own():
    assert given() == {"profile": "smoke", "changes": {}}


def test_plain_parameters_are_changes():
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


def test_a_chapter_may_have_parameters_of_its_own():
    found = chapter.given({"profile": "smoke", "live_batches": 4}, own=("live_batches",))
    assert found == {"profile": "smoke", "changes": {}}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapter_knows_its_parameters_and_all_of_those_that_make_book_gives(notebook):
    names = set(papermill.inspect_notebook(str(notebook)))
    assert {"profile", "device", "tables", "code"} <= names
    assert names <= chapter.KNOWN | {"live_batches", *audit.OWN}


ATTACKING = [path for path in NOTEBOOKS[2:] if path.stem != "13_guesses"]  # where these are what is varied


@pytest.mark.parametrize("notebook", ATTACKING, ids=lambda path: path.stem)
def test_chapters_that_attack_take_what_readers_want_to_change_first(notebook):
    names = set(papermill.inspect_notebook(str(notebook)))
    assert {"noise", "num_steps", "encoder", "decoder", "family", "batches", "changes"} <= names
