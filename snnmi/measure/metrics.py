"""The paper's scores (section IV-B) and the floors they stand on: arrays in, plain floats out."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

Confidences = Float[np.ndarray, " n classes"]


def m_global(l_n: float, l_g: float, gamma: float) -> float:
    """L_N + |gamma L_N - L_G| (paper, eq. 7, after BEGAN): low when the surrogate is faithful and in balance; nats."""
    return float(l_n + abs(gamma * l_n - l_g))


def fidelity_mae(p: Confidences, q: Confidences) -> float:
    """Fidelity, first reading: 1 - mean absolute error over all confidence entries (paper, eq. 8)."""
    return float(1 - np.abs(p - q).mean())


def fidelity_top(p: Confidences, q: Confidences) -> float:
    """Fidelity, second reading: share of inputs on which both name the same top class."""
    return float((p.argmax(-1) == q.argmax(-1)).mean())


def accuracy(p: Confidences, y: Int[np.ndarray, " n"]) -> float:
    """Share of rows whose top class is y."""
    return float((p.argmax(-1) == y).mean())


def constant_floor(p: Confidences, score: Callable[[Confidences, Confidences], float]) -> float:
    """The fidelity of the best predictor that never looks at its input: the higher of uniform, median and commonest
    answer.
    """
    classes = p.shape[-1]
    commonest = np.eye(classes)[np.bincount(p.argmax(-1), minlength=classes).argmax()]
    constants = (np.full(classes, 1 / classes), np.median(p, axis=0), commonest)
    return max(score(p, np.broadcast_to(c, p.shape)) for c in constants)


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
    return float(np.mean(np.divide(x @ y, norm, out=np.zeros(len(x)), where=norm > 0)))


def not_converged(
    m_global: Float[np.ndarray, " points classes"], *, tolerance: float = 0.05
) -> Bool[np.ndarray, " classes"]:
    """Whether the mean of the last tenth of a history differs from that of the tenth before by more than `tolerance`
    of it.

    A rule, not a proof: it sees a curve that still moves, not one that would move later. A curve with nan has not
    converged.
    """
    tenth = len(m_global) // 10
    if not tenth:
        raise ValueError(f"the history has {len(m_global)} points, expected at least 10")
    before, last = m_global[-2 * tenth : -tenth].mean(0), m_global[-tenth:].mean(0)
    return ~(np.abs(last - before) <= tolerance * np.abs(before))
