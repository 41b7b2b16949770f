"""Scoring a finished attack: what both players say of fresh inputs, and the metrics that make scores of it."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from snnmi import chance, checks
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.pair import Pair
from snnmi.attack.players import GaminConfig, random_inputs
from snnmi.checks import at_least
from snnmi.data import Dataset
from snnmi.measure import metrics


@dataclass(frozen=True)
class Evaluation:
    """How an attack's outcome is measured; queries made here are the examiner's, not the attacker's."""

    noise: int = 1000  # fresh random inputs for fidelity
    generated: int = 100  # fresh reconstructions a class for A_comb and A_target
    shown: int = 8  # reconstructions kept a class
    resolution: int = 41  # points a side of a decision slice
    paths: int = 50  # straight paths between test images

    def __post_init__(self):
        at_least(self, noise=1, generated=1, shown=1, resolution=2, paths=1)


@dataclass(frozen=True)
class Answers:
    """What target and surrogates say of fresh inputs: all classes' surrogates of the same noise and test images."""

    labels: Sequence[int]  # one a pair
    y_test: Int[np.ndarray, " test"]
    images: Float[np.ndarray, " pairs n height width"]  # fresh reconstructions
    T_images: Float[np.ndarray, " pairs n classes"]
    S_images: Float[np.ndarray, " pairs n classes"]
    T_noise: Float[np.ndarray, " m classes"]
    T_again: Float[np.ndarray, " m classes"]  # to the same noise, drawn afresh
    S_noise: Float[np.ndarray, " pairs m classes"]
    T_test: Float[np.ndarray, " test classes"]
    S_test: Float[np.ndarray, " pairs test classes"]
    class_means: Float[np.ndarray, " classes height width"]  # of training images

    @property
    def num_classes(self) -> int:
        return self.T_noise.shape[-1]


def _says(pair: Pair, x: Float[Tensor, " n height width"]) -> Float[Tensor, " pairs n classes"]:
    """What every surrogate says of the same inputs."""
    return pair.S(x.expand(len(pair), *x.shape)).softmax(-1)


@torch.no_grad()
def surrogate_accuracy(pair: Pair, dataset: Dataset, device: str = "cpu") -> Float[Tensor, " pairs"]:
    """Share of test images that each surrogate reads: an examiner's look at an attack that is still at work."""
    parts = zip(dataset.x_test.to(device).split(1000), dataset.y_test.to(device).split(1000))
    right = sum((_says(pair, x).argmax(-1) == y).sum(-1) for x, y in parts)
    return right / len(dataset.x_test)


@torch.no_grad()
def ask(
    target: Callable,
    pair: Pair,
    dataset: Dataset,
    labels: Sequence[int],
    evaluation: Evaluation,
    *,
    seed: int,
    device: str = "cpu",
) -> Answers:
    """Ask both; `target` is any callable that a `BlackBox` takes."""
    queries, config = chance.generator("examiner's queries", seed, device), pair.config
    x_noise = random_inputs(config, evaluation.noise, *dataset.image_shape, generator=queries, device=device)
    z = torch.randn(len(labels), evaluation.generated, config.z_dim, generator=queries, device=device)
    images, tests = pair.G(z, queries), dataset.x_test.to(device).split(1000)
    said = {"S_noise": _says(pair, x_noise), "S_images": pair.S(images).softmax(-1)}
    said["S_test"] = torch.cat([_says(pair, x).cpu() for x in tests], 1)
    return ask_of_images(target, images, said, x_noise, dataset, labels, seed=seed, device=device)


