"""The fastest float32 matrix product that the CPU has: nine tenths of every spiking query are spent in it."""

import torch


def use_fastest_float32() -> str:
    """Let oneDNN compute float32 products if it does so in full float32 precision here; says which library is used.

    PyTorch hands float32 products to MKL unless oneDNN is allowed to compute inside in bfloat16.
    On processors without bfloat16 tiles oneDNN keeps to float32 all the same, and on AMD's is about twice
    as fast as MKL. Where it does round to bfloat16 (an error near 1e-3), the permission is withdrawn.
    """
    if not torch.backends.mkldnn.is_available():
        return "default"
    products = [_sample(512, 784, 3000), _sample(64, 784, 256, stack=4), tuple(m.mT for m in _sample(784, 512, 300)[::-1])]
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
    return tuple(torch.randn(*lead, *shape, generator=generator) for shape in ((rows, inner), (inner, columns)))
