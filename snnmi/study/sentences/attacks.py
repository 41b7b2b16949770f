"""Chapter 03: what the attacks spent, and whether they have come to rest."""

from collections.abc import Collection, Mapping

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts


def these(kind: str, networks: int) -> str:
    """Who a number speaks of: `these("snn", 1)` -> "this SNN", of two "these two SNNs", of many "SNNs"."""
    name = figures.KINDS[kind]
    if verdicts.speaks_of_kinds(networks):
        return f"{name}s"
    return f"this {name}" if networks == 1 else f"these {pages.words(networks)} {name}s"


def whose(kind: str, networks: int) -> str:
    """`whose("ann", 1)` -> "this ANN's", of more "these two ANNs'"."""
    return these(kind, networks) + ("'s" if networks == 1 else "'")


def budget_lines(budgets: pd.DataFrame) -> pd.DataFrame:
    """The table of budgets as it is printed, from `tables.budgets_table`."""
    return pd.DataFrame(
        {
            "target": budgets.dataset.map(figures.title) + ", " + budgets.target.map(figures.KINDS),
            "scale": budgets.profile,
            "seed": budgets.seed,
            "classes": budgets.classes,
            "queries a class": budgets.queries_per_class.map("{:,}".format),
            "share of the paper's budget": budgets.share_of_paper.map("{:.1%}".format),
            "minutes": (budgets.wall_s / 60).map("{:.1f}".format),
            "median final $k_t$": budgets.last_k.map("{:.4f}".format),
        }
    )


def budget_finding(budgets: pd.DataFrame) -> str:
    full = int((budgets.share_of_paper >= 1).sum())
    return f"{full} of {len(budgets)} runs spent the paper's full budget of 1,280,000 queries a class."


def settled(attacks: Mapping[str, Collection]) -> str:
    """`settled({"ann": [True, False], "snn": [True]})` -> "1 of 2 attacks on ANNs and 1 of 1 attacks on SNNs"."""
    return " and ".join(
        f"{sum(map(bool, found))} of {len(found)} attacks on {figures.KINDS[kind]}s"
        for kind, found in attacks.items()
    )


def answer(attacks: Mapping[str, Collection], early: Collection) -> str:
    """The chapter's answer. `attacks`: whether each has settled, by kind of target; `early`: whether a kept pair is
    of the first half of its budget.
    """
    return (
        "Through a surrogate: the generator never meets the target, only a copy of it. At the budgets at hand "
        f"{settled(attacks)} have settled by the end, and {sum(map(bool, early))} of {len(early)} kept pairs stem "
        "from the first half of the budget."
    )
