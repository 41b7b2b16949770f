"""Every rule, gate and margin by which the book turns numbers into words, side by side."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from snnmi.measure.statistics import PairedTest
from snnmi.show import pages
from snnmi.study import published as paper

ALPHA = 0.05  # the level of every test; no p is corrected for their number
NETWORKS = (
    6  # of each kind: with so many a test over networks can reach p < 0.05, and the words may speak of kinds
)
DEMONSTRATION = "demonstration"  # on data that the paper does not use nothing is said of its claims
LESS = 0.025  # a target whose accuracy is lower than the published one by more is named
MARGIN = 0.5  # of the published difference: an interval that ends short of it rules the claim out
GATE = 0.5  # of the ANN's reconstructions accepted, or recognised: below, there is nothing that spikes could protect
HALF = 0.5  # of a gap: who has that much carries it
RECOGNISED = 0.5  # of the reconstructions: with that many recognised they are images of their class

FELL = 0.1  # an attack has settled if M_global fell by this share in all
STANDS = 0.01  # and by less than this share over the last tenth of its batches
MOVES = 0.05  # an attack still moves if the mean of its last tenth is this share away from that of the tenth before
FLIP_MARGIN = 0.5  # flips a path: one crossing more on every second path
CHEAP = (
    0.05  # a surrogate that beats the best constant answer by less has shown little knowledge of the boundary
)

# --- units


def unit(networks: int) -> str:
    """What a comparison's unit is, from the networks of each kind: the network where a test over them can tell."""
    return "network" if networks >= NETWORKS else "class"


def named(kind: str, networks: int) -> str:
    """Of whom the words speak: of kinds only where there are networks enough for a test over them.

    >>> [named("SNN", networks) for networks in (1, 2, 7)]
    ['this SNN', 'these two SNNs', 'SNNs']
    """
    if unit(networks) == "network":
        return f"{kind}s"
    return f"this {kind}" if networks == 1 else f"these {pages.words(networks, kind)}"


# --- targets


def accuracies(targets: pd.DataFrame) -> str:
    """Whether the targets of one data set can be told from the published ones by their accuracies, from
    `findings.targets.beside_published`: where Wilson's intervals touch they cannot, which is no reproduction.
    """
    if targets.empty:
        return "not run"
    if not targets.published.notna().any():
        return "not in the paper"
    return "told apart" if targets.apart.any() else "not told apart"


def less_accurate(targets: pd.DataFrame) -> pd.Series:
    """Targets that lie clearly below the published accuracy, whatever their test images can tell."""
    return targets.published - targets.test_accuracy > LESS


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


Numbers = float | pd.Series


def can_tell(test: PairedTest) -> bool:
    """Whether p can fall below ALPHA at all: it is 2 / 2^j at least where j units differ. Else no test is run."""
    return 2 * 2.0 ** -(test.n if test.differing is None else test.differing) < ALPHA


def verdict(test: PairedTest, published: float | None, sign: int, *, alpha: float = ALPHA) -> str:
    """The rule of the book: `supported`, `contradicted` or `open`, for a difference claimed to have this sign.

    supported: the claimed sign, p < alpha. contradicted: the other sign, p < alpha; or no sign can be told and the
    interval ends short of half the published difference. open: all else; too few units that differ, or a p within
    three of its Monte-Carlo errors of alpha, among it.
    """
    if not can_tell(test) or abs(test.p - alpha) < 3 * test.p_error:
        return "open"
    if test.p < alpha:
        return "supported" if np.sign(test.difference) == sign else "contradicted"
    if published is None:
        return "open"
    furthest = sign * (test.high if sign > 0 else test.low)
    return "contradicted" if furthest < MARGIN * abs(published) else "open"


def why_verdict(
    effects: pd.DataFrame, sign: int, *, neuron: str = "neuron", rest: str = "range + encoder"
) -> tuple[str, str]:
    """The book's rule on "spikes protect", from an `effects_table`: the verdict, and one sentence that says why.

    open: the gap's interval covers zero. reproduced: the neuron's effect has the claimed sign, its interval excludes
    zero and it carries at least half of the gap. not reproduced: the other sign, zero excluded; or the rest carries
    at least half, zero excluded, and the neuron's interval excludes half of the gap. open: all else.
    """
    rows = effects.set_index("factor")
    said = {name: pages.mean_and_span(r.effect, r.low, r.high, sign=True) for name, r in rows.iterrows()}

    def excludes(name: str, point: float) -> bool:
        return bool(lies_off(rows.low[name], rows.high[name], point))

    if not excludes("gap", 0.0):
        return "open", f"The gap, {said['gap']}, cannot be told from zero: there is nothing to explain."
    numbers = f"of the gap, {said['gap']}, the neuron carries {said[neuron]} and {rest} {said[rest]}"
    if np.sign(rows.effect[neuron]) == sign and excludes(neuron, 0.0) and rows.share[neuron] >= HALF:
        return "reproduced", f"The spiking neuron carries at least half: {numbers}."
    if np.sign(rows.effect[neuron]) == -sign and excludes(neuron, 0.0):
        return "not reproduced", f"The spiking neuron works against the claim: {numbers}."
    if rows.share[rest] >= HALF and excludes(rest, 0.0) and excludes(neuron, HALF * rows.effect["gap"]):
        reason = f"What feeds the neuron carries at least half, and the neuron less than half: {numbers}."
        return "not reproduced", reason
    return "open", f"The intervals leave open what carries it: {numbers}."


