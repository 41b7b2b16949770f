"""The fast float32 product is still a float32 product."""

import pytest
import torch

from snnmi.fast import cpu
from snnmi.fast.cpu import use_fastest_float32


@pytest.fixture
def setting(matmul_setting):
    """The setting after use_fastest_float32; put back afterwards."""
    use_fastest_float32()


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


def test_permission_to_round_is_withdrawn_where_it_is_used(matmul_setting, monkeypatch):
    """A processor that does compute in bfloat16 inside."""
    exact = torch.Tensor.__matmul__

    def rounding(a, b):
        allowed = torch.backends.mkldnn.matmul.fp32_precision == "bf16" and a.dtype == torch.float32
        return exact(a.bfloat16().float(), b.bfloat16().float()) if allowed else exact(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounding)
    monkeypatch.setattr(cpu, "_keeps_float32", cpu._keeps_float32.__wrapped__)  # asked anew
    use_fastest_float32()
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"


def test_another_c_library_is_left_alone(monkeypatch):
    def no_library(name):
        raise OSError("no such library")

    monkeypatch.setattr(cpu.ctypes, "CDLL", no_library)
    cpu.keep_freed_memory()
