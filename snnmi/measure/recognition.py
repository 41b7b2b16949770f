"""What the judge and the distances say of images: like the class, like its training images, or like neither?"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import stats
from torch import Tensor, nn

from snnmi import chance
from snnmi.data import Dataset
from snnmi.measure import metrics

COMPARED = 20  # images a class whose distances are measured, the first ones
CANDIDATES = 5  # training images, the nearest in pixels, among which the most similar by SSIM is looked for
Images = Float[Tensor, " n height width"]
Distances = Float[Tensor, " n m"]

# --- distances


def pixel_distance(a: Images, b: Float[Tensor, " m height width"]) -> Distances:
    """Root mean square difference of every image of a to every image of b, in grey values; exactly 0 for equal
    images.
    """
    exact = torch.cdist(a.flatten(1), b.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return exact / (a.shape[1] * a.shape[2]) ** 0.5


@torch.no_grad()
def feature_distance(judge: nn.Module, a: Images, b: Float[Tensor, " m height width"]) -> Distances:
    """Euclidean distance of the judge's penultimate features; no unit, comparable only under one judge.

    It is in the manner of LPIPS (Zhang et al. 2018), but from a network that knows this data set and nothing else.
    """
    device = next(judge.parameters()).device
    a, b = (torch.cat([judge.features(part.to(device)).cpu() for part in x.split(1000)]) for x in (a, b))
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(distances: Float[Tensor, " m"], size: int) -> float:
    """The least of `size` distances drawn without replacement: the exact mean over all such draws.

    Of N distances in order the i-th is the least with probability C(N - i, size - 1) / C(N, size). Infinite ones
    are left out; NaN where fewer than `size` are left or `size` is 0.
    """
    ordered = np.sort(distances[distances.isfinite()].double().numpy())
    n = len(ordered)
    if not 1 <= size <= n:
        return float("nan")
    return float(ordered @ stats.nhypergeom.pmf(np.arange(n), n, n - size, 1))


def leak(
    to_train: Distances, to_test: Float[Tensor, " n test"], itself: Bool[Tensor, " n test"]
) -> Float[Tensor, " n"]:
    """Distance to the nearest training image of the class minus that to the nearest test image, among equally many of
    both.

    The larger set is cut to the size of the smaller, as more images have nearer ones by chance alone; the mean over
    all cuts is exact (`nearest`). Fresh images of the class have leak 0 on average if both sets are drawn alike;
    below 0 an image is nearer to what the target was trained on than to other images of the same class. A copy of one
    training image counts only in the cuts that hold it. `itself` marks an image's own copy among the test images,
    which is left out.
    Where the split is not random (faces: the test images are the last two of a person) 0 is not the mark: read it
    against `reference_points`, the mean of the training images among them, which is nearer to these without being
    one.
    """
    to_test = to_test.masked_fill(itself, float("inf"))
    sizes = to_test.isfinite().sum(1).clamp_max(to_train.shape[1]).tolist()
    return torch.tensor(
        [nearest(train, size) - nearest(test, size) for train, test, size in zip(to_train, to_test, sizes)]
    )


# --- what is said of images


@torch.no_grad()
def natural_distance(judge: nn.Module, dataset: Dataset) -> float:
    """How far real images of a class lie from its nearest training image, by `feature_distance`: 19 of 20 test images
    lie no farther.
    """
    nearest = []
    for label in dataset.y_test.unique():
        test, train = dataset.x_test[dataset.y_test == label], dataset.x_train[dataset.y_train == label]
        nearest.append(feature_distance(judge, test, train).amin(1))
    return float(torch.cat(nearest).quantile(0.95))


def judge_images(
    judge: nn.Module,
    dataset: Dataset,
    images: Float[Tensor, " classes n height width"],
    labels: Sequence[int],
    *,
    natural: float,
) -> list[dict[str, float | int]]:
    """One row a class: whom the judge sees in its images, and how near these are to the class's training and test
    images.

    All n images: "judge_accuracy", the share called y; "judge_confidence", the mean confidence in y. The first
    COMPARED, as means: "recognised", the share called y that is also as near to a training image of the class as real
    images are (within `natural`, from `natural_distance`; noise made to fool a network is called y, but lies far
    off); "identified", the share that correlates with its own class's mean image more than with any other's, which no
    network is asked; "ssim_train" to the most similar of the CANDIDATES training images nearest in pixels,
    "ssim_mean" to the class mean; for "feature" and "pixel" distances "_train" and "_test" to the nearest image of
    all, "_leak" as `leak` says (not their difference where the sets are of different sizes). Without test images what
    needs them is NaN.
    """
    return [_judge_class(judge, dataset, x.cpu(), label, natural) for x, label in zip(images, labels)]


@torch.no_grad()
def _judge_class(
    judge: nn.Module, dataset: Dataset, x: Images, label: int, natural: float
) -> dict[str, float | int]:
    confidences = judge(x.to(next(judge.parameters()).device)).cpu()
    train, test = dataset.x_train[dataset.y_train == label], dataset.x_test[dataset.y_test == label]
    x = x[:COMPARED]
    by_pixel, mean = pixel_distance(x, train), dataset.class_mean(label)
    candidates = by_pixel.topk(min(CANDIDATES, len(train)), largest=False).indices
    alike = [
        max(metrics.ssim(image[None], other) for other in train[near].numpy())
        for image, near in zip(x.numpy(), candidates)
    ]
    row = {
        "label": label,
        "judge_accuracy": float((confidences.argmax(-1) == label).float().mean()),
        "judge_confidence": float(confidences[:, label].mean()),
        "ssim_train": float(np.mean(alike)),
        "ssim_mean": metrics.ssim(x.numpy(), mean.numpy()),
        "identified": metrics.identified(x.numpy(), dataset.class_means().numpy(), label),
    }
    itself = pixel_distance(x, test) == 0
    for name, distance in {"feature": partial(feature_distance, judge), "pixel": pixel_distance}.items():
        to_train, to_test = distance(x, train), distance(x, test)
        if name == "feature":
            called = confidences.argmax(-1)[: len(x)] == label
            row["recognised"] = float((called & (to_train.amin(1) <= natural)).float().mean())
        others = to_test.masked_fill(itself, float("inf"))
        row |= {
            f"{name}_train": float(to_train.amin(1).mean()),
            f"{name}_test": float(others.amin(1).mean()) if others.isfinite().any(1).all() else float("nan"),
            f"{name}_leak": float(leak(to_train, to_test, itself).mean()),
        }
    return row


def reference_points(
    dataset: Dataset, *, per_class: int, seed: int
) -> dict[str, Float[Tensor, " classes _ height width"]]:
    """What scores are to be read against, of every class: images of real people or digits, their mean, and noise.

    "training image": a copy of one, as near to the training set as can be; "test image": fresh images of the class,
    which cannot leak; "class mean": one image a class; "noise": uniform. Real images are drawn at random,
    of every class as many as the smallest has, at most `per_class`; what a class has none of is left out.
    """
    draws, classes = chance.generator("reference images", seed), range(dataset.num_classes)
    references = {
        "class mean": dataset.class_means()[:, None],
        "noise": torch.rand(dataset.num_classes, per_class, *dataset.image_shape, generator=draws),
    }
    for name, x, y in (
        ("training image", dataset.x_train, dataset.y_train),
        ("test image", dataset.x_test, dataset.y_test),
    ):
        if n := min(per_class, int(torch.bincount(y, minlength=dataset.num_classes).min())):
            drawn = [x[y == label] for label in classes]
            references[name] = torch.stack(
                [own[torch.randperm(len(own), generator=draws)[:n]] for own in drawn]
            )
    return references
