"""Chapter 2: are these the paper's models, and are the two kinds equals?"""

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.findings.targets import PUBLISHED


def percent(share: float, low: float, high: float, mark: str = "") -> str:
    """`percent(0.9771, 0.974, 0.9798, " †")` -> "97.71 † [97.4, 98.0]"; a dash for nan."""
    return "–" if pd.isna(share) else f"{100 * share:.2f}{mark} {pages.span(100 * low, 100 * high, 1)}"


def accuracy_lines(table: pd.DataFrame) -> pd.DataFrame:
    """Table I as it is printed, from `findings.targets.beside_published`."""
    rows = [*table.itertuples()]
    return pd.DataFrame(
        {
            "target": table.dataset.map(figures.title) + ", " + table.target.map(figures.KINDS),
            "scale": table.profile,
            "seed": table.seed,
            "hidden": table.hidden,
            "epochs": table.epochs,
            "training images": table.n_train,
            "n": table.n_test,
            "ours": [percent(r.test_accuracy, r.low, r.high, " †" * r.apart) for r in rows],
            "published": [percent(r.published, r.published_low, r.published_high) for r in rows],
            "not told apart": [passing(r) for r in rows],
        }
    )


def passing(r: tuple | pd.Series) -> str:
    """Which scores could not be told from the published one: "65 to 80 of 80"; a dash for nan."""
    return "–" if pd.isna(r.least) else f"{r.least:,.0f} to {r.most:,.0f} of {r.n_test:,}"


def accuracy_finding(table: pd.DataFrame) -> str:
    compared = table[table.published.notna()]
    if compared.empty:
        return "None of the data sets at hand is in the paper, so there is nothing to compare with."
    loosest = compared.loc[((compared.most - compared.least) / compared.n_test).idxmax()]
    return (
        f"{int(compared.apart.sum())} of the {len(compared)} accuracies with a published counterpart can be told from "
        f"it; that the others cannot is no reproduction: {_who(loosest)}, any score of {passing(loosest)} would do."
    )


def reached(table: pd.DataFrame) -> str:
    """After how many epochs the published accuracies are first reached, from `findings.reached`."""
    said = []
    for (profile, dataset, target), own in table.groupby(["profile", "dataset", "target"], sort=False):
        first, never = own.epoch.dropna().astype(int), int(own.epoch.isna().sum())
        when = " to ".join(str(epoch) for epoch in sorted({first.min(), first.max()})) if len(first) else ""
        told = f"after {when} of {int(own.epochs.max())} epochs" if when else "never"
        if when and never:
            told += f", by {never} of {len(own)} never"
        said.append(f"{pages.place(profile, dataset)}, {figures.KINDS[target]} {told}")
    return f"The published accuracy is first reached: {'; '.join(said)}." if said else ""


def _who(r: tuple | pd.Series) -> str:
    return f"{figures.title(r.dataset)}, {figures.KINDS[r.target]}"


def less_accurate(table: pd.DataFrame) -> str:
    """Which targets are clearly less accurate than published, and what is known of why."""
    lower = table[verdicts.less_accurate(table)]
    if lower.empty:
        return "No target lies clearly below its published accuracy."
    means = lower.groupby(["profile", "dataset", "target"], sort=False).mean(numeric_only=True)
    lines = [
        f"{_who(r)} at scale {r.profile} by {100 * (r.published - r.test_accuracy):.1f} points, its training having "
        f"ended at {r.loss:.0%} of the loss of guessing"
        for r in means.reset_index().itertuples()
    ]
    return (
        f"Below the published accuracy, so that the attack meets another target than the paper's: {'; '.join(lines)} "
        "(accuracy on the training images was not stored)."
    )


def difference_lines(differences: pd.DataFrame) -> pd.DataFrame:
    """SNN minus ANN as it is printed, from `findings.targets.differences`."""
    return pd.DataFrame(
        {
            "data set": differences.dataset.map(figures.title),
            "scale": differences.profile,
            "seed": differences.seed,
            "SNN − ANN, percentage points": [
                pages.mean_and_span(100 * r.difference, 100 * r.low, 100 * r.high, sign=True)
                for r in differences.itertuples()
            ],
            "told apart": differences.told_apart.map({True: "yes", False: "no"}),
        }
    )


def difference_finding(differences: pd.DataFrame) -> str:
    ours = differences[differences.profile != PUBLISHED]
    apart = int(ours.told_apart.sum())
    return (
        f"At our scales the SNN's accuracy can be told from the ANN's in {apart} of {len(ours)} comparisons."
    )


def answer(table: pd.DataFrame) -> str:
    """The chapter's answer: the targets at their largest scale beside the published ones."""
    said, compared = [], pages.largest_scale(table[table.published.notna()])
    for (profile, dataset), rows in compared.groupby(["profile", "dataset"], sort=False):
        means = rows.groupby("target")[["test_accuracy", "published"]].mean()
        scores = ", ".join(
            f"the {figures.KINDS[kind]} {own:.1%} ({theirs:.1%})" for kind, own, theirs in means.itertuples()
        )
        said.append(f"{pages.place(profile, dataset)}: {scores}, {verdicts.accuracies(rows)}")
    if not said:
        return "No data set at hand is in the paper, so that nothing can be held against its accuracies."
    return (
        f"Test accuracy, in brackets the published one, and whether they can be told apart: {'; '.join(said)}. "
        "What cannot be told apart need not be equal."
    )


def claim(table: pd.DataFrame, dataset: str) -> str:
    """The landing page's words on one data set, at its largest scale: "not told apart: ANN 97.7%; SNN 97.5%"."""
    at_hand = pages.largest_scale(table[table.dataset == dataset])
    means = at_hand.groupby("target").test_accuracy.mean()
    shares = "; ".join(f"{figures.KINDS[kind]} {share:.1%}" for kind, share in means.items())
    return ": ".join(filter(None, [verdicts.accuracies(at_hand), shares]))