@torch.no_grad()
def ask_of_images(
    target: Callable,
    images: Float[Tensor, " pairs n height width"],
    said: Mapping[str, Tensor] | None,  # by a copy, as `copy_says`; None: without one, what it says is NaN
    x_noise: Float[Tensor, " m height width"],
    dataset: Dataset,
    labels: Sequence[int],
    *,
    seed: int,
    device: str = "cpu",
) -> Answers:
    """Ask the target of what was drawn, by a pair or by an attack that keeps none."""
    if said is None:
        sizes = {"S_noise": len(x_noise), "S_images": images.shape[1], "S_test": len(dataset.x_test)}
        nothing = partial(torch.full, fill_value=torch.nan)
        said = {name: nothing((len(images), n, dataset.num_classes)) for name, n in sizes.items()}
    blackbox = BlackBox(target, seed=seed, device=device, role="examiner's answers")
    images, tests = images.to(device), dataset.x_test.to(device).split(1000)
    return Answers(
        labels=labels,
        y_test=dataset.y_test.numpy(),
        images=images.cpu().numpy(),
        T_noise=blackbox(x_noise).cpu().numpy(),
        T_again=blackbox(x_noise).cpu().numpy(),
        T_images=blackbox(images).cpu().numpy(),
        T_test=np.concatenate([blackbox(x).cpu().numpy() for x in tests]),
        class_means=dataset.class_means().numpy(),
        **{name: answers.cpu().numpy() for name, answers in said.items()},
    )


# --- attacks that keep no pair


@torch.no_grad()
def copy_says(
    copy: Callable, images: Float[Tensor, " pairs n height width"], x_noise: Tensor, dataset: Dataset
) -> dict[str, Tensor]:
    """What a copy, one for all classes, says of all that it is scored by; any callable that a `BlackBox` takes."""
    box, tests = BlackBox(copy, seed=0, role="examiner's answers"), dataset.x_test.split(1000)
    said = {"S_noise": box(x_noise)[None], "S_test": torch.cat([box(x) for x in tests])[None]}
    said = {name: answers.repeat(len(images), 1, 1) for name, answers in said.items()}
    return said | {"S_images": box(images)}


def examiners_noise(
    config: GaminConfig,
    evaluation: Evaluation,
    image_shape: tuple[int, int],
    *,
    seed: int,
    device: str = "cpu",
) -> Float[Tensor, " m height width"]:
    """The fresh noise on which `ask` measures, too."""
    draws = {"generator": chance.generator("examiner's queries", seed, device), "device": device}
    return random_inputs(config, evaluation.noise, *image_shape, **draws)


@dataclass(frozen=True)
class Metric:
    """A score of every class: one entry of METRICS adds it to scores, Table II, figures and chapters."""

    name: str  # as pages write it
    score: Callable[[Answers, int], float] | None  # of the i-th class; None: the attack's own number
    floor: Callable[[Answers], float] | None = None  # what comes for nothing
    ceiling: Callable[[Answers], float] | None = None  # the best there can be
    paper: str | None = None  # the column of the paper's Table II
    share: bool = False  # in 0..1, printed in %
    table: bool = True  # a column of Table II


def _fidelity(name: str, agree: Callable) -> Metric:
    return Metric(
        name,
        lambda a, i: agree(a.T_noise, a.S_noise[i]),
        floor=lambda a: metrics.constant_floor(a.T_noise, agree),
        ceiling=lambda a: agree(a.T_noise, a.T_again),
        paper="fidelity",
    )


def _accepted(name: str, who: str) -> Metric:
    return Metric(
        name,
        lambda a, i: metrics.accuracy(getattr(a, who)[i], np.full(a.images.shape[1], a.labels[i])),
        floor=lambda a: 1 / a.num_classes,
        ceiling=lambda a: 1.0,
        paper=name,
        share=True,
    )


def _of_images(name: str, score: Callable) -> Metric:
    """Of the images themselves, against the mean training image of their class."""
    ours = lambda a, i: score(a.images[i], a.class_means[a.labels[i]])  # noqa: E731
    return Metric(name, ours, ceiling=lambda a: 1.0, table=False)


