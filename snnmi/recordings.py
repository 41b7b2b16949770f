"""Event cameras: recordings of changes of brightness, read, checked and binned into images in [0, 1].

A recording of T bins, two polarities and h x w pixels is an image of T * 2 * h x w: the bins one below the other, in
each first where it got brighter, then where it got darker; 1 where there was an event. So whatever takes images takes
it, and an SNN is fed a bin a step (`models.coding.bins_encode`).
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from snnmi import places
from snnmi.own_data import UNREADABLE, in_a_line

STEPS = 6  # bins: two for each of N-MNIST's three saccades
SIDE = 34  # pixels a side of N-MNIST's recordings
SAMPLE = "nmnist_sample.zip"
# Part and label: .../Train/5/00001.bin
PLACE = re.compile(r"(?:^|/)(train|test)/(\d+)/[^/]+$", re.IGNORECASE)


def events(content: bytes, where: str) -> Int[np.ndarray, " events 4"]:
    """x, y, polarity (0 darker, 1 brighter) and time in microseconds of each event, five bytes an event (Orchard et al.
    2015): x, y, then one bit of polarity and 23 of time. Raises ValueError, naming `where`, for anything else; without
    bytes there is no event.
    """
    if len(content) % 5:
        raise ValueError(f"{where} is {len(content)} bytes, expected five for each event: it is cut off")
    raw = np.frombuffer(content, np.uint8).reshape(-1, 5).astype(np.int64)
    x, y = raw[:, 0], raw[:, 1]
    time = (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
    if len(raw) and max(x.max(), y.max()) >= SIDE:
        at = int((np.maximum(x, y) >= SIDE).argmax())
        raise ValueError(
            f"{where}: event {at} lies at {x[at]}, {y[at]}, expected within {SIDE}x{SIDE} pixels"
        )
    if (back := np.diff(time) < 0).any():
        at = int(back.argmax()) + 1
        raise ValueError(f"{where}: event {at} is earlier than the one before, expected events in order")
    return np.stack([x, y, raw[:, 2] >> 7, time], 1)


def binned(found: Int[np.ndarray, " events 4"], steps: int = STEPS) -> Float[Tensor, " binned width"]:
    """The recording as an image, at half of the side: equal bins from the first event to the last; black if empty."""
    side = SIDE // 2
    image = torch.zeros(steps, 2, side, side)
    if len(found):
        x, y, polarity, time = found.T
        span = max(1, time[-1] - time[0] + 1)
        step = (time - time[0]) * steps // span
        image[step, 1 - polarity, y // 2, x // 2] = 1.0
    return image.flatten(0, 2)


def saccades(
    images: Float[Tensor, " n height width"], steps: int = STEPS
) -> Float[Tensor, " n binned framed"]:
    """What an event camera would see of images that move: at every step a pixel along a triangle, with a frame of one
    black pixel; an event wherever the brightness changes by more than a quarter.
    """
    path = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    n, height, width = images.shape
    canvas = torch.zeros(n, height + 2, width + 2)
    canvas[:, 1:-1, 1:-1] = images
    frames, here = [canvas], canvas
    for step in range(steps):
        here = here.roll(path[step % len(path)], (1, 2))
        frames.append(here)
    change = torch.stack(frames, 1).diff(dim=1)
    both = torch.stack([change > 0.25, change < -0.25], 2)  # n, steps, brighter and darker, height, width
    return both.float().flatten(1, 3)


def place() -> Path | None:
    """A zip or a folder with N-MNIST, or the sample."""
    names = [SAMPLE, *(name + end for name in ("n-mnist", "nmnist") for end in (".zip", ""))]
    return places.find(names)


def read(path: Path) -> dict[str, Tensor]:
    """x_train, y_train, x_test and y_test of a zip or folder that holds Train/<label>/*.bin and Test/<label>/*.bin, in
    the order of their names; ValueError, in one sentence, where a recording is none.
    """
    members = places.members(path, ".bin", "N-MNIST")
    where = {name: match for name in sorted(members) if (match := PLACE.search(name))}
    _check_once(path, where)
    found: dict[str, Tensor] = {}
    for part in ("Train", "Test"):
        own = {name: int(match[2]) for name, match in where.items() if match[1].title() == part}
        if not own:
            raise ValueError(f"{path} lacks {part}/0/*.bin to {part}/9/*.bin, expected recordings of N-MNIST")
        try:
            images = [binned(events(members[name](), f"{path}: {name}")) for name in own]
        except ValueError:
            raise
        except UNREADABLE as error:
            raise ValueError(f"{path} cannot be read ({in_a_line(error)})") from None
        found[f"x_{part.lower()}"] = torch.stack(images)
        found[f"y_{part.lower()}"] = torch.tensor([*own.values()])
    return found


def _check_once(path: Path, where: Mapping[str, re.Match]) -> None:
    """Refuse a backup or a copy among the recordings: it would count as more of them."""
    homes: dict[object, str] = {}
    for name, match in where.items():
        part = match[1].title()
        for what, home in ((part, name[: match.start(2)]), ((part, int(match[2])), name[: match.end(2)])):
            if homes.setdefault(what, home) != home:
                raise ValueError(
                    f"{path} has both {homes[what]} and {home}, expected one {part} of recordings"
                )
    odd = [name for name in where if not Path(name).stem.isdecimal()]
    if 0 < len(odd) < len(where):
        raise ValueError(f"{path}: {odd[0]} is no number as others are, expected recordings and no copies")
