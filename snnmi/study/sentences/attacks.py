"""Chapter 3: what the attacks spent, and how they ended. And who a number speaks of: this SNN, or SNNs."""

from collections.abc import Iterator

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import published, verdicts


def these(kind: str, networks: int) -> str:
    """Who a number speaks of: `these("snn", 1)` -> "this SNN", of two "these two SNNs", of many "SNNs"."""
    return verdicts.named(figures.KINDS[kind], networks)


def whose(kind: str, networks: int) -> str:
    """`whose("ann", 1)` -> "this ANN's", of more "these two ANNs'"."""
    return these(kind, networks) + ("'s" if networks == 1 else "'")


def budget_lines(ends: pd.DataFrame) -> pd.DataFrame:
    """The table of budgets and ends as it is printed, from `findings.attacks.ends_table`."""
    rows = [*ends.itertuples()]
    return pd.DataFrame(
        {
            "target": ends.dataset.map(figures.title) + ", " + ends.target.map(figures.KINDS),
            "scale": ends.profile,
            "seed": ends.seed,
            "queries a class": ends.queries_per_class.map("{:,}".format),
            "of the paper's": ends.share_of_paper.map("{:.1%}".format),
            "settled": [f"{r.settled} of {r.classes}" for r in rows],
            f"$k_t$ < {verdicts.OFF}": [f"{r.off} of {r.classes}" for r in rows],
            "kept at batch": [f"{r.first_kept:,} to {r.last_kept:,} of {r.batches:,}" for r in rows],
            "images alike": ends.alike.map("{:.3f}".format),
        }
    )


def budget_finding(ends: pd.DataFrame) -> str:
    full = int((ends.share_of_paper >= 1).sum())
    return f"{full} of {len(ends)} runs spent the paper's full budget of 1,280,000 queries a class."


def largest_places(found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The largest scale of each of the paper's data sets, in words, and its rows; of whatever there is, without any."""
    shown = pages.largest_scale(published.of_paper(found))
    for where, rows in shown.groupby(["profile", "dataset"], sort=False):
        yield pages.place(*where), rows


def settled(ends: pd.DataFrame) -> str:
    """At each largest scale: "MNIST, laptop: 3 of 20 attacks on these two ANNs and 1 of 10 on this SNN"."""
    said = []
    for where, rows in largest_places(ends):
        by_kind = [
            f"{own.settled.sum()} of {own.classes.sum()} on {these(kind, own.seed.nunique())}"
            for kind, own in rows.groupby("target", sort=False)
        ]
        said.append(f"{where}: {' and '.join(by_kind).replace(' on', ' attacks on', 1)}")
    return "; ".join(said)


def endings(ends: pd.DataFrame) -> str:
    """Of each largest scale: in how many attacks k_t ended near 0, and how alike one generator's images are."""
    return "; ".join(
        f"{where}: in {rows.off.sum()} of {rows.classes.sum()} attacks the adversarial term is off at the end (kₜ "
        f"below {verdicts.OFF}), and the {rows.shown.max()} stored images of a generator correlate at "
        f"{rows.alike.mean():.3f} on average"
        for where, rows in largest_places(ends)
    )


def answer(ends: pd.DataFrame) -> str:
    """The chapter's answer, from `findings.attacks.ends_table`."""
    return (
        "Through a copy: the generator never meets the target, only a surrogate of it. Settled by the end are, at "
        f"{settled(ends)}. At {endings(ends)}."
    )
