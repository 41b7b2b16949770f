"""Networks of several chapters side by side: means over networks, by those that have all that is compared.

The unit is a network: one row a run, means over its classes, which are the same in every run.
"""

from collections.abc import Iterable

import pandas as pd

from snnmi.measure.intervals import t_interval
from snnmi.show import pages
from snnmi.study import published, verdicts
from snnmi.study.controls import Variant
from snnmi.study.runs import AttackRun

SCORE = "surrogate_accuracy"  # the plan's primary outcome, of the last pair
GROUP = ["profile", "dataset", "scale"]
UNIT = ["seed", "attack_seed"]
OVER_NETWORKS = ["value", "low", "high", "networks"]


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
