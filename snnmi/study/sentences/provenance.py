"""Chapter 15: what it says of runs, of guesses, of half precision and of time."""

from collections.abc import Mapping, Sequence

import pandas as pd

from snnmi.show import pages
from snnmi.study.findings.provenance import METRICS

# --- runs


def runs(found: pd.DataFrame) -> pd.DataFrame:
    """The runs counted, a row a scale, kind of run and data set, as text."""
    columns = {
        "runs": ("run", "size"),
        "minutes": ("minutes", "sum"),
        "first": ("finished", "min"),
        "last": ("finished", "max"),
        "versions of the code": ("commit", "nunique"),
        "processor": ("processor", lambda names: ", ".join(names.unique())),
    }
    counted = found.groupby(["scale", "what", "data set"], sort=False).agg(**columns)
    return counted.round({"minutes": 1}).astype(str).reset_index()


def runs_caption(found: pd.DataFrame) -> str:
    dirty = int(found.commit.str.contains("dirty|unknown").sum())
    versions = pages.words(found.commit.nunique(), "version")
    return (
        f"**{len(found)} runs, {found.minutes.sum() / 60:.1f} hours in all, from {versions} of the code; {dirty} of "
        "them from a working copy with changes that no commit holds.** The time counts earlier sessions of a resumed "
        "run. Times of day are UTC."
    )


def scales(found: pd.DataFrame) -> str:
    return ", ".join(found.scale.unique())


def answer(found: pd.DataFrame) -> str:
    return (
        f"From {len(found)} stored runs ({scales(found)}), each with its settings, commit and hardware; what the open "
        "settings change is measured below."
    )


# --- what a guess changes, and half precision


def values(found: Mapping[str, float | int], form: str = "{:.2f}") -> str:
    """Every choice with its value: `values({"k_t": 4.11})` -> "k t 4.11"."""
    return "; ".join(f"{name.replace('_', ' ')} {form.format(value)}" for name, value in found.items())


def guesses_caption(top: Sequence[float]) -> str:
    """`top`: every decoder's mean top confidence on noise."""
    return (
        f"**The decoder alone moves the SNN's mean top confidence on noise between {min(top):.2f} and {max(top):.2f}, "
        "and with it what an attacker is told.** One small SNN, one seed, 500 noise images; the last three lines are "
        "means over every attack in this book. No intervals: this is to show sizes, not to decide."
    )


def precision(spikes: Sequence[int], accuracies: Sequence[float], means: pd.DataFrame) -> pd.DataFrame:
    """The table of float32 against 11 bits as text; `means`: of MNIST's attacks, a row each, or empty."""
    digits, mnist = "digits, small SNN", pages.place("laptop", "mnist")
    rows = [
        (digits, "hidden spikes on test images", *(f"{count:,}" for count in spikes)),
        (digits, "test accuracy", *(f"{share:.1%}" for share in accuracies)),
    ]
    if len(means):
        for column, name in METRICS.items():
            rows.append((mnist, name, *(f"{value:.3f}" for value in means[column])))
    return pd.DataFrame(rows, columns=["data, scale", "measured", "float32", "11 bits"])


def precision_caption(differ: float, means: pd.DataFrame) -> str:
    """`differ`: the share of hidden spikes that rounding changes."""
    finding, more = f"Rounding changes {differ:.2%} of the hidden spikes on digits", ""
    if len(means):
        finding += f" and A_target on MNIST by {means.A_target.diff().iloc[-1]:+.2f}"
        more = (
            " The attack on MNIST was made twice, with equal seeds; it is a long chain of steps, and one answer that "
            "differs leads it elsewhere, as another seed would."
        )
    return f"**{finding}.** Both are given the same spike trains.{more}"


# --- time


def growth_finding(powers: Mapping[str, float] | pd.Series) -> str:
    """How time grows; from `findings.powers`.

    >>> growth_finding({"classes": 1.0, "side": 1.52})
    'Time a batch grows at most like the power 1.0 of classes, power 1.5 of the side of the image.'
    """
    names = {"classes": "classes", "side": "the side of the image", "num_steps": "time steps"}
    said = ", ".join(f"power {power:.1f} of {names.get(name, name)}" for name, power in powers.items())
    return f"Time a batch grows at most like the {said}."


HUNDRED, CLUSTER = 100 * 7, 32  # networks of a study a hundred times the plan's; GPUs


def larger_study(full: Mapping[str, object]) -> str:
    """What a study a hundred times the plan's would take, from `findings.full_budget_on_gpus`."""
    if not full:
        return "No run at the full budget has been made on a GPU, so nothing larger can be told from one."
    hours = HUNDRED * full["minutes"] / 60
    return (
        f"On one {full['processor']} a network of each kind, trained and attacked in the four cells at the full "
        f"budget, took {full['minutes']:.1f} minutes (mean of {pages.words(full['networks'], 'network')}, with other "
        f"work beside it). A study a hundred times the plan's, {HUNDRED} networks of each kind at that budget "
        f"(more data sets, widths, codes), would take {hours:.0f} hours on one such GPU and "
        f"{hours / CLUSTER:.1f} on {CLUSTER} of them."
    )


NO_GROWTH = "No measurement of time against size is stored on this machine."
