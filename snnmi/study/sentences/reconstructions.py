"""Chapter 6: what the targets say about the pictures, and how like their class these are."""

from collections.abc import Collection, Mapping

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts


def accepted(pictures: Mapping[str, Collection]) -> str:
    """From whether each picture is given its class: `accepted({"ann": [True, False]})` -> "... the ANN to 1 of 2."."""
    said = [f"the {figures.KINDS[kind]} to {sum(right)} of {len(right)}" for kind, right in pictures.items()]
    return f"Asked about these pictures, the wanted class is given by {' and by '.join(said)}."


def setting(profile: str, dataset: str, seed: int, queries: int, *, originals: bool) -> str:
    """Where a figure's pictures come from; `originals`: whether images of the data set were stored."""
    said = f"{pages.place(profile, dataset)} scale, seed {seed}, {queries:,} queries a class."
    return said if originals else f"{said} Its originals were not stored."


def absent(dataset: str) -> tuple[str, str]:
    """`accepted` and `setting` of a data set without a run."""
    how = f"To have one of {figures.title(dataset)}: `make book PROFILE=laptop`."
    return "No finished run is at hand.", how


def likeness_lines(means: pd.DataFrame) -> pd.DataFrame:
    """Likeness as it is printed, a line a data set, scale and target, from `findings.likeness_means`."""
    return pd.DataFrame(
        {
            "data, scale": pages.place(row.profile, row.dataset),
            "target": figures.KINDS[row.target],
            "own class": pages.mean_and_span(*row.own),
            "other classes": pages.mean_and_span(*row.other),
            "own − other": pages.mean_and_span(*row.delta),
            "identified (chance)": f"{row.identified:.0%} ({1 / row.n:.1%})",
        }
        for row in means.itertuples()
    )


def _compare(row) -> str:
    who = verdicts.more_specific(row.low, row.high)
    more = f"more class-specific for the {figures.KINDS[who]}" if who else "not clearly different"
    return (
        f"{pages.place(row.profile, row.dataset)} scale: {row.ann:.0%} of the ANN's and {row.snn:.0%} of the SNN's "
        f"pictures are nearest to their own class (chance {1 / row.n:.1%}), and likeness is {more} "
        f"(difference {pages.mean_and_span(row.difference, row.low, row.high)})"
    )


def answer(differences: pd.DataFrame) -> str:
    """The chapter's answer, for each data set and scale that has both targets, from `findings.likeness_differences`."""
    answers = [_compare(row) for row in differences.itertuples()]
    return "; ".join(answers) + "." if answers else "Open: no data set with both targets was attacked."
