"""What the book's pages share: claims, numbered tables with their CSV, numbers in words. Computes nothing."""

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import myst_nb
import numpy as np
import pandas as pd
from IPython.display import display
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from mdit_py_plugins.dollarmath import dollarmath_plugin

from snnmi.show.figures.style import new_figure
from snnmi.show.prose import mean_and_span, number, p_value, span, words  # noqa: F401 - for pages, too


def glue(**values: object) -> None:
    """Glue each value under its name, shown only where the text asks; numbers become Python's own."""
    for name, value in values.items():
        scalar = hasattr(value, "item") and np.ndim(value) == 0
        myst_nb.glue(name, value.item() if scalar else value, display=False)


class Shown:
    """The same thing in a terminal, in a notebook opened anywhere, and in the book."""

    def __init__(self, text: str, html: str, myst: str):
        self.forms = text, html, myst

    def __add__(self, other: "Shown") -> "Shown":
        return Shown(*map("\n\n".join, zip(self.forms, other.forms)))

    def __repr__(self) -> str:
        return self.forms[0]

    def _repr_html_(self) -> str:
        return self.forms[1]

    def _repr_markdown_(self) -> str:
        return self.forms[2]


# --- claims

CLAIMS: dict[str, Callable[[], tuple[str, bool]]] = {}  # of this page, by name
MARKS = {
    True: ("✓", "Checked by code: the stored runs bear this out.", "holds"),
    False: ("✗", "Not borne out by the runs on this page.", "fails"),
    None: ("–", "Not told: runs that this sentence speaks of are missing here.", "untold"),
}
KEPT = "It speaks of what is kept with the project, not of this page's own settings."
_own_settings: dict[str, object] = {}  # that this page was given
MISSING = re.compile("empty|not enough values to unpack|NaN")  # what a ValueError says where no row is


class Claim:
    """A sentence and whether numbers bear it out (None: not told), as a page, a notebook and a terminal show it."""

    def __init__(self, sentence: str, holds: bool | None, name: str, missing: str = ""):
        self.sentence, self.holds, self.name, self.missing = sentence, holds, name, missing
        self.mark, self.meaning, self.kind = MARKS[holds]
        if _own_settings:
            self.mark, self.meaning = f"{self.mark} kept runs", f"{self.meaning} {KEPT}"

    def __repr__(self) -> str:
        return f"{self.sentence} {self.mark}" + ("" if self.holds else f" {self.meaning}")

    def _repr_html_(self) -> str:
        said = self.mark if self.holds else f"{self.mark} {self.meaning}"
        meaning = escape(" ".join(filter(None, [self.meaning, self.missing])))
        about = f'class="claim-mark" tabindex="0" role="img" aria-label="{meaning}" title="{meaning}"'
        claim = f'class="claim claim-{self.kind}" data-claim="{self.name}"'  # book.js finds its code by it
        return f"<span {claim}>{html(self.sentence)}&nbsp;<span {about}>{said}</span></span>"


def own_settings(given: Mapping[str, object]) -> None:
    """Say what of its settings are not the book's; from now on claims say that they do not speak of these."""
    _own_settings.clear()
    _own_settings.update(given)
    if given:
        told = ", ".join(f"`{name} = {value}`" for name, value in given.items())
        said = (
            f"This page was made with {told}. Runs made so are rows of their own in its tables and figures. "
            "Sentences marked *kept runs*, and what is said around them, speak of the runs kept with the project."
        )
        display(Shown(said, f"<p>{html(said)}</p>", f":::{{note}}\n:class: own-settings\n{said}\n:::"))


def claim(check: Callable[[], tuple[str, bool]]) -> Callable[[], tuple[str, bool]]:
    """Show a sentence that a person wrote, marked by whether the numbers of this page bear it out.

    `check` makes its numbers and returns (sentence, holds). Its name is what pages glue it by, and where rows that it
    speaks of are missing (no such key, nothing to take a mean of, a number that is none) what stands in its place.
    """
    CLAIMS[check.__name__] = check
    myst_nb.glue(check.__name__, told(check), display=True)
    return check


def told(check: Callable[[], tuple[str, bool]]) -> Claim:
    """What a claim says of the numbers at hand; an error that is no missing row is raised."""
    untold = Claim(f"*{check.__name__.replace('_', ' ').capitalize()}*:", None, check.__name__)
    try:
        sentence, holds = check()
    except (KeyError, IndexError) as error:
        untold.missing = f"{type(error).__name__}: {error}"  # or a column was misspelt
        return untold
    except ValueError as error:
        if MISSING.search(str(error)):
            return untold
        raise
    if pd.isna(holds) or re.search(r"\bnan\b", sentence):
        return untold
    return Claim(sentence, bool(holds), check.__name__)


_markdown = MarkdownIt("commonmark", {"html": False, "typographer": True})
_markdown.enable("smartquotes").use(dollarmath_plugin, renderer=lambda tex, about: rf"\({escape(tex)}\)")


