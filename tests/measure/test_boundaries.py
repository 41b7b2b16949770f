"""Boundary measurements on toy predictors whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from snnmi.measure import boundaries
from tests.helpers import seeded

CORNERS = torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])  # three images of 1 x 2 pixels


def one_hot(labels, classes=2):
    return torch.nn.functional.one_hot(labels.long(), classes).float()


def half_plane(x):
    return one_hot(x[:, 0, 0] > 0.5)


def stripes(x):
    return one_hot((x[:, 0, 0] * 8).floor() % 2)


def coin(seed=0, share=0.5):
    generator = seeded(seed)
    return lambda x: one_hot(torch.rand(len(x), generator=generator) < share)


def noisy_half_plane(seed=0, width=0.05):
    """One straight boundary, blurred: the chance of label 1 rises smoothly from 0 to 1 across it."""
    generator, share = seeded(seed), lambda x: torch.sigmoid((x[:, 0, 0] - 0.5) / width)
    return lambda x: one_hot(torch.rand(len(x), generator=generator) < share(x))


def dataset(n=30, classes=3, h=4, w=5):
    x, y = torch.rand(n, h, w, generator=seeded(1)), torch.arange(n) % classes
    return SimpleNamespace(x_test=x, y_test=y, num_classes=classes, image_shape=(h, w))


def brightness(x):
    """Three classes by mean brightness, deterministic."""
    return one_hot((x.mean((1, 2)) * 12).floor().clamp(0) % 3, 3)


def test_plane_axes_are_orthonormal_and_the_images_lie_in_it():
    points = torch.rand(3, 4, 5)
    origin, u, v, _ = boundaries.plane(points)
    products = torch.stack([(u * u).sum(), (v * v).sum(), (u * v).sum()])
    torch.testing.assert_close(products, torch.tensor([1.0, 1.0, 0.0]))
    for p in points - origin:
        torch.testing.assert_close((p * u).sum() * u + (p * v).sum() * v, p)


def test_plane_refuses_images_on_one_line():
    with pytest.raises(ValueError, match="one line"):
        boundaries.plane(torch.stack([torch.zeros(2, 2), torch.ones(2, 2), 2 * torch.ones(2, 2)]))


def test_slice_rows_run_along_v_and_columns_along_u(monkeypatch):
    monkeypatch.setattr(boundaries, "BATCH", 7)
    u, v = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    seen = boundaries.slice_labels(half_plane, (torch.zeros(1, 2), u, v, 1.0), 5)
    assert seen.labels.tolist() == [[0, 0, 0, 0, 1]] * 5  # columns at -1, -0.5, 0, 0.5, 1
    assert seen.decided.all()
    assert boundaries.regions(seen.voted, seen.decided) == 2


def test_pieces_of_a_checkerboard_are_counted_one_by_one():
    labels = torch.arange(6)[:, None].add(torch.arange(6)) % 2
    assert boundaries.regions(labels, torch.ones(6, 6, dtype=torch.bool)) == 36
    assert boundaries.regions(labels, labels == 0) == 18


@pytest.mark.parametrize("repeats", [1, 9])
@pytest.mark.parametrize(
    "predict, expected", [(half_plane, 1), (stripes, 7), (lambda x: one_hot(torch.zeros(len(x))), 0)]
)
def test_flips_of_a_noise_free_target_are_the_same_in_all_readings(predict, expected, repeats, monkeypatch):
    monkeypatch.setattr(boundaries, "BATCH", 50)
    a, b = torch.zeros(3, 1, 2), torch.full((3, 1, 2), 0.999)
    flips = boundaries.flips_along_path(predict, a, b, 64, repeats=repeats)
    assert [reading.tolist() for reading in flips] == [[expected] * 3] * 3


def test_a_coin_has_fresh_flips_everywhere_and_hardly_any_decided_ones():
    flips = boundaries.flips_along_path(coin(), torch.zeros(50, 1, 2), torch.ones(50, 1, 2), 41, repeats=9)
    assert flips.fresh.mean().item() == pytest.approx(20, abs=1)  # 40 chances of one half
    # a lead of 3 standard deviations by chance: about 41 places x 2 x 0.3 % = 0.25 a path
    assert flips.decided.mean() < 0.5


def test_one_blurred_boundary_is_one_flip_between_the_decided_and_the_voted():
    ends = torch.zeros(20, 1, 2), torch.ones(20, 1, 2)
    flips = boundaries.flips_along_path(noisy_half_plane(), *ends, 101, repeats=15)
    assert flips.decided.mean().item() == pytest.approx(1, abs=0.1)
    assert flips.fresh.mean() > 5  # noise alone makes the one boundary look like many
    assert flips.decided.mean() <= flips.voted.mean() < 3


def test_agreement_stands_between_its_floor_and_its_ceiling():
    x = torch.rand(1000, 1, 2, generator=torch.Generator().manual_seed(0))
    perfect = boundaries.agreement(half_plane, half_plane, x)
    assert (perfect["top"], perfect["mae"], perfect["top_ceiling"]) == (1, 1, 1)
    assert perfect["top_floor"] == pytest.approx(0.5, abs=0.05) and perfect["mae_floor"] == pytest.approx(0.5)
    assert perfect["classes"] == pytest.approx(2, abs=0.01)
    opposite = boundaries.agreement(half_plane, lambda x: 1 - half_plane(x), x)
    assert (opposite["top"], opposite["mae"]) == (0, 0)
    constant = boundaries.agreement(lambda x: one_hot(torch.zeros(len(x))), half_plane, x)
    assert (constant["top_floor"], constant["classes"]) == (1, 1)
    assert boundaries.agreement(coin(), coin(1), x)["top_ceiling"] == pytest.approx(0.5, abs=0.05)


def test_paths_depend_on_the_seed_alone_and_join_what_they_say():
    y = torch.arange(80) % 40
    ends, again = boundaries.path_ends(y, 10, seed=3), boundaries.path_ends(y, 10, seed=3)
    assert all(torch.equal(ends[kind], again[kind]) for kind in ends)
    assert not torch.equal(ends["between"], boundaries.path_ends(y, 10, seed=4)["between"])
    assert (y[ends["between"][:, 0]] != y[ends["between"][:, 1]]).all() and len(ends["between"]) == 10
    assert (y[ends["within"][:, 0]] == y[ends["within"][:, 1]]).all()
    assert (ends["within"][:, 0] != ends["within"][:, 1]).all()


def test_measure_counts_its_queries_repeats_itself_and_keeps_no_images():
    data, spent = dataset(), []

    def target(x):
        spent.append(len(x))
        return brightness(x)

    noise, generated = torch.randn(12, 4, 5, generator=seeded(2)), torch.rand(6, 4, 5)
    settings = {"seed": 0, "resolution": 7, "paths": 3, "steps": 8}
    metrics, arrays = boundaries.measure(target, brightness, data, generated, noise, **settings)
    assert sum(spent) == 9 * (2 * 7**2 + 3 * 3 * 8 + 6 + 2 * 12)
    again, _ = boundaries.measure(brightness, brightness, data, generated, noise, **settings)
    assert metrics == again and all(isinstance(value, float) for value in metrics.values())
    assert metrics["agreement_test_top"] == 1 and metrics["repeat_noise"] == 0
    flips = {metrics[f"flips_between_{reading}"] for reading in ("fresh", "decided", "surrogate")}
    assert len(flips) == 1
    assert arrays["plane_target_labels"].dtype == np.uint8 and arrays["plane_target_labels"].shape == (7, 7)
    assert arrays["plane_points"].shape == (3, 2) and arrays["flips_within_voted"].shape == (3,)
    assert sum(array.nbytes for array in arrays.values()) < 4000


@pytest.mark.parametrize("classes", [1, 2])
def test_measure_works_with_fewer_than_three_classes(classes):
    few = dataset(classes=classes), torch.rand(2, 4, 5), torch.randn(2, 4, 5)
    how = {"seed": 0, "resolution": 3, "paths": 2, "steps": 4}
    metrics, arrays = boundaries.measure(half_plane, half_plane, *few, **how)
    assert ("flips_between_fresh" in metrics) == (classes == 2) and arrays["plane_points"].shape == (3, 2)
