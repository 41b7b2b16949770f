"""Guess who: ten photographs beside one drawing; the reader picks, and so does a machine. The book's script plays it
(book/_static/book.js); where none runs, the first drawing stands beside the photographs.
"""

from collections.abc import Mapping

from snnmi.show.explorer import AT_WORK, Drawn, img, nearest

PEOPLE = 10
STYLE = """<style>
.snnmi-guess .faces, .snnmi-guess .drawing { display: grid; gap: 0.4rem; max-width: 37.5rem; }
.snnmi-guess .faces { grid-template-columns: repeat(5, 1fr); }
.snnmi-guess .drawing { grid-template-columns: minmax(0, 9rem); }
.snnmi-guess button { padding: 0.15rem; background: none; border: 2px solid transparent; }
.snnmi-guess img { width: 100%; padding: 0 !important; filter: none !important; }
.snnmi-guess .drawing img { filter: blur(var(--blur, 2px)) !important; }
.snnmi-guess .was { border-color: #008f68; } .snnmi-guess .not { border-color: #d55e00; }
</style>"""


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
