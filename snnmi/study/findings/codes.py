"""Chapter 11: SNNs of other codes under the same attack, and whether the clip explains them too."""

from collections.abc import Iterable, Iterator

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
    share_over_networks,
    shared,
)
from snnmi.study.runs import AttackRun

CLIPPED = ("rate", "latency", "burst", "phase", "clip")  # all but the population and the raw current
NOISES = "normal", "sparse"
MEASURES = {
    "own": "target's accuracy",
    "normal": "copy, published noise",
    "sparse": "copy, sparse noise in [0, 1]",
}
SEEN = {f"{seen}, {noise}": (noise, seen) for seen in ("identified", "recognised") for noise in NOISES}
JUDGED = {
    name: f"{seen}, {'published' if noise == 'normal' else noise} noise"
    for name, (noise, seen) in SEEN.items()
}


def codes_table(runs: Iterable[AttackRun], judged: pd.DataFrame) -> pd.DataFrame:
    """One row a scale, code and measure of `MEASURES` (copies of last pairs) and `JUDGED` (images of kept pairs): mean
    over networks with Student's interval where there are several.

    judged: of `judgements_table`. Codes that stand side by side are of the same networks: those that have both noises
    of each. Where some codes were run on more networks than others, these stand by themselves first, and then, as a
    scale of its own, all codes on the networks that have them all.
    """
    rows, found = networks_table(runs), []
    rows = _judged(rows[rows["pair"] == "last"], judged)
    pairs = {code: shared(rows, [CODES[code, noise] for noise in NOISES]) for code in LABELS}
    every = pd.concat([own.assign(code=code) for code, own in pairs.items()])
    every = pd.concat([every[:0], *_side_by_side(every)])
    for code, label in LABELS.items():
        for key, own in every[every.code == code].groupby(GROUP, sort=False):
            by = {noise: own[own.variant == CODES[code, noise].name].set_index(UNIT) for noise in NOISES}
            values = {"own": by["normal"].own} | {noise: by[noise][SCORE] for noise in NOISES}
            values |= {name: by[noise][seen] for name, (noise, seen) in SEEN.items()}
            about = dict(zip(GROUP, key)) | {"code": code, "label": label, "floor": own.floor.mean()}
            found += [
                about | {"measure": name} | share_over_networks(value)
                for name, value in values.items()
                if value.notna().all()
            ]
    columns = [*GROUP, "code", "label", "floor", "measure", *OVER_NETWORKS]
    return pd.DataFrame(found, columns=columns)


def _side_by_side(every: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Codes of the same networks, scale by scale: those that most networks have, if there are several, then all."""
    for scale, own in every.groupby("scale", sort=False):
        networks = own.groupby("code").seed.nunique()
        most = networks.index[networks == networks.max()]
        apart = 1 < len(most) < len(networks)
        if apart:
            yield _common(own[own.code.isin(most)])
        both = _common(own)
        seeds = [str(seed) for seed in sorted(both.seed.unique())]
        few = f"{scale}, network{'s' * (len(seeds) > 1)} {', '.join(seeds)}"
        yield both.assign(scale=few if apart else scale)


def _common(own: pd.DataFrame) -> pd.DataFrame:
    """The networks that have all of these codes."""
    return own[own.groupby(UNIT).code.transform("nunique") == own.code.nunique()]


def _judged(rows: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """What the judge says of each run's images beside its scores, means over classes; NaN where it was not asked."""
    by, seen = ["profile", "dataset", "target", "variant", *UNIT], ["identified", "recognised"]
    if judged.empty:
        return rows.assign(**dict.fromkeys(seen, float("nan")))
    means = judged[judged.source == "reconstruction"].groupby(by)[seen].mean().reset_index()
    return rows.merge(means.astype(dict.fromkeys(UNIT, int)), on=by, how="left")


def against_clip(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a scale and other code that clips: how much more the copy reads than that of the clipped current, under
    the published noise, network by network.
    """
    rows, found = networks_table(runs), []
    rows = rows[rows["pair"] == "last"]
    for code in (code for code in CLIPPED if code != "clip"):
        pair = [CODES[name, "normal"] for name in (code, "clip")]
        for key, own in shared(rows, pair).groupby(GROUP, sort=False):
            its, mark = (own[own.variant == variant.name].set_index(UNIT)[SCORE] for variant in pair)
            found.append(dict(zip(GROUP, key)) | {"code": code} | over_networks(its - mark))
    return pd.DataFrame(found, columns=[*GROUP, "code", *OVER_NETWORKS])


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
