"""The threat model: whoever holds a BlackBox sees confidences, no gradients, and pays for every query."""

import inspect
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from snnmi import chance
from snnmi.checkpoint import Checkpoint

# What an interface gives of its confidences, by name: arguments of `BlackBox`.
FORMS: dict[str, dict] = {
    "full": {},
    "one decimal": {"decimals": 1},
    "largest": {"top_k": 1},
    "label": {"label_only": True},
}


class BudgetExceeded(RuntimeError):
    """A query was refused because it would pass the budget; nothing was computed."""


class BlackBox:
    """A target behind an interface: images in, confidences out.

    `target` is any callable from images " batch height width" to confidences " batch classes", as tensors or
    arrays of any float type; scikit-learn's `predict_proba` is given its rows. One that takes `generator=` (a
    rate-coded SNN) draws afresh at every query from the box's own, which the attacker cannot seed. Real
    interfaces often give less than all confidences: `top_k` largest (the others read 0), `decimals` rounded,
    or `label_only` (one-hot).

    Example: `BlackBox(forest.predict_proba, seed=0)(images)`.
    """

    def __init__(
        self,
        target: Callable,
        *,
        seed: int,
        device: str | torch.device = "cpu",
        budget: int | None = None,  # queries in all; None: unlimited
        top_k: int | None = None,
        decimals: int | None = None,
        label_only: bool = False,
        role: str = "target's answers",  # whose draws (`chance.ROLES`)
    ):
        if not callable(target):
            raise ValueError(
                f"target is {type(target).__name__}, expected a callable from images to confidences"
            )
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}, expected at least 1")
        if label_only and (top_k is not None or decimals is not None):
            raise ValueError(
                "label_only was given with top_k or decimals, expected one of them: a label has no confidences"
            )
        self._target, self._checked = target, False
        self._draws, self._rows = takes(target, "generator"), hasattr(_owner(target), "n_features_in_")
        self.generator = chance.generator(role, seed, device)
        self.device, self.budget, self.queries = device, budget, 0
        self.top_k, self.decimals, self.label_only = top_k, decimals, label_only

    def __call__(self, x: Float[Tensor, " *batch height width"]) -> Float[Tensor, " *batch classes"]:
        """Confidences for every image; any leading axes. Raises BudgetExceeded before computing anything."""
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
        answers = self._ask(images)
        try:
            confidences = torch.as_tensor(answers, dtype=torch.float32, device=x.device).detach()
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(
                f"the target's answer is a {type(answers).__name__}, expected an array of confidences"
            ) from None
        if not self._checked and len(images):
            check_confidences(confidences, len(images))
            self._checked = True
        return self._given(confidences).view(*x.shape[:-2], confidences.shape[-1])

    def _ask(self, images: Float[Tensor, " n height width"]) -> object:
        """The target's own answer, whatever its type."""
        if self._rows and not len(images):  # scikit-learn refuses these
            return np.zeros((0, len(_owner(self._target).classes_)))
        if self._rows:  # its convention
            images = images.flatten(1).cpu().numpy()
        return self._target(images, generator=self.generator) if self._draws else self._target(images)

    def _given(self, confidences: Float[Tensor, " n classes"]) -> Float[Tensor, " n classes"]:
        if self.label_only:
            return torch.zeros_like(confidences).scatter(-1, confidences.argmax(-1, keepdim=True), 1)
        if self.top_k is not None:
            top = confidences.topk(min(self.top_k, confidences.shape[-1]))
            confidences = torch.zeros_like(confidences).scatter(-1, top.indices, top.values)
        return confidences if self.decimals is None else confidences.round(decimals=self.decimals)

    def state(self) -> dict[str, Tensor]:
        """What a resumed attack needs: queries spent and where the chance of the target stands."""
        return {"queries": torch.tensor(self.queries), "generator": self.generator.get_state()}

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


def _owner(function: Callable) -> object:
    return getattr(function, "__self__", None)


def check_confidences(answers: Tensor | np.ndarray, images: int) -> None:
    """Raises ValueError where these cannot be the confidences of so many images: rows in [0, 1] that sum to 1."""
    expected = f"expected confidences ({images}, classes), each row in [0, 1] and summing to 1"
    if answers.ndim != 2 or len(answers) != images:
        raise ValueError(
            f"the target's answer to {images} images has shape {tuple(answers.shape)}, {expected}"
        )
    if not torch.isfinite(answers).all():
        raise ValueError(f"the target's answer holds NaN or infinite values, {expected}")
    low, high, sums = float(answers.min()), float(answers.max()), answers.sum(1)
    if low < -1e-3 or high > 1 + 1e-3 or (sums - 1).abs().max() > 1e-2:
        raise ValueError(
            f"the target's answer spans [{low:g}, {high:g}] in rows that sum to {float(sums.min()):g} up to "
            f"{float(sums.max()):g}, {expected}: does it give logits?"
        )
