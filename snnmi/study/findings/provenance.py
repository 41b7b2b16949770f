"""Chapter 15: where runs come from, what half precision changes, how time grows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from snnmi.store import Run
from snnmi.study.controls import Variant
from snnmi.study.experiment import Experiment

METRICS = {
    "surrogate_accuracy_ceiling": "target's test accuracy",
    "M_global": "M_global",
    "fidelity_mae": "fidelity (error)",
    "fidelity_top": "fidelity (top class)",
    "surrogate_accuracy": "surrogate accuracy",
    "A_comb": "A_comb",
    "A_target": "A_target",
}


def runs_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a finished run: what it is of, and where, when and with what it was made."""
    return pd.DataFrame(_origin(one.scale, run) for one in experiments for run in one.store.finished())


def _origin(scale: str, run: Run) -> dict:
    p = run.provenance
    return {
        "scale": scale,
        "what": run.folder.name.split("-")[0],
        "data set": _dataset(run.settings),
        "run": run.folder.name,
        "finished": p["finished"][:16].replace("T", " "),
        "commit": p["commit"],
        "torch": p["torch"],
        "processor": p["gpu"] or p["processor"],
        "threads": p["threads"],
        "minutes": round(p["wall_s"] / 60, 2),
        "queries a class": run.metrics.get("queries_per_class", 0),
    }


def _dataset(settings: dict) -> str:
    """Which one a run is of: a judgement is of an attack or by a judge, an attack on a target."""
    named = (settings.get(name) for name in ("attack", "target", "judge"))
    inside = (_dataset(one) for one in named if isinstance(one, dict))
    return settings.get("dataset") or next(filter(None, inside), "")


def full_budget_on_gpus(found: pd.DataFrame) -> dict[str, object]:
    """What MNIST's full budget took on a GPU, from a `runs_table`: "minutes" for one network of each kind, trained and
    attacked in the four cells, "networks" that this is a mean of, and the "processor"; empty where none was.
    """
    own = found[(found.scale == "paper") & (found["data set"] == "mnist")]
    own = own[own.what.isin(["target", "attack", "scores"]) & own.processor.str.contains("NVIDIA")]
    if not (networks := (own.what == "attack").sum() // 4):
        return {}
    processor = ", ".join(sorted(own.processor.unique()))
    return {"minutes": own.minutes.sum() / networks, "networks": int(networks), "processor": processor}


def m_global_with_k(attacks: pd.DataFrame) -> float:
    """Mean over the kept pairs of M_global as it is when equation 7's factor is read as k_t."""
    read_as_k = attacks.L_N + (attacks.k * attacks.L_N - attacks.L_G).abs()
    return read_as_k[attacks.pair == "kept"].mean()


def attacked_in_both(attacks: pd.DataFrame, variants: Sequence[Variant]) -> pd.DataFrame:
    """Means of the kept pairs, a row a variant, in their order; empty where one of them is missing."""
    names = [variant.name for variant in variants]
    if attacks.empty or attacks.variant.nunique() < len(names):
        return pd.DataFrame()
    kept = attacks[attacks.pair == "kept"]
    return kept.groupby("variant")[[*METRICS]].mean().loc[names]


def growth(results: str | Path) -> pd.DataFrame:
    """The measurements of time against size (`bench.py`); empty where none is stored."""
    file = Path(results) / "growth" / "growth.csv"
    return pd.read_csv(file) if file.exists() else pd.DataFrame()


def powers(growth: pd.DataFrame) -> pd.Series:
    """With which power of each variable time grows: read off the two ends of each line, the steeper target.

    >>> lines = {"variable": "side", "target": "ann", "value": [8, 16], "seconds_per_batch": [0.1, 0.4]}
    >>> powers(pd.DataFrame(lines)).to_dict()
    {'side': 2.0}
    """
    ends = growth.sort_values("value").groupby(["variable", "target"])
    slower = np.log(ends.seconds_per_batch.last() / ends.seconds_per_batch.first())
    slope = slower / np.log(ends.value.last() / ends.value.first())
    return slope.groupby("variable").max()
