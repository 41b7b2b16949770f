"""Inversion by queries alone, without a surrogate: the gradient of log T(x)[y] is estimated from answers by natural
evolution strategies (Wierstra et al. 2014), as BrainLeaks v2 (arXiv 2402.00906) does with the rates of an SNN's input.
"""

from collections.abc import Iterable
from typing import SupportsIndex

import torch
from jaxtyping import Float
from torch import Tensor

from snnmi import chance, checks
from snnmi.attack.blackbox import BlackBox
from snnmi.checkpoint import Checkpoint, overwrite


@torch.no_grad()
def evolve(
    blackbox: BlackBox,
    labels: Iterable[SupportsIndex],
    image_shape: tuple[int, int],
    *,
    per_class: int,
    steps: int,
    seed: int,
    pairs: int = 20,
    sigma: float = 0.1,
    lr: float = 0.02,
    sparsity: float = 1.0,
    start: float = 0.1,
    checkpoint: Checkpoint | None = None,
) -> Float[Tensor, " labels per_class height width"]:
    """Images in [0, 1] that the target gives their class: Adam on estimated gradients, from pixels that are uniform up
    to `start` (nearly black; 1: grey).

    Each step asks 2 `pairs` queries an image, at x + sigma e and x - sigma e with e of N(0, 1); their difference in
    log-confidence, times e, is the gradient on average. `sparsity` pulls the mean pixel towards black, in nats.
    Strengths are guesses: BrainLeaks' paper names the method, the sparsity penalty, and none of them.
    """
    checks.instance("blackbox", blackbox, BlackBox)
    for name, value in {"per_class": per_class, "steps": steps, "pairs": pairs}.items():
        checks.whole(name, value, 1)
    labels, image_shape = checks.classes(labels), checks.image_shape(image_shape)
    draws = chance.generator("attacker's queries", seed, blackbox.device)
    x = start * torch.rand(len(labels), per_class, *image_shape, generator=draws, device=blackbox.device)
    x.requires_grad_()
    done = torch.tensor(0)  # steps
    parts = {"x": x, "adam": torch.optim.Adam([x], lr=lr), "step": done, "draws": draws}
    if checkpoint and (saved := checkpoint.load()):
        overwrite(parts, saved)
        blackbox.restore(saved["blackbox"])
    wanted = torch.tensor(labels, device=blackbox.device).view(1, 1, -1, 1, 1)
    while done < steps:
        e = torch.randn(pairs, *x.shape, generator=draws, device=blackbox.device)
        asked = torch.stack([x + sigma * e, x - sigma * e])  # (2, pairs, labels, per_class, ...)
        answers = blackbox(asked).nan_to_num(0, 0, 0)  # what is no number ends nothing
        checks.classes(labels, answers.shape[-1])
        known = answers.gather(-1, wanted.expand(*answers.shape[:-1], 1)).clamp_min(1e-6).log()
        slope = (known[0] - known[1])[..., None] / (2 * sigma)
        x.grad = sparsity / x[0, 0].numel() - (slope * e).mean(0)
        parts["adam"].step()
        x.clamp_(0, 1)
        done += 1
        if checkpoint and checkpoint.due():
            checkpoint.save(parts | {"blackbox": blackbox.state()})
    return x.detach()
