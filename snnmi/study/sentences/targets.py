"""Chapter 02: are these the paper's models, and are the two kinds equals?"""

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
        }
    )


def accuracy_finding(table: pd.DataFrame) -> str:
    if not (count := int(table.published.notna().sum())):
        return "None of the data sets at hand is in the paper, so there is nothing to compare with."
    away = int(table.apart.sum())
    return f"{away} of the {count} accuracies with a published counterpart lie clearly away from it."


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


def answer(table: pd.DataFrame, differences: pd.DataFrame) -> str:
    """The chapter's answer: the targets against the published ones, then against each other."""
    against, between = "No data set at hand is in the paper", "only one kind of target was trained"
    if count := int(table.published.notna().sum()):
        worst = table.loc[(table.test_accuracy - table.published).abs().idxmax()]
        gap = pages.number(100 * (worst.test_accuracy - worst.published), 1, sign=True)
        where = f"{figures.title(worst.dataset)}, {figures.KINDS[worst.target]}, {worst.profile} scale"
        against = (
            f"{int(table.apart.sum())} of {count} accuracies lie clearly away from the published one; "
            f"the largest gap is {gap} percentage points ({where})"
        )
    ours = differences[differences.profile != PUBLISHED]
    if len(ours):
        size = ours.difference.abs().max()
        between = f"SNN and ANN differ by at most {100 * size:.1f} percentage points"
    return f"{against}; {between}."


def claim(table: pd.DataFrame, dataset: str) -> str:
    """The landing page's verdict on one data set, at its largest scale: "reproduced: ANN 97.7%; SNN 97.5%"."""
    at_hand = pages.largest_scale(table[table.dataset == dataset])
    means = at_hand.groupby("target").test_accuracy.mean()
    shares = "; ".join(f"{figures.KINDS[kind]} {share:.1%}" for kind, share in means.items())
    return ": ".join(filter(None, [verdicts.accuracies(at_hand), shares]))
