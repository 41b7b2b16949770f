"""The fast float32 product is still a float32 product."""

import pytest
import torch

from snnmi.fast import cpu
from snnmi.fast.cpu import spike_product, use_fastest_float32


@pytest.fixture
def setting(matmul_setting):
    """The setting after use_fastest_float32; put back afterwards."""
    return use_fastest_float32()


SHAPES = {
    "query, hidden layer": ((1600, 784), (784, 3000)),
    "query, output layer": ((1600, 3000), (3000, 10)),
    "gradient of the weights": ((784, 2500), (2500, 300)),
    "surrogates of ten classes": ((10, 64, 784), (10, 784, 256)),
    "one image": ((1, 64), (64, 256)),
}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES.keys())
def test_products_are_as_exact_as_float32_allows(setting, shapes):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator) for shape in shapes)
    exact, size = a.double() @ b.double(), a.double().abs() @ b.double().abs()
    assert ((a @ b).double() - exact).abs().max() < 1e-6 * size.max()  # bfloat16 errs by 1e-3 of it
    if a.ndim == 2:
        by_layer = torch.nn.functional.linear(a, b.T.contiguous())
        assert (by_layer.double() - exact).abs().max() < 1e-6 * size.max()


def test_it_says_what_it_set(setting):
    assert setting in ("onednn", "default")
    assert (torch.backends.mkldnn.matmul.fp32_precision == "bf16") == (setting == "onednn")


def test_permission_to_round_is_withdrawn_where_it_is_used(matmul_setting, monkeypatch):
    """A processor that does compute in bfloat16 inside."""
    exact = torch.Tensor.__matmul__

    def rounding(a, b):
        allowed = torch.backends.mkldnn.matmul.fp32_precision == "bf16" and a.dtype == torch.float32
        return exact(a.bfloat16().float(), b.bfloat16().float()) if allowed else exact(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounding)
    assert use_fastest_float32() == "default"
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"


def test_results_of_both_settings_agree(setting):
    a, b = torch.rand(512, 784), torch.rand(784, 3000)
    fast = a @ b
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    torch.testing.assert_close(fast, a @ b, rtol=1e-5, atol=1e-5)


def test_another_c_library_is_left_alone(monkeypatch):
    def no_library(name):
        raise OSError("no such library")

    monkeypatch.setattr(cpu.ctypes, "CDLL", no_library)
    cpu.keep_freed_memory()


@pytest.fixture
def spikes_and_weights():
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(500, 784, generator=generator) < 0.5).float()
    # rows of unlike size
    weight = torch.randn(300, 784, generator=generator) * torch.logspace(-3, 1, 300)[:, None]
    return spikes, weight, torch.randn(300, generator=generator)


def test_spikes_are_multiplied_no_less_exactly_than_in_float32(spikes_and_weights):
    spikes, weight, bias = spikes_and_weights
    exact = spikes.double() @ weight.double().T + bias.double()
    # the error is relative to a row's largest weight, and to the bias that is added
    size = weight.abs().amax(1) + bias.abs()

    def error(found):
        return ((found.double() - exact).abs().amax(0) / size).max()

    ours, plain = spike_product(weight, bias)(spikes), torch.nn.functional.linear(spikes, weight, bias)
    assert error(ours) <= error(plain) and error(ours) < 1e-5


@pytest.mark.parametrize("special", [0.0, 1.0, -1.0, 1e-30])
def test_spike_product_takes_rows_of_equal_zero_and_tiny_weights(special):
    weight, bias = torch.full((4, 9), special), torch.arange(4.0)
    found, sums = spike_product(weight, bias)(torch.ones(2, 9)), 9 * weight[:, 0] + bias
    torch.testing.assert_close(found, sums.expand(2, 4))


def test_spike_product_without_fast_integers_is_the_plain_product(monkeypatch, spikes_and_weights):
    spikes, weight, bias = spikes_and_weights
    fast = spike_product(weight, bias)(spikes)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    plain = spike_product(weight, bias)(spikes)
    assert torch.equal(plain, torch.nn.functional.linear(spikes, weight, bias))
    assert ((fast - plain) / (weight.abs().amax(1) + bias.abs())).abs().max() < 1e-4
