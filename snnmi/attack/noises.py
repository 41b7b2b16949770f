"""The random inputs x_N: what an attacker asks that has never seen an image. A noise of your own is one more function
here: so many images, values in any range, drawn by `generator` on `device`, both handed on as `draws`.
"""

from collections.abc import Callable
from itertools import cycle, islice

import torch
import torch.nn.functional as F
from torch import Tensor


def normal_noise(*shape: int, **draws) -> Tensor:
    """N(0, 1) per pixel, not clipped: two thirds of it lie outside the range of images (GAMIN's code)."""
    return torch.randn(shape, **draws)


def clipped_noise(*shape: int, **draws) -> Tensor:
    """N(0, 1) clipped to [0, 1], as a rate encoder would."""
    return normal_noise(*shape, **draws).clamp_(0, 1)


def uniform_noise(*shape: int, **draws) -> Tensor:
    return torch.rand(shape, **draws)


def sparse_noise(*shape: int, **draws) -> Tensor:
    """A fifth of the pixels uniform in [0, 1], the others black: as many as a digit's."""
    lit = uniform_noise(*shape, **draws) < 0.2
    return lit * uniform_noise(*shape, **draws)


def smooth_noise(*shape: int, **draws) -> Tensor:
    """Uniform at a quarter of the side, interpolated, and stretched image by image from 0 to 1."""
    *_, height, width = shape
    return _stretched(shape, -(-height // 4), -(-width // 4), **draws)


def binary_noise(*shape: int, **draws) -> Tensor:
    """Every pixel black or white."""
    return (uniform_noise(*shape, **draws) < 0.5).float()


def mixed_noise(*shape: int, **draws) -> Tensor:
    """Every image one of the four kinds that stay in [0, 1]."""
    kinds = (uniform_noise, sparse_noise, smooth_noise, binary_noise)
    x = torch.stack([kind(*shape, **draws) for kind in kinds])
    chosen = torch.randint(len(kinds), shape[:-2], **draws)
    return torch.where(F.one_hot(chosen, len(kinds)).movedim(-1, 0)[..., None, None] == 1, x, 0).sum(0)


# --- better questions: in the range of images, and with many different answers (the book, "The second plan")


def _stretched(shape: tuple[int, ...], rows: int, columns: int, **draws) -> Tensor:
    """Uniform values on a coarse grid, interpolated bilinearly and stretched image by image from 0 to 1."""
    *lead, height, width = shape
    coarse = uniform_noise(*lead, rows, columns, **draws)
    fine = F.interpolate(coarse.flatten(0, -3)[:, None], (height, width), mode="bilinear")[:, 0].view(shape)
    low, high = (end((-2, -1), keepdim=True) for end in (fine.amin, fine.amax))
    return (fine - low) / (high - low)


def cloudy(cells: int, black: float = 0.0) -> Callable:
    """A noise: smooth grey on a grid of so many square cells along the longer side, rounded up along the shorter; the
    share `black` of its range, the darker one, is cut off, which leaves blobs.
    """

    def noise(*shape: int, **draws) -> Tensor:
        sides = shape[-2:]
        grid = (-(-side * cells // max(sides)) for side in sides)
        return ((_stretched(shape, *grid, **draws) - black) / (1 - black)).clamp_(min=0)

    return noise


def stroke_noise(*shape: int, **draws) -> Tensor:
    """One to four straight strokes on black, between points that keep a seventh of each side from the edge; as wide,
    with their soft edge, as 3.6 of 28 pixels.
    """
    *lead, height, width = shape
    ends = (1 + 5 * uniform_noise(2, 2, 4, *lead, 1, 1, **draws)) / 7
    count = torch.randint(1, 5, (*lead, 1, 1), **draws)
    y, x = (
        torch.arange(height, device=ends.device)[:, None] + 0.5,
        torch.arange(width, device=ends.device) + 0.5,
    )
    nearest = torch.full(shape, torch.inf, device=ends.device)
    for i, (y0, y1, x0, x1) in enumerate(zip(*(ends[0] * height), *(ends[1] * width))):
        dy, dx, from_y, from_x = y1 - y0, x1 - x0, y - y0, x - x0
        along = (from_y * dy + from_x * dx) / (dy.square() + dx.square()).clamp(min=1e-9)
        along = along.clamp_(0, 1)  # the nearest point of the stroke, from one end to the other
        distance = torch.hypot(from_y - along * dy, from_x - along * dx)
        nearest = torch.where(i < count, nearest.minimum(distance), nearest)
    return (1.8 - nearest * 28 / max(height, width)).clamp_(0, 1)


def moving_stroke_noise(*shape: int, **draws) -> Tensor:
    """Strokes as an event camera sees them that moves a pixel a bin, along a square: by how much each pixel got
    brighter, then by how much it got darker. ValueError where images are no such bins, one below the other.
    """
    *lead, height, width = shape
    bins, rest = divmod(height, 2 * width)
    if rest or not bins:
        raise ValueError(
            f"moving strokes of {height}x{width} pixels, expected a recording: a multiple of {2 * width} rows"
        )
    seen = [stroke_noise(*lead, width, width, **draws)]
    for step in islice(cycle([(1, 0), (0, 1), (-1, 0), (0, -1)]), bins):
        seen.append(seen[-1].roll(step, (-2, -1)))
    change = torch.stack(seen, -3).diff(dim=-3)
    return torch.stack([change, -change], -3).clamp_(0, 1).view(shape)


def grey_noise(*shape: int, **draws) -> Tensor:
    """N(0.316, 0.389), not clipped: the mean and the spread of clipped N(0, 1), with no clip anywhere."""
    return 0.316 + 0.389 * normal_noise(*shape, **draws)


def centred_noise(*shape: int, **draws) -> Tensor:
    """Clipped N(0, 1) less its mean: as uniform as `clipped_noise`, about black and not about grey."""
    return clipped_noise(*shape, **draws) - 0.316


NOISES: dict[str, Callable] = {
    "normal": normal_noise,
    "clipped": clipped_noise,
    "uniform": uniform_noise,
    "sparse": sparse_noise,
    "smooth": smooth_noise,
    "binary": binary_noise,
    "mixed": mixed_noise,
    "clouds": cloudy(7),
    "blobs": cloudy(7, black=0.6),
    "patches": cloudy(4, black=0.6),
    "strokes": stroke_noise,
    "moving strokes": moving_stroke_noise,  # of recordings alone
    "grey": grey_noise,
    "centred": centred_noise,
}
# Those that never leave [0, 1].
IN_RANGE = (
    "clipped", "uniform", "sparse", "smooth", "binary", "mixed", "clouds", "blobs", "patches", "strokes"
)  # fmt: skip
CHOSEN = "chosen"  # the attacker's own choice among IN_RANGE, by a pilot (`gamin.pilot`)
