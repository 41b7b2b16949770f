"""Decision boundaries measured from outside: labels on slices, label flips along paths, answers to equal queries.

Everything takes a plain `predict` (images in, confidences out): a `BlackBox`, or a closure over a surrogate. A
rate-coded target answers equal queries differently, so every place is asked REPEATS times, and places that this
leaves open MORE times as often again. Label flips are read three ways:

- fresh: along one sweep of single answers. What an attacker sees: boundary and encoder noise together.
- voted: along the most frequent answers. Noise still adds flips where two labels are nearly tied, so it errs high.
- decided: as voted, but leaving out the places whose most frequent answer leads the next by less than `LEAD` standard
  deviations of a fair coin. A region too narrow to be decided anywhere is missed, so it errs low.

The flips of the noise-free boundary (the most probable label) lie between decided and voted. Without noise all three
agree.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from snnmi import chance

Image, Images = Float[Tensor, " h w"], Float[Tensor, " n h w"]
Predict = Callable[[Images], Float[Tensor, " n classes"]]
# Of a slice: its centre, two orthonormal axes, how far it goes along them.
Place = tuple[Image, Image, Image, float]
LEAD = 3.0  # standard deviations
REPEATS, MORE = 9, 8  # at least LEAD^2 repeats are needed to decide anything
BATCH = 1024  # images asked at once


class Slice(NamedTuple):
    """Answers on a square grid; row i, column j lies at v = axis[i], u = axis[j], axis running from -extent to
    extent.
    """

    labels: Int[Tensor, " rows columns"]  # of one answer
    voted: Int[Tensor, " rows columns"]  # the most frequent label
    decided: Bool[Tensor, " rows columns"]  # whether it leads clearly


class Flips(NamedTuple):
    """Label changes along each path, in the three readings of the module's docstring."""

    fresh: Float[Tensor, " paths"]  # mean over the sweeps
    voted: Float[Tensor, " paths"]
    decided: Float[Tensor, " paths"]


@torch.no_grad()
def ask(predict: Predict, x: Images, repeats: int) -> Float[Tensor, " repeats n classes"]:
    """Ask for every image `repeats` times; answers on the CPU."""
    rounds = [[predict(part).cpu() for part in x.split(BATCH)] for _ in range(repeats)]
    return torch.stack([torch.cat(answers) for answers in rounds])


def poll(
    predict: Predict, x: Images, repeats: int
) -> tuple[Float[Tensor, " repeats n classes"], Int[Tensor, " n"], Bool[Tensor, " n"]]:
    """The first answers, the most frequent label of each place, and whether it leads the next by LEAD sqrt(votes of
    both).

    A single answer (repeats=1) decides. n repeats queries, and up to MORE times as many where the target is noisy.
    """
    answers = ask(predict, x, repeats)
    count = lambda answers: torch.nn.functional.one_hot(answers.argmax(-1), answers.shape[-1]).sum(0)  # noqa: E731
    leads = lambda first, second: (first - second >= LEAD * (first + second).sqrt()) | (repeats == 1)  # noqa: E731
    votes = count(answers)
    undecided = ~leads(*votes.topk(2).values.T)
    if undecided.any():
        votes[undecided] += count(ask(predict, x[undecided.to(x.device)], MORE * repeats))
    return answers, votes.argmax(-1), leads(*votes.topk(2).values.T)


def plane(points: Float[Tensor, "3 h w"]) -> Place:
    """The plane through three images, its first axis along points[1] - points[0], a quarter beyond the farthest."""
    u, v = points[1] - points[0], points[2] - points[0]
    v = v - u * (u * v).sum() / (u * u).sum().clamp_min(1e-12)
    if min(u.norm(), v.norm()) < 1e-4:
        raise ValueError("plane: the three images lie on one line; expected three that span a plane")
    origin = points.mean(0)
    return origin, u / u.norm(), v / v.norm(), 1.25 * float((points - origin).norm(dim=(1, 2)).max())


