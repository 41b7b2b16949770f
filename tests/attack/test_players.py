"""The attack's settings refuse mistakes; what is sent as events is drawn with its values."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from snnmi.attack.players import FAMILIES, GaminConfig, as_events
from snnmi.models.neurons import lif
from tests.helpers import seeded


def test_what_is_sent_as_events_is_drawn_with_its_values_and_passes_their_gradient():
    x = torch.tensor([-1.0, 0.0, 0.25, 1.0, 3.0]).repeat(10_000, 1).requires_grad_()
    sent = as_events(x, seeded())
    assert set(sent.flatten().tolist()) == {0.0, 1.0}
    assert sent.mean(0).tolist() == pytest.approx([0, 0, 0.25, 1, 1], abs=0.01)
    (3 * sent).sum().backward()
    assert (x.grad == 3).all()


def test_several_widths_are_the_surrogates_layers_and_in_reverse_the_generators():
    config = GaminConfig(hidden=[9, 5], z_dim=3)
    surrogate, generator = FAMILIES["mlp"](config, (4, 5), 7)
    sizes = [
        [(m.in_features, m.out_features) for m in net if isinstance(m, nn.Linear)]
        for net in (surrogate, generator)
    ]
    assert sizes == [[(20, 9), (9, 5), (5, 7)], [(3, 5), (5, 9), (9, 20)]]
    assert [type(m).__name__ for m in surrogate[1:]] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert config == GaminConfig(hidden=(9, 5), z_dim=3) and hash(config)


def test_a_spiking_copy_is_lif_neurons_behind_the_clipped_image_and_is_learnt_through():
    copy, _ = FAMILIES["spiking"](GaminConfig(hidden=30), (4, 5), 3)
    x = 3 * torch.randn(6, 4, 5, generator=seeded())
    with torch.no_grad():
        copy.hidden.weight.mul_(5), copy.output.weight.mul_(5)
    current = copy.hidden(x.clamp(0, 1).flatten(1)).expand(copy.steps, -1, -1)
    hidden = lif(current, beta=0.7, threshold=1.0, reset="delayed")
    membrane, believed = 0, 0
    for spikes in hidden.spk:
        membrane = 0.7 * membrane + copy.output(spikes)
        believed = believed + membrane.softmax(-1) / copy.steps
    assert 0.05 < hidden.spk.mean() < 0.95
    torch.testing.assert_close(copy(x).softmax(-1), believed)
    assert torch.equal(copy(x), copy(x.clamp(0, 1)))
    copy(x)[:, 0].sum().backward()
    assert copy.hidden.weight.grad.abs().sum() > 0


def test_an_ensemble_is_the_mean_of_its_copies_and_its_generators_take_turns():
    copy, generator = FAMILIES["ensemble"](GaminConfig(hidden=9, z_dim=3), (4, 5), 7)
    x, z = torch.rand(6, 4, 5, generator=seeded()), torch.randn(4000, 3, generator=seeded())
    torch.testing.assert_close(copy(x), sum(member(x) for member in copy.members) / 4)
    drawn = generator(z)
    own = torch.stack([(member(z) == drawn).all((1, 2)) for member in generator.members]).float()
    assert (own.sum(0) == 1).all() and own.mean(1).tolist() == pytest.approx([0.25] * 4, abs=0.03)


WHOLE = ["repeats", "batches", "generator_steps", "hidden", "log_points", "keep_window"]
WRONG = [
    ({"family": "transformer"}, r"is 'transformer', expected one of \['cnn', 'ensemble', 'mlp', 'spiking'\]"),
    ({"noise": "pink"}, "noise is 'pink', expected one of"),
    ({"answers": "top"}, r"answers is 'top', expected one of \['full', 'label', 'largest', 'one decimal'\]"),
    ({"batch_size": 7}, "batch_size is 7, expected a multiple of 2"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"repeats": 3}, "batch_size is 8, expected a multiple of 6: half noise, half generated, each asked 3"),
    *(({name: 0}, f"{name} is 0, expected a whole number, at least 1") for name in WHOLE),
    ({"hidden": [64, 0]}, r"hidden is \(64, 0\), expected a whole number"),
    ({"hidden": []}, r"hidden is \(\), expected"),
    ({"family": "cnn", "hidden": (64, 32)}, "expected one number for the family 'cnn'"),
    ({"family": "spiking", "hidden": (64, 32)}, "expected one number for the family 'spiking'"),
    ({"smooth": -1.0}, "smooth is -1.0, expected a number from 0 to inf"),
    ({"drift": 1.5}, "drift is 1.5, expected a number from 0 to 1"),
    ({"batches": 5, "keep_window": 6}, "keep_window is 6, expected at most batches, 5"),
]


@pytest.mark.parametrize("changes, found", WRONG)
def test_a_mistake_in_the_settings_says_what_was_expected(changes, found):
    with pytest.raises(ValueError, match=found):
        replace(GaminConfig(batches=12, batch_size=8), **changes)
