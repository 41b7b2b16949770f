"""What a CPU needs to be as fast as it can be: most of a spiking query is one matrix product (`make bench`)."""

import ctypes

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
