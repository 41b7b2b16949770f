"""What a CPU needs to be as fast as it can be: most of a spiking query is one matrix product (`make bench`)."""

import ctypes
from functools import cache, partial

import torch


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


def use_fastest_float32() -> None:
    """Let oneDNN compute float32 products if it does so in full float32 precision here.

    PyTorch hands float32 products to MKL unless oneDNN is allowed to compute inside in bfloat16.
    On processors without bfloat16 tiles oneDNN keeps to float32 all the same, and on AMD's is about twice
    as fast as MKL. Where it does round to bfloat16 (an error near 1e-3), the permission is withdrawn.
    """
    if torch.backends.mkldnn.is_available():
        torch.backends.mkldnn.matmul.fp32_precision = "bf16" if _keeps_float32() else "ieee"


@cache
def _keeps_float32() -> bool:
    """Whether oneDNN, allowed to round to bfloat16, does not do it here."""
    draw = partial(torch.randn, generator=torch.Generator().manual_seed(0))
    query = draw(512, 784), draw(784, 3000)
    stacked = draw(4, 64, 784), draw(4, 784, 256)
    gradient = draw(512, 300).mT, draw(784, 512).mT
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    for a, b in (query, stacked, gradient):
        exact = a.double() @ b.double()
        if ((a @ b).double() - exact).abs().max() > 1e-5 * exact.abs().max():
            return False
    return True
