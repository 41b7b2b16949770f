"""Every rule, gate and margin by which the book turns numbers into words, side by side."""

import numpy as np
import pandas as pd

from snnmi.measure.statistics import PairedTest
from snnmi.show import pages


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
