"""What a referee asks of the numbers: uncertainty over seeds and classes at once, exact tests, and which change carries a gap.

Frames have one row a measurement. Their units are of two kinds. `nested`: target seeds, attack seeds within a target; an
attack seed means nothing outside its target. `crossed`: classes; every run attacks the same ones.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, permutations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import stats

from snnmi import metrics, pages

NESTED, CROSSED = ("seed", "attack_seed"), ("label",)
Draws = Float[np.ndarray, " draws"]  # the first is the observed one, the others are resampled
Weights = Float[np.ndarray, " draws rows"]  # how often each row is in each draw


class Interval(NamedTuple):
    """Percentile interval. It speaks of new units of those levels that have two or more; nan where none has."""

    estimate: float
    low: float
    high: float
    units: dict[str, int]  # of each level; of a nested level the most within one parent


def weighted_mean(values: Float[np.ndarray, " rows *cells"], weights: Weights) -> Float[np.ndarray, " draws *cells"]:
    """Every row counts the same, so a seed with more attacks counts more; nan for a draw that holds no row."""
    with np.errstate(invalid="ignore"):
        return ((weights @ values).T / weights.sum(1)).T


def _counts(frame: pd.DataFrame, chain: Sequence[str], rng: np.random.Generator, resamples: int) -> tuple[Weights, dict[str, int]]:
    """How often each row is drawn when the levels of this chain are resampled from the outside in; the units of each level.

    A unit drawn k times has its n subunits drawn anew each time: k multinomial draws of n, which sum to one of k n.
    """
    parent, counts, units = np.zeros(len(frame), int), np.ones((resamples, 1), int), {}
    for depth, level in enumerate(chain):
        unit = frame.groupby([*chain[: depth + 1]], dropna=False).ngroup().to_numpy()
        inside = [np.unique(unit[parent == place]) for place in range(counts.shape[1])]
        drawn = [rng.multinomial(counts[:, place] * len(own), np.full(len(own), 1 / len(own))) for place, own in enumerate(inside)]
        parent, counts = unit, np.hstack(drawn)  # units are numbered in sorted order, so each parent's are neighbours
        units[level] = max(map(len, inside))
    return counts[:, parent].astype(float), units


def _resample(
    frame: pd.DataFrame, nested: Sequence[str], crossed: Sequence[str], seed: int, resamples: int
) -> tuple[Weights, dict[str, int]]:
    """Weights of the rows in the observed and the resampled draws, and the units of each level (see `Interval`)."""
    missing = [level for level in (*nested, *crossed) if level not in frame]
    if missing or not len(frame):
        raise ValueError(f"the frame has {len(frame)} rows and lacks {missing}, expected rows with all of {[*nested, *crossed]}")
    rng, weights, units = np.random.default_rng(seed), 1.0, {}
    for chain in (nested, *([level] for level in crossed)):
        counts, found = _counts(frame, chain, rng, resamples)
        weights, units = weights * counts, units | found
    return np.vstack([np.ones(len(frame)), weights]), units


def _interval(draws: Draws, units: dict[str, int], level: float) -> Interval:
    if max(units.values(), default=1) < 2:
        return Interval(float(draws[0]), float("nan"), float("nan"), units)
    low, high = np.nanquantile(draws[1:], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(draws[0]), float(low), float(high), units)


def hierarchical_bootstrap(
    frame: pd.DataFrame, value: str, *, seed: int, nested: Sequence[str] = NESTED, crossed: Sequence[str] = CROSSED,
    statistic: Callable[[np.ndarray, np.ndarray], Draws] = weighted_mean, level: float = 0.95, resamples: int = 9_999,
) -> Interval:
    """Interval of the mean (or of another statistic of values and weights) of one column, all levels resampled at once.

    Nested levels are resampled from the outside in. Classes are resampled once a replicate and shared by all seeds: digit 8
    is equally hard in every run, and to draw the classes of each seed apart would average away a part that new seeds do not
    (Owen 2007, the pigeonhole bootstrap). With n seeds the seeds' part is too narrow by a factor of about sqrt(1 - 1/n).
    """
    weights, units = _resample(frame, nested, crossed, seed, resamples)
    values = frame[value].to_numpy(float)
    if not np.isfinite(values).all():
        raise ValueError(f"{value} holds {(~np.isfinite(values)).sum()} values that are not finite, expected none")
    return _interval(statistic(values, weights), units, level)


def _paired(frame: pd.DataFrame, value: str, units: Sequence[str], cells: Sequence[dict[str, str]]) -> pd.DataFrame:
    """One row a unit (its levels as columns), then one column a cell, named 0, 1, ...; every unit is in every cell once."""
    found = [frame[(frame[[*cell]] == pd.Series(cell)).all(axis=1)].groupby([*units])[value] for cell in cells]
    wide = pd.DataFrame({i: rows.mean() for i, rows in enumerate(found)})
    bad = [cell for i, cell in enumerate(cells) if not (np.isfinite(wide[i]).all() and (found[i].size() == 1).all() and len(wide))]
    if bad:
        raise ValueError(f"{bad} have {value} missing or repeated for some {' x '.join(units)}, expected one finite value for each")
    return wide.reset_index()


class PairedDifference(NamedTuple):
    """Second minus first; the interval as `Interval` says. The p are two-sided; nan with fewer than two units."""

    estimate: float
    low: float
    high: float
    units: dict[str, int]
    p_classes: float  # speaks of new classes, these seeds fixed
    p_seeds: float  # speaks of new target seeds, these classes fixed; never below 2 / 2^n, so n = 6 is the least for p < 0.05


def paired_difference(
    frame: pd.DataFrame, value: str, column: str, first: str, second: str, *, seed: int, nested: Sequence[str] = NESTED,
    crossed: Sequence[str] = CROSSED, level: float = 0.95, resamples: int = 9_999,
) -> PairedDifference:
    """Rows where `column` is `second` minus those where it is `first`, paired within each unit.

    Each p swaps the two labels of a whole unit at once: values are averaged within each class (or target seed), then permuted.
    """
    wide = _paired(frame, value, [*nested, *crossed], [{column: first}, {column: second}])
    interval = hierarchical_bootstrap(wide.assign(difference=wide[1] - wide[0]), "difference", seed=seed, nested=nested,
                                      crossed=crossed, level=level, resamples=resamples)  # fmt: skip

    def p(levels: Sequence[str]) -> float:
        means = wide.groupby([*levels[:1]])[[0, 1]].mean() if levels else []
        return metrics.paired_test(means[0].to_numpy(), means[1].to_numpy(), seed=seed).p if len(means) > 1 else float("nan")

    return PairedDifference(*interval, p(crossed), p(nested))


def probability_of_improvement(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " m"], *, seed: int, level: float = 0.95, resamples: int = 9_999
) -> Interval:
    """P(second > first) + P(equal) / 2 over all pairs, Mann-Whitney's U / (n m) (Agarwal et al. 2021); both samples resampled."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    units = {"first": first.size, "second": second.size}
    if not (min(units.values()) and np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError(f"probability_of_improvement got samples of {first.size} and {second.size}, expected finite values in both")
    wins = (np.sign(second - first[:, None]) + 1) / 2
    rng = np.random.default_rng(seed)
    a, b = (np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=resamples)]) for n in wins.shape)
    return _interval(((a @ wins) * b).sum(1) / wins.size, units, level)


