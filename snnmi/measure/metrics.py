"""The paper's scores (section IV-B) and the floors they stand on: arrays in, plain floats out.

Numbers that are none stay so: a score of answers or images that hold NaN is NaN, never the one of class 0, which is
NaN's argmax.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.special import xlogy
from skimage.metrics import structural_similarity

Confidences = Float[np.ndarray, " n classes"]


def fidelity_mae(p: Confidences, q: Confidences) -> float:
    """Fidelity, first reading: 1 - mean absolute error over all confidence entries (paper, eq. 8)."""
    return float(1 - np.abs(p - q).mean())


def fidelity_top(p: Confidences, q: Confidences) -> float:
    """Fidelity, second reading: share of inputs on which both name the same top class."""
    return _if_numbers(float((p.argmax(-1) == q.argmax(-1)).mean()), p, q)


def accuracy(p: Confidences, y: Int[np.ndarray, " n"]) -> float:
    """Share of rows whose top class is y."""
    return _if_numbers(float((p.argmax(-1) == y).mean()), p)


def constant_floor(p: Confidences, score: Callable[[Confidences, Confidences], float]) -> float:
    """The fidelity of the best predictor that never looks at its input: the higher of uniform, median and commonest
    answer.
    """
    classes = p.shape[-1]
    commonest = np.eye(classes)[np.bincount(p.argmax(-1), minlength=classes).argmax()]
    constants = (np.full(classes, 1 / classes), np.median(p, axis=0), commonest)
    return _if_numbers(max(score(p, np.broadcast_to(c, p.shape)) for c in constants), p)


def entropy(p: Confidences) -> float:
    """Mean entropy of answers in nats: no surrogate's cross-entropy with them can lie below it."""
    return float(-xlogy(p, p).sum(-1).mean())


def constant_entropy(p: Confidences) -> float:
    """The cross-entropy with these answers of the best predictor that never looks at its input, their mean; nats."""
    return entropy(p.mean(0, keepdims=True))


def identified(images: np.ndarray, references: np.ndarray, label: int) -> float:
    """Share of images (n, h, w) that correlate with reference `label` (classes, h, w) more than with any other; one
    of a single grey correlates with none.
    """
    means = references.reshape(len(references), -1).astype(float)
    means -= means.mean(1, keepdims=True)
    # an image's own mean and norm change no order
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    flat = images.reshape(len(images), -1)
    alike = flat @ means.T
    right = (alike.argmax(1) == label) & (np.ptp(flat, axis=1) > 0)
    return _if_numbers(float(right.mean()), alike)


def ssim(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean over images (n, h, w) of the structural similarity with one reference (h, w), both in [0, 1], over windows
    of 7x7 pixels; 1 for equal images, NaN for smaller ones.
    """
    if min(reference.shape) < 7:
        return float("nan")
    return float(np.mean([structural_similarity(x, reference, win_size=7, data_range=1) for x in images]))


def _if_numbers(score: float, *of: np.ndarray) -> float:
    """The score, or NaN where what it is of holds NaN."""
    return score if all(np.isfinite(one).all() for one in of) else float("nan")


def commonest_class(y: Int[np.ndarray, " n"]) -> float:
    """Accuracy of always naming the commonest class."""
    return float(np.bincount(y).max() / len(y))


def likeness(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean over images (n, h, w) of Pearson's correlation with one reference image (h, w); 0 is chance, a flat image
    counts 0.
    """
    x = images.reshape(len(images), -1).astype(float)
    x = x - x.mean(1, keepdims=True)
    y = reference.ravel().astype(float) - reference.mean()
    norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y)
    return _if_numbers(float(np.mean(np.divide(x @ y, norm, out=np.zeros(len(x)), where=norm > 0))), norm)
