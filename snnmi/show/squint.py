"""Rows of small pictures, all blurred alike: what speckle shows from a distance. The book's script puts a slider beside
them (book/_static/book.js); where none runs, they are blurred as it begins.
"""

from collections.abc import Mapping, Sequence
from html import escape

from snnmi.show.explorer import AT_WORK, img
from snnmi.show.figures.style import Image

GREYS = 16  # as many as an eye tells apart in what is blurred, at half the size
STYLE = """<style>
.snnmi-squint { margin-bottom: 0.8rem; }
.snnmi-squint .rows { display: grid; grid-template-columns: 5.5rem repeat(10, minmax(0, 1fr)); gap: 0.2rem;
  max-width: 37.5rem; align-items: center; line-height: 1.2; }
.snnmi-squint b { font-size: 0.85rem; font-weight: 400; text-align: right; padding-right: 0.3rem; }
@media (max-width: 34rem) {
  .snnmi-squint .rows { grid-template-columns: repeat(10, minmax(0, 1fr)); }
  .snnmi-squint b { grid-column: 1 / -1; text-align: left; } }
.snnmi-squint span { overflow: hidden; }
.snnmi-squint img { display: block; width: 100%; margin: 0; padding: 0 !important;
  filter: blur(var(--blur, 1.5px)) !important; }
.snnmi-squint .drawn img { filter: blur(var(--blur, 1.5px)) contrast(2.5) !important; }
</style>"""


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
