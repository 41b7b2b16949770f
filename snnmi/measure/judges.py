"""The honest judge: a network that no attack ever saw looks at reconstructions (`recognition` asks it)."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.chance import first_weights
from snnmi.checkpoint import Checkpoint
from snnmi.data import Dataset
from snnmi.models.training import TrainedTarget, Training, train


@dataclass(frozen=True)
class JudgeConfig:
    """The judge and its training; one setting for every data set."""

    channels: int = 16  # of the first convolution; twice as many in the others
    features: int = 128  # of the penultimate layer
    updates: int = 1500  # at least, rounded up to whole epochs, of which there are at least `epochs`
    epochs: int = 6
    batch_size: int = 64
    lr: float = 2e-3  # Adam
    dropout: float = 0.2  # share of the features
    warp: float = 0.1  # largest shift, turn, stretch of a training image, as a share of half its side
    noise: float = 0.1  # largest standard deviation of the grey noise added to a training image


class EvaluationCNN(nn.Module):
    """3x3 convolutions with ReLU, each followed by 2x2 max pooling (two for 8 to 39 pixels a side), Linear, ReLU,
    Linear, softmax.
    """

    def __init__(self, config: JudgeConfig, image_shape: tuple[int, int], num_classes: int):
        super().__init__()
        self.config = config
        blocks = max(2, int(np.log2(min(image_shape) / 5)))
        channels = [1, config.channels] + [2 * config.channels] * (blocks - 1)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels))
        height, width = (side // 2**blocks for side in image_shape)
        self.hidden = nn.Linear(channels[-1] * height * width, config.features)
        self.output = nn.Linear(config.features, num_classes)

    def features(self, x: Float[Tensor, " batch height width"]) -> Float[Tensor, " batch features"]:
        """The penultimate layer."""
        x = x[:, None]
        for convolution in self.convolutions:
            x = F.max_pool2d(convolution(x).relu(), 2)
        return self.hidden(x.flatten(1)).relu()

    def forward(
        self, x: Float[Tensor, " batch height width"], *, generator: torch.Generator | None = None
    ) -> Float[Tensor, " batch classes"]:
        """Confidences; `generator` is there for the sake of the targets' interface and not used."""
        return self.output(self.features(x)).softmax(-1)

    def loss(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Tensor:
        """Cross-entropy of images slightly moved, turned, stretched and made noisy, some features dropped."""
        c, n = self.config, len(x)
        chance = dict(generator=generator, device=x.device)
        moves = torch.eye(2, 3, device=x.device) + c.warp * (2 * torch.rand(n, 2, 3, **chance) - 1)
        grid = F.affine_grid(moves, [n, 1, *x.shape[1:]], align_corners=False)
        x = F.grid_sample(x[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
        x = x + c.noise * torch.rand(n, 1, 1, **chance) * torch.randn(x.shape, **chance)
        kept = torch.rand(n, c.features, **chance) >= c.dropout
        return F.cross_entropy(self.output(self.features(x) * kept / (1 - c.dropout)), y)


def build(config: JudgeConfig, image_shape: tuple[int, int], num_classes: int, *, seed: int) -> EvaluationCNN:
    """An untrained judge; `seed` sets its first weights."""
    with first_weights("judge's weights", seed):
        return EvaluationCNN(config, image_shape, num_classes)


def train_judge(
    config: JudgeConfig,
    dataset: Dataset,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Checkpoint | None = None,
) -> TrainedTarget:
    """Train a judge on the training images, as a target is trained; resumes from `checkpoint` where that holds a
    state.
    """
    per_epoch = -(-len(dataset.x_train) // config.batch_size)
    epochs = max(config.epochs, -(-config.updates // per_epoch))
    return train(
        build(config, dataset.image_shape, dataset.num_classes, seed=seed).to(device),
        dataset,
        Training(epochs=epochs, batch_size=config.batch_size, lr=config.lr, clip_norm=None),
        seed=seed,
        who="judge",
        checkpoint=checkpoint,
        description=f"train {dataset.name} judge seed {seed}",
    )
