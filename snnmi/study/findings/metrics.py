"""Chapter 4: Table II beside the paper's, what the choice of the pair changes, and the paper's claims one by one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from snnmi.data import Dataset
from snnmi.measure import intervals, metrics, statistics
from snnmi.measure.scores import METRICS
from snnmi.study import published, verdicts
from snnmi.study.published import CLAIMS, Claim
from snnmi.study.runs import AttackRun

GROUP = ["profile", "dataset", "target"]
CLAIM_COLUMNS = [
    *("profile", "dataset", "key", "claim", "difference", "low", "high", "p", "n"),
    *("published", "works", "verdict", "decimals", "verdict_last"),
]


def measured(attacks: pd.DataFrame) -> list[str]:
    """The metrics that these attacks have; runs scored before a metric was added lack it."""
    column = {name: f"{name}_kept" if f"{name}_kept" in attacks else name for name in METRICS}
    return [name for name in METRICS if column[name] in attacks and attacks[column[name]].notna().all()]


def per_class(attacks: pd.DataFrame) -> pd.DataFrame:
    """One row a class and pair of an `attacks_table`, averaged over seeds."""
    return attacks.groupby([*GROUP, "pair", "label"], sort=False).mean(numeric_only=True).reset_index()


def score_table(kept: pd.DataFrame) -> pd.DataFrame:
    """One row a target and score: mean and spread over classes, interval, floor, ceiling, and the paper's value.

    `apart`: its interval and ours share no point.
    """
    rows = []
    for key, group in kept.groupby(GROUP, sort=False):
        for score in measured(group):
            row = dict(zip(GROUP, key)) | {"score": score, "published": np.nan, "apart": False}
            row |= _over_classes(group, score)
            if key[1:] in published.TABLE_2 and METRICS[score].paper:
                theirs = published.interval(*key[1:], score)
                row["published"], _ = published.printed(*key[1:], score)
                row["published_low"], row["published_high"] = theirs
                row["apart"] = intervals.intervals_apart((row["low"], row["high"]), theirs)
            rows.append(row)
    return pd.DataFrame(rows)


def _over_classes(rows: pd.DataFrame, score: str) -> dict[str, float | int]:
    """Mean and standard deviation over classes, bootstrap interval of the mean, floor and ceiling."""
    values = rows[score]
    low, high = intervals.bootstrap_interval(values.to_numpy(), seed=0)
    found = {"n": len(rows), "value": values.mean(), "std": values.std(), "low": low, "high": high}
    ends = [end for end in ("floor", "ceiling") if f"{score}_{end}" in rows]
    return found | {end: rows[f"{score}_{end}"].mean() for end in ends}


def rescaled_fidelity(scores: pd.DataFrame) -> dict[str, float]:
    """Where F (error) lies between its floor (0) and its ceiling (1), on average over a kind's targets."""
    fidelity = scores[scores.score == "fidelity_mae"]
    above = (fidelity.value - fidelity.floor) / (fidelity.ceiling - fidelity.floor)
    return {kind: float(above[fidelity.target == kind].mean()) for kind in fidelity.target.unique()}


def pairs_table(kept: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """One row a target and score: the last pair's minus the kept pair's, over the same classes."""
    rows = []
    both = kept.merge(last, on=[*GROUP, "label"], suffixes=("_kept", "_last"))
    for key, group in both.groupby(GROUP, sort=False):
        for score in measured(group):
            first, second = (group[f"{score}_{which}"].to_numpy() for which in ("kept", "last"))
            test = statistics.paired_test(first, second, seed=0)
            means = {"kept": first.mean(), "last": second.mean()}
            rows.append(dict(zip(GROUP, key)) | {"score": score} | means | test._asdict())
    return pd.DataFrame(rows)


def likeness_table(
    runs: Sequence[AttackRun], pictures: Mapping[tuple[str, str], Dataset | None]
) -> pd.DataFrame:
    """One row a class of a target: how like its mean training image the reconstructions are, averaged over seeds.

    `pictures`: the data sets by (profile, name); where one is not at hand, the likeness is NaN.
    """
    rows = []
    for run in runs:
        images = pictures.get((run.profile, run.dataset))
        for label, shown in zip(run.labels, run.reconstructions):
            like = metrics.likeness(shown, np.asarray(images.class_mean(label))) if images else np.nan
            rows.append((run.profile, run.dataset, run.target, label, like))
    found = pd.DataFrame(rows, columns=[*GROUP, "label", "likeness"])
    return found.groupby([*GROUP, "label"]).likeness.mean().reset_index()


def claims_table(kept: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """One row a data set, scale and claim of the paper that can be tested there: `CLAIM_COLUMNS`.

    `works`: the gate is open. `verdict_last`: the verdict with the last pair in place of the kept one.
    """
    rows = []
    for (profile, dataset), group in kept.groupby(["profile", "dataset"], sort=False):
        end = last[(last.profile == profile) & (last.dataset == dataset)]
        for key, claim in CLAIMS.items():
            if tested := try_claim(group, dataset, claim):
                about = {"profile": profile, "dataset": dataset, "key": key, "claim": claim.text}
                at_the_end = try_claim(end, dataset, claim) or {"verdict": None}
                more = {"decimals": claim.decimals, "verdict_last": at_the_end["verdict"]}
                rows.append(about | tested | more)
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def try_claim(rows: pd.DataFrame, dataset: str, claim: Claim) -> dict | None:
    """Paired test of SNN against ANN over classes, and the verdict; None where one of the two is missing."""
    wide = (
        rows.pivot(index="label", columns="target", values=claim.score) if claim.score in rows else rows[:0]
    )
    if not {"ann", "snn"} <= set(wide) or wide.dropna().empty:
        return None
    ann, snn = wide.dropna()[["ann", "snn"]].to_numpy().T
    test = statistics.paired_test(ann, snn, seed=0, statistic=claim.statistic)
    a_target = rows[rows.target == "ann"].A_target.mean()
    return test._asdict() | {
        "published": published.difference(dataset, claim.score, claim.statistic),
        "works": verdicts.attack_works(a_target),
        "verdict": verdicts.claim_verdict(test, dataset, claim, a_target=a_target),
    }
