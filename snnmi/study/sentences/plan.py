"""The plan's outcomes in words: what the clip takes, what is left, and by how many networks."""

import pandas as pd

from snnmi.show import pages
from snnmi.study.findings.plan import CONTRASTS, NAMES
from snnmi.study.verdicts import can_contrast

CELLS = [*NAMES]


def shares(means: pd.DataFrame) -> str:
    """The primary outcome of each cell at one scale: "49 % on the ANN, 13 % on the ANN behind a clip"."""
    found = means.groupby("cell").value.mean()
    return ", ".join(f"{100 * found[cell]:.0f}\u00a0% on the {cell}" for cell in CELLS if cell in found)


def number(row: pd.Series) -> str:
    """A contrast as text: difference, interval, Holm's p."""
    difference = pages.number(row.difference, 2, sign=True)
    if row.networks < 2:
        return difference
    return f"{difference} {pages.span(row.low, row.high)}, {pages.p_value(row.p_holm)}"


def answer(contrasts: pd.DataFrame, means: pd.DataFrame) -> str:
    """One sentence for one scale: what the clip does and what is left for the spikes.

    With too few of each no test could tell anything, and the sentence only shows what was seen.
    """
    rows = contrasts.set_index("contrast")
    if not {*CONTRASTS} <= set(rows.index):
        return "Open: not all cells have been attacked yet."
    clip, rest = rows.loc["clip"], rows.loc["rest"]
    seen = f"the copies it trains are right on {shares(means)}"
    if not can_contrast(networks := int(min(clip.networks, rest.networks))):
        return f"Seen with {pages.words(networks, 'network')} of each, too few to test: {seen}."
    taken = {
        "same": "A clip takes nothing from the attack on an ANN",
        "differ": f"A clip makes the attack on an ANN {'worse' if clip.difference > 0 else 'better'}",
        "open": "Whether a clip takes anything from the attack on an ANN is open",
    }[clip.verdict]
    left = {
        "same": "SNNs stand where the clipped ANNs do",
        "differ": f"SNNs stand {'below' if rest.difference < 0 else 'above'} the clipped ANNs",
        "open": "whether SNNs stand elsewhere than the clipped ANNs is open",
    }[rest.verdict]
    return f"{taken} ({number(clip)}); {left} ({number(rest)}): {seen}."


def contrast_lines(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The contrasts as a table's text."""
    names = {name: " − ".join(pair) for name, pair in CONTRASTS.items()}
    rows = [row for _, row in contrasts.iterrows()]
    return pd.DataFrame(
        {
            "contrast": [names[row.contrast] for row in rows],
            "run": [pages.place(row.profile, row.dataset) for row in rows],
            "networks": [row.networks for row in rows],
            "difference": [pages.number(row.difference, 3, sign=True) for row in rows],
            "95 % t-interval": [
                pages.span(row.low, row.high, 3) if row.networks > 1 else "–" for row in rows
            ],
            "exact p": [f"{row.p:.3g}" for row in rows],
            "Holm": [f"{row.p_holm:.3g}" for row in rows],
            "verdict": [row.verdict if can_contrast(row.networks) else "too few networks" for row in rows],
        }
    )


def networks_caption(means: pd.DataFrame) -> str:
    """What the picture shows, at one scale."""
    count = means.groupby("cell").seed.nunique()
    fewest, most = int(count.min()), int(count.max())
    how_many = pages.words(fewest, "network") if fewest == most else f"{fewest} to {most} networks"
    return f"{shares(means)[0].upper()}{shares(means)[1:]}; {how_many} of each."


def specification_said(curve: pd.DataFrame) -> str:
    """The first contrast under every guess, in a sentence."""
    if curve.empty:
        return "No setting of the grid has been run on both targets yet."
    positive, low, high = int((curve.effect > 0).sum()), curve.effect.min(), curve.effect.max()
    return (
        f"Under {positive} of {len(curve)} settings the clip takes something away; the effect runs from "
        f"{pages.number(low, sign=True)} to {pages.number(high, sign=True)}."
    )
