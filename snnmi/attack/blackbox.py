"""The threat model: whoever holds a BlackBox sees confidences, no gradients, and pays for every query."""

import functools
import inspect
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from snnmi import chance, checks
from snnmi.checkpoint import Checkpoint

Confidences = Float[Tensor, " n classes"]


def largest(p: Confidences) -> Confidences:
    """The highest confidence; the others read 0."""
    top = p.topk(1)
    return torch.zeros_like(p).scatter(-1, top.indices, top.values)


def label(p: Confidences) -> Confidences:
    """One-hot."""
    return torch.zeros_like(p).scatter(-1, p.argmax(-1, keepdim=True), 1)


# What an interface gives of its confidences, by name: a form of your own is one more entry.
FORMS: dict[str, Callable[[Confidences], Confidences]] = {
    "full": lambda p: p,
    "one decimal": lambda p: p.round(decimals=1),
    "largest": largest,
    "label": label,
}


class BudgetExceeded(RuntimeError):
    """A query was refused because it would pass the budget; nothing was computed."""


class BlackBox:
    """A target behind an interface: images in, confidences out.

    `target` is any callable from images " batch height width" to confidences " batch classes", as tensors or
    arrays of any float type; scikit-learn's `predict_proba` is given its rows. It is asked with a copy, and its answer
    is copied: whatever it does to either, nobody else sees. One that takes `generator=` (a rate-coded SNN) draws
    afresh at every query from the box's own, which the attacker cannot seed. Real interfaces often give less than all
    confidences: `answers`, of `FORMS`.

    Example: `BlackBox(forest.predict_proba, seed=0)(images)`.
    """

    def __init__(
        self,
        target: Callable,
        *,
        seed: int,
        device: str | torch.device = "cpu",
        budget: int | None = None,  # queries in all; None: unlimited
        answers: str = "full",
        role: str = "target's answers",  # whose draws (`chance.ROLES`)
    ):
        if not callable(target):
            method = ", such as its predict_proba" * hasattr(target, "predict_proba")
            raise ValueError(
                f"target is {type(target).__name__}, expected a callable from images to confidences{method}"
            )
        self.budget = None if budget is None else checks.whole("budget", budget, 0)
        self.answers = answers
        checks.one_of(self, answers=FORMS)
        self._target, self._checked, self._draws = target, False, takes(target, "generator")
        self._rows = _wants_rows(target)
        self.generator = chance.generator(role, seed, device)
        self.device, self.queries = device, 0

    def __call__(
        self, x: Shaped[Tensor | np.ndarray, " *batch height width"]
    ) -> Float[Tensor, " *batch classes"]:
        """Confidences for every image; any leading axes. Raises BudgetExceeded before computing anything."""
        x = as_images(x, self.device)
        self.spend(x[..., 0, 0].numel())
        return self.answer(x)

    def spend(self, queries: int) -> None:
        """Pay for queries to come; raises BudgetExceeded, nothing being spent, where the budget has fewer left."""
        if self.budget is not None and self.queries + queries > self.budget:
            raise BudgetExceeded(
                f"{queries} queries asked for, {self.budget - self.queries} of {self.budget} left"
            )
        self.queries += queries

    @torch.no_grad()
    def answer(self, x: Float[Tensor, " *batch height width"]) -> Float[Tensor, " *batch classes"]:
        """What `spend` has paid for.

        The two are apart for an attack on a GPU, which replays its steps with no Python to count them.
        """
        images = x.detach().reshape(-1, *x.shape[-2:])
        try:
            confidences = self._confidences(images)
        except ValueError:
            if self._rows is not None:
                raise
            self._rows = True  # scikit-learn's convention, where images would not do
            confidences = self._confidences(images)
        return FORMS[self.answers](confidences).view(*x.shape[:-2], confidences.shape[-1])

    def _confidences(self, images: Float[Tensor, " n height width"]) -> Confidences:
        """The target's own answer; ValueError where it gives none, or the first one that it gives cannot be right."""
        if self._rows and not len(images):  # scikit-learn refuses these
            return self._confidences(images.new_zeros(1, *images.shape[1:]))[:0]
        asked = images.flatten(1).cpu().numpy().copy() if self._rows else images.clone()
        shape = tuple(asked.shape)
        try:
            answers = self._target(asked, generator=self.generator) if self._draws else self._target(asked)
        except Exception as error:
            if self._checked or isinstance(error, BudgetExceeded):
                raise
            raise ValueError(
                f"the target fails on an array {shape}: {type(error).__name__}: {checks.in_a_line(error)}; expected "
                "one that takes images (n, height, width): wrap what takes rows as lambda x: f(x.flatten(1)), what "
                "takes a channel as lambda x: f(x[:, None])"
            ) from error
        try:
            answers = torch.as_tensor(answers, dtype=torch.float32, device=images.device).detach().clone()
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(
                f"the target's answer is a {type(answers).__name__}, expected an array of confidences"
            ) from None
        if not self._checked and len(images):
            check_confidences(answers, len(images))
            self._checked, self._rows = len(images) > 1, bool(self._rows)
        return answers

    def state(self) -> dict[str, Tensor | torch.Generator]:
        """What a resumed attack needs: queries spent and where the chance of the target stands."""
        return {"queries": torch.tensor(self.queries), "generator": self.generator}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.queries = int(state["queries"])
        self.generator.set_state(state["generator"])