# --- the paper's claims


def attack_works(a_target: float) -> bool:
    """The gate of the claims: resistance can only be seen where the ANN takes half or more for the class attacked."""
    return bool(a_target >= GATE)


UNTESTED = "not tested"  # the spread over classes: no test of it holds its level on such skewed scores


def claim_verdict(
    test: PairedTest, dataset: str, claim: paper.Claim, *, a_target: float, known: bool = True
) -> str:
    """The book's rule on a claim of the paper, held against the paper's own difference, if that is of what is judged.

    `a_target`: the ANN's; `open` where the gate is shut. `known`: what decides was measured.
    """
    if dataset not in paper.CLASSES:
        return DEMONSTRATION
    if claim.score.endswith("_std"):
        return UNTESTED
    if not (known and attack_works(a_target)):
        return "open"
    size = np.nan if claim.judged else paper.difference(dataset, claim.score)
    return verdict(test, None if np.isnan(size) else size, claim.sign)


def reaches_floor(low: pd.Series, floor: pd.Series) -> pd.Series:
    """A score whose interval does may be had without looking at the input."""
    return low <= floor


# --- the analysis plan's contrasts

SAME = 0.05  # surrogate accuracy: an interval within this of zero calls two targets the same


def contrast(low: float, high: float, p: float) -> str:
    """`same`: the interval lies within SAME of zero. `differ`: else, Holm's p is below ALPHA. `open`: all else.

    >>> contrast(-0.02, 0.04, 0.02), contrast(0.1, 0.4, 0.016), contrast(-0.1, 0.02, 0.2)
    ('same', 'differ', 'open')
    """
    if -SAME < low and high < SAME:
        return "same"
    return "differ" if p < ALPHA else "open"


# --- what carries the gap

NOT_THE_SPIKES = "Mostly not the spikes"


def lies_off(low: Numbers, high: Numbers, point: float = 0.0) -> bool | np.bool_ | pd.Series:
    """Whether an interval excludes a point: what it speaks of differs from it. Of no interval (NaN): no."""
    return (low > point) | (high < point)


def carries_half(share: float) -> bool:
    """Who carries the gap: half of it or more."""
    return bool(share >= HALF)


def headline_score(effects: pd.DataFrame) -> str:
    """Which score decides for a data set: A_target, the paper's headline, where its gap differs from zero; else
    the surrogate's accuracy.

    `effects`: rows of `effects_table` with a column score, of one scale.
    """
    gap = effects[effects.factor == "gap"].set_index("score").loc["A_target"]
    return "A_target" if lies_off(gap.low, gap.high) else "surrogate_accuracy"


def opening(verdicts: Collection[str]) -> str:
    """How the answer to "is it the spikes?" begins, from the verdicts at all data sets; those that are open are silent.

    >>> opening(["not reproduced", "open"])
    'Mostly not the spikes'
    """
    told = {*verdicts} - {"open"}
    if not told:
        return "Open"
    if len(told) > 1:
        return "It depends"
    return NOT_THE_SPIKES if told == {"not reproduced"} else "Mostly the spikes"


def torn(gaps: pd.DataFrame) -> pd.Series:
    """The bootstrap excludes zero, the exact test over classes does not: with few classes the former is too sure."""
    return lies_off(gaps.low, gaps.high) & (gaps.p_classes >= ALPHA)


# --- images


def reading(recognised: float, identified: float, chance: float) -> str:
    """What a set of images is: `image` of its class, `trace` of it, or `nothing`; from the intervals' lower ends.

    image: the share recognised reaches one half. trace: else, if the share identified lies above chance.

    >>> reading(0.6, 0.9, 0.1), reading(0.2, 0.5, 0.1), reading(0.2, 0.1, 0.1)
    ('image', 'trace', 'nothing')
    """
    if recognised >= RECOGNISED:
        return "image"
    return "trace" if identified > chance else "nothing"


def lies_beyond(low: float, natural_distance: float) -> bool:
    """Farther from the class's training images than real test images are, interval and all."""
    return bool(low > natural_distance)


def leak_seen(tests: Sequence[PairedTest]) -> bool:
    """Training images leak if reconstructions are nearer to them than every harmless reference is, class by class.

    `tests`: of each reference's leak against the reconstructions'.
    """
    return all(test.difference < 0 and test.p < ALPHA for test in tests)


def gate_shut(ann: Numbers) -> bool | np.bool_ | pd.Series:
    """The gate of the judge: of the ANN's reconstructions it recognises (or identifies) fewer than half."""
    return ann < GATE


def judged_verdict(test: PairedTest, *, ann: float) -> str:
    """The book's rule on "reconstructions from SNNs are less recognisable"; `open` where the gate is shut."""
    return "open" if gate_shut(ann) else verdict(test, published=None, sign=-1)


def counts_differ(p: Iterable[float]) -> bool:
    """Whether printed counts carry a difference on their own: by every exact test, however the classes pair up."""
    return bool(max(p) < ALPHA)
