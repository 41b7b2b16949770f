"""The threat model: whoever holds a BlackBox sees confidences, no gradients, and pays for every query."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


class BudgetExceeded(RuntimeError):
    """A query was refused because it would pass the budget; nothing was computed."""


class BlackBox:
    """A target behind an interface: images in, confidences out.

    `target(x, generator=...)` is any callable from " batch height width" to confidences
    " batch classes"; a stochastic one (a rate-coded SNN) draws afresh at every query from the
    box's own generator, which the attacker cannot seed. Real interfaces often give less than all
    confidences: `top_k` largest (the others read 0), `decimals` rounded, or `label_only` (one-hot).
    """

    def __init__(
        self,
        target: Callable[..., Tensor],
        *,
        seed: int,
        device: str | torch.device = "cpu",
        budget: int | None = None,  # queries in all; None: unlimited
        top_k: int | None = None,
        decimals: int | None = None,
        label_only: bool = False,
    ):
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}, expected at least 1")
        if label_only and (top_k is not None or decimals is not None):
            raise ValueError("label_only was given with top_k or decimals, expected one of them: a label has no confidences")
        self._target = target
        self._generator = torch.Generator(device).manual_seed(seed)
        self.device, self.budget, self.queries = device, budget, 0
        self.top_k, self.decimals, self.label_only = top_k, decimals, label_only

    @torch.no_grad()
    def __call__(self, x: Float[Tensor, " *batch height width"]) -> Float[Tensor, " *batch classes"]:
        """Confidences for every image; any leading axes. Raises BudgetExceeded before computing anything."""
        images = x.detach().flatten(0, -3) if x.ndim > 2 else x.detach()[None]
        if self.budget is not None and self.queries + len(images) > self.budget:
            raise BudgetExceeded(f"{len(images)} queries asked for, {self.budget - self.queries} of {self.budget} left")
        confidences = self._answer(self._target(images, generator=self._generator)).detach()
        self.queries += len(images)
        return confidences.view(*x.shape[:-2], confidences.shape[-1])

    def _answer(self, confidences: Float[Tensor, " n classes"]) -> Float[Tensor, " n classes"]:
        if self.label_only:
            return torch.nn.functional.one_hot(confidences.argmax(-1), confidences.shape[-1]).to(confidences)
        if self.top_k is not None:
            top = confidences.topk(min(self.top_k, confidences.shape[-1]))
            confidences = torch.zeros_like(confidences).scatter(-1, top.indices, top.values)
        return confidences if self.decimals is None else confidences.round(decimals=self.decimals)

    def state(self) -> dict[str, Tensor]:
        """What a resumed attack needs: queries spent and where the chance of the target stands."""
        return {"queries": torch.tensor(self.queries), "generator": self._generator.get_state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.queries = int(state["queries"])
        self._generator.set_state(state["generator"])
