"""What the book's pages share: numbered tables with their CSV, numbers in words. Computes nothing."""

from pathlib import Path

import myst_nb
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

from snnmi.show.figures.style import new_figure, title

SCALES: list[str] = []  # the profiles, whose attack comes farthest first: `study/profiles.py` says
LANDING = ("mnist", "faces", "digits")  # the columns of the landing page
_WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()


def words(count: int, noun: str = "", plural: str | None = None) -> str:
    """`words(10, "class", "classes")` -> "ten classes"; digits from 13 on."""
    number = _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"
    return f"{number} {noun if count == 1 else plural or noun + 's'}" if noun else number


def number(value: float, decimals: int = 2, *, sign: bool = False) -> str:
    """A number with a true minus, never "−0.00"; with `sign`, differences from zero get "+" too."""
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def short(value: object) -> str:
    """A number of any size, never lost to rounding; other things as they are.

    >>> [short(value) for value in (1e-05, 0.12345, 128000, 4.0, "mlp")]
    ['1e-05', '0.1235', '128,000', '4', 'mlp']
    """
    if isinstance(value, (str, bool)):
        return str(value)
    return f"{value:,.0f}" if value == np.round(value) or abs(value) >= 1000 else f"{value:.4g}"


def span(low: float, high: float, decimals: int = 2) -> str:
    """An interval as text that does not break: "[−0.21, 0.04]"."""
    return f"[{number(low, decimals)},\u00a0{number(high, decimals)}]"


def mean_and_span(mean: float, low: float, high: float, decimals: int = 2, *, sign: bool = False) -> str:
    """A mean with its interval: "0.12 [0.01, 0.20]"; with `sign`, a positive mean gets "+"."""
    return f"{number(mean, decimals, sign=sign)} {span(low, high, decimals)}"


def difference(mean: float, low: float, high: float, p: float, decimals: int = 2) -> str:
    """A difference with its interval and its test: "−0.40 [−0.70, −0.10], p = 0.125"."""
    return f"{mean_and_span(mean, low, high, decimals, sign=True)}, {p_value(p)}"


def place(profile: str, dataset: str) -> str:
    """Where a number comes from, in words: `place("laptop", "mnist")` -> "MNIST, laptop"."""
    return f"{title(dataset)}, {profile}"


def scale(profile: str, share: float) -> str:
    """A scale with its share of the paper's queries: `scale("half", 0.5)` -> "half, 50.0% of the paper's queries"."""
    return f"{profile}, {share:.1%} of the paper's queries"


def p_value(p: float) -> str:
    """ "p = 0.002", unbroken."""
    return ("p < 0.001" if p < 0.001 else f"p = {p:.3f}").replace(" ", "\u00a0")


def _rank(profiles: pd.Series) -> pd.Series:
    """0 for the scale whose attack comes farthest; profiles of one's own rank last."""
    own = profiles.str.split(",").str[0]  # before what was changed
    return own.map({name: rank for rank, name in enumerate(SCALES)}).fillna(len(SCALES))


def largest_scale(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each data set the rows of the profile at hand whose attack comes farthest."""
    rank = _rank(frame.profile)
    return frame[rank == rank.groupby(frame.dataset).transform("min")]


def largest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of profiles whose attack comes farther before the others, else in their order."""
    return frame.sort_values("profile", key=_rank, kind="stable")


def glue(**values: object) -> None:
    """Glue each value under its name, shown only where the text asks; numbers become Python's own."""
    for name, value in values.items():
        scalar = isinstance(value, np.generic) or (hasattr(value, "item") and np.ndim(value) == 0)
        myst_nb.glue(name, value.item() if scalar else value, display=False)


_tables = {"folder": None, "changed": ""}  # where this page's tables go, and what their names say was changed


def write_tables(folder: str | Path | None, changed: str = "") -> None:
    """Where `table` writes its CSVs from now on, None: nowhere; `changed` goes into their names."""
    _tables.update(folder=folder, changed=changed)


def table(frame: pd.DataFrame, name: str, caption: str, *, csv: pd.DataFrame | None = None) -> Markdown:
    """A numbered table for a cell's last value, its CSV written where `write_tables` says (`csv`: the plain numbers).

    `caption` is MyST text; the cell needs the metadata `"mystnb": {"markdown_format": "myst"}`.
    """
    link = ""
    if _tables["folder"] is not None:
        path = Path(_tables["folder"]) / ("-".join(filter(None, [name, _tables["changed"]])) + ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        (frame if csv is None or not len(csv.columns) else csv).to_csv(path, index=False)
        link = f" {{download}}`CSV <tables/{path.name}>`"
    body = frame.to_markdown(index=False, disable_numparse=True)
    return Markdown(f":::{{table}} {caption}{link}\n:name: tab_{name}\n:class: dense\n\n{body}\n:::")


def picture(figure: Figure, name: str) -> Figure:
    """The same figure, and, where `write_tables` says so, as a PNG among the tables: for another page."""
    if _tables["folder"] is not None:
        path = Path(_tables["folder"]) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    return figure


def blank(text: str) -> Figure:
    """A figure that says why there is none."""
    fig = new_figure(6.0, 0.8, layout=None)
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center")
    return fig
