"""How far images lie from each other, and whether they lie nearer to what a target was trained on than to other
images of the class.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import stats
from torch import Tensor, nn

Images = Float[Tensor, " n height width"]
Distances = Float[Tensor, " n m"]


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
