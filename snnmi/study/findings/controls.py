"""Chapter 7: the six cells, what carries the gap, an attacker who adapts, one change at a time, time steps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from snnmi.measure import statistics
from snnmi.measure.effects import effects_table
from snnmi.show import pages
from snnmi.study import verdicts
from snnmi.study.controls import BASELINES, CELLS, NOISE, TIME, Variant
from snnmi.study.runs import AttackRun
from snnmi.study.tables import attacks_table


class Score(NamedTuple):
    name: str  # on the page
    sign: int  # of SNN - ANN, as claimed


SCORES = {
    "M_global": Score("M_global", +1),
    "surrogate_accuracy": Score("surrogate acc.", -1),
    "A_comb": Score("A_comb", -1),
    "A_target": Score("A_target", -1),
}
GROUP = ["profile", "dataset", "scale"]
UNIT = ["seed", "attack_seed", "label"]
PUBLISHED_NOISE = "Gaussian, as published"
NOISES = {  # what the attacker asks: an ANN and an SNN attacked so
    PUBLISHED_NOISE: tuple(BASELINES.values()),
    "Gaussian, clipped": NOISE[:2],
    "uniform": NOISE[2:],
}
PANELS = {  # of the figure over time steps
    "surrogate_accuracy": "surrogate acc.",
    "M_global": "M_global",
    "A_target": "A_target",
    "surrogate_accuracy_ceiling": "target's own acc.",
}


def attacks_by_scale(experiments: Sequence) -> pd.DataFrame:
    """An `attacks_table` with each row's scale in words; at least one attack must be there."""
    table = attacks_table(experiments)
    if table.empty:
        own = experiments[0]
        raise ValueError(
            f"nothing of {own.profile.name} is stored in {own.results}, expected runs, or compute=True"
        )
    return table.assign(scale=[pages.place(p, d) for p, d in zip(table.profile, table.dataset)])


def shared(rows: pd.DataFrame, variants: Iterable[Variant]) -> pd.DataFrame:
    """The rows of these variants, of those scales and seeds that have them all."""
    names = {variant.name for variant in variants}
    rows = rows[rows.variant.isin(names)]
    return rows[rows.groupby(["scale", "seed", "attack_seed"]).variant.transform("nunique") == len(names)]


def order(rows: pd.DataFrame) -> dict[str, int]:
    """Scales in the order in which they are shown: this run's, then larger and larger stored ones."""
    return {scale: place for place, scale in enumerate(rows.scale.unique())}


def still_moving(runs: Sequence[AttackRun]) -> pd.Series:
    """Share of attacks that had not converged when the budget ended, by (profile, dataset, variant)."""
    rows = [
        (run.profile, run.dataset, run.variant, verdicts.still_moves(run.history["M_global"]).mean())
        for run in runs
    ]
    found = pd.DataFrame(rows, columns=["profile", "dataset", "variant", "moving"])
    return found.groupby(["profile", "dataset", "variant"]).moving.mean()


def mean(rows: pd.DataFrame, score: str) -> dict[str, float]:
    """Mean over classes and seeds with its interval."""
    found = statistics.hierarchical_bootstrap(rows, score, seed=0)
    return {"value": found.estimate, "low": found.low, "high": found.high}


def against(rows: pd.DataFrame, score: str, pair: Sequence[Variant]) -> dict[str, float]:
    """The second variant minus the first, class by class, with interval and p over classes."""
    first, second = (variant.name for variant in pair)
    found = statistics.paired_difference(rows, score, "variant", first, second, seed=0)
    return {
        "difference": found.estimate,
        "low": found.low,
        "high": found.high,
        "p_classes": found.p_classes,
    }


# --- the six cells


def in_cells(kept: pd.DataFrame) -> pd.DataFrame:
    """The rows of the six cells, with their neuron and what it is fed with."""
    cell_of = {control.name: cell for cell, control in CELLS.items()}
    inside = kept[kept.variant.isin(cell_of)]
    cells = [cell_of[variant] for variant in inside.variant]
    return inside.assign(neuron=[neuron for neuron, _ in cells], input=[source for _, source in cells])


def not_run(inside: pd.DataFrame) -> dict[str, list[Variant]]:
    """The cells that each scale lacks."""
    return {
        scale: [control for control in CELLS.values() if control.name not in set(rows.variant)]
        for scale, rows in inside.groupby("scale", sort=False)
    }


def cells_table(inside: pd.DataFrame, moving: pd.Series) -> pd.DataFrame:
    """One row a cell, scale and score; of a scale that has all six cells somewhere, the seeds that have them all."""
    factorial = shared(inside, CELLS.values())
    shown = pd.concat([factorial, inside[~inside.scale.isin(factorial.scale)]])
    rows = []
    for (neuron, source), control in CELLS.items():
        for key, group in shown[shown.variant == control.name].groupby(GROUP, sort=False):
            about = dict(zip(GROUP, key)) | {
                "neuron": neuron,
                "input": source,
                "own": group.surrogate_accuracy_ceiling.mean(),
                "seeds": group.seed.nunique(),
                "moving": moving[(*key[:2], control.name)],
            }
            rows += [about | {"score": score} | mean(group, score) for score in SCORES]
    return pd.DataFrame(rows)


# --- what carries the gap


def effects_by_scale(factorial: pd.DataFrame) -> pd.DataFrame:
    """`effects_table` of every scale and score, with the verdict on "it is the spikes" and its reason."""
    found = []
    for key, rows in factorial.groupby(GROUP, sort=False):
        for score, (name, sign) in SCORES.items():
            parts = effects_table(rows, score, seed=0)
            verdict, reason = verdicts.why_verdict(parts, sign)
            about = dict(zip(GROUP, key)) | {"score": score, "metric": name}
            about["p_classes"] = against(rows, score, (*BASELINES.values(),))["p_classes"]
            found.append(parts.assign(**about, seeds=rows.seed.nunique(), verdict=verdict, reason=reason))
    columns = ["factor", "effect", "low", "high", "share", "smallest", "largest", *GROUP]
    columns += ["score", "metric", "p_classes", "seeds", "verdict", "reason"]
    return pd.concat(found) if found else pd.DataFrame(columns=columns)


