"""Settings that cannot work are refused in one sentence, before any work is done."""

import math
import os
from collections.abc import Collection
from pathlib import Path


def one_of(settings: object, **allowed: Collection) -> None:
    """Refuse a field that holds none of the allowed values."""
    for field, values in allowed.items():
        if (found := getattr(settings, field)) not in list(values):
            raise ValueError(f"{field} is {found!r}, expected one of {sorted(values, key=str)}")


def at_least(settings: object, **smallest: int) -> None:
    """Refuse a field that is no whole number, or a smaller one."""
    for field, value in smallest.items():
        whole(field, getattr(settings, field), value)


def whole(name: str, found: object, least: int) -> None:
    """Refuse what is no whole number, or a smaller one."""
    if isinstance(found, bool) or not isinstance(found, int) or found < least:
        raise ValueError(f"{name} is {found!r}, expected a whole number, at least {least}")


def number(value: object) -> object:
    """A number as a command line gives it: 1e1 and "1e1" are 10; all else as it is."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def above(settings: object, **bounds: int | float) -> None:
    """Refuse a field that is no finite number above its bound."""
    for field, value in bounds.items():
        if not (is_number(found := getattr(settings, field)) and found > value):
            raise ValueError(f"{field} is {found!r}, expected a number above {value}")


def within(settings: object, low: int | float, high: int | float, *fields: str) -> None:
    """Refuse a field that is no number from low to high."""
    for field in fields:
        if not (is_number(found := getattr(settings, field)) and low <= found <= high):
            raise ValueError(f"{field} is {found!r}, expected a number from {low:g} to {high:g}")


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def writable(name: str, folder: Path) -> None:
    """Refuse, before hours of work, a folder that could not be made or written to."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise ValueError(
            f"{name}: {folder} cannot be written, expected a folder that can, such as /tmp/{name}"
        )
