"""Finished attacks of some experiments as a table; what is shown alongside."""

from collections.abc import Sequence

import pandas as pd

from snnmi.study.controls import BASELINES
from snnmi.study.experiment import SEEDS, Experiment

KEPT = ("plan", "people", "quarter", "paper")  # profiles whose results git keeps


def alongside(experiment: Experiment) -> list[Experiment]:
    """The given experiment, then, read only, whatever else is stored: its own scale's other seeds, so that no build
    of one scale speaks of fewer networks than another, and the profiles kept in git, with both kinds of target and as
    they are, whatever was changed here: it is they that claims speak of.
    """
    own, same = experiment.profile.name, ("results", "variants", "code")
    given = {name: getattr(experiment, name) for name in same} | {"compute": False}
    plain = given | {"variants": [*dict.fromkeys([*experiment.variants, *BASELINES.values()])]}
    missing = [seed for seed in range(SEEDS) if seed not in experiment.seeds]
    chosen = {"datasets": experiment.datasets, "targets": experiment.kinds, "seeds": missing}
    stored = [Experiment(own, **given, **chosen, changes=experiment.changes)] if missing else []
    stored += [Experiment(name, seeds=list(range(SEEDS)), **plain) for name in KEPT if name != own]
    return [experiment, *(one for one in stored if one.attacks())]


def attacks_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a class and pair: M_global and losses (nats), the paper's metrics with floors and ceilings (shares)."""
    keys = ("profile", "dataset", "target", "variant", "seed", "attack_seed")
    tables = [
        a.scores.assign(**{name: getattr(a, name) for name in keys}, queries=a.queries_per_class)[
            [*keys, "queries", *a.scores.columns]
        ]
        for e in experiments
        for a in e.attacks()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def of_both_kinds(rows: pd.DataFrame, place: list[str], unit: list[str]) -> pd.DataFrame:
    """Of a place that has both kinds of target those units that have both, so that means stand side by side."""
    kinds = rows.groupby([*place, *unit], dropna=False).target.transform("nunique")
    return rows[kinds == kinds.groupby([rows[name] for name in place]).transform("max")]
