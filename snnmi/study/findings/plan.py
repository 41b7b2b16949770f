"""The analysis plan's calibration, and what the guesses change."""

import pandas as pd

from snnmi.show import pages
from snnmi.study import plan, published
from snnmi.study.controls import Variant
from snnmi.study.experiment import Experiment
from snnmi.study.tables import attacks_table

PRIMARY = "surrogate_accuracy"  # of the last pair, mean over classes
NAMES = {
    "ANN": plan.ANN,
    "ANN behind a clip": plan.CLIP,
    "SNN": plan.SNN,
    "SNN without its encoder": plan.RAW,
}
CONTRASTS = {"clip": ("ANN", "ANN behind a clip"), "rest": ("SNN", "ANN behind a clip")}  # first minus second
READINGS = "fidelity_mae", "fidelity_top"
PLACE = ["profile", "dataset"]
CHOICES = ["hidden", "rate", "split", "target", "generator steps", "z"]  # of `plan.choices`


# --- step 1: the grid, by its distance from the published row


def distance(scores: pd.Series, reading: str) -> float:
    """Mean absolute relative difference from the five published numbers of MNIST-ANN, by this reading of F."""
    row = published.TABLE_2["mnist", "ann"]
    names = [name for name in published.SCORES if name not in READINGS]
    found = [abs(scores[name] / row[published.column(name)] - 1) for name in (*names, reading)]
    return sum(found) / len(found)


def calibration(experiment: Experiment) -> pd.DataFrame:
    """One row a setting and reading of F, the nearest first: means over classes of the kept pair, its `distance`, and
    the primary outcome; empty where nothing is stored.
    """
    attacks = attacks_table([experiment])
    if attacks.empty:
        return attacks
    kept = attacks[attacks.pair == "kept"].groupby("variant", sort=False)[[*published.SCORES]].mean()
    last = attacks[attacks.pair == "last"].groupby("variant", sort=False)[PRIMARY].mean()
    rows = []
    for variant in experiment.variants:
        if variant.name in kept.index:
            means = kept.loc[variant.name]
            about = _choices(experiment, variant) | means.to_dict() | {"last": last[variant.name]}
            rows += [about | {"reading": r, "distance": distance(means, r)} for r in READINGS]
    return pd.DataFrame(rows).sort_values("distance", ignore_index=True, kind="stable")


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the four cells, with the `cell`'s name, which is sorted as `NAMES`."""
    names = {variant.name: cell for cell, variant in NAMES.items()}
    rows = rows[rows.variant.isin(names)]
    return rows.assign(cell=pd.Categorical(rows.variant.map(names), [*NAMES]))


# --- step 3: what the guesses change


def specification(attacks: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """One row a setting that both targets were attacked with: its choices, the primary outcome on either, and the first
    contrast under it (`effect`), ANN minus ANN behind a clip; the last row is the frozen setting's.
    """
    if attacks.empty:
        return pd.DataFrame()
    outcome = attacks[attacks.pair == "last"].groupby("variant")[PRIMARY].mean()
    rows = [
        _choices(experiment, plain) | {"ANN": outcome[plain.name], "ANN behind a clip": outcome[clipped.name]}
        for plain, clipped in zip(*plan.SPECIFICATIONS.values())
        if {plain.name, clipped.name} <= set(outcome.index)
    ]
    curve = pd.DataFrame(rows)
    if curve.empty:
        return curve
    curve = curve.assign(effect=curve["ANN"] - curve["ANN behind a clip"])
    return curve.drop_duplicates(CHOICES, keep="last", ignore_index=True)


def _choices(experiment: Experiment, variant: Variant) -> dict[str, str]:
    return plan.choices(experiment.settings(experiment.datasets[0], variant))


def budgets(attacks: pd.DataFrame) -> pd.DataFrame:
    """What the full budget changes: one row a data set, cell and budget, of seeds attacked at a tenth of the queries
    (`plan`, `people`) and at all of them and a tenth of the rate (`paper`). "networks", "queries"; "last", the primary
    outcome; the paper's metrics of the kept pair, means over classes and networks; "full"; "change", `last` minus its
    value at the tenth. Empty where none were.
    """
    if attacks.empty:
        return pd.DataFrame()
    own = _cells(attacks.assign(profile=attacks.profile.str.split(",").str[0]))
    own = own[own.profile.isin(["plan", "people", "paper"])]
    own = own.assign(dataset=pd.Categorical(own.dataset, pages.LANDING), full=own.profile == "paper")
    own = own[own.groupby(["dataset", "variant", "seed"], observed=True).full.transform("nunique") == 2]
    if own.empty:
        return pd.DataFrame()
    where, what = ["dataset", "cell"], ["full", "queries"]
    last, kept = (own[own.pair == pair].groupby([*where, *what], observed=True) for pair in ("last", "kept"))
    found = kept[[*published.SCORES]].mean().join(last[PRIMARY].mean().rename("last"))
    found = found.join(kept.seed.nunique().rename("networks")).reset_index()
    found = found.astype(dict.fromkeys(where, str))
    return found.assign(change=found["last"] - found.groupby(where, sort=False)["last"].transform("first"))


def nearest(attacks: pd.DataFrame) -> pd.DataFrame:
    """The primary outcome in all four cells under the two settings nearest to the published row; of seed 0, as the
    second has no other.
    """
    if attacks.empty:
        return pd.DataFrame()
    outcome = attacks[(attacks.pair == "last") & (attacks.seed == 0)].groupby("variant")[PRIMARY].mean()
    rows = []
    for name, chosen in (("frozen", lambda cell: cell), ("runner-up", plan.runner_up)):
        found = {cell: outcome.get(chosen(variant).name) for cell, variant in NAMES.items()}
        rows.append({"setting": name} | found)
    return pd.DataFrame(rows)
