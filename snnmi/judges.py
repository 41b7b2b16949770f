"""The honest judge: a network that no attack ever saw looks at reconstructions; are they like the class, or like its training images?"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from scipy import stats
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from snnmi.coding import DECODERS, ENCODERS
from snnmi.data import Dataset
from snnmi.store import Checkpoint
from snnmi.targets import ANN, SNN, TrainedTarget, fit

SMALLEST = 8  # pixels a side that the judge needs
COMPARED = 20  # images a class whose distances are measured, the first ones
AT_MOST = 7000  # training images and test images a class they are compared with, evenly spaced over the class; MNIST has 6,742
CANDIDATES = 5  # training images, the nearest in pixels, among which the most similar by SSIM is looked for

Images = Float[Tensor, " n height width"]
Distances = Float[Tensor, " n m"]


@dataclass(frozen=True)
class JudgeConfig:
    """The judge and its training; one setting for every data set."""

    channels: int = 16  # of the first convolution; twice as many in the others
    features: int = 128  # of the penultimate layer
    updates: int = 1500  # at least, rounded up to whole epochs, of which there are at least `epochs`
    epochs: int = 6
    batch_size: int = 64
    lr: float = 2e-3  # Adam
    dropout: float = 0.2  # share of the features
    warp: float = 0.1  # largest shift, turn, stretch of a training image, as a share of half its side
    noise: float = 0.1  # largest standard deviation of the grey noise added to a training image


class EvaluationCNN(nn.Module):
    """3x3 convolutions with ReLU, each followed by 2x2 max pooling (two for 8 to 39 pixels a side), Linear, ReLU, Linear, softmax."""

    def __init__(self, config: JudgeConfig, image_shape: tuple[int, int], num_classes: int):
        super().__init__()
        if min(image_shape) < SMALLEST:
            raise ValueError(f"image_shape is {tuple(image_shape)}, expected at least {SMALLEST} pixels a side")
        self.config = config
        blocks = max(2, int(np.log2(min(image_shape) / 5)))
        channels = [1, config.channels] + [2 * config.channels] * (blocks - 1)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels[:-1], channels[1:], strict=True))
        height, width = (side // 2**blocks for side in image_shape)
        self.hidden = nn.Linear(channels[-1] * height * width, config.features)
        self.output = nn.Linear(config.features, num_classes)

    def features(self, x: Float[Tensor, " batch height width"]) -> Float[Tensor, " batch features"]:
        """The penultimate layer."""
        x = x[:, None]
        for convolution in self.convolutions:
            x = F.max_pool2d(convolution(x).relu(), 2)
        return self.hidden(x.flatten(1)).relu()

    def forward(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, " batch classes"]:
        """Confidences; `generator` is there for the sake of the targets' interface and not used."""
        return self.output(self.features(x)).softmax(-1)

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Cross-entropy of images slightly moved, turned, stretched and made noisy, some features dropped."""
        c, n = self.config, len(x)
        chance = dict(generator=generator, device=x.device)
        moves = torch.eye(2, 3, device=x.device) + c.warp * (2 * torch.rand(n, 2, 3, **chance) - 1)
        grid = F.affine_grid(moves, [n, 1, *x.shape[1:]], align_corners=False)
        x = F.grid_sample(x[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
        x = x + c.noise * torch.rand(n, 1, 1, **chance) * torch.randn(x.shape, **chance)
        kept = torch.rand(n, c.features, **chance) >= c.dropout
        return F.cross_entropy(self.output(self.features(x) * kept / (1 - c.dropout)), y)


def build(config: JudgeConfig, image_shape: tuple[int, int], num_classes: int, *, seed: int) -> EvaluationCNN:
    """An untrained judge; `seed` sets its first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EvaluationCNN(config, image_shape, num_classes)


