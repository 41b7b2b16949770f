"""Every rule, gate and margin by which the book turns numbers into words, side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from snnmi.measure.statistics import PairedTest
from snnmi.show import pages

FELL = 0.1  # an attack has settled if M_global fell by this share in all
STANDS = 0.01  # and by less than this share over the last tenth of its batches
MOVES = 0.05  # an attack still moves if the mean of its last tenth is this share away from that of the tenth before
FLIP_MARGIN = 0.5  # flips a path: one crossing more on every second path
CHEAP = (
    0.05  # a surrogate that beats the best constant answer by less has shown little knowledge of the boundary
)

# --- targets


def accuracies(targets: pd.DataFrame) -> str:
    """Whether the targets of one data set are as accurate as published, from `accuracies.beside_published`.

    not run: no target. open, not in the paper: no published accuracy. not reproduced: Wilson's interval of one target
    or more shares no point with the published accuracy's. reproduced: all else, so that "cannot be told from it" is
    enough: with few test images this says little.
    """
    if targets.empty:
        return "not run"
    if not targets.published.notna().any():
        return "open, not in the paper"
    return "not reproduced" if targets.apart.any() else "reproduced"


# --- attacks that have come to rest


def settled(m_global: Float[np.ndarray, " points classes"]) -> Bool[np.ndarray, " classes"]:
    """Chapter 03's rule: M_global fell by `FELL` or more in all, and by less than `STANDS` over the last tenth.

    Only a fall counts: a curve that has risen lately has settled, one that never fell has not.
    """
    tail = max(1, len(m_global) // 10)
    first, before, end = m_global[0], m_global[-2 * tail : -tail].mean(0), m_global[-tail:].mean(0)
    return (end < (1 - FELL) * first) & (end > (1 - STANDS) * before)


def still_moves(
    m_global: Float[np.ndarray, " points classes"], *, tolerance: float = MOVES
) -> Bool[np.ndarray, " classes"]:
    """Chapter 07's rule: the mean of the last tenth differs, either way, from that of the tenth before by more than
    `tolerance` of it. Where the curve began does not matter.

    A rule, not a proof: it sees a curve that still moves, not one that would move later. A curve with nan still moves.
    """
    tenth = len(m_global) // 10
    if not tenth:
        raise ValueError(f"the history has {len(m_global)} points, expected at least 10")
    before, last = m_global[-2 * tenth : -tenth].mean(0), m_global[-tenth:].mean(0)
    return ~(np.abs(last - before) <= tolerance * np.abs(before))


# --- boundaries


def conjecture(low_count_from: float, high_count_to: float) -> str:
    """Are the SNN's boundaries more fragmented? From 95 % intervals of its flips minus the ANN's along equal paths.

    supported: even by the low count (clear majorities) it has more flips, the interval's lower end lies above 0.
    contradicted: even by the high count (most frequent labels) it has not `FLIP_MARGIN` more, the upper end is below
    it. open: all else.
    """
    return "supported" if low_count_from > 0 else "contradicted" if high_count_to < FLIP_MARGIN else "open"


def conjecture_overall(verdicts: pd.Series) -> str:
    """One verdict for several data sets: theirs where they agree, else open; "not compared" without any."""
    distinct = verdicts.unique()
    return "not compared" if not len(distinct) else distinct[0] if len(distinct) == 1 else "open"


def papers_pattern(noise: Mapping[str, float], test: Mapping[str, float]) -> bool:
    """Does the surrogate agree more with the SNN than with the ANN on noise, and less on test images, as published?

    `noise`, `test`: agreement by kind of target. Any difference counts, however small.
    """
    return bool(noise["snn"] > noise["ann"] and test["snn"] < test["ann"])


def agreement_is_cheap(agreement: float, best_constant: float) -> bool:
    """Is an agreement hardly evidence of a mimicked boundary: less than `CHEAP` above what one constant label gets?"""
    return bool(agreement - best_constant < CHEAP)


# --- reconstructions


def more_specific(low: float, high: float) -> str | None:
    """Whose reconstructions are more like their own class, from an interval of ANN minus SNN; None if it covers 0."""
    return "ann" if low > 0 else "snn" if high < 0 else None


# --- differences with a claimed sign


def verdict(test: PairedTest, published: float | None, sign: int, *, alpha: float = 0.05) -> str:
    """The rule of the book: `reproduced`, `not reproduced` or `open`, for a difference claimed to have this sign.

    reproduced: the claimed sign, p < alpha. not reproduced: the other sign, p < alpha; or no sign can be told and the
    interval ends short of half the published difference. open: all else, too few classes among it.
    """
    if test.p < alpha:
        return "reproduced" if np.sign(test.difference) == sign else "not reproduced"
    enough = test.n >= 6  # below six classes no sign test can reach p < 0.05
    if published is not None and enough and sign * (test.high if sign > 0 else test.low) < abs(published) / 2:
        return "not reproduced"
    return "open"


def why_verdict(
    effects: pd.DataFrame, sign: int, *, neuron: str = "neuron", rest: str = "range + encoder"
) -> tuple[str, str]:
    """The book's rule on "spikes protect", from an `effects_table`: the verdict, and one sentence that says why.

    open: the gap's interval covers zero. reproduced: the neuron's effect has the claimed sign, its interval excludes
    zero and it carries at least half of the gap. not reproduced: the other sign, zero excluded; or the rest carries
    at least half, zero excluded, and the neuron's interval excludes half of the gap. open: all else.
    """
    rows = effects.set_index("factor")
    said = {
        name: f"{pages.number(r.effect, sign=True)} {pages.span(r.low, r.high)}"
        for name, r in rows.iterrows()
    }

    def excludes(name: str, point: float) -> bool:
        return bool(rows.low[name] > point or rows.high[name] < point)

    if not excludes("gap", 0.0):
        return "open", f"The gap, {said['gap']}, cannot be told from zero: there is nothing to explain."
    numbers = f"of the gap, {said['gap']}, the neuron carries {said[neuron]} and {rest} {said[rest]}"
    if np.sign(rows.effect[neuron]) == sign and excludes(neuron, 0.0) and rows.share[neuron] >= 0.5:
        return "reproduced", f"The spiking neuron carries at least half: {numbers}."
    if np.sign(rows.effect[neuron]) == -sign and excludes(neuron, 0.0):
        return "not reproduced", f"The spiking neuron works against the claim: {numbers}."
    if rows.share[rest] >= 0.5 and excludes(rest, 0.0) and excludes(neuron, rows.effect["gap"] / 2):
        return (
            "not reproduced",
            f"What feeds the neuron carries at least half, and the neuron less than half: {numbers}.",
        )
    return "open", f"The intervals leave open what carries it: {numbers}."
