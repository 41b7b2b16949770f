"""What a page of the book shows where no script runs: formulas as MathML in place of TeX, and what its widgets would
show first. An extension of Sphinx (`_config.yml`); where scripts run, a browser takes no notice of it.
"""

import json
import re
from html import escape, unescape

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.sphinx_ import NbMetadataCollector

# Of Sphinx and of claims; before the TeX of a numbered equation stands its number.
FORMULA = re.compile(
    r'(<(?:span|div) [^>]*class="math[ "][^>]*>\s*(?:<span class="eqno">.*?</span>)?)'
    r"(\\\(.*?\\\)|\\\[.*?\\\])(?=\s*</(?:span|div)>)",
    re.DOTALL,
)
VIEW = re.compile(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', re.DOTALL)
NO_TEX = "<noscript><style>.math .tex { display: none !important; }</style></noscript>"
MISSING = (
    "<p><em>Here one could choose, which needs JavaScript, and none runs: this is what the page begins with."
    ' <a href="%s">The notebook</a> has the rest.</em></p>'
)
UNKNOWN = {  # to docutils, and not needed to read a formula
    r"\\dots(?![a-zA-Z])": r"\\ldots",
    r"\\(textstyle|[bB]igg?[lr]?)(?![a-zA-Z])": "",
    r"\{split\}": "{aligned}",
}


def mathml(tex: str) -> str:
    """A formula between its delimiters of TeX as MathML; TeX again where it cannot be read."""
    simple = tex[2:-2].strip()
    for pattern, known in UNKNOWN.items():
        simple = re.sub(pattern, known, simple)
    try:
        return tex2mathml(simple, as_block=tex.startswith(r"\["))
    except (MathError, AttributeError):  # the second where braces do not match
        return f"<code>{escape(tex[2:-2])}</code>"


def first(state: dict, name: str) -> str:
    """HTML of what a widget, and those in it, would show before anything is chosen."""
    model = state[name.removeprefix("IPY_MODEL_")]
    kind, about = model["model_name"], model["state"]
    if kind == "HTMLModel":
        return about.get("value", "")
    if kind == "DropdownModel" and about.get("index") is not None:
        return f"<p>{escape(about['description'])}: {escape(about['_options_labels'][about['index']])}</p>"
    inside = about.get("children", [])
    if kind == "StackModel":
        begins = about.get("selected_index")
        inside = [] if begins is None else [inside[begins]]
    shown = "".join(first(state, child) for child in inside)
    return shown and f'<div class="{" ".join(about.get("_dom_classes", ()))}">{shown}</div>'


def add(app, page: str, template: str, context: dict, doctree) -> None:
    """Put all of that beside what needs a script, for browsers without one."""
    if doctree is None:
        return
    _, about = NbMetadataCollector.get_js_files(app.env, page).get("ipywidgets_state", ("", {}))
    state = json.loads(about.get("body", "{}")).get("state", {})
    missing = MISSING % context["pathto"](f"_sources/{context['sourcename']}", True)

    def formula(match: re.Match) -> str:
        before, tex = match.groups()
        return f'{before}<noscript>{mathml(unescape(tex))}</noscript><span class="tex">{tex}</span>'

    def view(match: re.Match) -> str:
        shown = first(state, json.loads(match[1])["model_id"])
        return f"{match[0]}<noscript>{missing}{shown}</noscript>"

    for part in ("body", "toc"):
        context[part] = VIEW.sub(view, FORMULA.sub(formula, context[part]))
    context["metatags"] += NO_TEX


def setup(app) -> dict:
    """Called by Sphinx."""
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
