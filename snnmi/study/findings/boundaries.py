"""Boundary runs as tables: label flips along paths that ANN and SNN share, slices, and what surrogates make of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snnmi.measure.intervals import bootstrap_interval
from snnmi.study import verdicts
from snnmi.study.runs import BoundaryRun
from snnmi.study.tables import of_both_kinds

PATHS = {"between": "two classes", "within": "one class", "noise": "image to noise"}  # what a path joins
READINGS = {  # a column of `paths_table`: whose flips, and how they are read (`measure.boundaries`)
    "ann": ("ann", "voted"),
    "snn_single": ("snn", "fresh"),
    "snn_low": ("snn", "decided"),
    "snn_high": ("snn", "voted"),
    "ann_surrogate": ("ann", "surrogate"),
    "snn_surrogate": ("snn", "surrogate"),
}
INPUTS = ("noise", "generated", "test")  # where surrogate and target are asked for their agreement
AGREEMENT = ("top", "top_floor", "top_ceiling", "classes", "mae", "mae_floor", "mae_ceiling")
MAPS = {"ann": {"ANN": "labels"}, "snn": {"SNN, single answers": "labels", "SNN, most frequent": "voted"}}


def measured_table(runs: Sequence[BoundaryRun]) -> pd.DataFrame:
    """One row a run: which it is, and all numbers of `measure.boundaries.measure`.

    Where a scale has both kinds of target, those seeds and classes that have both: means stand side by side.
    """
    keys = ["profile", "dataset", "target", "seed", "label"]
    found = pd.DataFrame({key: getattr(run, key) for key in keys} | run.metrics for run in runs)
    return found if found.empty else of_both_kinds(found, ["profile", "dataset"], ["seed", "label"])


def paths_table(runs: Sequence[BoundaryRun]) -> pd.DataFrame:
    """One row a path along which both an ANN and an SNN were asked: flips in each of the `READINGS`.

    Attacked classes that share their paths count once.
    """
    twins = {}
    for run in runs:
        key = (run.profile, run.dataset, run.seed, run.arrays["ends_noise"].tobytes())
        twins.setdefault(key, {}).setdefault(run.target, run)
    parts = []
    for (profile, dataset, seed, _), twin in twins.items():
        for kind in PATHS if len(twin) == 2 else ():
            if f"ends_{kind}" in twin["ann"].arrays:
                place = {"profile": profile, "dataset": dataset, "seed": seed, "kind": kind}
                flips = {
                    column: twin[target].arrays[f"flips_{kind}_{reading}"]
                    for column, (target, reading) in READINGS.items()
                }
                parts.append(pd.DataFrame(flips).assign(**place))
    columns = ["profile", "dataset", "seed", "kind", *READINGS]
    return pd.concat(parts) if parts else pd.DataFrame(columns=columns)


def more_flips(part: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """SNN minus ANN, path by path: mean, and its 95 % interval, which speaks of other paths through these networks."""
    difference = (part[column] - part.ann).to_numpy()
    return float(difference.mean()), *bootstrap_interval(difference, seed=0)


def compared(paths: pd.DataFrame) -> pd.DataFrame:
    """The rule applied (`verdicts.conjecture`), one row a profile, data set and kind of path: n paths, mean flips.

    networks: of each kind. noise_share: of the flips that single answers of the SNN have beyond the ANN's, the share
    that is gone with the encoder's noise; a lower bound, as the high count is taken for the rest; nan where there are
    none. low_*, high_*: `more_flips` by either count.
    """
    rows = []
    for (profile, dataset, kind), part in paths.groupby(["profile", "dataset", "kind"], sort=False):
        low, high = more_flips(part, "snn_low"), more_flips(part, "snn_high")
        flips = part[[*READINGS]].mean().astype(float)
        excess, noise = flips.snn_single - flips.ann, flips.snn_single - flips.snn_high
        share = np.clip(noise / excess, 0, 1) if excess > 0 else np.nan
        verdict = verdicts.of_paper(verdicts.conjecture(low[1], high[2]), dataset)
        counts = (len(part), part.seed.nunique())
        rows.append((profile, dataset, kind, *counts, *flips, verdict, share, *low, *high))
    ends = [f"{count}_{end}" for count in ("low", "high") for end in ("mean", "from", "to")]
    columns = ["profile", "dataset", "kind", "n", "networks", *READINGS, "verdict", "noise_share", *ends]
    return pd.DataFrame(rows, columns=columns)


def overall(compared: pd.DataFrame) -> pd.Series:
    """One verdict a profile and data set: that of all kinds of path, the weakest link's (`verdicts.agreed`)."""
    return compared.groupby(["profile", "dataset"], sort=False).verdict.agg(verdicts.agreed)


def slices(runs: Sequence[BoundaryRun], place: tuple[str, str], plane: str) -> tuple[list[dict], int]:
    """Rows for `figures.decision_slices`, and how many classes they need: the first ANN's, and two of the first SNN.

    `place`: profile and data set. `plane`: "plane" (through test images) or "random".
    """
    rows, classes = [], 1
    for kind, maps in MAPS.items():
        for run in [run for run in runs if (run.profile, run.dataset, run.target) == (*place, kind)][:1]:
            names = [name for name in run.arrays if name.endswith(("_labels", "_voted"))]
            labels = {name: run.arrays[name].astype(int) for name in names}
            classes = max(classes, 1 + max(int(array.max()) for array in labels.values()))
            size = run.metrics[f"{plane}_extent"]
            common = {"surrogate": labels[f"{plane}_surrogate_labels"], "extent": (-size, size, -size, size)}
            if plane == "plane":
                common |= {"points": run.arrays["plane_points"], "point_labels": labels["plane_point_labels"]}
            for title, key in maps.items():
                rows.append({"title": title, "target": labels[f"{plane}_target_{key}"], **common})
    return rows, classes


def agreement_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Agreement of surrogate and target, a row a profile, data set, target and kind of input: means over n surrogates.

    differ: how often the same query twice is given two labels. low, high: interval of `top` over surrogates, from
    three on.
    """
    rows = []
    for key, group in measured.groupby(["profile", "dataset", "target"], sort=False):
        for inputs in INPUTS:
            tops = group[f"agreement_{inputs}_top"].to_numpy()
            low, high = bootstrap_interval(tops, seed=0) if len(tops) > 2 else (np.nan, np.nan)
            means = [group[f"agreement_{inputs}_{score}"].mean() for score in AGREEMENT]
            rows.append((*key, inputs, len(tops), *means, group[f"repeat_{inputs}"].mean(), low, high))
    keys = ["profile", "dataset", "target", "inputs", "n"]
    return pd.DataFrame(rows, columns=[*keys, *AGREEMENT, "differ", "low", "high"])
