"""Chapter 4: Table II beside the paper's, what the choice of the pair changes, and the paper's claims one by one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from snnmi.measure import intervals, metrics
from snnmi.measure.scores import METRICS
from snnmi.measure.statistics import PairedTest, paired_test
from snnmi.show import pages
from snnmi.study import published, verdicts
from snnmi.study.experiment import Experiment
from snnmi.study.published import CLAIMS, Claim

GROUP = ["profile", "dataset", "target"]
# L_N above H(T), the target's own mean entropy on noise, which it cannot fall below
ABOVE = CLAIMS["m_global"].judged
CLAIM_COLUMNS = """profile dataset key claim difference low high p p_error n differing tested works unit networks
    ann snn won_ann won_snn attacks printed judged published verdict decimals verdict_kept""".split()


def completed(attacks: pd.DataFrame, experiments: Sequence[Experiment]) -> pd.DataFrame:
    """An `attacks_table` with L_N above the target's entropy, and the likeness of scores that lack it.

    Not M_global above it: its second term, |gamma L_N - L_G|, is made of entropies as much. The likeness is that of the
    stored pictures, which are the kept pair's, to the stored class means.
    """
    found = attacks.assign(**{ABOVE: attacks.L_N - attacks.get("M_global_ceiling", np.nan)})
    found["likeness"] = attacks.get("likeness", pd.Series(np.nan, attacks.index))
    for experiment, run in [(one, run) for one in experiments for run in one.attacks()]:
        own = found.likeness.isna()
        for name in ("profile", "dataset", "variant", "seed", "attack_seed"):
            own &= found[name] == getattr(run, name)
        means = experiment.originals(run.dataset).get("class mean")
        if means is not None and own.any():
            for label, shown in zip(run.labels, run.reconstructions):
                found.loc[own & (found.label == label), "likeness"] = metrics.likeness(shown, means[label])
    return found


# --- Table II


def measured(rows: pd.DataFrame) -> list[str]:
    """The scores of Table II that all these networks have; runs scored before a metric was added lack it."""
    names = dict.fromkeys(["M_global", ABOVE, *(name for name, metric in METRICS.items() if metric.table)])
    runs = rows.groupby([name for name in ("seed", "pair") if name in rows])
    return [name for name in names if name in rows and runs[name].count().min() > 0]


def score_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a target and score: mean and spread over classes, interval, floor, ceiling, and the paper's value.

    `rows`: of one pair. `apart`: its interval and ours, as printed, share no point. `lost`: classes without a number
    (the target, or a player, answered none), which no mean has.
    """
    found = []
    for key, group in rows.groupby(GROUP, sort=False):
        for score in measured(group):
            row = dict(zip(GROUP, key)) | {"score": score, "published": np.nan, "apart": False}
            row |= _over_classes(group, score)
            if key[1:] in published.TABLE_2 and score in METRICS and METRICS[score].paper:
                theirs = published.interval(*key[1:], score)
                row["published"], _ = published.printed(*key[1:], score)
                row["published_low"], row["published_high"] = theirs
                row["apart"] = intervals.intervals_apart((row["low"], row["high"]), theirs)
            found.append(row)
    return pd.DataFrame(found)


def _over_classes(rows: pd.DataFrame, score: str) -> dict[str, float | int]:
    """Mean and standard deviation over classes, floor and ceiling; the interval of the mean over classes (bootstrap),
    or over networks (Student's) where there are enough.
    """
    lost = sorted(rows.label[rows[score].isna()].unique())
    rows = rows[rows[score].notna()]
    values, networks = rows.groupby("label")[score].mean(), rows.groupby("seed")[score].mean()
    low, high = intervals.bootstrap_interval(values.to_numpy(), seed=0)
    if verdicts.unit(len(networks)) == "network":
        low, high = intervals.t_interval(networks)
    found = {"n": len(values), "networks": len(networks), "lost": ", ".join(map(str, lost))}
    found |= {"value": values.mean(), "std": values.std(), "low": low, "high": high}
    ends = [end for end in ("floor", "ceiling") if f"{score}_{end}" in rows]
    return found | {end: rows[f"{score}_{end}"].mean() for end in ends}


def rescaled_fidelity(scores: pd.DataFrame) -> pd.DataFrame:
    """Where F (error) lies between its floor (0) and its ceiling (1) on each target, at the largest scales."""
    found = pages.largest_scale(scores[scores.score == "fidelity_mae"])
    return found.assign(rescaled=(found.value - found.floor) / (found.ceiling - found.floor))


