"""White-box inversion: known gradients, known flips, images of the class; noise no further from noise than needed."""

import pytest
import torch
import torch.nn.functional as F

from snnmi.attack.gamin import roughness
from snnmi.chance import generator
from snnmi.checkpoint import Checkpoint
from snnmi.fast import events
from snnmi.measure import inversion, metrics
from snnmi.measure.inversion import adversarial_noise, brainleaks, descend, flipped, generate, white_box
from snnmi.measure.recognition import judge_images
from snnmi.models.coding import rate_encode
from tests.helpers import Interrupting, Killed, assert_same_tensors, seeded, small, trained

FEW = {"per_class": 2, "steps": 3, "seed": 0}


@pytest.fixture(scope="module")
def targets(digits) -> dict:
    """One of each kind that has learnt the digits."""
    return {kind: trained(kind, digits).model for kind in ("ann", "snn")}


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_descent_finds_what_its_target_takes_and_what_looks_like_the_class(kind, targets, digits):
    target = targets[kind]
    found = descend(target, range(10), (8, 8), per_class=2, steps=60, seed=0)
    assert found.images.shape == (10, 2, 8, 8) and found.images.min() >= 0 and found.images.max() <= 1
    assert found.confidences.mean() > 0.8
    means = digits.class_means().numpy()
    assert sum(metrics.identified(x.numpy(), means, y) for y, x in enumerate(found.images)) / 10 > 0.7


def test_brainleaks_finds_spikes_that_its_target_takes(targets):
    target = targets["snn"]
    found = brainleaks(target, [3, 7], (8, 8), per_class=3, steps=10, seed=0)
    assert found.images.shape == (2, 3, 8, 8) and found.confidences.mean() > 0.8
    rates = found.images * target.neuron.num_steps
    torch.testing.assert_close(rates, rates.round())  # rates of whole spikes


def test_spikes_are_flipped_where_the_gradient_is_largest_of_every_image_by_itself():
    spikes = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0]).view(1, 1, 5)
    gradient = torch.tensor([2.0, -2.0, 2.0, -2.0, 0.0]).view(1, 1, 5)
    assert flipped(spikes, gradient, seeded()).flatten().tolist() == [1, 0, 1, 0, 0]
    gradient = torch.tensor([[[4.0, 0.0], [1e-6, 0.0]]])  # one step, two images
    assert flipped(torch.zeros(1, 2, 2), gradient, seeded()).tolist() == [[[1, 0], [1, 0]]]


def test_a_penalty_on_roughness_makes_smoother_images(targets):
    given = dict(per_class=2, steps=40, seed=0)
    plain, smooth = (
        descend(targets["ann"], [3], (8, 8), **given, smooth=weight).images[0] for weight in (0.0, 5.0)
    )
    assert roughness(smooth).mean() < 0.8 * roughness(plain).mean()


@pytest.mark.parametrize("invert", [descend, brainleaks, adversarial_noise])
def test_finished_classes_survive_a_kill(invert, tmp_path):
    target = small("snn", hidden=20)
    whole = invert(target, [1, 2, 3], (8, 8), **FEW)
    with pytest.raises(Killed):
        invert(target, [1, 2, 3], (8, 8), **FEW, checkpoint=Interrupting(tmp_path / "c", 2))
    again = invert(target, [1, 2, 3], (8, 8), **FEW, checkpoint=Checkpoint(tmp_path / "c"))
    assert torch.equal(again.images, whole.images) and torch.equal(again.confidences, whole.confidences)


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_a_generator_through_the_targets_own_gradient_draws_what_it_takes(kind, targets):
    target = targets[kind]
    target.zero_grad()
    found = generate(target, [3, 7], (8, 8), per_class=3, steps=60, seed=0)
    assert found.images.shape == (2, 3, 8, 8) and found.images.min() >= 0 and found.images.max() <= 1
    assert found.confidences.mean() > 0.8
    before = generate(target, [3, 7], (8, 8), per_class=3, steps=1, seed=0)
    assert before.confidences.mean() < 0.6  # it was learnt
    assert all(parameter.grad is None for parameter in target.parameters())


# --- noise that fools


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_adversarial_noise_convinces_the_target_more_than_the_judge(
    kind, judge, targets, digits, monkeypatch
):
    monkeypatch.setattr(inversion, "SURE", 0.95)
    target = targets[kind]
    before = {name: weights.clone() for name, weights in target.state_dict().items()}
    found = adversarial_noise(target, range(10), (8, 8), per_class=5, steps=150, seed=0)
    images, confidences = found
    assert images.shape == (10, 5, 8, 8) and images.min() >= 0 and images.max() <= 1
    assert confidences.mean() > 0.9
    again = torch.stack([target(x, generator=seeded())[:, y] for y, x in enumerate(images)])
    assert (again > 0.9).float().mean() > 0.8  # other draws of a spiking target, too
    rows = judge_images(judge, digits, images, range(10), natural=0.0)
    assert sum(row["judge_confidence"] for row in rows) / 10 < confidences.mean()  # at 8x8 pixels not by far
    assert_same_tensors(before, target.state_dict())


def test_an_image_stops_where_the_target_is_sure_of_it(monkeypatch):
    given = dict(per_class=4, steps=50, seed=0)
    target = small("ann", hidden=64)
    moved = adversarial_noise(target, [3], (8, 8), **given)
    monkeypatch.setattr(inversion, "SURE", 0.0)
    noise = adversarial_noise(target, [3], (8, 8), **given)
    assert torch.equal(noise.images[0], torch.rand(4, 8, 8, generator=generator("fooling noise", 0)))
    assert (noise.confidences < 0.5).all() and (moved.confidences > noise.confidences).all()


def test_gradient_passes_the_spikes_as_if_they_were_pixels(monkeypatch):
    monkeypatch.setattr(events, "available", lambda: False)  # all draw from one generator
    target, x = small(), torch.rand(3, 8, 8, generator=seeded()).requires_grad_()
    with torch.no_grad():
        target.hidden.weight.mul_(3)
    loss, confidences = white_box(target, x, 4, 1, seeded(5))
    torch.testing.assert_close(confidences, target(x.detach(), generator=seeded(5))[:, 4])
    torch.testing.assert_close(loss * 25, target.loss(x.detach(), torch.full((3,), 4), generator=seeded(5)))

    spikes = rate_encode(x.detach().flatten(1), 25, generator=seeded(5)).requires_grad_()
    mem = target.run(spikes)[1].mem
    F.cross_entropy(mem.flatten(0, 1), torch.full((75,), 4)).backward()
    (ours,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(ours.flatten(1), spikes.grad.sum(0))
    assert ours.abs().max() > 1e-4
