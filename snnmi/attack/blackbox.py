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
            raise ValueError(
                "label_only was given with top_k or decimals, expected one of them: a label has no confidences"
            )
        self._target = target
        self.generator = torch.Generator(device).manual_seed(seed)
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
        """What `spend` has paid for. The two are apart for an attack on a GPU, which replays its steps with no Python
        to count them.
        """
        confidences = self._given(
            self._target(x.detach().reshape(-1, *x.shape[-2:]), generator=self.generator)
        ).detach()
        return confidences.view(*x.shape[:-2], confidences.shape[-1])

    def _given(self, confidences: Float[Tensor, " n classes"]) -> Float[Tensor, " n classes"]:
        if self.label_only:
            return torch.nn.functional.one_hot(confidences.argmax(-1), confidences.shape[-1]).to(confidences)
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
