"""Claims whose numbers are turned: a sentence that stays true whatever its numbers say checks nothing."""

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

import numpy as np
import pandas as pd

from snnmi.show import pages

DRAWS = np.random.default_rng(0)  # one stream: no two columns are alike
TURNS = {
    "negated": lambda x: -x,
    "mirrored": lambda x: 1 - x,
    "the other way round": lambda x: x[::-1],
    "scattered": lambda x: DRAWS.normal(size=x.shape),
    "nothing": lambda x: 0 * x,
}
KEYS = {"seed", "attack_seed", "label", "batch", "queries", "batches", "classes", "kept", "here", "counted"}


def turned(value: object, turn: Callable) -> object:
    """The same with other numbers, in tables and whatever holds them; truths are denied. `KEYS` say whose they are."""
    if isinstance(value, FunctionType):
        return lambda *given, **named: turned(value(*given, **named), turn)
    if isinstance(value, np.ndarray):
        return turn(value.astype(float)) if value.dtype.kind in "fiu" else value
    if isinstance(value, pd.DataFrame):
        columns = [turned(value.iloc[:, i], turn) for i in range(value.shape[1])]
        return pd.concat(columns, axis=1) if columns else value
    if isinstance(value, pd.Series):
        if value.name in KEYS:
            return value
        if pd.api.types.is_bool_dtype(value):
            return ~value.astype(bool)
        return value * 0 + turn(value.to_numpy(float)) if pd.api.types.is_numeric_dtype(value) else value
    if isinstance(value, dict):
        return {key: turned(one, turn) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(turned(one, turn) for one in value)
    return float(turn(np.array([value]))[0]) if isinstance(value, (int, float)) else value


def read(check: FunctionType) -> set[str]:
    """The names of its page that a function reads, and those that the page's own functions read for it."""
    page, seen, ahead = check.__globals__, set(), [check]
    while ahead:
        names = {*_names(ahead.pop().__code__)} & {*page} - seen
        seen |= names
        ahead += [f for name in names if isinstance(f := page[name], FunctionType) and f.__globals__ is page]
    return seen


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def steadfast() -> list[str]:
    """The claims of this page that hold whatever its numbers say."""
    return [name for name, check in pages.CLAIMS.items() if not any(_fails(check))]


def _fails(check: FunctionType) -> Iterator[bool]:
    """Whether it does, under each turn of each thing that it reads, then of all: not told does not count."""
    page = check.__globals__
    before = {name: page[name] for name in sorted(read(check))}
    for turn in TURNS.values():
        for names in [*([name] for name in before), [*before]]:
            try:
                page.update({name: turned(before[name], turn) for name in names})
                yield pages.told(check).holds is False
            except (ValueError, ArithmeticError, TypeError, AttributeError):  # numbers that no run can have
                yield False
            finally:
                page.update(before)
