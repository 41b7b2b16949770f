"""Settings that cannot work are refused in one sentence, before any work is done."""

import difflib
import math
import operator
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import torch
from torch import Tensor


def one_of(settings: object, **allowed: Collection) -> None:
    """Refuse a field that holds none of the allowed values."""
    for field, values in allowed.items():
        if (found := getattr(settings, field)) not in list(values):
            raise ValueError(f"{field} is {found!r}, expected one of {sorted(values, key=str)}")


def known(where: str, names: Iterable[str], expected: Iterable[str]) -> None:
    """Refuse a parameter that is none there, with the nearest one that is."""
    expected = sorted(expected)
    for name in set(names) - set(expected):
        near = difflib.get_close_matches(name.lower(), expected, 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name} is no parameter of {where}, expected some of {', '.join(expected)}{hint}")


def at_least(settings: object, **smallest: int) -> None:
    """Refuse a field that is no whole number, or a smaller one; numpy's become Python's, as files hold them."""
    for field, value in smallest.items():
        object.__setattr__(settings, field, whole(field, getattr(settings, field), value))


def whole(name: str, found: object, least: int) -> int:
    """A whole number of Python's or numpy's; refuse anything else, or a smaller one."""
    try:
        number = -math.inf if isinstance(found, bool) else operator.index(found)
    except TypeError:
        number = -math.inf
    if number < least:
        raise ValueError(f"{name} is {found!r}, expected a whole number, at least {least}")
    return number


def instance(name: str, found: object, of: type) -> None:
    """Refuse what is no such thing."""
    if not isinstance(found, of):
        raise ValueError(f"{name} is a {type(found).__name__}, expected a {of.__name__}")


def classes(given: object, num_classes: int | None = None) -> list[int]:
    """Labels as whole numbers; refuse what are none, or none of so many classes (None: not known)."""
    try:
        found = [whole("label", label, 0) for label in given]
    except (TypeError, ValueError):
        found = []
    if not found or max(found) >= (num_classes or math.inf):
        known = f"0 to {num_classes - 1}" if num_classes else "0, 1, ..."
        raise ValueError(f"labels are {given!r}, expected at least one of {known}, in a list")
    return found


def image_shape(given: object) -> tuple[int, int]:
    """Height and width as whole numbers; refuse what is no such pair."""
    try:
        height, width = (operator.index(side) for side in given)
    except (TypeError, ValueError):
        raise ValueError(f"image_shape is {given!r}, expected (height, width)") from None
    return height, width


def in_a_line(error: BaseException) -> str:
    """What an error says, at most a line of it; its kind where it says nothing."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 150 else f"{line[:150]}..."


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


def warn_only() -> None:
    """A warning stops no run: where PYTHONWARNINGS or -W makes errors of them, they are said again."""
    if any(option.startswith("e") for option in sys.warnoptions):
        warnings.simplefilter("default")


# --- pieces of a user's own, tried before any work


def tried(piece: str, ask: Callable[[], object], *shape: int | None, advice: str) -> Tensor:
    """What a piece gives, asked twice by the same draws: float32, finite and of this shape (None: whatever size).

    ValueError, naming the piece, where it fails, gives anything else, or draws by another chance than it is handed.
    """
    sizes = ", ".join("..." if size is None else str(size) for size in shape)
    expected = f"expected a float32 tensor ({sizes}): {advice}"
    try:
        found, again = ask(), ask()
    except Exception as error:
        what = f"{type(error).__name__}: {in_a_line(error)}"
        raise ValueError(f"{piece} fails where it is tried: {what}; {expected}") from error
    if not isinstance(found, Tensor):
        wrong = f"a {type(found).__name__}"
    elif found.dtype != torch.float32 or found.layout != torch.strided:
        wrong = f"{found.dtype}, {found.layout}".removesuffix(", torch.strided")
    elif len(found.shape) != len(shape) or any(size not in (None, n) for size, n in zip(shape, found.shape)):
        wrong = f"shape {tuple(found.shape)}"
    elif not found.isfinite().all():
        wrong = "NaN or infinite values"
    elif found.shape != again.shape or not torch.allclose(found, again, atol=1e-4):
        wrong = "something else by the same draws: does it draw without its generator?"
    else:
        return found.detach()
    raise ValueError(f"{piece} gives {wrong}, {expected}")
