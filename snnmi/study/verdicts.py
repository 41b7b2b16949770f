"""The rules, gates and margins by which several pages turn numbers into words, side by side; what one sentence alone
is held against stands in its claim.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from snnmi.show import prose
from snnmi.study import published as paper

ALPHA = 0.05  # the level of every test; a plan's contrasts are corrected for their number (Holm), no other p
NETWORKS = 6  # of each kind: with so many a test can reach p < 0.05, and the words may speak of kinds
MARGIN = 0.5  # of the published gap: a setting that reaches so much of it may be the paper's
GATE = 0.5  # of the ANN's reconstructions recognised: below, there is nothing that spikes could protect
HALF = 0.5  # of a gap: who has that much carries it
RECOGNISED = 0.5  # of the reconstructions: with that many recognised they are images of their class

FELL = 0.1  # an attack has settled if M_global fell by this share in all
STANDS = 0.01  # and by less than this share over the last tenth of its batches
OFF = 0.05  # k_t: below, generated inputs weigh less than a twentieth of the noise in the surrogate's loss
EQUAL = 1e-9  # means that differ by less are equal but for rounding
SAME = 0.05  # a surrogate accuracy that differs by no more is the same (the analysis plan)
FLIP_MARGIN = 0.5  # flips a path: one crossing more on every second path

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
    return f"this {kind}" if networks == 1 else f"these {prose.words(networks, kind)}"


# --- attacks that have come to rest


def settled(m_global: Float[np.ndarray, " points classes"]) -> Bool[np.ndarray, " classes"]:
    """The book's one rule: M_global fell by `FELL` or more in all, and by less than `STANDS` over the last tenth.

    Only a fall counts: a curve that has risen lately has settled, one that never fell has not.
    """
    tail = max(1, len(m_global) // 10)
    first, before, end = m_global[0], m_global[-2 * tail : -tail].mean(0), m_global[-tail:].mean(0)
    return (end < (1 - FELL) * first) & (end > (1 - STANDS) * before)


def adversary_off(k: Float[np.ndarray, " points classes"]) -> Bool[np.ndarray, " classes"]:
    """GAMIN's adversarial term is out of play: k_t, its weight beside the noise's 1, is below `OFF` at the end."""
    return k[-max(1, len(k) // 10) :].mean(0) < OFF


# --- boundaries


def of_paper(verdict: str, dataset: str, networks: int) -> str:
    """The verdict on a claim of the paper, which is about its own two data sets; any other is a demonstration. With
    fewer networks of each kind than a test needs there is none.
    """
    if dataset not in paper.CLASSES:
        return "demonstration"
    return verdict if unit(networks) == "network" else "too few networks"


def more_flips(low_count_from: float, high_count_to: float) -> str:
    """Are an SNN's borders more ragged? From 95 % intervals of its flips minus the ANN's along equal paths.

    more: even by the low count (clear majorities) it has more, the interval's lower end lies above 0. no more: even by
    the high count (most frequent labels) it has not `FLIP_MARGIN` more, the upper end is below it.

    >>> more_flips(0.1, 2.0), more_flips(-0.1, 0.4), more_flips(-0.1, 0.5)
    ('more', 'no more', 'cannot be told')
    """
    return "more" if low_count_from > 0 else "no more" if high_count_to < FLIP_MARGIN else "cannot be told"


# --- differences with a claimed sign


Numbers = float | pd.Series


def can_tell(differing: int, *, tests: int = 1) -> bool:
    """Whether p can fall below ALPHA at all: it is 2 / 2^j at least where j units differ, and Holm's over several exact
    `tests` so many times that. Else no test is run.

    >>> can_tell(5), can_tell(6), can_tell(6, tests=2), can_tell(7, tests=2)
    (False, True, False, True)
    """
    return tests * 2 * 2.0**-differing < ALPHA


def carries(effects: pd.DataFrame) -> str:
    """Does the encoding carry the gap between SNN and ANN, as the paper's second explanation says?

    `effects`: what (gap, and its parts encoding and neuron), value, low, high (over networks; NaN of one), share. open:
    one network, or the gap's interval covers zero. supported: the encoding's effect lies below zero, as claimed, its
    interval excludes zero and it carries at least half. contradicted: above, zero excluded; or the neuron carries at
    least half, zero excluded, and the encoding's interval excludes half of the gap. open: all else.
    """
    rows = effects.set_index("what")
    half = rows.share > HALF - EQUAL
    off = lies_off(rows.low, rows.high)
    if not off["gap"]:
        return "open"
    if off["encoding"] and rows.value["encoding"] > 0:
        return "contradicted"
    if off["encoding"] and half["encoding"]:
        return "supported"
    less = lies_off(rows.low["encoding"], rows.high["encoding"], HALF * rows.value["gap"])
    return "contradicted" if half["neuron"] and off["neuron"] and less else "open"


def reaches_floor(low: Numbers, floor: Numbers) -> bool | np.bool_ | pd.Series:
    """A score whose interval does may be had without looking at the input."""
    return low <= floor


# --- the analysis plan's contrasts


def contrast(low: float, high: float, p: float) -> str:
    """`same`: the interval lies within SAME of zero. `differ`: else, Holm's p is below ALPHA. `open`: all else.

    >>> contrast(-0.02, 0.04, 0.02), contrast(0.1, 0.4, 0.049), contrast(0.1, 0.4, 0.05)
    ('same', 'differ', 'open')
    """
    if -SAME < low and high < SAME:
        return "same"
    return "differ" if p < ALPHA else "open"


def prediction(least: float | None, most: float | None, came: float) -> str:
    """Whether what was written down before a run came so; nothing is near enough.

    >>> prediction(0.4, None, 0.39), prediction(-0.05, 0.05, 0.02), prediction(None, -0.7, float("nan"))
    ('failed', 'held', 'not told')
    """
    if came != came:
        return "not told"
    low, high = -np.inf if least is None else least, np.inf if most is None else most
    return "held" if low <= came <= high else "failed"


# --- what carries the gap


def lies_off(low: Numbers, high: Numbers, point: float = 0.0) -> bool | np.bool_ | pd.Series:
    """Whether an interval excludes a point: what it speaks of differs from it. Of no interval (NaN): no."""
    return (low > point) | (high < point)


def noise_was_raw(raw_gap: float, clipped_gap: float, published_gap: float) -> bool:
    """That the paper's noise was not clipped: only without a clip does our gap reach half of the published one."""
    reached = [gap / published_gap >= MARGIN for gap in (raw_gap, clipped_gap)]
    return bool(reached == [True, False])


