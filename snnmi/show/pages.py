"""What the book's pages share: numbered tables with their CSV, numbers in words. Computes nothing."""

from pathlib import Path

import myst_nb
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

from snnmi.show.figures.style import new_figure, title
from snnmi.show.prose import (  # noqa: F401 - pages write them too
    SCALES,
    difference,
    mean_and_span,
    number,
    p_value,
    short,
    span,
    words,
)

LANDING = ("mnist", "faces", "digits")  # the columns of the landing page


def place(profile: str, dataset: str) -> str:
    """Where a number comes from, in words: `place("laptop", "mnist")` -> "MNIST, laptop"."""
    return f"{title(dataset)}, {profile}"


def places(frame: pd.DataFrame) -> list[str]:
    """That of every row, by its profile and dataset."""
    return [place(r.profile, r.dataset) for r in frame.itertuples()]


def scale(profile: str, share: float) -> str:
    """A scale with its share of the paper's queries: `scale("plan", 0.1)` -> "plan, 10.0% of the paper's queries"."""
    return f"{profile}, {share:.1%} of the paper's queries"


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
    if path := _among_tables("-".join(filter(None, [name, _tables["changed"]])) + ".csv"):
        (frame if csv is None or not len(csv.columns) else csv).to_csv(path, index=False)
        link = f" {{download}}`CSV <tables/{path.name}>`"
    body = frame.to_markdown(index=False, disable_numparse=True)
    return Markdown(f":::{{table}} {caption}{link}\n:name: tab_{name}\n:class: dense\n\n{body}\n:::")


def picture(figure: Figure, name: str) -> Figure:
    """The same figure, and, where `write_tables` says so, as a PNG among the tables: for another page."""
    if path := _among_tables(f"{name}.png"):
        figure.savefig(path)
    return figure


def _among_tables(file: str) -> Path | None:
    if _tables["folder"] is None:
        return None
    Path(_tables["folder"]).mkdir(parents=True, exist_ok=True)
    return Path(_tables["folder"]) / file


def blank(text: str) -> Figure:
    """A figure that says why there is none."""
    fig = new_figure(6.0, 0.8, layout=None)
    fig.text(0.5, 0.5, text, ha="center", va="center")
    return fig
