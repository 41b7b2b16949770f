"""Chapter 13: SNNs of other codes under the same attack, and whether the clip explains them too."""

from collections.abc import Iterable

import pandas as pd

from snnmi.study import verdicts
from snnmi.study.controls import CODES, LABELS
from snnmi.study.findings.controls import (
    GROUP,
    OVER_NETWORKS,
    SCORE,
    UNIT,
    networks_table,
    over_networks,
    shared,
)
from snnmi.study.runs import AttackRun

CLIPPED = ("rate", "latency", "burst", "phase", "clip")  # all but the population and the raw current
MEASURES = {
    "own": "target's accuracy",
    "normal": "copy, published noise",
    "sparse": "copy, sparse noise in [0, 1]",
}


def codes_table(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a scale, code and measure of `MEASURES`: mean over the networks of that code that have both noises, last
    pairs, with Student's interval where there are several.
    """
    rows, found = networks_table(runs), []
    rows = rows[rows["pair"] == "last"]
    for code, label in LABELS.items():
        pair = CODES[code, "normal"], CODES[code, "sparse"]
        for key, own in shared(rows, pair).groupby(GROUP, sort=False):
            by = {variant: own[own.variant == variant.name].set_index(UNIT) for variant in pair}
            values = {"own": by[pair[0]].own, "normal": by[pair[0]][SCORE], "sparse": by[pair[1]][SCORE]}
            about = dict(zip(GROUP, key)) | {"code": code, "label": label, "floor": own.floor.mean()}
            found += [about | {"measure": name} | over_networks(value) for name, value in values.items()]
    columns = [*GROUP, "code", "label", "floor", "measure", *OVER_NETWORKS]
    return pd.DataFrame(found, columns=columns)


def wide(found: pd.DataFrame) -> pd.DataFrame:
    """A row a scale and code, a column a measure."""
    return found.pivot(index=["scale", "code"], columns="measure", values="value")


def predictions(found: pd.DataFrame) -> pd.DataFrame:
    """What was predicted before the runs, a row a scale, prediction and code: the numbers and whether it came so.

    alike: a code that clips gives the copy what the clipped current does, within the margin. above: the raw current
    gives it more than every code that clips. lifted: sparse noise gives the copy of a code that clips more. between:
    the population, which fades outside [0, 1] where others clip, gives it more than the clipped current and less than
    the raw one; its mark is the clipped current's.
    """
    rows = []
    for scale in dict.fromkeys(found.scale):
        own = wide(found).loc[scale]
        clipped = own[own.index.isin(CLIPPED)]
        for code, normal, sparse in clipped[["normal", "sparse"]].itertuples():
            if code != "clip" and "clip" in own.index:
                mark = own.normal["clip"]
                rows.append((scale, "alike", code, mark, normal, verdicts.same(normal - mark)))
            more = sparse > normal and not verdicts.same(sparse - normal)
            rows.append((scale, "lifted", code, normal, sparse, more))
        if "current" in own.index and len(clipped):
            best, raw = clipped.normal.max(), own.normal["current"]
            rows.append((scale, "above", "current", best, raw, raw > best and not verdicts.same(raw - best)))
        if {"clip", "population", "current"} <= set(own.index):
            low, mid, high = own.normal[["clip", "population", "current"]]
            held = low < mid < high and not verdicts.same(mid - low) and not verdicts.same(high - mid)
            rows.append((scale, "between", "population", low, mid, held))
    return pd.DataFrame(rows, columns=["scale", "prediction", "code", "mark", "found", "held"])