class ExactTest(NamedTuple):
    """Two-sided p of equal chances in two sets of independent trials."""

    fisher: float
    boschloo: float


def exact_test(successes_1: int, n_1: int, successes_2: int, n_2: int) -> ExactTest:
    """Fisher's exact test (both margins fixed) and Boschloo's (only n_1 and n_2 fixed, as they are in an experiment)."""
    if not (0 <= successes_1 <= n_1 and 0 <= successes_2 <= n_2 and n_1 and n_2):
        raise ValueError(f"exact_test got {successes_1} of {n_1} and {successes_2} of {n_2}, expected 0 <= successes <= n, n >= 1")
    table = [[successes_1, successes_2], [n_1 - successes_1, n_2 - successes_2]]  # a column a group
    return ExactTest(float(stats.fisher_exact(table).pvalue), float(stats.boschloo_exact(table).pvalue))


def mcnemar_range(successes_1: int, successes_2: int, n: int) -> tuple[float, float]:
    """Smallest and largest exact McNemar p over all paired tables with these margins, where only the margins were published."""
    if not (0 <= successes_1 <= n and 0 <= successes_2 <= n and n):
        raise ValueError(f"mcnemar_range got {successes_1} and {successes_2} of {n}, expected 0 <= successes <= n, n >= 1")
    both = range(max(0, successes_1 + successes_2 - n), min(successes_1, successes_2) + 1)
    only = [(successes_1 - b, successes_2 - b) for b in both]  # won by the first only, by the second only
    p = [float(stats.binomtest(i, i + j).pvalue) if i + j else 1.0 for i, j in only]
    return min(p), max(p)


def not_converged(m_global: Float[np.ndarray, " points classes"], *, tolerance: float = 0.05) -> Bool[np.ndarray, " classes"]:
    """Whether the mean of the last tenth of a history differs from that of the tenth before by more than `tolerance` of it.

    A rule, not a proof: it sees a curve that still moves, not one that would move later. A curve with nan has not converged.
    """
    tenth = len(m_global) // 10
    if not tenth:
        raise ValueError(f"the history has {len(m_global)} points, expected at least 10")
    before, last = m_global[-2 * tenth : -tenth].mean(0), m_global[-tenth:].mean(0)
    return ~(np.abs(last - before) <= tolerance * np.abs(before))


# --- which change carries the gap

# From the paper's ANN to its SNN: name of the switch -> column, from, to. Switches of one column stand in their order.
SWITCHES = {"neuron": ("neuron", "ann", "snn"), "range": ("input", "current", "clip"), "encoder": ("input", "clip", "rate")}
Value = Callable[[frozenset[str]], Float[np.ndarray, " n"]]


