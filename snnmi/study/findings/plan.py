"""The analysis plan's outcomes: calibration, the two primary contrasts, and what the guesses change."""

import pandas as pd

from snnmi.measure.intervals import t_interval
from snnmi.measure.statistics import holm, sign_flip_p
from snnmi.show import pages
from snnmi.study import plan, published, verdicts
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


# --- step 2: networks


def network_means(networks: pd.DataFrame) -> pd.DataFrame:
    """One row a network of the four cells, from a `controls.networks_table`: the primary outcome (`value`), its floor,
    and the cell's name.
    """
    last = _cells(networks[networks.pair == "last"])
    found = last.groupby([*PLACE, "cell", "target", "seed"], sort=False, observed=True)
    means = found[[PRIMARY, "floor"]].mean().reset_index().rename(columns={PRIMARY: "value"})
    return means.sort_values("cell", kind="stable").astype({"cell": str})


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the four cells, with the `cell`'s name, which is sorted as `NAMES`."""
    names = {variant.name: cell for cell, variant in NAMES.items()}
    rows = rows[rows.variant.isin(names)]
    return rows.assign(cell=pd.Categorical(rows.variant.map(names), [*NAMES]))


def deciding(means: pd.DataFrame) -> pd.DataFrame:
    """The rows that speak on the first page: of the paper's first data set at hand, the scale with the most networks in
    every cell that is contrasted, and of these the largest; of it the networks that all those cells have, if any.
    """
    if means.empty:
        return means
    first = next((name for name in pages.LANDING if name in set(means.dataset)), means.dataset.iloc[0])
    own = pages.largest_first(means[means.dataset == first])
    contrasted = {cell for pair in CONTRASTS.values() for cell in pair}

    def shared(profile: str) -> set[int]:
        there = own[own.profile == profile]
        return set.intersection(*(set(there.seed[there.cell == cell]) for cell in contrasted))

    best = max(own.profile.unique(), key=lambda profile: len(shared(profile)))
    rows = own[own.profile == best]
    return rows[rows.seed.isin(shared(best))] if shared(best) else rows


def printed(dataset: str) -> dict[str, float]:
    """The paper's numbers for the cells that it has."""
    rows = {cell: published.TABLE_2.get((dataset, kind)) for cell, kind in (("ANN", "ann"), ("SNN", "snn"))}
    return {cell: row[PRIMARY] for cell, row in rows.items() if row}


def contrasts(means: pd.DataFrame) -> pd.DataFrame:
    """One row a scale and contrast: first minus second over networks paired by seed, with Student's interval, the
    exact p of flipping signs, Holm's over the scale's contrasts, and the verdict.
    """
    rows = []
    for place, own in means.groupby(PLACE, sort=False):
        wide = own.pivot(index="seed", columns="cell", values="value")
        tested = []
        for name, (first, second) in CONTRASTS.items():
            if {first, second} <= set(wide):
                d = (wide[first] - wide[second]).dropna()
                low, high = t_interval(d)
                about = dict(zip(PLACE, place)) | {"contrast": name, "networks": len(d)}
                numbers = {"difference": d.mean(), "low": low, "high": high, "p": sign_flip_p(d)}
                tested.append(about | numbers)
        for row, p in zip(tested, holm(row["p"] for row in tested)):
            rows.append(row | {"p_holm": p, "verdict": verdicts.contrast(row["low"], row["high"], p)})
    columns = [*PLACE, "contrast", "networks", "difference", "low", "high", "p", "p_holm", "verdict"]
    return pd.DataFrame(rows, columns=columns)


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