def html(text: str) -> str:
    """A sentence in Markdown, with $equations$, as HTML; of a role of the book, {doc}`this </page>`, what is read."""
    return _markdown.renderInline(re.sub(r"\{[\w:]+\}`([^`<]*?)(?: ?<[^`]*>)?`", r"\1", text))


# --- tables


_tables = {"folder": None, "changed": ""}  # where this page's tables go, and what their names say was changed


def write_tables(folder: str | Path | None, changed: str = "") -> None:
    """Where `table` writes its CSVs from now on, None: nowhere; `changed` goes into their names."""
    _tables.update(folder=folder, changed=changed)


def table(
    frame: pd.DataFrame,
    name: str,
    caption: str,
    *,
    csv: pd.DataFrame | None = None,
    rows: pd.DataFrame | None = None,
) -> Shown:
    """A numbered table for a cell's last value, its CSV written where `write_tables` says (`csv`: the plain numbers).

    `caption` is MyST text. `rows`, of the table of all runs: those that its numbers were made of, in a fold below.
    """
    link = _csv(frame if csv is None or not len(csv.columns) else csv, name)
    myst = f":::{{table}} {caption}{link}\n:name: tab_{name}\n:class: dense\n\n{_body(frame)}\n:::"
    shown = Shown(_text(frame, caption), f"<p>{html(caption)}</p>{_html(frame)}", myst)
    return shown if rows is None else shown + behind(rows, name)


def interval(row: pd.Series | tuple, *, sign: bool = False) -> str:
    """A row's value with its interval, where it has one: "0.53 [0.50, 0.56]", of one network "0.83"."""
    has = row.low == row.low
    return mean_and_span(row.value, row.low, row.high, sign=sign) if has else number(row.value, sign=sign)


def grid(found: pd.DataFrame, *, sign: bool = False) -> pd.DataFrame:
    """Means over networks (scale, what, value, low, high, networks) as text: a line a scale, a column each `what`."""
    told = found.assign(told=[interval(row, sign=sign) for row in found.itertuples()])
    wide = told.pivot(index="scale", columns="what", values="told").reindex(found.scale.unique())
    wide = wide.reindex(columns=found.what.unique()).fillna("–")
    wide["networks"] = found.groupby("scale").networks.max()
    return wide.reset_index().rename_axis(columns=None)


def behind(rows: pd.DataFrame, name: str) -> Shown:
    """The runs that a figure or table was made of, folded, and as a CSV: who, seed, folder, and what the copies of the
    last pair read, mean over the classes.
    """
    score = "surrogate_accuracy"
    own = rows[rows["pair"] == "last"].astype({"who": str})
    keys = ["scale", "who", "seed", "attack_seed", "folder"]
    found = own.groupby(keys, sort=False)[score].mean().reset_index()
    shown = found.assign(**{score: found[score].map(number)}).drop(columns="attack_seed")
    shown = shown.rename(columns={score: score.replace("_", " "), "folder": "folder in results/"})
    runs = {0: "No run is", 1: "The run"}.get(len(found), f"The {words(len(found), 'run')}")
    said = f"{runs} behind this"
    folded = f"<details><summary>{said}</summary>{_html(shown)}</details>"
    link = _csv(found, f"{name}_runs").strip()
    return Shown(_text(shown, said), folded, f"::::{{dropdown}} {said}\n{link}\n\n{_body(shown)}\n::::")


def _text(frame: pd.DataFrame, caption: str) -> str:
    return f"{caption}\n\n{frame.to_string(index=False)}"


def _html(frame: pd.DataFrame) -> str:
    cells = frame.astype(object).map(lambda cell: html(str(cell)))
    return cells.rename(columns=lambda name: html(str(name))).to_html(index=False, escape=False)


def _body(frame: pd.DataFrame) -> str:
    safe = frame.astype(object).map(_cell).rename(columns=_cell)
    return safe.to_markdown(index=False, disable_numparse=True)


def _cell(text: object) -> str:
    """As a table's cell holds it: a bar would end the cell."""
    return "" if text is None else re.sub(r"(?<!\\)\|", r"\|", str(text))


def _csv(frame: pd.DataFrame, name: str) -> str:
    """Write it where `write_tables` says; the link to it."""
    if not (path := _among_tables("-".join(filter(None, [name, _tables["changed"]])) + ".csv")):
        return ""
    frame.to_csv(path, index=False)
    return f" {{download}}`CSV <tables/{path.name}>`"


def picture(figure: Figure, name: str) -> Figure:
    """The same figure, and, where `write_tables` says so, as a PNG among the tables: for another page."""
    if path := _among_tables(f"{name}.png"):
        figure.savefig(path, facecolor="white")  # where no style sheet turns its ink
    return figure


def _among_tables(file: str) -> Path | None:
    if _tables["folder"] is None:
        return None
    Path(_tables["folder"]).mkdir(parents=True, exist_ok=True)
    return Path(_tables["folder"]) / file


def blank(text: str) -> Figure:
    """A figure that says why there is none."""
    fig = new_figure(0.6, layout=None)
    fig.text(0.5, 0.5, text, ha="center", va="center")
    return fig