def gaps(effects: pd.DataFrame) -> pd.DataFrame:
    """The gaps themselves: a row a scale and score."""
    return effects[effects.factor == "gap"]


def neurons_shares(effects: pd.DataFrame) -> list[float]:
    """The neuron's share of each gap that differs from zero."""
    whole = gaps(effects)
    whole = whole[verdicts.lies_off(whole.low, whole.high)]
    there = set(zip(whole.scale, whole.score))
    neuron = effects[effects.factor == "neuron"]
    return [r.share for r in neuron.itertuples() if (r.scale, r.score) in there]


def deciding(effects: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of each data set the effects that decide: at its largest scale, of `verdicts.headline_score`; largest first."""
    place = order(effects)
    best = pages.largest_scale(effects).sort_values("scale", key=lambda s: -s.map(place), kind="stable")
    return {
        dataset: rows[rows.score == verdicts.headline_score(rows)]
        for dataset, rows in best.groupby("dataset", sort=False)
    }


# --- an attacker who adapts


def noise_table(kept: pd.DataFrame, noises: Mapping[str, Sequence[Variant]]) -> pd.DataFrame:
    """One row a scale, score and noise: SNN - ANN, and how this gap differs from that under the published noise.

    Scales with one noise only are left out. M_global is measured on the noise itself and left out.
    """
    rows = []
    for noise, pair in noises.items():
        for key, group in shared(kept, pair).groupby(GROUP, sort=False):
            with_first = shared(kept[kept.scale == key[2]], (*BASELINES.values(), *pair))
            for score in [*SCORES][1:]:
                means = {
                    kind: group[group.variant == variant.name][score].mean()
                    for kind, variant in zip(BASELINES, pair)
                }
                about = dict(zip(GROUP, key)) | {"noise": noise, "score": score} | means
                rows.append(about | against(group, score, pair) | _change(with_first, score, pair))
    columns = [*GROUP, "noise", "score", *BASELINES, "difference", "low", "high", "p_classes"]
    found = pd.DataFrame(rows, columns=[*columns, "change", "change_low", "change_high"])
    found = found[found.groupby("scale").noise.transform("nunique") > 1]
    place, what = found.scale.map(order(kept)), found.score.map([*SCORES].index)
    return (
        found.assign(place=place, what=what)
        .sort_values(["place", "what"], kind="stable")
        .drop(columns=["place", "what"])
    )


def _change(rows: pd.DataFrame, score: str, pair: Sequence[Variant]) -> dict[str, float]:
    """How the gap of this pair differs from the baselines', with its interval."""
    wide = rows.pivot(index=UNIT, columns="variant", values=score)
    ann, snn = (wide[variant.name] for variant in pair)
    change = (snn - ann) - (wide["snn"] - wide["ann"])
    found = statistics.hierarchical_bootstrap(change.rename("change").reset_index(), "change", seed=0)
    return {"change": found.estimate, "change_low": found.low, "change_high": found.high}


# --- one change at a time, and time steps


def changes_table(kept: pd.DataFrame, controls: Sequence[Variant], moving: pd.Series) -> pd.DataFrame:
    """One row a control, scale and score: the control minus its baseline, grouped by factor, smaller scales first."""
    columns = [*GROUP, "factor", "target", "name", "score", "seeds", "difference", "low", "high", "p_classes"]
    controls = [control for control in controls if control.factor != "baseline"]
    factors = [control.factor for control in controls]
    rows = []
    for control in sorted(controls, key=lambda control: factors.index(control.factor)):
        pair = (BASELINES[control.kind], control)
        for key, group in shared(kept, pair).groupby(GROUP, sort=False):
            about = dict(zip(GROUP, key)) | {"factor": control.factor, "target": control.kind}
            about |= {"name": control.changed(), "seeds": group.seed.nunique()}
            about["own"] = group[group.variant == control.name].surrogate_accuracy_ceiling.mean()
            about["moving"] = moving[(*key[:2], control.name)]
            rows += [about | {"score": score} | against(group, score, pair) for score in SCORES]
    found = pd.DataFrame(rows, columns=[*columns, "own", "moving"])
    return found.sort_values("scale", key=lambda scale: scale.map(order(kept)), kind="stable")


def time_table(kept: pd.DataFrame, num_steps: int) -> pd.DataFrame:
    """One row a scale, number of time steps and panel; `num_steps`: the baseline's. Give it the rows of one seed."""
    steps = {control.name: control.changes["training"]["num_steps"] for control in TIME} | {"snn": num_steps}
    rows = []
    for key, group in kept.groupby([*GROUP, "variant"], sort=False):
        if key[-1] not in {*steps, "ann"}:
            continue
        about = dict(zip(GROUP, key)) | {"target": "ann" if key[-1] == "ann" else "snn"}
        about["num_steps"] = steps.get(key[-1])
        own = {
            "value": group.surrogate_accuracy_ceiling.mean(),
            "low": np.nan,
            "high": np.nan,
        }  # one a target
        for score, name in PANELS.items():
            found = mean(group, score) if score in SCORES else own
            rows.append(about | {"score": score, "metric": name} | found)
    return pd.DataFrame(rows)


def several_times(times: pd.DataFrame) -> pd.DataFrame:
    """The scales that have more than one number of time steps."""
    return times[times.groupby("scale").num_steps.transform("nunique") > 1]
