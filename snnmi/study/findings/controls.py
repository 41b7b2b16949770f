"""Chapter 7: the cells, what carries the gap, an attacker who stays in the range, one change at a time, time steps.

Its unit is a network: one row a run, means over its classes, which are the same in every run.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from snnmi.measure.intervals import t_interval
from snnmi.show import pages
from snnmi.study import published, verdicts
from snnmi.study.controls import BASELINES, CELLS, FOUR, IN_RANGE, NOISE, TIME, Variant
from snnmi.study.runs import AttackRun

SCORE = "surrogate_accuracy"  # the plan's primary outcome, of the last pair
GROUP = ["profile", "dataset", "scale"]
UNIT = ["seed", "attack_seed"]
OVER_NETWORKS = ["value", "low", "high", "networks"]
PUBLISHED_NOISE, CLIPPED = "Gaussian, as published", "Gaussian, clipped"
NOISES = {  # what the attacker asks: an ANN and an SNN attacked so
    PUBLISHED_NOISE: tuple(BASELINES.values()),
    **{{"clipped": CLIPPED}.get(name, name): NOISE[2 * i : 2 * i + 2] for i, name in enumerate(IN_RANGE)},
}


def networks_table(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a run and pair of players: mean surrogate accuracy over its classes, and of how many of these the target
    takes most images (taken).

    floor: the commonest class's share. own: the target's accuracy, asked in this way. settled, off: attacks that have
    settled, and with k_t near 0. first, latest: the batches at which the pairs were found, of `batches`. folder: the
    run's.
    """
    rows = []
    for run in runs:
        about = {name: getattr(run, name) for name in ("profile", "dataset", "target", "variant", *UNIT)}
        about |= {"scale": pages.place(run.profile, run.dataset), "folder": run.run.folder.name}
        about |= {"queries": run.queries_per_class / published.QUERIES, "classes": len(run.labels)}
        about["settled"] = verdicts.settled(run.history["M_global"]).sum()
        about |= {"off": verdicts.adversary_off(run.history["k"]).sum(), "batches": run.scores.batch.max()}
        for pair, own in run.scores.groupby("pair"):
            found = {"pair": pair, SCORE: own[SCORE].mean(), "floor": own.surrogate_accuracy_floor.mean()}
            found["own"] = own.surrogate_accuracy_ceiling.mean()
            found["taken"] = (own.A_target >= verdicts.GATE).sum()
            rows.append(about | found | {"first": own.batch.min(), "latest": own.batch.max()})
    if not rows:
        raise ValueError("no attack is stored here, expected runs, or compute=True")
    return pd.DataFrame(rows)


def shared(rows: pd.DataFrame, variants: Iterable[Variant]) -> pd.DataFrame:
    """The rows of these variants, of those scales and seeds that have them all, each as a run of its own.

    Whatever is compared goes through here: no comparison mixes seeds, and none is of a run with itself.
    """
    names = {variant.name for variant in variants}
    rows = rows[rows.variant.isin(names)]
    units = rows.groupby(["scale", *UNIT])
    there = units.variant.transform("nunique") == len(names)
    return rows[there & (units.folder.transform("nunique") == len(names))]


def over_networks(values: pd.Series) -> dict:
    """Mean over networks with Student's 95 % interval (new networks); none from one. `values`: by `UNIT`."""
    own = values.groupby("seed").mean()  # attacked more than once
    return dict(zip(OVER_NETWORKS, (own.mean(), *t_interval(own), len(own))))


def share_over_networks(values: pd.Series) -> dict:
    """The same of shares, whose interval ends at 0 and 1: no mean of shares lies beyond."""
    found = over_networks(values)
    return found | {
        end: min(max(found[end], 0.0), 1.0) for end in ("low", "high") if found[end] == found[end]
    }


def _score(rows: pd.DataFrame, variant: Variant, pair: str = "last") -> pd.Series:
    """One variant's scores by `UNIT`."""
    return rows[(rows.variant == variant.name) & (rows["pair"] == pair)].set_index(UNIT)[SCORE]


def difference(rows: pd.DataFrame, first: Variant, second: Variant) -> dict:
    """Second minus first, network by network, of the last pairs; kept: of the kept ones."""
    ends = {pair: _score(rows, second, pair) - _score(rows, first, pair) for pair in ("last", "kept")}
    return over_networks(ends["last"]) | {"kept": ends["kept"].mean()}


# --- the six cells


def comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each scale the cells that may stand side by side, with neuron and input: all of the same networks.

    These are the networks that have all of the plan's `FOUR`; where no network has, what all cells there share.
    """
    cell_of = {control.name: cell for cell, control in CELLS.items()}
    parts = [rows[:0]]
    for _, own in rows[rows.variant.isin(cell_of)].groupby("scale", sort=False):
        there = [control for control in CELLS.values() if control.name in set(own.variant)]
        whole = shared(own, FOUR)
        units = (whole if len(whole) else shared(own, there))[UNIT].drop_duplicates()
        own = own.merge(units, on=UNIT)
        parts.append(own[own.groupby("variant").folder.transform("nunique") == len(units)])
    inside = pd.concat(parts)
    neuron, source = ([cell_of[variant][i] for variant in inside.variant] for i in (0, 1))
    return inside.assign(neuron=neuron, input=source)


def not_run(rows: pd.DataFrame) -> dict[str, list[Variant]]:
    """The plan's cells that each scale lacks."""
    return {
        scale: [control for control in FOUR if control.name not in set(own.variant)]
        for scale, own in rows.groupby("scale", sort=False)
    }


def cells_table(inside: pd.DataFrame) -> pd.DataFrame:
    """One row a scale and cell: surrogate accuracy of the last pair with interval, of the kept one beside it."""
    rows = []
    for (neuron, source), control in CELLS.items():
        for key, own in inside[inside.variant == control.name].groupby(GROUP, sort=False):
            last, kept = (own[own["pair"] == pair] for pair in ("last", "kept"))
            about = dict(zip(GROUP, key)) | {"neuron": neuron, "input": source}
            about |= share_over_networks(_score(own, control)) | {"kept": kept[SCORE].mean()}
            about |= {"own": last.own.mean(), "taken": last.taken.mean(), "taken_kept": kept.taken.mean()}
            rows.append(about | {"classes": own.classes.max()})
    return pd.DataFrame(rows)


# --- what carries the gap


def parts_table(rows: pd.DataFrame) -> pd.DataFrame:
    """SNN minus ANN in two parts, at scales with all of `FOUR`: gap, encoding, neuron; a row each.

    Each part is measured both ways, with the other kind's neuron or input, and averaged, so that the two add up to the
    gap: encoding, from raw numbers to behind the encoder; neuron, all that is not the input. smallest, largest: the two
    ways; share: of the gap. kept: by the kept pairs.
    """
    found = []
    for key, own in shared(rows, FOUR).groupby(GROUP, sort=False):
        ends = {}
        for pair in ("last", "kept"):
            ann, clipped, raw, snn = (_score(own, cell, pair) for cell in FOUR)
            ends[pair] = {
                "gap": (snn - ann,),
                "encoding": (clipped - ann, snn - raw),
                "neuron": (raw - ann, snn - clipped),
            }
        gap = ends["last"]["gap"][0].mean()
        for factor, ways in ends["last"].items():
            row = dict(zip(GROUP, key)) | {"factor": factor} | over_networks(sum(ways) / len(ways))
            means = [way.mean() for way in ways]
            kept = sum(ends["kept"][factor]).mean() / len(ways)
            row |= {"smallest": min(means), "largest": max(means), "kept": kept}
            found.append(row | {"share": row["value"] / gap if gap else float("nan")})
    columns = [*GROUP, "factor", *OVER_NETWORKS, "smallest", "largest", "kept", "share"]
    return pd.DataFrame(found, columns=columns).rename(columns={"value": "effect"})


def explanations(parts: pd.DataFrame) -> pd.DataFrame:
    """One row a scale and part: the verdict on the explanation that says it carries the gap, and why."""
    rows = []
    for key, own in parts.groupby([*GROUP, "networks"], sort=False):
        for part in verdicts.PARTS:
            verdict, reason = verdicts.why_verdict(own, part)
            rows.append((*key, part, verdicts.of_paper(verdict, key[1]), reason))
    return pd.DataFrame(rows, columns=[*GROUP, "networks", "part", "verdict", "reason"])