def train_judge(
    config: JudgeConfig,
    dataset: Dataset,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Checkpoint | None = None,
) -> TrainedTarget:
    """Train a judge on the training images, as a target is trained; resumes from `checkpoint` where that holds a state."""
    per_epoch = -(-len(dataset.x_train) // config.batch_size)
    return fit(
        build(config, dataset.image_shape, dataset.num_classes, seed=seed).to(device),
        dataset,
        epochs=max(config.epochs, -(-config.updates // per_epoch)),
        batch_size=config.batch_size,
        lr=config.lr,
        clip_norm=None,
        seed=seed,
        checkpoint=checkpoint,
        description=f"train {dataset.name} judge seed {seed}",
    )


# --- images that fool a target


class Fooling(NamedTuple):
    images: Float[Tensor, " classes n height width"]
    confidences: Float[Tensor, " classes n"]  # the target's own, drawn afresh, that each image is of the class it was made for


def adversarial_noise(
    target: ANN | SNN,
    labels: Sequence[int],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    sure: float = 0.9,
    lr: float = 0.02,
    draws: int = 4,
) -> Fooling:
    """Uniform noise, moved until the target alone is sure of the class: Adam on the pixels (white box).

    Pixels stay within [0, 1]; an image stops once the target's confidence exceeds `sure`, to stay as near to noise as
    it can, or after `steps`. A spiking target is asked `draws` times a step, as its answers vary. The share of the
    images that a judge calls y is its false-positive rate.
    """
    if per_class < 1 or steps < 1 or draws < 1:
        raise ValueError(f"per_class, steps and draws are {per_class}, {steps} and {draws}, expected at least 1")
    device = next(target.parameters()).device
    chance = torch.Generator(device).manual_seed(seed)
    images, confidences = [], []
    for label in labels:  # a class at a time: a spiking target keeps all time steps of all images
        x = torch.rand(per_class, *image_shape, generator=chance, device=device).requires_grad_()
        optimizer = torch.optim.Adam([x], lr=lr)
        for _ in range(steps):
            loss, confidence = _white_box(target, x, label, draws, chance)
            sure_already = (confidence > sure)[:, None, None]
            if sure_already.all():
                break
            (x.grad,) = torch.autograd.grad(loss, x)
            before = x.detach().clone()
            optimizer.step()
            x.data = torch.where(sure_already, before, x.data.clamp(0, 1))
        images.append(x.detach())
        confidences.append(target(images[-1], generator=chance)[:, label].detach())
    return Fooling(torch.stack(images).cpu(), torch.stack(confidences).cpu())


def _white_box(
    target: ANN | SNN, x: Images, label: int, draws: int, chance: torch.Generator
) -> tuple[Float[Tensor, ""], Float[Tensor, " n"]]:
    """The target's training loss for one class and its confidences in it; gradients pass a spike code as if spikes were pixels."""
    if isinstance(target, ANN):
        logits = target.logits(x)
        return F.cross_entropy(logits, torch.full((len(x),), label, device=x.device)), logits.softmax(-1)[:, label]
    c, pixels = target.config, x.flatten(1).repeat(draws, 1)
    spikes = ENCODERS[c.encoder](pixels.detach(), c.num_steps, generator=chance) + (pixels - pixels.detach())
    output = target.run(spikes)[1]
    confidences = DECODERS[c.decoder](*output)[:, label].unflatten(0, (draws, len(x)))
    return -output.mem.log_softmax(-1)[..., label].mean(), confidences.mean(0)


# --- distances


def features(judge: nn.Module, x: Images) -> Float[Tensor, " n features"]:
    """The judge's penultimate layer, without gradients, in blocks."""
    device = next(judge.parameters()).device
    with torch.no_grad():
        return torch.cat([judge.features(images.to(device)).cpu() for images in x.split(1000)])


def pixel_distance(a: Images, b: Float[Tensor, " m height width"]) -> Distances:
    """Root mean square difference of every image of a to every image of b, in grey values; exactly 0 for equal images."""
    exact = torch.cdist(a.flatten(1), b.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return exact / (a.shape[1] * a.shape[2]) ** 0.5


def feature_distance(judge: nn.Module, a: Images, b: Float[Tensor, " m height width"]) -> Distances:
    """Euclidean distance of the judge's penultimate features; no unit, comparable only under one judge.

    It is in the manner of LPIPS (Zhang et al. 2018), but from a network that knows this data set and nothing else.
    """
    return torch.cdist(features(judge, a), features(judge, b), compute_mode="donot_use_mm_for_euclid_dist")


def ssim(image: Float[Tensor, " height width"], other: Float[Tensor, " height width"]) -> float:
    """Structural similarity of two images in [0, 1] over windows of 7x7 pixels; 1 for equal images."""
    return float(structural_similarity(image.numpy(), other.numpy(), win_size=7, data_range=1))


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
    images: Images,
    x_train_of_class: Float[Tensor, " train _ _"],
    x_test_of_class: Float[Tensor, " test _ _"],
    *,
    distance: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, " n"]:
    """Distance to the nearest training image of the class minus that to the nearest test image, among equally many of both.

    The larger set is cut to the size of the smaller, as more images have nearer ones by chance alone; the mean over
    all cuts is exact (`nearest`). Fresh images of the class have leak 0 on average if both sets are drawn alike;
    below 0 an image is nearer to what the target was trained on than to other images of the same class. A copy of
    one training image counts only in the cuts that hold it. An image that is itself a test image is left out of that set.
    Where the split is not random (faces: the test images are the last two of a person) 0 is not the mark: read it against
    `reference_points`, the mean of the training images among them, which is nearer to these without being one.
    """
    if not images.shape[1:] == x_train_of_class.shape[1:] == x_test_of_class.shape[1:]:
        sizes = ", ".join(f"{x.shape[1]}x{x.shape[2]}" for x in (images, x_train_of_class, x_test_of_class))
        raise ValueError(f"images, x_train_of_class and x_test_of_class are {sizes} pixels, expected one size")
    return _leak(distance(images, x_train_of_class), distance(images, x_test_of_class), pixel_distance(images, x_test_of_class) == 0)


def _leak(
    to_train: Distances, to_test: Float[Tensor, " n test"], itself: Bool[Tensor, " n test"]
) -> Float[Tensor, " n"]:
    to_test = to_test.masked_fill(itself, float("inf"))
    sizes = to_test.isfinite().sum(1).clamp_max(to_train.shape[1]).tolist()
    return torch.tensor([nearest(train, size) - nearest(test, size) for train, test, size in zip(to_train, to_test, sizes)])


# --- the verdict


@torch.no_grad()
def natural_distance(judge: nn.Module, dataset: Dataset, *, level: float = 0.95) -> float:
    """How far real images of a class lie from its nearest training image: the quantile over all test images, by `feature_distance`."""
    nearest = [
        feature_distance(judge, dataset.x_test[dataset.y_test == label], dataset.x_train[dataset.y_train == label]).amin(1)
        for label in dataset.y_test.unique()
    ]
    return float(torch.cat(nearest).quantile(level))


def judge_images(
    judge: nn.Module,
    dataset: Dataset,
    images: Float[Tensor, " classes n height width"],
    labels: Sequence[int],
    *,
    natural: float,
) -> list[dict[str, float | int]]:
    """One row a class: whom the judge sees in its images, and how near these are to the class's training and test images.

    All n images: "judge_accuracy", the share called y; "judge_confidence", the mean confidence in y.
    The first COMPARED, as means: "recognised", the share called y that is also as near to a training image of the class as
    real images are (within `natural`, from `natural_distance`; noise made to fool a network is called y, but lies far off);
    "identified", the share that correlates with its own class's mean image more than with any other's, which no network is asked;
    "ssim_train" to the most similar of the CANDIDATES training images nearest in pixels, "ssim_mean" to the class mean; for
    "feature" and "pixel" distances "_train" and "_test" to the nearest image of all, "_leak" as `leak` says (not their
    difference where the sets are of different sizes). The first image: "feature_nearest" and "pixel_nearest", places in
    x_train of the training image of the class nearest to it. At most AT_MOST training and AT_MOST test images a class
    are looked at; without test images what needs them is NaN.
    """
    if len(images) != len(labels) or images.shape[1] < 1:
        raise ValueError(f"images hold {images.shape[1]} images of {len(images)} classes, expected one or more of {len(labels)} classes")
    if tuple(images.shape[2:]) != dataset.image_shape:
        raise ValueError(f"images are {images.shape[2]}x{images.shape[3]} pixels, expected {'x'.join(map(str, dataset.image_shape))}")
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"images span [{images.min():g}, {images.max():g}], expected grey values in [0, 1]")
    if wrong := [label for label in labels if not 0 <= label < dataset.num_classes]:
        raise ValueError(f"labels hold {wrong[0]}, expected classes from 0 to {dataset.num_classes - 1}")
    return [_judge_class(judge, dataset, x.cpu(), label, natural) for x, label in zip(images, labels)]


@torch.no_grad()
def _judge_class(judge: nn.Module, dataset: Dataset, x: Images, label: int, natural: float) -> dict[str, float | int]:
    confidences = judge(x.to(next(judge.parameters()).device)).cpu()
    places = _spread((dataset.y_train == label).nonzero()[:, 0])
    train, test = dataset.x_train[places], dataset.x_test[_spread((dataset.y_test == label).nonzero()[:, 0])]
    x = x[:COMPARED]
    by_pixel, mean = pixel_distance(x, train), dataset.class_mean(label)
    candidates = by_pixel.topk(min(CANDIDATES, len(train)), largest=False).indices
    row = {
        "label": label,
        "judge_accuracy": float((confidences.argmax(-1) == label).float().mean()),
        "judge_confidence": float(confidences[:, label].mean()),
        "ssim_train": float(np.mean([max(ssim(image, train[i]) for i in near) for image, near in zip(x, candidates)])),
        "ssim_mean": float(np.mean([ssim(image, mean) for image in x])),
        "identified": float((_most_alike(x, dataset) == label).float().mean()),
    }
    itself = pixel_distance(x, test) == 0
    for name, distance in (("feature", functools.partial(feature_distance, judge)), ("pixel", pixel_distance)):
        to_train, to_test = distance(x, train), distance(x, test)
        if name == "feature":
            called = confidences.argmax(-1)[: len(x)] == label
            row["recognised"] = float((called & (to_train.amin(1) <= natural)).float().mean())
        others = to_test.masked_fill(itself, float("inf"))
        row |= {
            f"{name}_train": float(to_train.amin(1).mean()),
            f"{name}_test": float(others.amin(1).mean()) if others.isfinite().any(1).all() else float("nan"),
            f"{name}_leak": float(_leak(to_train, to_test, itself).mean()),
            f"{name}_nearest": int(places[to_train[0].argmin()]),
        }
    return row


def _most_alike(x: Images, dataset: Dataset) -> Int[Tensor, " n"]:
    """The class whose mean image each image correlates with most."""
    means = torch.stack([dataset.class_mean(label) for label in range(dataset.num_classes)]).flatten(1)
    centred = F.normalize(means - means.mean(1, keepdim=True), dim=1)
    return (x.flatten(1) @ centred.T).argmax(1)  # an image's own mean and norm change no order


def _spread(places: Int[Tensor, " n"]) -> Int[Tensor, " m"]:
    """At most AT_MOST of them, evenly spaced from the first to the last."""
    return places[torch.linspace(0, len(places) - 1, min(len(places), AT_MOST)).round().long()]


def reference_points(dataset: Dataset, *, per_class: int, seed: int) -> dict[str, Float[Tensor, " classes _ height width"]]:
    """What scores are to be read against, of every class: images of real people or digits, their mean, and noise.

    "training image": a copy of one, as near to the training set as can be; "test image": fresh images of the class,
    which cannot leak; "class mean": one image a class; "noise": uniform. Real images are drawn at random,
    of every class as many as the smallest has, at most `per_class`; what a class has none of is left out.
    """
    if per_class < 1:
        raise ValueError(f"per_class is {per_class}, expected at least 1")
    chance, classes = torch.Generator().manual_seed(seed), range(dataset.num_classes)
    references = {
        "class mean": torch.stack([dataset.class_mean(label)[None] for label in classes]),
        "noise": torch.rand(dataset.num_classes, per_class, *dataset.image_shape, generator=chance),
    }
    for name, x, y in (("training image", dataset.x_train, dataset.y_train), ("test image", dataset.x_test, dataset.y_test)):
        if n := min(per_class, int(torch.bincount(y, minlength=dataset.num_classes).min())):
            drawn = [x[y == label] for label in classes]
            references[name] = torch.stack([own[torch.randperm(len(own), generator=chance)[:n]] for own in drawn])
    return references