def slice_labels(predict: Predict, place: Place, resolution: int, repeats: int = 1) -> Slice:
    """Answers at origin + a u + b v, a and b from -extent to extent (length in pixel values)."""
    origin, u, v, extent = place
    axis = torch.linspace(-extent, extent, resolution, device=origin.device)[:, None, None]
    x = (origin + axis[:, None] * v + axis * u).flatten(0, 1)
    answers, voted, decided = poll(predict, x, repeats)
    seen = answers[0].argmax(-1), voted, decided
    return Slice(*(places.reshape(resolution, resolution) for places in seen))


def regions(labels: Int[Tensor, " rows columns"], decided: Bool[Tensor, " rows columns"]) -> int:
    """Connected pieces (sharing an edge) of equal label among the decided places; as many as labels if no class is
    broken up.
    """
    return sum(ndimage.label(((labels == label) & decided).numpy())[1] for label in labels.unique())


def flips_along_path(predict: Predict, a: Images, b: Images, steps: int, *, repeats: int = 1) -> Flips:
    """Label changes along the straight lines from a to b, asked at `steps` equally spaced places, both ends among them.

    repeats=1 is right only for a target known to be deterministic.
    """
    way = torch.linspace(0, 1, steps, device=a.device)[:, None, None]
    x = (a[:, None] + way * (b - a)[:, None]).flatten(0, 1)
    answers, voted, decided = poll(predict, x, repeats)
    labels, voted, decided = (
        places.unflatten(-1, (len(a), steps)) for places in (answers.argmax(-1), voted, decided)
    )
    count = lambda row: (row.diff(dim=-1) != 0).sum(-1).float()  # noqa: E731
    clear = [count(row[keep]) for row, keep in zip(voted, decided, strict=True)]
    return Flips(count(labels).mean(0), count(voted), torch.stack(clear))


def _differ(labels: Int[Tensor, " repeats n"]) -> float:
    repeats, same = len(labels), torch.nn.functional.one_hot(labels).sum(0)
    return float(1 - (same * (same - 1)).sum(-1).float().mean() / (repeats * (repeats - 1)))


def agreement(target: Predict, surrogate: Predict, x: Images) -> dict[str, float]:
    """How well the surrogate's answers match the target's: `top` (same top class) and `mae` (1 - mean absolute
    error).

    Ceiling: the target against its own other answers (a surrogate that always named the most frequent label would score
    a little more). Floors: the best constant label; uniform confidences. `classes`: how many labels the target
    uses on x (exponential of their entropy); where it is near 1, agreement is cheap.
    """
    p, q = ask(target, x, REPEATS), ask(surrogate, x, 1)
    labels = p.argmax(-1)
    share = labels.flatten().bincount() / labels.numel()
    return {
        "top": float((labels == q.argmax(-1)).float().mean()),
        "top_ceiling": 1 - _differ(labels),
        "top_floor": float(share.max()),
        "mae": float(1 - (p - q).abs().mean()),
        "mae_floor": float(1 - (p - 1 / p.shape[-1]).abs().mean()),
        "classes": float(torch.special.entr(share).sum().exp()),
    }


def path_ends(y: Int[Tensor, " n"], paths: int, *, seed: int) -> dict[str, Int[Tensor, " paths 2"]]:
    """Which images the paths join, drawn from seed and labels alone, so that all targets are asked along the same
    paths.

    between: test images of two classes; within: of one class; noise: (test image, noise image). Fewer, or none, where
    labels are few.
    """
    generator = chance.generator("boundary paths", seed)
    # many: of the faces 1 pair in 80 joins two images of one person
    pairs = torch.randint(len(y), (200 * paths, 2), generator=generator)
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    first = torch.randint(len(y), (paths,), generator=generator)
    return {
        "between": pairs[~same][:paths],
        "within": pairs[same & (pairs[:, 0] != pairs[:, 1])][:paths],
        "noise": torch.stack([first, torch.arange(paths)], 1),
    }


