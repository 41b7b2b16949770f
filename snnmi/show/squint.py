"""Rows of small pictures, all blurred alike: what speckle shows from a distance. The book's script puts a slider beside
them (book/_static/book.js); where none runs, they are blurred as it begins.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from snnmi.show.explorer import AT_WORK, img
from snnmi.show.figures.style import Image

GREYS = 16  # as many as an eye tells apart in what is blurred, at half the size
STYLE = f"<style>\n{Path(__file__).with_suffix('.css').read_text()}</style>"


def squint(labels: Sequence[int], photographs: Sequence[Image], drawn: Mapping[str, Sequence[Image]]) -> str:
    """HTML: of each of up to ten people a photograph, and below it what was drawn from each network, by its name; the
    drawings in a contrast that is the same for all of them.
    """
    rows = _row("photograph", [f"A photograph of person {label}" for label in labels], photographs)
    for who, pictures in drawn.items():
        texts = [f"Person {label}, drawn from the {who}" for label in labels]
        rows += _row(who, texts, pictures, ' class="drawn"')
    return f'{STYLE}<div class="snnmi-squint"><div class="rows">{rows}</div></div>'


def _row(name: str, texts: Sequence[str], pictures: Sequence[Image], drawn: str = "") -> str:
    cells = (img(one, text, AT_WORK, GREYS) for one, text in zip(pictures, texts, strict=True))
    return f"<b>{escape(name)}</b>" + "".join(f"<span{drawn}>{cell}</span>" for cell in cells)
