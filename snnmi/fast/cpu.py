"""What a CPU needs to be as fast as it can be: most of a spiking query is one matrix product (`make bench`)."""

import ctypes
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def make_fast() -> None:
    """Both settings below; neither changes a result beyond the last bits of a float32 sum."""
    keep_freed_memory()
    use_fastest_float32()


def keep_freed_memory() -> None:
    """Let the C library keep what tensors free, up to 1 GiB apiece, for the next ones (glibc; elsewhere nothing
    happens).

    By default tensors of some 30 MB, one for each layer and training step, go back to the system and are fetched
    again page by page: about a quarter of the time of a training step.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, (1 << 31) - 1)
    except (AttributeError, OSError, TypeError):
        pass


def use_fastest_float32() -> str:
    """Let oneDNN compute float32 products if it does so in full float32 precision here; says which library is used.

    PyTorch hands float32 products to MKL unless oneDNN is allowed to compute inside in bfloat16.
    On processors without bfloat16 tiles oneDNN keeps to float32 all the same, and on AMD's is about twice
    as fast as MKL. Where it does round to bfloat16 (an error near 1e-3), the permission is withdrawn.
    """
    if not torch.backends.mkldnn.is_available():
        return "default"
    products = [
        _sample(512, 784, 3000),
        _sample(64, 784, 256, stack=4),
        tuple(m.mT for m in _sample(784, 512, 300)[::-1]),
    ]
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    for a, b in products:
        exact = a.double() @ b.double()
        if ((a @ b).double() - exact).abs().max() > 1e-5 * exact.abs().max():
            torch.backends.mkldnn.matmul.fp32_precision = "ieee"
            return "default"
    return "onednn"


def _sample(rows: int, inner: int, columns: int, stack: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    lead = (stack,) if stack else ()
    return tuple(
        torch.randn(*lead, *shape, generator=generator) for shape in ((rows, inner), (inner, columns))
    )


def spike_product(
    weight: Float[Tensor, " out in"], bias: Float[Tensor, " out"]
) -> Callable[[Tensor], Tensor]:
    """The function spikes " rows in" (of 0 and 1) -> spikes @ weight.T + bias, where the processor can in 8-bit
    integers.

    A weight is cut into three digits of base 254 and each digit multiplied by the spikes, which is exact. What
    remains is the error of cutting, 2^-23 of a row's largest weight: less than the rounding of a float32 sum.
    Processors with VNNI do four 8-bit products in the time of one in float32, three digits thus in less than that of
    one product.
    """
    if not (torch.backends.mkldnn.is_available() and torch.cpu._is_vnni_supported()):
        return lambda spikes: torch.nn.functional.linear(spikes, weight, bias)
    onednn, exact, digits = torch.ops.onednn, weight.detach().double(), []
    scale = exact.abs().amax(1).clamp_min(torch.finfo(torch.float32).tiny) / 127
    for _ in range(3):
        digit = (exact / scale[:, None]).round().clamp_(-127, 127)
        exact = exact - digit * scale[:, None]
        packed = onednn.qlinear_prepack(digit.to(torch.int8), None)
        digits.append((packed, scale.float(), torch.zeros(len(weight), dtype=torch.int32)))
        scale = scale / 254
    first, bias = digits.pop(0), bias.detach().clone()

    def product(spikes: Float[Tensor, " rows in"]) -> Float[Tensor, " rows out"]:
        x = spikes.to(torch.uint8)
        out = onednn.qlinear_pointwise(x, 1.0, 0, *first, bias, 1.0, 0, torch.float32, "none", [], "")
        for digit in digits:  # out += x @ digit
            onednn.qlinear_pointwise.binary(
                x, 1.0, 0, *digit, out, None, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "none", [], ""
            )
        return out

    return product
