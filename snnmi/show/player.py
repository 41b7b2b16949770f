"""Recordings that play: bin after bin, side by side, without a kernel; they can be paused and stepped through.

A slider chooses the bin; a rendered book puts a button beside it that plays and pauses (book/_static/book.js). Not
ipywidgets' own Play: it does not survive the icons of the book's theme.
"""

import base64
import io
from collections.abc import Mapping
from html import escape

import ipywidgets as widgets
import numpy as np
from jaxtyping import Float
from PIL import Image

BRIGHTER, DARKER = np.array([0, 114, 178]), np.array([213, 94, 0])  # blue and orange, told apart by everybody
WIDTH = 130  # about so many screen pixels a film: whole ones a pixel, so that nothing is smoothed
Film = Float[np.ndarray, " step polarity height width"]


def colored(frame: Float[np.ndarray, " polarity height width"]) -> np.ndarray:
    """One bin as an image, uint8: white where nothing changed, blue where it got brighter, orange where darker."""
    brighter, darker = np.clip(frame, 0, 1)[..., None]
    ink = brighter * (255 - BRIGHTER) + darker * (255 - DARKER)
    return (255 - np.clip(ink, 0, 255)).round().astype(np.uint8)


def player(films: Mapping[str, Film]) -> widgets.VBox:
    """Films of equal length, by name."""
    lengths = {len(film) for film in films.values()}
    if len(lengths) != 1:
        raise ValueError(f"films have {sorted(lengths)} bins, expected some films, all of as many bins")
    (steps,) = lengths
    frames = [widgets.HTML(_frame(films, step, steps)) for step in range(steps)]
    slider = widgets.IntSlider(min=0, max=steps - 1, value=0, description="Bin", readout=False)
    box = widgets.VBox([slider, chosen(slider, frames, by="value")])
    box.add_class("snnmi-player")
    return box


def chosen(control: widgets.Widget, panels: list[widgets.Widget], *, by: str = "index") -> widgets.Stack:
    """The panel that the control is at, linked in the browser."""
    stack = widgets.Stack(panels, selected_index=getattr(control, by))
    widgets.jslink((control, by), (stack, "selected_index"))
    return stack


def png(picture: Image.Image) -> str:
    """The picture as the source of an <img>."""
    picture.save(file := io.BytesIO(), "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _frame(films: Mapping[str, Film], step: int, steps: int) -> str:
    pictures, place = "", f"{step + 1} of {steps}"
    for name, film in films.items():
        frame = colored(film[step])
        zoom = max(1, WIDTH // frame.shape[1])
        source = png(Image.fromarray(frame.repeat(zoom, 0).repeat(zoom, 1)))
        pictures += (
            f'<figure style="margin:0 1rem 0 0;display:inline-block"><img alt="{escape(name)}, bin {place}" '
            f'src="{source}" style="image-rendering:pixelated;background:white">'
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )
    return f"<div>{pictures}<p>Bin {place}</p></div>"