def same(difference: float) -> bool:
    """Whether two surrogate accuracies are the same by the plan's margin, in two decimals."""
    return bool(round(abs(difference), 2) <= SAME)


NO_ANSWER = "no answer"


def helps(before: float, after: float, floor: float, ceiling: float) -> str:
    """Whether something helps: `yes`, `no` or `it harms`, by SAME; `no answer` where both numbers stand at one bound.

    >>> helps(0.2, 0.4, 0.1, 1.0), helps(0.2, 0.22, 0.1, 1.0), helps(0.4, 0.2, 0.1, 1.0)
    ('yes', 'no', 'it harms')
    >>> helps(0.12, 0.13, 0.1, 0.9), helps(0.88, 0.9, 0.1, 0.9)
    ('no answer', 'no answer')
    """
    for bound in (floor, ceiling):
        if same(before - bound) and same(after - bound):
            return NO_ANSWER
    if same(after - before):
        return "no"
    return "yes" if after > before else "it harms"


# --- images


def reading(recognised: float, identified: float, chance: float) -> str:
    """What a set of images is: `image` of its class, `trace` of it, or `nothing`; from the intervals' lower ends.

    image: the share recognised reaches one half. trace: else, if the share identified lies above chance.

    >>> reading(0.6, 0.9, 0.1), reading(0.2, 0.5, 0.1), reading(0.2, 0.1, 0.1)
    ('image', 'trace', 'nothing')
    """
    if recognised > RECOGNISED - EQUAL:
        return "image"
    return "trace" if identified > chance + EQUAL else "nothing"


def leak_seen(highs: Sequence[float]) -> bool:
    """Training images leak if reconstructions are nearer to them than every harmless reference is, class by class.

    `highs`: the upper ends of the intervals of the reconstructions' leak less each reference's.
    """
    return all(high < 0 for high in highs)


def gate_shut(ann: Numbers) -> bool | np.bool_ | pd.Series:
    """The gate of the judge: of the ANN's reconstructions it recognises (or identifies) fewer than half."""
    return ann < GATE - EQUAL


def counts_differ(p: Iterable[float]) -> bool:
    """Whether printed counts carry a difference on their own: by every exact test, however the classes pair up."""
    return bool(max(p) < ALPHA)
