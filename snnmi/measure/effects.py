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
    """
    chains: dict[str, list[str]] = {}
    for name, (column, start, end) in switches.items():
        if chains.setdefault(column, [start])[-1] != start:
            raise ValueError(
                f"{name} starts at {start}, expected {chains[column][-1]}, where the switch before it ended"
            )
        chains[column].append(end)
    names = {column: [name for name in switches if switches[name][0] == column] for column in chains}
    cells = [*product(*chains.values())]
    wide = paired_units(frame, value, [*nested, *crossed], [dict(zip(chains, cell)) for cell in cells])
    weights, units = resampled(wide, nested, crossed, seed, resamples)
    means = weighted_mean(wide[[*range(len(cells))]].to_numpy(float), weights)

    def mean(done: frozenset[str]) -> Draws:
        return means[:, cells.index(tuple(chains[c][len(done.intersection(names[c]))] for c in chains))]

    changes = switch_changes(
        mean, [*switches], [pair for chain in names.values() for pair in pairwise(chain)]
    )
    sums = {" + ".join(chain): chain for chain in names.values()} | {"gap": [*switches]}
    changes |= {
        name: sum(changes[part] for part in parts)
        for name, parts in sums.items()
        if len(parts) > 1 or name == "gap"
    }
    rows = {name: percentile_interval(change.mean(0), units, level) for name, change in changes.items()}
    return pd.DataFrame(
        {
            "factor": name,
            "effect": row.estimate,
            "low": row.low,
            "high": row.high,
            "share": np.divide(row.estimate, rows["gap"].estimate) if rows["gap"].estimate else float("nan"),
            "smallest": changes[name][:, 0].min(),
            "largest": changes[name][:, 0].max(),
        }
        for name, row in rows.items()
    )
