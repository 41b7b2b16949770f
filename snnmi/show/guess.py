"""Guess who: ten photographs beside one drawing; the reader picks, and so does a machine. The book's script plays it
(book/_static/book.js); where none runs, the first drawing stands beside the photographs.
"""

from collections.abc import Mapping
from pathlib import Path

from snnmi.show.explorer import AT_WORK, Drawn, img, nearest

PEOPLE = 10
STYLE = f"<style>\n{Path(__file__).with_suffix('.css').read_text()}</style>"


def guess_who(cells: Mapping[str, Drawn]) -> str:
    """HTML: the first people's photographs, one each, and all that was drawn of them; nothing without photographs."""
    first = next(iter(cells.values()), None)
    if first is None or "test image" not in first.originals:
        return ""
    labels = first.labels[:PEOPLE]
    photographs = [first.originals["test image"][label] for label in labels]
    faces = "".join(
        f'<button type="button" disabled>{img(photo, f"A photograph of person {label}")}</button>'
        for label, photo in zip(labels, photographs)
    )
    drawings = [
        f'<span data-of="{who}" data-is="{place}" data-machine="{nearest(own.pictures[place, 0], photographs)}" hidden>'
        f"{img(own.pictures[place, 0], 'A drawing of one of the ten', AT_WORK)}</span>"
        for who, own in cells.items()
        for place in range(len(labels))
    ]
    drawn = "".join(drawings).replace(" hidden>", ">", 1)
    return (
        f'{STYLE}<div class="snnmi-guess"><div class="drawing">{drawn}</div>'
        f'<p role="status">Whose photograph is this drawing most like?</p><div class="faces">{faces}</div></div>'
    )
