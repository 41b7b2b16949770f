"""Which change carries a gap: from the paper's ANN to its SNN switch by switch, in every order."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, permutations, product

import numpy as np
import pandas as pd
from jaxtyping import Float

from snnmi.measure.statistics import (
    CROSSED,
    NESTED,
    Draws,
    paired_units,
    percentile_interval,
    resampled,
    weighted_mean,
)

# From the paper's ANN to its SNN: name of the switch -> column, from, to. Switches of one column stand in their order.
SWITCHES = {
    "neuron": ("neuron", "ann", "snn"),
    "range": ("input", "current", "clip"),
    "encoder": ("input", "clip", "rate"),
}
Value = Callable[[frozenset[str]], Float[np.ndarray, " n"]]


def switch_changes(
    value: Value, switches: Sequence[str], before: Sequence[tuple[str, str]] = ()
) -> dict[str, Float[np.ndarray, " orders n"]]:
    """What changes when a switch is made, in every order of making them all one after another; value(done) is a
    cell's vector.

    `before` names pairs whose first must be made before the second.
    """
    orders = [o for o in permutations(switches) if all(o.index(a) < o.index(b) for a, b in before)]
    if not orders:
        raise ValueError(f"no order of {[*switches]} meets {[*before]}, expected at least one")
    path = {o: [value(frozenset(o[:made])) for made in range(len(o) + 1)] for o in orders}
    return {s: np.stack([path[o][o.index(s) + 1] - path[o][o.index(s)] for o in orders]) for s in switches}


def shapley_shares(
    value: Value, switches: Sequence[str], before: Sequence[tuple[str, str]] = ()
) -> dict[str, Float[np.ndarray, " n"]]:
    """Each switch's part of the gap value(all) - value(none): its change, averaged over the orders (Shapley 1953).
    They add up to it.
    """
    return {name: change.mean(0) for name, change in switch_changes(value, switches, before).items()}


def _levels(switches: Mapping[str, tuple[str, str, str]]) -> dict[str, list[str]]:
    """What each column holds from the first switch to the last: {"neuron": ["ann", "snn"], "input": [...]}."""
    levels: dict[str, list[str]] = {}
    for name, (column, start, end) in switches.items():
        made = levels.setdefault(column, [start])
        if made[-1] != start:
            raise ValueError(
                f"{name} starts at {start}, expected {made[-1]}, where the switch before it ended"
            )
        made.append(end)
    return levels


def effects_table(
    frame: pd.DataFrame,
    value: str,
    switches: Mapping[str, tuple[str, str, str]] = SWITCHES,
    *,
    seed: int,
    nested: Sequence[str] = NESTED,
    crossed: Sequence[str] = CROSSED,
    level: float = 0.95,
    resamples: int = 9_999,
) -> pd.DataFrame:
    """One row a switch, a row for the sum of each column's switches where it has several, and one for the gap.

    Columns: factor; effect (`shapley_shares` of the cells' means) with low and high, all cells resampled jointly as
    in `hierarchical_bootstrap`; share of the gap; smallest and largest change over the orders: far apart, the order
    matters.

    Two switches, two classes. The neuron moves the score by -0.2 before the clip and by -0.4 after it:

    >>> cells = {("ann", "current"): 1.0, ("ann", "clip"): 0.7, ("snn", "current"): 0.8, ("snn", "clip"): 0.3}
    >>> rows = [(*cell, 0, 0, label, mean) for cell, mean in cells.items() for label in (0, 1)]
    >>> frame = pd.DataFrame(rows, columns=["neuron", "input", "seed", "attack_seed", "label", "score"])
    >>> two = {"neuron": ("neuron", "ann", "snn"), "range": ("input", "current", "clip")}
    >>> effects_table(frame, "score", two, seed=0)[["factor", "effect", "smallest", "largest"]].round(2)
       factor  effect  smallest  largest
    0  neuron    -0.3      -0.4     -0.2
    1   range    -0.4      -0.5     -0.3
    2     gap    -0.7      -0.7     -0.7
    """
    levels = _levels(switches)
    chains = {column: [name for name in switches if switches[name][0] == column] for column in levels}
    cells = list(product(*levels.values()))
    wide = paired_units(frame, value, [*nested, *crossed], [dict(zip(levels, cell)) for cell in cells])
    weights, units = resampled(wide, nested, crossed, seed, resamples)
    means = weighted_mean(wide[[*range(len(cells))]].to_numpy(float), weights)

    def mean(done: frozenset[str]) -> Draws:
        """The mean of the cell in which these switches are made."""
        made = {column: len(done.intersection(chain)) for column, chain in chains.items()}
        return means[:, cells.index(tuple(levels[column][n] for column, n in made.items()))]

    before = [pair for chain in chains.values() for pair in pairwise(chain)]
    changes = switch_changes(mean, [*switches], before)
    for chain in chains.values():
        if len(chain) > 1:
            changes[" + ".join(chain)] = sum(changes[name] for name in chain)
    changes["gap"] = sum(changes[name] for name in switches)

    gap = float(changes["gap"].mean(0)[0])
    rows = []
    for name, change in changes.items():
        interval = percentile_interval(change.mean(0), units, level)
        row = {"factor": name, "effect": interval.estimate, "low": interval.low, "high": interval.high}
        row["share"] = interval.estimate / gap if gap else float("nan")
        observed = change[:, 0]  # one an order
        rows.append(row | {"smallest": observed.min(), "largest": observed.max()})
    return pd.DataFrame(rows)
