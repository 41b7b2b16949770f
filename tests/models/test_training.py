"""Training learns, repeats itself and resumes; accuracy is the share of hits."""

import torch
import torch.nn.functional as F
from pytest import approx, mark, raises
from torch import nn

from snnmi.checkpoint import Checkpoint
from snnmi.models.targets import ANN, SNN
from snnmi.models.training import Training, accuracy, train
from tests.helpers import TRAINING, Interrupting, Killed, assert_same_tensors, few_digits, small, trained


class Fixed(nn.Module):
    """Says the class that the first pixel names, and counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.unused, self.asked = nn.Parameter(torch.zeros(1)), []

    def forward(self, x, *, generator):
        self.asked.append(len(x))
        return F.one_hot(x[:, 0, 0].long(), 4).float()


def test_accuracy_is_the_share_of_hits():
    x = torch.tensor([0.0, 1.0, 2.0, 3.0]).repeat(600)[:, None, None]
    y, model = torch.tensor([0, 1, 2, 0]).repeat(600), Fixed()
    assert accuracy(model, x, y, seed=0) == 0.75
    assert sum(model.asked) == 2400 and max(model.asked) == 1000


@mark.parametrize("kind, model_class", [("ann", ANN), ("snn", SNN)])
def test_training_learns_the_digits(kind, model_class, digits):
    model, history = trained(kind, digits, seed=3)
    assert isinstance(model, model_class)
    assert history["test_accuracy"][-1] > 0.88 and history["loss"][-1] < history["loss"][0] / 2
    assert len(history["loss"]) == len(history["test_accuracy"]) == TRAINING[kind].epochs
    assert accuracy(model, digits.x_test, digits.y_test, seed=3) == approx(history["test_accuracy"][-1])


@mark.parametrize("kind", ["ann", "snn"])
def test_interrupted_training_ends_bit_for_bit_as_uninterrupted(tmp_path, kind):
    images, path = few_digits(300), tmp_path / "checkpoint.safetensors"
    # 10 batches an epoch, the last one short
    how = Training(epochs=3, batch_size=32, lr=1e-3)

    def train_it(checkpoint=None):
        return train(small(kind, hidden=30), images, how, seed=0, checkpoint=checkpoint)

    model, history = train_it()
    for batches in (4, 9, 3):  # ends within the first epoch, within the second, within the second again
        with raises(Killed):
            train_it(Interrupting(path, batches))
    resumed = train_it(Checkpoint(path))
    assert resumed.history == history
    assert_same_tensors(model.state_dict(), resumed.model.state_dict())


def test_training_stops_at_the_first_epoch_that_is_good_enough(tmp_path):
    images, path = few_digits(300), tmp_path / "checkpoint.safetensors"

    def train_it(stop_at, epochs=30, **how):
        training = Training(epochs=epochs, batch_size=32, lr=1e-3, stop_at=stop_at)
        return train(small("ann", hidden=30), images, training, seed=0, **how)

    whole = train_it(None).history["test_accuracy"]
    enough = whole[9]
    first = next(i for i, right in enumerate(whole) if right >= enough)
    assert 0 < first < 29 and max(whole) < 1
    stopped = train_it(enough)
    assert stopped.history["test_accuracy"] == whole[: first + 1] == stopped.table().test_accuracy.tolist()
    assert_same_tensors(stopped.model.state_dict(), train_it(None, epochs=first + 1).model.state_dict())
    assert train_it(1.0).history["test_accuracy"] == whole, "never reached"
    with raises(Killed):
        train_it(enough, checkpoint=Interrupting(path, 10 * (first + 1) - 1))  # one batch before
    assert train_it(enough, checkpoint=Checkpoint(path)).history == stopped.history
    with raises(ValueError, match="stop_at is 97.7, expected a number from 0 to 1"):
        Training(stop_at=97.7)
