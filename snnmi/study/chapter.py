"""What a chapter's parameters mean: the settings of its experiment, or one sentence on what is wrong with them."""

import difflib
import json
from collections.abc import Mapping

from snnmi.show import pages
from snnmi.store import place
from snnmi.study.settings import file_name, merged

# Parameters that stand for a field: what readers want to change first.
PLAIN = {
    "batches": ("attack", "batches"),
    "noise": ("attack", "noise"),
    "family": ("attack", "family"),
    "num_steps": ("training", "num_steps"),
    "encoder": ("training", "encoder"),
    "decoder": ("training", "decoder"),
}
EXPERIMENT = "profile datasets targets seeds attack_seeds code device results compute workers".split()
KNOWN = {*PLAIN, *EXPERIMENT, "changes", "tables"}


def given(parameters: Mapping[str, object], *, own: tuple[str, ...] = ()) -> dict[str, object]:
    """The arguments of `Experiment` that a chapter's globals hold, to be asked right after its parameters.

    `own`: parameters of this chapter alone. Tables are written to the folder `tables`, if one is named, under names
    that say what was changed; it and `results` lie in the project wherever the kernel started (`store.place`).
    Raises ValueError for a parameter that the chapter does not know.
    """
    values = {name: value for name, value in parameters.items() if _is_parameter(name, value)}
    for name in values.keys() - KNOWN - set(own):
        known = sorted(name for name in (KNOWN | set(own)) & values.keys())
        near = difflib.get_close_matches(name, known, 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name} is no parameter of this chapter, expected some of {', '.join(known)}{hint}")
    plain: dict[str, dict] = {}
    for name, (section, field) in PLAIN.items():
        if values.get(name) is not None:
            plain.setdefault(section, {})[field] = values[name]
    changes = merged(plain, _mapping(values.get("changes")))
    folder = values.get("tables") and place(values["tables"])
    pages.write_tables(folder, file_name("", changes).strip("-"))
    found = {name: values[name] for name in EXPERIMENT if name in values}
    return {name: value for name, value in found.items() if value is not None} | {"changes": changes}


def _is_parameter(name: str, value: object) -> bool:
    simple = value is None or isinstance(value, (str, int, float, list, tuple, dict))
    return name.islower() and not name.startswith("_") and simple


def _mapping(changes: object) -> object:
    """`changes` as papermill hands it on: -y gives a mapping, -p its text."""
    if isinstance(changes, str):
        try:
            changes = json.loads(changes)
        except json.JSONDecodeError:
            pass
    return {} if changes is None else changes
