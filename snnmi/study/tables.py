"""Finished runs as tables: one row a target, one row a class and pair, one row an attack."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snnmi.data import Dataset
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import SEEDS, Experiment
from snnmi.study.runs import TargetRun

KEPT = ("laptop", "plan", "people", "quarter", "paper")  # profiles whose results git keeps


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


def targets_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a trained target."""
    return pd.DataFrame(
        {
            **{
                name: getattr(t, name)
                for name in ("profile", "dataset", "target", "variant", "seed", "test_accuracy")
            },
            "epochs": len(t.history),  # fewer than asked for where training stopped at an accuracy
            "hidden": t.config.network.neurons,
            "n_train": t.metrics["n_train"],
            "n_test": t.metrics["n_test"],
            "wall_s": t.provenance["wall_s"],
            "loss": _last_loss(t),
        }
        for e in experiments
        for t in e.targets()
    )


def _last_loss(target: TargetRun) -> float:
    """The training loss of the last epoch as a share of guessing's (ln C, for an SNN at each of T steps)."""
    steps = target.config.neuron.num_steps if target.target == "snn" else 1
    losses = target.history.loss
    return losses.iloc[-1] / (steps * np.log(target.num_classes)) if len(losses) else np.nan


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


def at_hand(experiment: Experiment, dataset: str) -> Dataset | None:
    """The data set, or None where it is not on this machine."""
    try:
        return experiment.dataset(dataset)
    except (OSError, ValueError):
        return None