def switch_changes(
    value: Value, switches: Sequence[str], before: Sequence[tuple[str, str]] = ()
) -> dict[str, Float[np.ndarray, " orders n"]]:
    """What changes when a switch is made, in every order of making them all one after another; value(done) is a cell's vector.

    `before` names pairs whose first must be made before the second.
    """
    orders = [o for o in permutations(switches) if all(o.index(a) < o.index(b) for a, b in before)]
    if not orders:
        raise ValueError(f"no order of {[*switches]} meets {[*before]}, expected at least one")
    path = {o: [value(frozenset(o[:made])) for made in range(len(o) + 1)] for o in orders}
    return {s: np.stack([path[o][o.index(s) + 1] - path[o][o.index(s)] for o in orders]) for s in switches}


def shapley_shares(value: Value, switches: Sequence[str], before: Sequence[tuple[str, str]] = ()) -> dict[str, Float[np.ndarray, " n"]]:
    """Each switch's part of the gap value(all) - value(none): its change, averaged over the orders (Shapley 1953). They add up to it."""
    return {name: change.mean(0) for name, change in switch_changes(value, switches, before).items()}


def effects_table(
    frame: pd.DataFrame, value: str, switches: Mapping[str, tuple[str, str, str]] = SWITCHES, *, seed: int,
    nested: Sequence[str] = NESTED, crossed: Sequence[str] = CROSSED, level: float = 0.95, resamples: int = 9_999,
) -> pd.DataFrame:
    """One row a switch, a row for the sum of each column's switches where it has several, and one for the gap.

    Columns: factor; effect (`shapley_shares` of the cells' means) with low and high, all cells resampled jointly as in
    `hierarchical_bootstrap`; share of the gap; smallest and largest change over the orders: far apart, the order matters.
    """
    chains: dict[str, list[str]] = {}
    for name, (column, start, end) in switches.items():
        if chains.setdefault(column, [start])[-1] != start:
            raise ValueError(f"{name} starts at {start}, expected {chains[column][-1]}, where the switch before it ended")
        chains[column].append(end)
    names = {column: [name for name in switches if switches[name][0] == column] for column in chains}
    cells = [*product(*chains.values())]
    wide = _paired(frame, value, [*nested, *crossed], [dict(zip(chains, cell)) for cell in cells])
    weights, units = _resample(wide, nested, crossed, seed, resamples)
    means = weighted_mean(wide[[*range(len(cells))]].to_numpy(float), weights)

    def mean(done: frozenset[str]) -> Draws:
        return means[:, cells.index(tuple(chains[c][len(done.intersection(names[c]))] for c in chains))]

    changes = switch_changes(mean, [*switches], [pair for chain in names.values() for pair in pairwise(chain)])
    sums = {" + ".join(chain): chain for chain in names.values()} | {"gap": [*switches]}
    changes |= {name: sum(changes[part] for part in parts) for name, parts in sums.items() if len(parts) > 1 or name == "gap"}
    rows = {name: _interval(change.mean(0), units, level) for name, change in changes.items()}
    return pd.DataFrame(
        {
            "factor": name, "effect": row.estimate, "low": row.low, "high": row.high,
            "share": np.divide(row.estimate, rows["gap"].estimate) if rows["gap"].estimate else float("nan"),
            "smallest": changes[name][:, 0].min(), "largest": changes[name][:, 0].max(),
        }
        for name, row in rows.items()
    )  # fmt: skip


def why_verdict(effects: pd.DataFrame, sign: int, *, neuron: str = "neuron", rest: str = "range + encoder") -> tuple[str, str]:
    """The book's rule on "spikes protect", from an `effects_table`: the verdict, and one sentence that says why.

    open: the gap's interval covers zero. reproduced: the neuron's effect has the claimed sign, its interval excludes zero and
    it carries at least half of the gap. not reproduced: the other sign, zero excluded; or the rest carries at least half,
    zero excluded, and the neuron's interval excludes half of the gap. open: all else.
    """
    rows = effects.set_index("factor")
    said = {name: f"{pages.number(r.effect, sign=True)} {pages.span(r.low, r.high)}" for name, r in rows.iterrows()}

    def excludes(name: str, point: float) -> bool:
        return bool(rows.low[name] > point or rows.high[name] < point)

    if not excludes("gap", 0.0):
        return "open", f"The gap, {said['gap']}, cannot be told from zero: there is nothing to explain."
    numbers = f"of the gap, {said['gap']}, the neuron carries {said[neuron]} and {rest} {said[rest]}"
    if np.sign(rows.effect[neuron]) == sign and excludes(neuron, 0.0) and rows.share[neuron] >= 0.5:
        return "reproduced", f"The spiking neuron carries at least half: {numbers}."
    if np.sign(rows.effect[neuron]) == -sign and excludes(neuron, 0.0):
        return "not reproduced", f"The spiking neuron works against the claim: {numbers}."
    if rows.share[rest] >= 0.5 and excludes(rest, 0.0) and excludes(neuron, rows.effect["gap"] / 2):
        return "not reproduced", f"What feeds the neuron carries at least half, and the neuron less than half: {numbers}."
    return "open", f"The intervals leave open what carries it: {numbers}."
