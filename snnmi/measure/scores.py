"""The paper's metrics (section IV-B) of a finished attack, each with its floor and ceiling, and the reconstructions
that are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from snnmi.attack.blackbox import BlackBox
from snnmi.attack.pair import Pair
from snnmi.attack.players import NOISES
from snnmi.data import Dataset
from snnmi.measure import metrics


@dataclass(frozen=True)
class Evaluation:
    """How an attack's outcome is scored; queries made here are the examiner's, not the attacker's."""

    noise: int = 1000  # fresh random inputs for fidelity
    generated: int = 100  # fresh reconstructions a class for A_comb and A_target
    shown: int = 8  # reconstructions kept a class
    resolution: int = 41  # points a side of a decision slice
    paths: int = 50  # straight paths between test images


class Answers(NamedTuple):
    """What target and surrogates say of fresh inputs: all classes' surrogates of the same noise and test images."""

    images: Float[np.ndarray, " pairs n height width"]  # fresh reconstructions
    T_images: Float[np.ndarray, " pairs n classes"]
    S_images: Float[np.ndarray, " pairs n classes"]
    T_noise: Float[np.ndarray, " m classes"]
    T_again: Float[np.ndarray, " m classes"]  # to the same noise, drawn afresh
    S_noise: Float[np.ndarray, " pairs m classes"]
    T_test: Float[np.ndarray, " test classes"]
    S_test: Float[np.ndarray, " pairs test classes"]


@torch.no_grad()
def ask(target, pair: Pair, dataset: Dataset, evaluation: Evaluation, *, seed: int, device: str) -> Answers:
    """Ask both; `target` is any callable that a `BlackBox` takes."""
    blackbox, chance = BlackBox(target, seed=seed, device=device), torch.Generator(device).manual_seed(seed)
    config, num_pairs = pair.config, len(next(iter(pair.parameters["surrogate"].values())))
    x_noise = NOISES[config.noise](evaluation.noise, *dataset.image_shape, generator=chance, device=device)
    n = max(evaluation.generated, evaluation.shown)
    images = pair.G(torch.randn(num_pairs, n, config.z_dim, generator=chance, device=device))
    tests = dataset.x_test.to(device).split(1000)

    def surrogates(x):
        return pair.S(x.expand(num_pairs, *x.shape)).softmax(-1).cpu().numpy()

    return Answers(
        images=images.cpu().numpy(),
        T_noise=blackbox(x_noise).cpu().numpy(),
        T_again=blackbox(x_noise).cpu().numpy(),
        T_images=blackbox(images).cpu().numpy(),
        S_noise=surrogates(x_noise),
        S_images=pair.S(images).softmax(-1).cpu().numpy(),
        S_test=np.concatenate([surrogates(x) for x in tests], axis=1),
        T_test=np.concatenate([blackbox(x).cpu().numpy() for x in tests]),
    )


def scores(
    answers: Answers, dataset: Dataset, labels: Sequence[int], generated: int
) -> list[dict[str, float]]:
    """One row a class: shares in 0..1; `generated`: how many of the reconstructions are scored."""
    y_test = dataset.y_test.numpy()
    bounds = {
        "fidelity_mae_floor": metrics.constant_floor(answers.T_noise, metrics.fidelity_mae),
        "fidelity_mae_ceiling": metrics.fidelity_mae(answers.T_noise, answers.T_again),
        "fidelity_top_floor": metrics.constant_floor(answers.T_noise, metrics.fidelity_top),
        "fidelity_top_ceiling": metrics.fidelity_top(answers.T_noise, answers.T_again),
        "surrogate_accuracy_floor": metrics.commonest_class(y_test),
        "surrogate_accuracy_ceiling": metrics.accuracy(answers.T_test, y_test),
        "chance": 1 / dataset.num_classes,
    }
    return [
        {
            "fidelity_mae": metrics.fidelity_mae(answers.T_noise, answers.S_noise[i]),
            "fidelity_top": metrics.fidelity_top(answers.T_noise, answers.S_noise[i]),
            "surrogate_accuracy": metrics.accuracy(answers.S_test[i], y_test),
            "A_comb": metrics.accuracy(answers.S_images[i, :generated], np.full(generated, label)),
            "A_target": metrics.accuracy(answers.T_images[i, :generated], np.full(generated, label)),
            **bounds,
        }
        for i, label in enumerate(labels)
    ]


def pictures(answers: Answers, shown: int) -> dict[str, np.ndarray]:
    """The first reconstructions of every class, uint8, and what both networks say of them."""
    return {
        "reconstructions": (answers.images[:, :shown] * np.float32(255)).round().astype(np.uint8),
        "target_confidences": answers.T_images[:, :shown],
        "surrogate_confidences": answers.S_images[:, :shown],
    }
