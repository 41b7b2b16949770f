"""What a chapter's parameters mean: the settings of its experiment, or one sentence on what is wrong with them."""

import ast
import json
import os
from collections.abc import Mapping
from contextlib import suppress

from snnmi import checks
from snnmi.files import place
from snnmi.show import pages
from snnmi.study.settings import file_name, merged

# Parameters that stand for a field: what readers want to change first.
PLAIN = {
    "attack": ("attack", "attacker"),
    "batches": ("attack", "batches"),
    "noise": ("attack", "noise"),
    "family": ("attack", "family"),
    "num_steps": ("training", "num_steps"),
    "encoder": ("training", "encoder"),
    "decoder": ("training", "decoder"),
}
PATHS = {"code", "results", "tables"}
EXPERIMENT = "profile datasets targets seeds attack_seeds code device results compute workers".split()
KNOWN = {*PLAIN, *EXPERIMENT, "changes", "tables"}
# With these a page's runs are a user's.
OWN_RUNS = {*PLAIN, *"dataset datasets model targets seeds attack_seeds changes".split()}
ALWAYS = {"profile", "code", "device", "results", "tables"}  # every chapter's parameters
INJECTED = "# Parameters\n"  # how the cell begins that papermill puts after a chapter's own


def given(parameters: Mapping[str, object], *, own: tuple[str, ...] = ()) -> dict[str, object]:
    """The arguments of `Experiment` that a chapter's globals hold, to be asked right after its parameters.

    `own`: parameters of this chapter alone. Tables are written to the folder `tables`, if one is named, under names
    that say what was changed; it and `results` lie in the project wherever the kernel started (`files.place`).
    Raises ValueError for a parameter that the chapter does not know; a warning stops no chapter.
    """
    checks.warn_only()
    known = KNOWN | {*own}
    values = _set_by_cells(parameters, known)
    checks.known("this chapter", values, known & values.keys())
    values = {name: value for name, value in values.items() if value is not None}
    for name in PATHS & values.keys():
        if not (isinstance(values[name], (str, os.PathLike)) and str(values[name]).strip()):
            raise ValueError(f"{name} is {values[name]!r}, expected a path")
    plain = [{section: {field: values[name]}} for name, (section, field) in PLAIN.items() if name in values]
    changes = values.get("changes", {})
    with suppress(json.JSONDecodeError, TypeError):  # papermill's -p gives a mapping's text, its -y a mapping
        changes = json.loads(changes)
    changes = merged(*plain, changes)
    if folder := values.get("tables") and place(values["tables"]):
        checks.writable("tables", folder)
    pages.write_tables(folder, file_name("", changes).strip("-"))
    pages.own_settings({name: values[name] for name in values if name in OWN_RUNS})
    return {name: values[name] for name in EXPERIMENT if name in values} | {"changes": changes}


def _set_by_cells(scope: Mapping[str, object], known: set[str]) -> dict[str, object]:
    """What the parameters cell run last sets, of which a reader may have deleted a line or two, and papermill's after
    it: a kernel holds more, of start-up files, of scratch cells, of the same chapter run before. Where no such cell is
    seen, under a %%magic or in a script, what a chapter knows.
    """
    names: set[str] = set()
    for cell in reversed(scope.get("In", ())):  # IPython's history
        with suppress(SyntaxError):
            variables = [node for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)]
            found = {node.id for node in variables if isinstance(node.ctx, ast.Store)}
            if cell.startswith(INJECTED):
                names |= found
            elif len(found & ALWAYS) > len(ALWAYS) / 2:
                return {name: scope[name] for name in (names | found) & scope.keys()}
    return {name: scope[name] for name in (names | known) & scope.keys()}
