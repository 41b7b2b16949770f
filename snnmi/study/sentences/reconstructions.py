"""Chapter 06: what the targets say about the pictures, and how like their class these are."""

from collections.abc import Collection, Mapping

import pandas as pd

from snnmi.measure.intervals import bootstrap_interval
from snnmi.show import figures, pages
from snnmi.study import verdicts


def accepted(pictures: Mapping[str, Collection]) -> str:
    """From whether each picture is given its class: `accepted({"ann": [True, False]})` -> "... the ANN to 1 of 2."."""
    said = [f"the {figures.KINDS[kind]} to {sum(right)} of {len(right)}" for kind, right in pictures.items()]
    return f"Asked about these pictures, the wanted class is given by {' and by '.join(said)}."


def setting(profile: str, dataset: str, seed: int, queries: int, *, originals: bool) -> str:
    """Where a figure's pictures come from; `originals`: whether the data set is on this machine."""
    said = f"{pages.place(profile, dataset)} scale, seed {seed}, {queries:,} queries a class."
    return said if originals else f"{said} The data set is not on this machine, so its originals are missing."


def absent(dataset: str) -> tuple[str, str]:
    """`accepted` and `setting` of a data set without a run."""
    return (
        "No finished run is at hand.",
        f"To have one of {figures.title(dataset)}: `make book PROFILE=laptop`.",
    )


def _mean(values: pd.Series) -> str:
    return pages.mean_and_span(values.mean(), *bootstrap_interval(values.to_numpy(), seed=0))


def likeness_lines(table: pd.DataFrame) -> pd.DataFrame:
    """Likeness as it is printed, a line a data set, scale and target, from `findings.reconstructions.likeness_table`."""
    return pd.DataFrame(
        {
            "data, scale": pages.place(profile, dataset),
            "target": figures.KINDS[kind],
            "own class": _mean(part.own),
            "other classes": _mean(part.other),
            "own − other": _mean(part.delta),
            "identified (chance)": f"{part.identified.mean():.0%} ({1 / len(part):.1%})",
        }
        for (dataset, profile, kind), part in table.groupby(["dataset", "profile", "target"], sort=False)
    )


def _compare(profile: str, dataset: str, part: pd.DataFrame) -> str:
    shares = part.groupby("target").identified.mean()
    wide = part.pivot(index="label", columns="target", values="delta")
    difference = wide.ann - wide.snn
    who = verdicts.more_specific(*bootstrap_interval(difference.to_numpy(), seed=0))
    more = f"more class-specific for the {figures.KINDS[who]}" if who else "not clearly different"
    return (
        f"{pages.place(profile, dataset)} scale: {shares.ann:.0%} of the ANN's and {shares.snn:.0%} of the SNN's "
        f"pictures are nearest to their own class (chance {1 / len(wide):.1%}), and likeness is {more} "
        f"(difference {_mean(difference)})"
    )


def answer(table: pd.DataFrame) -> str:
    """The chapter's answer: ANN against SNN, for each data set and scale that has both."""
    answers = [
        _compare(profile, dataset, part)
        for (dataset, profile), part in table.groupby(["dataset", "profile"], sort=False)
        if {"ann", "snn"} <= set(part.target)
    ]
    return "; ".join(answers) + "." if answers else "Open: no data set with both targets is on this machine."
