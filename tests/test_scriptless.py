"""Without scripts: every formula of the book as MathML, of every widget what it shows first."""

import re

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from ipywidgets.embed import embed_data
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from scriptless import FORMULA, first, mathml

from snnmi.show.player import player
from tests.helpers import NOTEBOOKS, ROOT

PAGES = [*NOTEBOOKS, *sorted((ROOT / "book").glob("*.md"))]


def formulas(text: str) -> list[str]:
    """Those of a page's Markdown as Sphinx hands them on; lines that end are its {split}."""
    found = []
    for token in MarkdownIt().use(dollarmath_plugin).parse(text):
        found += [rf"\({one.content}\)" for one in token.children or () if one.type == "math_inline"]
        if token.type.startswith("math_block"):
            split = r"\begin{split}%s\end{split}" if r"\\" in token.content else "%s"
            found.append(rf"\[{split % token.content}\]")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_formula_of_a_page_can_be_read(page):
    text = page.read_text()
    if page.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        text = text.replace("```", "")  # captions have formulas, too
    written = [mathml(tex) for tex in formulas(text)]
    assert not [one for one in written if not one.startswith("<math") or "\\" in one]
    assert written or "$" not in text


@pytest.mark.parametrize("tex", [r"\[\nosuchcommand x\]", r"\(a \\ b\)"])
def test_what_is_no_formula_stays_what_it_is(tex):
    assert mathml(tex) == f"<code>{tex[2:-2]}</code>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<span class="math notranslate nohighlight">', "</span>"),
        ('<span class="math inline">', "</span>"),  # a claim's
        (
            '<div class="math notranslate nohighlight" id="equation-a">\n<span class="eqno">(1)<a>#</a></span>',
            "</div>",
        ),
    ],
)
def test_formulas_are_found_in_every_dress(before, after):
    for tex in (r"\(x < y\)", "\\[a\nb\\]"):
        assert FORMULA.findall(f"<p>{before}{tex}{after} and <code>\\(z\\)</code></p>") == [(before, tex)]


def test_widgets_show_how_they_begin():
    film = player({"a": np.zeros((3, 2, 8, 8)), "b": np.zeros((3, 2, 8, 8))})
    menu = widgets.Dropdown(options=["<one>", "two"], index=0, description="Class")
    none = widgets.Dropdown(options=["one"], index=None, description="Nothing")
    box = widgets.VBox([menu, none, film, widgets.Button(description="Draw")])
    state = {name: model for name, model in embed_data(box)["manager_state"]["state"].items()}
    shown = first(state, box.model_id)
    assert re.findall("<p>(.*?)</p>", shown) == ["Class: &lt;one&gt;", "Bin 1 of 3"]
    assert shown.count("<img") == 2 and '<div class="snnmi-player">' in shown and "Draw" not in shown
