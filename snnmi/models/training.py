"""How targets, and the judge, are trained and asked for many answers."""

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from snnmi import chance
from snnmi.checkpoint import Checkpoint, overwrite
from snnmi.checks import above, at_least, within
from snnmi.data import Dataset

Images = Float[Tensor, " n height width"]


@dataclass(frozen=True)
class Training:
    """Defaults are the MNIST SNN's (BrainLeaks' code)."""

    epochs: int = 10
    batch_size: int = 100
    lr: float = 5e-5  # Adam
    clip_norm: float | None = 1.0  # gradient norm; None: not clipped
    stop_at: float | None = None  # ends at the first epoch with at least this test accuracy, if there is one
    match_accuracy: bool = False  # ends at the epoch whose test accuracy is nearest the other kind's last

    def __post_init__(self):
        at_least(self, epochs=1, batch_size=1)
        above(self, lr=0)
        if self.stop_at is not None:
            within(self, 0, 1, "stop_at")
        if self.clip_norm is not None:
            above(self, clip_norm=0)


class TrainedTarget(NamedTuple):
    model: nn.Module
    history: dict[str, list[float]]  # one entry an epoch: loss, test_accuracy

    def table(self) -> pd.DataFrame:
        """The history, one row an epoch, numbered from 1."""
        history = pd.DataFrame(self.history)
        history.insert(0, "epoch", range(1, len(history) + 1))
        return history


def train(
    model: nn.Module,
    dataset: Dataset,
    training: Training,
    *,
    seed: int,
    who: str = "target",
    checkpoint: Checkpoint | None = None,
    description: str = "train",
) -> TrainedTarget:
    """Adam on shuffled batches of what `model.loss` says, whose chance is in the generator that it is given.

    Resumes from `checkpoint` where that holds a state. `who`: whose streams are drawn from, "target" or "judge".
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.Adam(model.parameters(), lr=training.lr, fused=True)
    shuffle = chance.generator(f"{who}'s shuffling", seed)
    draws = chance.generator(f"{who}'s training draws", seed, device)
    x_train, y_train = dataset.x_train.to(device), dataset.y_train.to(device)
    per_epoch = -(-len(x_train) // training.batch_size)
    order, done = torch.empty(len(x_train), dtype=torch.long), torch.tensor(0)  # of images; batches
    losses, curve = torch.zeros(per_epoch, device=device), torch.zeros(training.epochs, 2)
    parts = {"step": done, "order": order, "losses": losses, "curve": curve, "model": model.state_dict()}
    parts |= {"optimizer": optimizer, "shuffle": shuffle, "draws": draws}
    if checkpoint and (saved := checkpoint.load()):
        overwrite(parts, saved)

    start, total = int(done), training.epochs * per_epoch
    steps = range(start, total)
    for step in tqdm(steps, description, total, initial=start, unit="batch", mininterval=1):
        epoch, batch = divmod(step, per_epoch)
        if batch == 0:
            torch.randperm(len(x_train), generator=shuffle, out=order)
        chosen = order[batch * training.batch_size : (batch + 1) * training.batch_size].to(device)
        loss = model.loss(x_train[chosen], y_train[chosen], generator=draws)
        optimizer.zero_grad()
        loss.backward()
        if training.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
        optimizer.step()
        losses[batch] = loss.detach()
        if batch == per_epoch - 1:
            right = accuracy(model, dataset.x_test, dataset.y_test, seed=seed)
            curve[epoch] = torch.tensor([losses.mean(), right])
        done += 1
        if batch == per_epoch - 1 and training.stop_at is not None and right >= training.stop_at:
            curve = curve[: epoch + 1]
            break
        if checkpoint and checkpoint.due():
            checkpoint.save(parts)
    loss, right = curve.T.tolist()
    return TrainedTarget(model.eval(), {"loss": loss, "test_accuracy": right})


@torch.no_grad()
def answers(model: nn.Module, x: Images, *, seed: int) -> Float[Tensor, " n classes"]:
    """Confidences for many images, on the CPU; `seed` sets the draws of a rate-coded target."""
    device = next(model.parameters()).device
    generator = chance.generator("examiner's answers", seed, device)
    return torch.cat([model(images.to(device), generator=generator).cpu() for images in x.split(1000)])


def accuracy(model: nn.Module, x: Images, y: Int[Tensor, " n"], *, seed: int) -> float:
    """Share of images whose highest confidence is their own class; `seed` as in `answers`."""
    return int((answers(model, x, seed=seed).argmax(-1) == y).sum()) / len(x)
