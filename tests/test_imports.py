"""Who may import whom: a room only rooms below it. That attacks reach no target is the black-box claim."""

import ast
from pathlib import Path

import pytest

from tests.helpers import ROOT

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "snnmi").rglob("*.py")
}
GROUND = {"chance", "checks", "files"}  # seeds by role, settings that cannot work, writing to disk
MAY_IMPORT = {  # rooms, and the files beside them, from the ground up
    "chance": set(),
    "checks": set(),
    "own_data": {"checks", "files"},
    "places": {"own_data", "files"},
    "recordings": {"places", "own_data"},
    "vision": {"own_data", "places"},
    "data": {"checks", "own_data", "places", "recordings", "vision"},
    "provenance": set(),
    "files": set(),
    "checkpoint": {"files"},
    "store": {"provenance", "checkpoint", "checks", "files", "fast"},
    "fast": {"provenance"} | GROUND,
    "models": {"data", "checkpoint", "fast"} | GROUND,
    "attack": {"checkpoint", "fast"} | GROUND,
    "measure": {"models", "attack", "data", "checkpoint", "fast"} | GROUND,
    "show": set(),
    "study": GROUND
    | set(
        "models attack measure show data own_data places recordings checkpoint store provenance fast".split()
    ),
}


def room(module: str) -> str:
    """ "snnmi.models.coding" -> "models"."""
    return module.split(".")[1] if "." in module else ""


def imported(path: Path) -> set[str]:
    """The modules of snnmi that this file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["snnmi." * bool(node.level) + (node.module or "")])).strip(".")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("snnmi.") and name in FILES}


def reached(module: str) -> set[str]:
    """The modules that this one imports, directly or through others."""
    seen, ahead = set(), {module}
    while ahead:
        ahead = set().union(*(imported(FILES[name]) for name in ahead)) - seen
        seen |= ahead
    return seen


@pytest.mark.parametrize("module", sorted(FILES.keys() - {"snnmi"}))
def test_a_room_imports_only_rooms_below_it(module):
    assert room(module) in MAY_IMPORT, f"say in this test what {room(module)} may import"
    assert {room(name) for name in imported(FILES[module])} <= MAY_IMPORT[room(module)] | {room(module)}


def test_rooms_lie_on_floors():
    """No two rooms import each other, by whatever way round."""
    below = {name: set(direct) for name, direct in MAY_IMPORT.items()}
    for _ in below:
        below = {name: rooms.union(*(below[other] for other in rooms)) for name, rooms in below.items()}
    assert not [name for name, rooms in below.items() if name in rooms]


@pytest.mark.parametrize("module", ["attack.gamin", "attack.blackbox", "measure.boundaries"])
def test_who_only_asks_cannot_reach_a_target(module):
    assert not {room(name) for name in reached(f"snnmi.{module}")} & {"models", "data", "study"}


def test_this_test_sees_imports_of_every_form(tmp_path):
    path = tmp_path / "m.py"
    text = "import snnmi.data\nfrom snnmi.models import coding as c\n"
    path.write_text(text + "def f():\n    from snnmi.attack.pair import Pair\n")
    assert {"snnmi.data", "snnmi.models.coding", "snnmi.attack.pair"} <= imported(path)
