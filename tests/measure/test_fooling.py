"""Noise that fools a target: sure of it, no further than needed, by the gradient of the spikes."""

import torch
import torch.nn.functional as F
from pytest import mark, raises

from snnmi.chance import generator
from snnmi.checkpoint import Checkpoint
from snnmi.fast import events
from snnmi.measure import fooling
from snnmi.measure.fooling import adversarial_noise, white_box
from snnmi.measure.recognition import judge_images
from snnmi.models.coding import rate_encode
from tests.helpers import Interrupting, Killed, assert_same_tensors, seeded, small, trained


@mark.parametrize("kind", ["ann", "snn"])
def test_adversarial_noise_convinces_the_target_more_than_the_judge(kind, judge, digits, monkeypatch):
    monkeypatch.setattr(fooling, "SURE", 0.95)
    target = trained(kind, digits).model
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
    monkeypatch.setattr(fooling, "SURE", 0.0)
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


@mark.parametrize("saves", [1, 2])
def test_a_search_that_was_killed_goes_on_bit_for_bit(saves, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "available", lambda: False)  # all draw from one generator
    monkeypatch.setattr(fooling, "SURE", 1.0)

    def searched(checkpoint=None):
        how = dict(per_class=3, steps=4, seed=0)
        return adversarial_noise(small(), [1, 2, 7], (8, 8), checkpoint=checkpoint, **how)

    whole = searched()
    with raises(Killed):
        searched(Interrupting(tmp_path / "checkpoint", saves))
    rest = searched(Checkpoint(tmp_path / "checkpoint"))
    assert torch.equal(rest.images, whole.images) and torch.equal(rest.confidences, whole.confidences)
