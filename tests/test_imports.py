"""Who may import whom in snnmi. That the attack cannot reach a target is the black-box claim itself."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

MODULES = {path.stem: path for path in (ROOT / "snnmi").glob("*.py")}
MAY_IMPORT = {
    "__init__": set(),
    "_torchvision": set(),
    "cpu": set(),
    "data": {"_torchvision"},
    "coding": set(),
    "neurons": set(),
    "kernels": set(),
    "cuda": {"coding", "kernels", "neurons"},  # the last two: what its kernels are held against
    "targets": {"data", "coding", "cpu", "cuda", "neurons", "store"},  # store: the type of a checkpoint
    "blackbox": set(),
    "gamin": {"blackbox", "cuda", "store"},
    "metrics": set(),
    "statistics": {"metrics", "pages"},  # pages: numbers as text, for the sentence behind a verdict
    "controls": {"targets"},
    "judges": {"coding", "data", "store", "targets"},
    "judgements": {"controls", "experiment", "judges", "store"},
    "boundaries": {"blackbox"},
    "store": set(),
    "profiles": {"targets", "gamin"},
    "figures": set(),
    "explore": {"figures"},
    "pages": set(),
    # the chain itself; it draws nothing
    "experiment": set(MODULES) - {"experiment", "calibrate", "offline", "judgements", "statistics", "figures", "explore", "pages"},
    "offline": {"controls", "data", "experiment", "judgements", "profiles", "store"},
    "calibrate": {"experiment", "gamin", "metrics", "profiles", "store"},
}


def imported(path: Path) -> set[str]:
    """Names of the snnmi modules that this file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["snnmi" if node.level else "", node.module]))
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("snnmi.")}
    return found & set(MODULES)


def reached(module: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The modules that this one imports, directly or through others."""
    direct = imported(MODULES[module]) - seen
    return direct.union(*(reached(other, seen | direct | {module}) for other in direct))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_imports_only_what_its_role_allows(module):
    assert module in MAY_IMPORT, f"say in this test what {module}.py may import"
    assert imported(MODULES[module]) <= MAY_IMPORT[module]


def test_the_attack_cannot_reach_a_target():
    assert not reached("gamin") & {"targets", "coding", "data", "experiment"}
    assert not reached("boundaries") & {"targets", "coding", "data", "experiment"}


def test_this_test_sees_imports_of_every_form(tmp_path):
    (tmp_path / "m.py").write_text("import snnmi.data\nfrom snnmi import coding as c\ndef f():\n    from .targets import SNN\n")
    assert imported(tmp_path / "m.py") == {"data", "coding", "targets"}