class Remembered:
    """A black box whose answers are saved on the way, so that a measurement that was killed asks for the rest alone.

    Begun again with equal questions, it gives the answers that it has, in their order, and then asks on, bit for bit as
    if there had been no end. For measurements: it keeps all answers, on the CPU.
    """

    def __init__(self, blackbox: BlackBox, checkpoint: Checkpoint):
        self._box, self._checkpoint, self._given = blackbox, checkpoint, 0
        saved = checkpoint.load() or {}
        self._answers: dict[int, Tensor] = saved.get("answers", {})
        if saved:
            blackbox.restore(saved["blackbox"])

    def __call__(self, x: Float[Tensor, " *batch height width"]) -> Float[Tensor, " *batch classes"]:
        if self._given not in self._answers:
            self._answers[self._given] = self._box(x).cpu()
            if self._checkpoint.due():
                self._checkpoint.save({"answers": self._answers, "blackbox": self._box.state()})
        self._given += 1
        return self._answers[self._given - 1].to(x.device)


def takes(function: Callable, name: str) -> bool:
    """Whether a callable names an argument so; a PyTorch module's are its `forward`'s.

    `**params` is not enough: scikit-learn's pipelines hand those on to a step that refuses them.
    """
    try:
        signature = inspect.signature(function.forward if isinstance(function, torch.nn.Module) else function)
    except (TypeError, ValueError):  # some compiled functions have none
        return False
    return name in signature.parameters


def _wants_rows(target: Callable) -> bool | None:
    """Whether a method asks for rows of pixels, as scikit-learn's do; None: it may, as a classifier that does not say.

    It may stand in a `functools.partial` or a decorator.
    """
    while not hasattr(target, "__self__"):
        if isinstance(target, functools.partial):
            target = target.func
        elif (target := getattr(target, "__wrapped__", None)) is None:
            return False
    if hasattr(target.__self__, "n_features_in_"):
        return True
    return None if hasattr(target.__self__, "fit") else False


def as_images(x: object, device: str | torch.device) -> Float[Tensor, " *batch height width"]:
    """Tensors and arrays of floats as float32; ValueError for anything else."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":  # whatever its strides, byte order and rights
        x = torch.tensor(np.ascontiguousarray(x, np.float32), device=device)
    dense = isinstance(x, Tensor) and x.layout == torch.strided
    if not (dense and x.is_floating_point() and x.ndim >= 2):
        what = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor | np.ndarray) else type(x).__name__
        what = f"sparse {what}" if isinstance(x, Tensor) and not dense else what
        raise ValueError(f"images are {what}, expected floats (..., height, width), 1 being white")
    return x.float()


def check_confidences(answers: Tensor | np.ndarray, images: int) -> None:
    """Raises ValueError where these cannot be the confidences of so many images: rows in [0, 1] that sum to 1."""
    expected = f"expected confidences ({images}, classes), each row in [0, 1] and summing to 1"
    if answers.ndim != 2 or len(answers) != images:
        labels = ": does it give labels?" * (answers.ndim == 1)
        raise ValueError(
            f"the target's answer to {images} images has shape {tuple(answers.shape)}, {expected}{labels}"
        )
    if not torch.isfinite(answers).all():
        raise ValueError(f"the target's answer holds NaN or infinite values, {expected}")
    low, high, sums = float(answers.min()), float(answers.max()), answers.sum(1)
    if low < -1e-3 or high > 1 + 1e-3 or (sums - 1).abs().max() > 1e-2:
        raise ValueError(
            f"the target's answer spans [{low:g}, {high:g}] in rows that sum to {float(sums.min()):g} up to "
            f"{float(sums.max()):g}, {expected}: does it give logits?"
        )
