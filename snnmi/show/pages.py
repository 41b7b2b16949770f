"""What the book's pages share: numbered tables with their CSV, numbers in words, intervals as text. Computes nothing."""

from pathlib import Path

import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

PROFILE_ORDER = ("paper", "half", "laptop", "quick", "smoke")  # largest scale first
PAPER_QUERIES = 1_280_000  # per class
_WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()


def words(count: int, noun: str = "", plural: str | None = None) -> str:
    """`words(10, "class", "classes")` -> "ten classes"; digits from 13 on."""
    number = _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"
    return f"{number} {noun if count == 1 else plural or noun + 's'}" if noun else number


def number(value: float, decimals: int = 2, *, sign: bool = False) -> str:
    """A number with a true minus, never "−0.00"; with `sign`, differences from zero get "+" too."""
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def span(low: float, high: float, decimals: int = 2) -> str:
    """An interval as text that does not break: "[−0.21, 0.04]"."""
    return f"[{number(low, decimals)},\u00a0{number(high, decimals)}]"


def p_value(p: float) -> str:
    """ "p = 0.002", unbroken."""
    return ("p < 0.001" if p < 0.001 else f"p = {p:.3f}").replace(" ", "\u00a0")


def largest_scale(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the largest profile at hand, for each data set; profiles of one's own rank last."""
    rank = frame.profile.map(
        lambda name: PROFILE_ORDER.index(name) if name in PROFILE_ORDER else len(PROFILE_ORDER)
    )
    return frame[rank == rank.groupby(frame.dataset).transform("min")]


def table(frame: pd.DataFrame, name: str, caption: str, *, csv: pd.DataFrame | None = None) -> Markdown:
    """A numbered table for a cell's last value, its CSV written beside it (`csv`: the plain numbers behind `frame`).

    `caption` is MyST text; the cell needs the metadata `"mystnb": {"markdown_format": "myst"}`.
    """
    folder = Path("executed/tables")
    folder.mkdir(parents=True, exist_ok=True)
    (frame if csv is None else csv).to_csv(folder / f"{name}.csv", index=False)
    body = frame.to_markdown(index=False, disable_numparse=True)
    return Markdown(
        f":::{{table}} {caption} {{download}}`CSV <tables/{name}.csv>`\n:name: tab_{name}\n:class: dense\n\n{body}\n:::"
    )


def blank(text: str) -> Figure:
    """A figure that says why there is none."""
    fig = Figure(figsize=(6, 0.8))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center")
    return fig
