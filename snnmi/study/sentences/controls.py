"""Differences between networks in words."""

from collections.abc import Mapping

import pandas as pd

from snnmi.show import pages
from snnmi.study import verdicts
from snnmi.study.sentences.attacks import these


def told(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """A number with its interval, where it has one."""
    return pages.mean_and_span(value, low, high, sign=sign) if low == low else pages.number(value, sign=sign)


def from_none(low: float, high: float) -> str:
    """Whether a difference is told from none, by its interval over networks."""
    if low != low:
        return "one network, so no interval"
    return "told from none" if verdicts.lies_off(low, high) else "not told from none"


def risen(rows: pd.DataFrame) -> str:
    """How far the copies of each kind of target rose, a row a kind: "of these two SNNs from 10% to 20% (rise ...)"."""
    parts = [
        f"of {these(r.target, int(r.networks))} from {r.before:.0%} to {r.after:.0%} (rise "
        f"{told(r.value, r.low, r.high, sign=True)}, {from_none(r.low, r.high)})"
        for r in rows.itertuples()
    ]
    return " and ".join(parts)


def measured(found: pd.DataFrame, what: str, measures: Mapping[str, str]) -> pd.DataFrame:
    """A table as text, scale by scale a row a `name`, a column a measure. `found`: scale, name, measure, value, low,
    high, networks. `what` heads the column of names.
    """
    lines: dict[tuple, dict] = {}
    for r in found.itertuples():
        line = lines.setdefault((r.scale, r.name), {"scale": r.scale, what: r.name, "networks": r.networks})
        line[measures[r.measure]] = told(r.value, r.low, r.high)
    scales = [*dict.fromkeys(found.scale)]
    in_order = sorted(lines.values(), key=lambda line: scales.index(line["scale"]))
    return pd.DataFrame(in_order or [{"scale": "none"}])


def guessing(found: pd.DataFrame) -> str:
    """What guessing gives, for the end of a caption: "; guessing gives 0.11 (MNIST, plan)"."""
    floors = found.groupby("scale", sort=False).floor.mean()
    said = ", ".join(f"{floor:.2f} ({scale})" for scale, floor in floors.items())
    return f"; guessing gives {said}" if said else ""
