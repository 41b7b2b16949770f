"""Lists, names and devices as command lines and notebooks hand them on."""

import json
import re
from collections.abc import Collection, Sequence

import torch

from snnmi import checks


def listed(name: str, given: object, default: tuple, of: type) -> tuple:
    """A list as notebooks and the command line give it: '["mnist"]', '[mnist]', 'mnist, faces' and ["mnist"] are such;
    None: the default.
    """
    try:
        items = json.loads(given) if isinstance(given, str) else given
    except json.JSONDecodeError:  # without quotes
        inside = given.strip().removeprefix("[").removesuffix("]")
        items = [item.strip(" \"'") for item in inside.split(",")]
        items = [checks.number(item) for item in items] if of is int else items
    if items is None:
        return tuple(default)
    items = items if isinstance(items, (list, tuple)) else [items]
    if of is int:
        items = [int(item) if isinstance(item, float) and item.is_integer() else item for item in items]
    if not items or not all(type(item) is of for item in items) or len(set(items)) < len(items):
        kind, example = {str: ("names", ["digits"]), int: ("whole numbers", [0, 1])}[of]
        raise ValueError(
            f"{name} is {given!r}, expected a list of different {kind} such as {json.dumps(list(default) or example)}"
        )
    return tuple(items)


def called(what: str, names: Sequence[str], known: Collection[str], expected: str) -> tuple[str, ...]:
    """Names as they are known, whatever their case; `expected` says which."""
    spelt = {name.lower(): name for name in known} | {name: name for name in known}
    if unknown := [name for name in names if name not in spelt and name.lower() not in spelt]:
        raise ValueError(f"{what} holds {unknown}, expected {expected}")
    found = tuple(spelt.get(name) or spelt[name.lower()] for name in names)
    once(what, found)
    return found


def once(what: str, names: Sequence[str]) -> None:
    """Refuse what is named twice, if under two names."""
    if twice := [name for name in names if list(names).count(name) > 1]:
        raise ValueError(f"{what} holds {twice[0]!r} {len(twice)} times, expected different ones")


def device_name(given: object) -> str:
    """ "cpu", "cuda" (also called "gpu") or one of several, "cuda:1"."""
    name = str(given).lower().replace("gpu", "cuda")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ValueError(f"device is {given!r}, expected 'cpu' or 'cuda'")
    return name


def processor(given: object) -> str:
    """A device that PyTorch has here."""
    name = device_name(given)
    if name != "cpu" and int(name.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise ValueError(f"device is {given!r}, and PyTorch finds no such GPU here: expected 'cpu'")
    return name
