"""Finding one's way in the book: the repository, words that people search for, chapters' names on links to them, and
what the search quotes, also where a page is read from disk and may not fetch the others. An extension of Sphinx
(`_config.yml`).
"""

import json
import re
from html import unescape
from pathlib import Path

from docutils import nodes

WORDS = {  # single words, by page: what people search for and the page calls otherwise
    "book/index": "privacy, leakage, security, neuromorphic, extraction, stealing",
    "executed/01_preliminaries": "snnTorch, neuromorphic, Bernoulli, Poisson",
    "executed/02_targets": "snnTorch, MLP, victim",
    "executed/03_attack": "extraction, stealing, distillation, BlackBox, GAN, victim",
    "executed/06_reconstructions": "inversion, gallery, images, pictures",
    "executed/07_controls": "ablation, obfuscation, masking",
    "executed/08_questions": "extraction, stealing, adaptive, DFME",
    "executed/09_judges": "inversion, membership, identification, humans",
    "executed/10_attackers": "WhiteBox, obfuscated, gradients, adaptive, extraction",
    "executed/12_events": "DVS, camera, retina, saccade, AER, neuromorphic, tonic",
    "executed/14_your_model": "snnTorch, NIR, audit, defence, defense",
    "book/your_own": "snnTorch, NIR, npz, Norse, Sinabs, export",
}
CHAPTER = re.compile(r"Chapter (\d+)")
CLAIM = re.compile(r"@pages\.claim\\n[^@]*?def (\w+)")
SAID = re.compile(r'data-claim="(\w+)"')
NO_TEXT = re.compile(r"<(script|style|noscript|pre|svg)\b.*?</\1>|<[^>]*>", re.DOTALL)


def repository(app, config) -> None:
    """A button on every page to the address in CITATION.cff, where that has one."""
    cited = Path(app.confdir, "CITATION.cff").read_text(encoding="utf-8")
    if found := re.search(r"^repository-code: *[\"']?([^\"'\s]+)", cited, re.M):
        config.html_theme_options |= {"repository_url": found[1], "use_repository_button": True}


def claims(app) -> dict[str, str]:
    """The chapter of every claim, by its name."""
    chapters = sorted(Path(app.srcdir, "book").glob("*.ipynb"))
    return {
        name: f"executed/{one.stem}" for one in chapters for name in CLAIM.findall(one.read_text("utf-8"))
    }


def checked(app, page: str, template: str, context: dict, doctree) -> None:
    """On a claim of another page's where it is checked: its mark leads there (book/_static/book.js)."""
    if doctree is None:
        return
    where = claims(app)

    def led(said: re.Match) -> str:
        own = where.get(said[1], page)
        return said[0] if own == page else f'{said[0]} data-checked="{context["pathto"](own)}#{said[1]}"'

    context["body"] = SAID.sub(led, context["body"])


def keywords(app, doctree: nodes.document) -> None:
    """A page's WORDS, for the index of the search."""
    if words := WORDS.get(app.env.docname):
        doctree.insert(0, nodes.meta(name="keywords", content=words))


def names(app, doctree: nodes.document, page: str) -> None:
    """The title of a chapter on every link to it that only says its number."""
    titles = {int(name[9:11]): title for name, title in app.env.titles.items() if name[9:11].isdigit()}
    for link in doctree.findall(nodes.reference):
        if (number := CHAPTER.fullmatch(link.astext())) and int(number[1]) in titles:
            link["reftitle"] = titles[int(number[1])].astext()


def excerpt(app, page: str, template: str, context: dict, doctree) -> None:
    """Keep what is written on a page."""
    if doctree is not None:
        text = unescape(NO_TEXT.sub(" ", context["body"]))
        app.__dict__.setdefault("snnmi_excerpts", {})[page] = " ".join(text.split())


def write(app, error: Exception | None) -> None:
    """All of that in a script, which the page of the search loads (book/_static/book.js)."""
    if error is None:
        found = json.dumps(getattr(app, "snnmi_excerpts", {}), ensure_ascii=False)
        Path(app.outdir, "_static", "excerpts.js").write_text(
            f"const EXCERPTS = {found};\n", encoding="utf-8"
        )


def setup(app) -> dict:
    """Called by Sphinx."""
    app.connect("config-inited", repository)
    app.connect("doctree-read", keywords)
    app.connect("doctree-resolved", names)
    app.connect("html-page-context", checked)
    app.connect("html-page-context", excerpt)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
