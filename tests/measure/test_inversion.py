"""White-box inversion: known gradients, known flips, images of the class."""

import pytest
import torch

from snnmi.attack.gamin import roughness
from snnmi.checkpoint import Checkpoint
from snnmi.measure import metrics
from snnmi.measure.inversion import brainleaks, descend, flipped, generate
from tests.helpers import Interrupting, Killed, seeded, small, trained

FEW = {"per_class": 2, "steps": 3, "seed": 0}


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_descent_finds_what_its_target_takes_and_what_looks_like_the_class(kind, digits):
    target = trained(kind, digits).model
    found = descend(target, range(10), (8, 8), per_class=2, steps=60, seed=0)
    assert found.images.shape == (10, 2, 8, 8) and found.images.min() >= 0 and found.images.max() <= 1
    assert found.confidences.mean() > 0.8
    means = digits.class_means().numpy()
    assert sum(metrics.identified(x.numpy(), means, y) for y, x in enumerate(found.images)) / 10 > 0.7


def test_brainleaks_finds_spikes_that_its_target_takes(digits):
    target = trained("snn", digits).model
    found = brainleaks(target, [3, 7], (8, 8), per_class=3, steps=10, seed=0)
    assert found.images.shape == (2, 3, 8, 8) and found.confidences.mean() > 0.8
    rates = found.images * target.neuron.num_steps
    torch.testing.assert_close(rates, rates.round())  # rates of whole spikes


def test_spikes_are_flipped_where_the_gradient_is_largest_and_never_where_it_is_smallest():
    spikes = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0]).view(1, 1, 5)
    gradient = torch.tensor([2.0, -2.0, 2.0, -2.0, 0.0]).view(1, 1, 5)
    assert flipped(spikes, gradient, seeded()).flatten().tolist() == [1, 0, 1, 0, 0]


def test_every_image_is_measured_by_its_own_gradient():
    gradient = torch.tensor([[[4.0, 0.0], [1e-6, 0.0]]])  # one step, two images
    assert flipped(torch.zeros(1, 2, 2), gradient, seeded()).tolist() == [[[1, 0], [1, 0]]]


def test_a_penalty_on_roughness_makes_smoother_images(digits):
    target = trained("ann", digits).model
    plain, smooth = (
        descend(target, [3], (8, 8), per_class=2, steps=40, seed=0, smooth=weight).images[0]
        for weight in (0.0, 5.0)
    )
    assert roughness(smooth).mean() < 0.8 * roughness(plain).mean()


@pytest.mark.parametrize("invert", [descend, brainleaks])
def test_finished_classes_survive_a_kill(invert, tmp_path):
    target = small("snn", hidden=20)
    whole = invert(target, [1, 2, 3], (8, 8), **FEW)
    with pytest.raises(Killed):
        invert(target, [1, 2, 3], (8, 8), **FEW, checkpoint=Interrupting(tmp_path / "c", 2))
    again = invert(target, [1, 2, 3], (8, 8), **FEW, checkpoint=Checkpoint(tmp_path / "c"))
    assert torch.equal(again.images, whole.images) and torch.equal(again.confidences, whole.confidences)


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_a_generator_through_the_targets_own_gradient_draws_what_it_takes(kind, digits):
    target = trained(kind, digits).model
    target.zero_grad()
    found = generate(target, [3, 7], (8, 8), per_class=3, steps=60, seed=0)
    assert found.images.shape == (2, 3, 8, 8) and found.images.min() >= 0 and found.images.max() <= 1
    assert found.confidences.mean() > 0.8
    before = generate(target, [3, 7], (8, 8), per_class=3, steps=1, seed=0)
    assert before.confidences.mean() < 0.6  # it was learnt
    assert all(parameter.grad is None for parameter in target.parameters())