# --- two targets, or two pairs, over the same units


class Comparison(NamedTuple):
    """Second minus first of one score, over networks where there are enough, else over classes."""

    test: PairedTest
    unit: str
    networks: int  # that both have: of others nothing counts
    rows: pd.DataFrame


def compare(rows: pd.DataFrame, score: str, column: str, first: str, second: str) -> Comparison | None:
    """Paired test of a score, rows where `column` is `second` minus those where it is `first`; None without pairs."""
    rows = rows[rows[column].isin([first, second]) & rows[score].notna()] if score in rows else rows[:0]
    rows = rows[rows.groupby("seed")[column].transform("nunique") == 2]
    if rows.empty:
        return None
    unit = verdicts.unit(networks := rows.seed.nunique())
    index = "seed" if unit == "network" else "label"
    wide = rows.pivot_table(index=index, columns=column, values=score).dropna()
    test = paired_test(wide[first].to_numpy(), wide[second].to_numpy(), seed=0, student=unit == "network")
    return Comparison(test, unit, networks, rows)


def pairs_table(attacks: pd.DataFrame) -> pd.DataFrame:
    """One row a target and score: the last pair's minus the kept pair's."""
    found = []
    for key, group in attacks.groupby(GROUP, sort=False):
        for score in measured(group):
            means = group.groupby("pair")[score].mean()[["kept", "last"]].to_dict()
            test = compare(group, score, "pair", "kept", "last").test
            found.append(dict(zip(GROUP, key)) | {"score": score} | means | test._asdict())
    return pd.DataFrame(found)


# --- the claims


def claims_table(attacks: pd.DataFrame) -> pd.DataFrame:
    """One row a data set, scale and claim of the paper that can be held against numbers there: `CLAIM_COLUMNS`.

    It speaks of the last pair; `verdict_kept`: with the kept one.
    """
    found = []
    for (profile, dataset), group in attacks.groupby(["profile", "dataset"], sort=False):
        for key, claim in CLAIMS.items():
            last, kept = (try_claim(group[group.pair == pair], dataset, claim) for pair in ("last", "kept"))
            if last:
                about = {"profile": profile, "dataset": dataset, "key": key, "claim": claim.text}
                more = {"decimals": claim.decimals, "verdict_kept": kept["verdict"] if kept else None}
                found.append(about | last | more)
    return pd.DataFrame(found, columns=CLAIM_COLUMNS)


def try_claim(rows: pd.DataFrame, dataset: str, claim: Claim) -> dict | None:
    """SNN against ANN, and the verdict; None where one of the two is missing.

    `difference` and its test are of the score that is judged, `printed` of the one that the paper prints, `ann` and
    `snn` its values. `won_ann` and `won_snn`: in how many of `attacks`, each on one class of one network, it exceeds a
    half. `tested`: a test was run. `works`: the gate is open.
    """
    spread, score = claim.score.endswith("_std"), claim.score.removesuffix("_std")
    if not (both := compare(rows, score, "target", "ann", "snn")):
        return None
    by_class = both.rows.groupby(["target", "label"])[score].mean().groupby("target")
    value = by_class.std() if spread else by_class.mean()
    won = (both.rows[score] > 0.5).groupby(both.rows.target).sum()
    judged = compare(rows, claim.judged, "target", "ann", "snn") if claim.judged else None
    test, a_target = (judged or both).test, rows[rows.target == "ann"].A_target.mean()
    about = {"a_target": a_target, "known": bool(judged or not claim.judged)}
    verdict = verdicts.claim_verdict(test, dataset, claim, **about)
    tested = verdicts.can_tell(test.differing) and not spread
    if not tested:  # no interval either: of few classes that differ it would be too sure
        test = PairedTest(value.snn - value.ann, *[np.nan] * 3, test.n, test.differing)
    return test._asdict() | {
        **{"tested": tested, "works": verdicts.attack_works(a_target)},
        **{"unit": both.unit, "networks": both.networks, "ann": value.ann, "snn": value.snn},
        **{"won_ann": won.ann, "won_snn": won.snn, "attacks": len(both.rows) // 2},
        **{"printed": value.snn - value.ann, "judged": claim.judged if judged else score},
        **{"published": published.difference(dataset, claim.score), "verdict": verdict},
    }