METRICS: dict[str, Metric] = {
    "M_global": Metric(
        "M_global",
        None,
        floor=lambda a: metrics.constant_entropy(a.T_noise),
        ceiling=lambda a: metrics.entropy(a.T_noise),  # cross-entropy cannot fall below the target's own
        paper="M_global",
    ),
    "fidelity_mae": _fidelity("F (error)", metrics.fidelity_mae),
    "fidelity_top": _fidelity("F (top class)", metrics.fidelity_top),
    "surrogate_accuracy": Metric(
        "surrogate acc.",
        lambda a, i: metrics.accuracy(a.S_test[i], a.y_test),
        floor=lambda a: metrics.commonest_class(a.y_test),
        ceiling=lambda a: metrics.accuracy(a.T_test, a.y_test),
        paper="surrogate_accuracy",
        share=True,
    ),
    "A_comb": _accepted("A_comb", "S_images"),
    "A_target": _accepted("A_target", "T_images"),
    "commonest_answer": Metric(  # a question that always gets one answer teaches nothing
        "commonest answer",
        lambda a, i: metrics.commonest_class(a.T_noise.argmax(-1)),
        floor=lambda a: 1 / a.num_classes,
        share=True,
        table=False,
    ),
    "entropy_generated": Metric("H(T(x_G))", lambda a, i: metrics.entropy(a.T_images[i]), table=False),
    "likeness": _of_images("likeness", metrics.likeness),
    "ssim": _of_images("SSIM", metrics.ssim),
    "identified": Metric(
        "identified",
        lambda a, i: metrics.identified(a.images[i], a.class_means, a.labels[i]),
        floor=lambda a: 1 / a.num_classes,
        ceiling=lambda a: 1.0,
        share=True,
        table=False,
    ),
}


PROJECTS = dict(METRICS)


def _number(key: str, metric: Metric, which: str, answers: Answers, *label: int) -> float:
    """One number. A metric of a user's own is handed a copy, so that others see no change of it, and is named where it
    gives none.
    """
    handed = answers if PROJECTS.get(key) is metric else copy.deepcopy(answers)
    try:
        return float(getattr(metric, which)(handed, *label))
    except Exception as error:
        what = f"{type(error).__name__}: {checks.in_a_line(error)}"
        raise ValueError(f"metric {key!r}: its {which} gives no number ({what})") from error


def try_metrics(dataset: Dataset, evaluation: Evaluation) -> None:
    """Score drawn answers of two classes by the metrics that are not the project's, before anything is trained."""
    draw = np.random.default_rng(0)
    says = lambda x: draw.dirichlet(np.ones(dataset.num_classes), len(x))  # noqa: E731
    images = torch.from_numpy(draw.random((2, evaluation.generated, *dataset.image_shape), np.float32))
    x_noise = torch.zeros(evaluation.noise, *dataset.image_shape)
    said = copy_says(says, images, x_noise, dataset)
    answers = ask_of_images(says, images, said, x_noise, dataset, [0, 1], seed=0)
    score(answers, {key: metric for key, metric in METRICS.items() if PROJECTS.get(key) is not metric})


def score(answers: Answers, table: Mapping[str, Metric] = METRICS) -> list[dict[str, float]]:
    """One row a class: every metric, and in <name>_floor and <name>_ceiling what to read it against."""
    bounds = {
        f"{key}_{end}": _number(key, metric, end, answers)
        for key, metric in table.items()
        for end in ("floor", "ceiling")
        if getattr(metric, end)
    }
    own = {key: metric for key, metric in table.items() if metric.score}
    rows = [
        {key: _number(key, metric, "score", answers, i) for key, metric in own.items()}
        for i in range(len(answers.labels))
    ]
    papers = [key for key in own if table[key].paper]
    if np.isnan(answers.S_test).all():  # there is no copy
        papers = [key for key in papers if key == "A_target"]
    if lost := [
        label for label, row in zip(answers.labels, rows) if np.isnan([row[key] for key in papers]).any()
    ]:
        said = f"classes {lost} have answers or images that are no numbers: their scores are NaN, and no mean has them"
        warnings.warn(said, stacklevel=2)
    return [row | bounds for row in rows]


def as_bytes(images: Float[np.ndarray, " *n height width"]) -> UInt8[np.ndarray, " *n height width"]:
    """Images in [0, 1] as results keep them; what is no number is black."""
    return (np.nan_to_num(images) * np.float32(255)).round().astype(np.uint8)


def pictures(answers: Answers, shown: int, of: str = "") -> dict[str, np.ndarray]:
    """The first reconstructions of every class, uint8, and what both networks say of them; `of` goes before names."""
    return {
        f"{of}reconstructions": as_bytes(answers.images[:, :shown]),
        f"{of}target_confidences": answers.T_images[:, :shown],
        f"{of}surrogate_confidences": answers.S_images[:, :shown],
    }