def deciding(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each data set of the paper the rows of the scale with most networks, the largest of these; of whatever there
    is, without any of them."""
    own = published.of_paper(frame)
    most = own[own.networks == own.groupby("dataset").networks.transform("max")]
    return pages.largest_scale(most)


def ends(rows: pd.DataFrame, scales: Iterable[str]) -> dict[str, dict[str, int]]:
    """Of the attacks on the four cells at these scales: how many there are, have settled, and ended with k_t near 0."""
    last = shared(rows[rows["pair"] == "last"], FOUR)
    counts = last.groupby("scale")[["classes", "settled", "off"]].sum()
    return counts.loc[[*scales]].astype(int).to_dict("index")


# --- an attacker who stays in the range


def noise_table(rows: pd.DataFrame, noises: Mapping[str, Sequence[Variant]]) -> pd.DataFrame:
    """One row a scale and noise, all of the same networks: ANN, SNN, their difference, and how it differs from that
    under the published noise. Scales with one noise only are left out.

    first, latest: the batches at which the kept pairs were found.
    """
    found = []
    for key, own in rows.groupby(GROUP, sort=False):
        base = noises[PUBLISHED_NOISE]
        run = {name: pair for name, pair in noises.items() if len(shared(own, {*base, *pair}))}
        own = shared(own, {variant for pair in run.values() for variant in pair})
        gap = _score(own, base[1]) - _score(own, base[0])
        for noise, pair in run.items() if len(run) > 1 and len(own) else ():
            mine = own[own.variant.isin({variant.name for variant in pair})]
            last, kept = (mine[mine["pair"] == end] for end in ("last", "kept"))
            row = dict(zip(GROUP, key)) | {"noise": noise} | difference(own, *pair)
            for kind, variant in zip(BASELINES, pair):
                row[kind] = _score(own, variant).mean()
                row[f"{kind}_taken"] = last[last.variant == variant.name].taken.mean()
            row["change"] = (_score(own, pair[1]) - _score(own, pair[0]) - gap).mean()
            row |= {"first": kept["first"].min(), "latest": kept.latest.max(), "batches": kept.batches.max()}
            found.append(row | {"classes": kept.classes.max()})
    columns = [*GROUP, "noise", *BASELINES, *OVER_NETWORKS, "kept", "change"]
    columns += ["ann_taken", "snn_taken", "classes", "first", "latest", "batches"]
    return pd.DataFrame(found, columns=columns)


# --- one change at a time, and time steps


def _changes(controls: Iterable[Variant]) -> list[Variant]:
    """The controls that change something, grouped by factor."""
    controls = [control for control in controls if control.factor != "baseline"]
    factors = [control.factor for control in controls]
    return sorted(controls, key=lambda control: factors.index(control.factor))


def changes_table(rows: pd.DataFrame, controls: Sequence[Variant]) -> pd.DataFrame:
    """One row a control and scale: the control minus its own baseline, by networks that both have."""
    found = []
    for control in _changes(controls):
        pair = (BASELINES[control.kind], control)
        for key, own in shared(rows, pair).groupby(GROUP, sort=False):
            about = dict(zip(GROUP, key)) | {"factor": control.factor, "target": control.kind}
            about |= {"name": control.changed(), "own": own[own.variant == control.name].own.mean()}
            found.append(about | difference(own, *pair))
    columns = [*GROUP, "factor", "target", "name", "own", *OVER_NETWORKS, "kept"]
    return pd.DataFrame(found, columns=columns).rename(columns={"value": "difference"})


def same_runs(rows: pd.DataFrame, controls: Sequence[Variant]) -> list[tuple[Variant, str, int]]:
    """Controls that change nothing at some scale and seed: they load their baseline's own run."""
    found = []
    for control in _changes(controls):
        names = {BASELINES[control.kind].name, control.name}
        for (scale, seed, _), own in rows[rows.variant.isin(names)].groupby(["scale", *UNIT], sort=False):
            if own.variant.nunique() == 2 > own.folder.nunique():
                found.append((control, scale, int(seed)))
    return found


def time_table(rows: pd.DataFrame, num_steps: int) -> pd.DataFrame:
    """One row a scale, number of time steps and panel, all of the same seeds; `num_steps`: the baseline's.

    Scales with one number of time steps only are left out.
    """
    steps = {control.name: control.changes["training"]["num_steps"] for control in TIME}
    steps |= {"snn": num_steps, "ann": float("nan")}
    others = [control for control in TIME if steps[control.name] != num_steps]
    found = []
    for key, own in rows.groupby(GROUP, sort=False):
        there = [control for control in (*BASELINES.values(), *others) if control.name in set(own.variant)]
        own = shared(own, there)
        for control in there if len(own) and len(there) > 2 else ():
            mine = own[(own.variant == control.name) & (own["pair"] == "last")].set_index(UNIT)
            about = dict(zip(GROUP, key)) | {"target": control.kind, "num_steps": steps[control.name]}
            for score, name in ((SCORE, "surrogate acc."), ("own", "target's own acc.")):
                found.append(about | {"score": score, "metric": name} | share_over_networks(mine[score]))
    columns = [*GROUP, "target", "num_steps", "score", "metric", *OVER_NETWORKS]
    return pd.DataFrame(found, columns=columns)
