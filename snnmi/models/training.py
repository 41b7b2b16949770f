"""How targets, and the judge, are trained and asked for many answers."""

from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from snnmi.data import Dataset
from snnmi.models.targets import TargetConfig, build
from snnmi.store import Checkpoint


class TrainedTarget(NamedTuple):
    model: nn.Module
    history: dict[str, list[float]]  # one entry an epoch: loss, test_accuracy

    def table(self) -> pd.DataFrame:
        """The history, one row an epoch, numbered from 1."""
        history = pd.DataFrame(self.history)
        history.insert(0, "epoch", range(1, len(history) + 1))
        return history


def train(
    config: TargetConfig,
    dataset: Dataset,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Checkpoint | None = None,
) -> TrainedTarget:
    """Build and train a target; resumes from `checkpoint` where that holds a state."""
    return fit(
        build(config, dataset.image_shape, dataset.num_classes, seed=seed).to(device),
        dataset,
        epochs=config.epochs,
        batch_size=config.batch_size,
        lr=config.lr,
        clip_norm=config.clip_norm,
        seed=seed,
        checkpoint=checkpoint,
        description=f"train {dataset.name} {config.kind} seed {seed}",
    )


def fit(
    model: nn.Module,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    clip_norm: float | None,
    seed: int,
    checkpoint: Checkpoint | None,
    description: str,
) -> TrainedTarget:
    """Train by Adam on shuffled batches of what `model.loss` says; all its chance is in the generator that it is
    given.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    shuffle = torch.Generator().manual_seed(seed)
    spikes = torch.Generator(device).manual_seed(seed)
    x_train, y_train = dataset.x_train.to(device), dataset.y_train.to(device)
    per_epoch = -(-len(x_train) // batch_size)
    order, start = torch.empty(0, dtype=torch.long), 0
    losses, curve = torch.zeros(per_epoch, device=device), torch.zeros(epochs, 2)
    if checkpoint and (state := checkpoint.load()):
        start, order, losses, curve = int(state["step"]), state["order"], state["losses"], state["curve"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state["optimizer"]})
        shuffle.set_state(state["shuffle"])
        spikes.set_state(state["spikes"])

    total = epochs * per_epoch
    bar = tqdm(total=total, initial=start, desc=description, unit="batch", mininterval=1)
    for step in range(start, total):
        epoch, batch = divmod(step, per_epoch)
        if batch == 0:
            order = torch.randperm(len(x_train), generator=shuffle)
        chosen = order[batch * batch_size : (batch + 1) * batch_size].to(device)
        loss = model.loss(x_train[chosen], y_train[chosen], generator=spikes)
        optimizer.zero_grad()
        loss.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        losses[batch] = loss.detach()
        if batch == per_epoch - 1:
            right = accuracy(model, dataset.x_test, dataset.y_test, seed=seed)
            curve[epoch] = torch.tensor([losses.mean(), right])
        bar.update()
        if checkpoint and checkpoint.due():
            checkpoint.save(
                {"step": torch.tensor(step + 1), "order": order, "losses": losses, "curve": curve}
                | {"model": model.state_dict(), "optimizer": optimizer.state_dict()["state"]}
                | {"shuffle": shuffle.get_state(), "spikes": spikes.get_state()}
            )
    bar.close()
    loss, right = curve.T.tolist()
    return TrainedTarget(model.eval(), {"loss": loss, "test_accuracy": right})


@torch.no_grad()
def answers(
    model: nn.Module, x: Float[Tensor, " n height width"], *, seed: int
) -> Float[Tensor, " n classes"]:
    """Confidences for many images, on the CPU; `seed` sets the draws of a rate-coded target."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    return torch.cat([model(images.to(device), generator=generator).cpu() for images in x.split(1000)])


def accuracy(
    model: nn.Module, x: Float[Tensor, " n height width"], y: Int[Tensor, " n"], *, seed: int
) -> float:
    """Share of images whose highest confidence is their own class; `seed` as in `answers`."""
    return int((answers(model, x, seed=seed).argmax(-1) == y).sum()) / len(x)