def measure(
    target: Predict,
    surrogate: Predict,
    dataset,
    generated: Images,
    noise: Float[Tensor, " m h w"],
    *,
    seed: int,
    resolution: int = 41,
    paths: int = 20,
    steps: int = 64,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """All of the above for one target and one class's surrogate (deterministic): numbers, and small arrays without
    data-set images.

    With equal data, seed and noise, two targets are asked along the same paths and slices and can be compared path by
    path.

    Queries to the target: REPEATS (2 resolution^2 + 3 paths steps + n + 2 m), and for a noisy target about as many
    again at places left undecided. With the defaults and 500 inputs of each kind 78,000 for an ANN and about twice
    that, a minute at 0.4 ms, for an SNN; resolution=11, paths=4, steps=16 and 64 inputs: 5,600 and twice that.
    `noise` is where the target is: on its device. Slices and paths to noise leave [0, 1], as the attack's own queries
    do; paths between test images do not.
    """
    x, y = torch.as_tensor(dataset.x_test).to(noise.device), torch.as_tensor(dataset.y_test).cpu()
    if len(y) < 3:
        raise ValueError(f"{len(y)} test images span no plane, expected at least 3")
    generator = chance.generator("boundary slices", seed)
    places, arrays = _places(x, y, noise, generator)
    metrics = {f"{name}_extent": place[-1] for name, place in places.items()}
    for name, place in places.items():
        found = _slice(name, target, surrogate, place, resolution, dataset.num_classes)
        metrics, arrays = metrics | found[0], arrays | found[1]
    for kind, ends in path_ends(y, paths, seed=seed).items():
        if len(ends):
            a, b = x[ends[:, 0]], noise[ends[:, 1] % len(noise)] if kind == "noise" else x[ends[:, 1]]
            flips = flips_along_path(target, a, b, steps, repeats=REPEATS)._asdict()
            flips["surrogate"] = flips_along_path(surrogate, a, b, steps).fresh
            arrays[f"ends_{kind}"] = ends.int().numpy()
            arrays |= {f"flips_{kind}_{key}": values.numpy() for key, values in flips.items()}
            metrics |= {f"flips_{kind}_{key}": float(values.mean()) for key, values in flips.items()}
    tests = x[torch.randperm(len(x), generator=generator)[: len(noise)]]
    for name, inputs in (("noise", noise), ("generated", generated), ("test", tests)):
        scores = agreement(target, surrogate, inputs)
        metrics |= {f"agreement_{name}_{key}": value for key, value in scores.items()}
        metrics[f"repeat_{name}"] = 1 - metrics[f"agreement_{name}_top_ceiling"]
    return metrics, arrays


def _places(
    x: Images, y: Int[Tensor, " n"], noise: Float[Tensor, " m h w"], generator: torch.Generator
) -> tuple[dict[str, Place], dict[str, np.ndarray]]:
    """Where the two slices lie: through the first test images of the first three classes, which the arrays tell; and
    along two random directions around the first of them, out to where the noise is.
    """
    corners = [int((y == label).nonzero()[0]) for label in y.unique()[:3]]
    corners = (corners + [i for i in range(len(y)) if i not in corners])[:3]
    points = x[corners]
    origin, u, v, extent = plane(points)
    random = torch.linalg.qr(torch.randn(u.numel(), 2, generator=generator)).Q.T.reshape(2, *u.shape).to(u)
    out = float((noise - points[0]).norm(dim=(1, 2)).mean())
    within = torch.stack([((points - origin) * axis).sum((1, 2)) for axis in (u, v)], 1)
    arrays = {"plane_point_labels": y[corners].int().numpy(), "plane_points": within.cpu().numpy()}
    return {"plane": (origin, u, v, extent), "random": (points[0], *random, out)}, arrays


def _slice(
    name: str, target: Predict, surrogate: Predict, place: Place, resolution: int, num_classes: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Numbers and maps of both networks on one slice."""
    label_type = np.uint8 if num_classes <= 256 else np.int32
    seen = {
        "target": slice_labels(target, place, resolution, REPEATS),
        "surrogate": slice_labels(surrogate, place, resolution),
    }
    metrics, arrays = {}, {}
    for who, answers in seen.items():
        metrics[f"{name}_{who}_regions"] = float(regions(answers.voted, answers.decided))
        metrics[f"{name}_{who}_classes"] = float(len(answers.voted[answers.decided].unique()))
        arrays[f"{name}_{who}_labels"] = answers.labels.numpy().astype(label_type)
    arrays[f"{name}_target_voted"] = seen["target"].voted.numpy().astype(label_type)
    return metrics, arrays
