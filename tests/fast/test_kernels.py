"""A GPU's kernels are held against the plain code: in Triton's interpreter where there is no GPU."""

import subprocess
import sys
from functools import partial

import torch
from pytest import importorskip, mark

from snnmi.fast import cuda, events
from snnmi.models import neurons
from tests import helpers
from tests.helpers import DEVICE, ROOT

importorskip("triton")  # comes with PyTorch on Linux
from snnmi.fast import kernels  # noqa: E402

seeded = partial(helpers.seeded, device=DEVICE)


def test_every_step_pixel_and_seed_has_draws_of_its_own():
    x = torch.full((50, 30), 0.5, device=DEVICE)
    seeds = [torch.tensor([seed], device=DEVICE) for seed in (1, 1, 2)]
    one, again, other = (kernels.rate_encode(x, 10, seed).flatten(1) for seed in seeds)
    assert torch.equal(one, again)
    agreement = (torch.cat([one, other])[:, None] == torch.cat([one, other])).float().mean(-1)
    agreement.fill_diagonal_(0.5)
    # of 20 independent trains any two agree half of the time
    assert (agreement - 0.5).abs().max() < 5 * 0.5 / 1500**0.5


@mark.parametrize("num_steps", [1, 6, 25])
@mark.parametrize("reset", sorted(neurons.RESETS))
def test_kernel_fires_as_the_plain_neurons_do(reset, num_steps):
    current = torch.randn(num_steps, 7, 411, generator=seeded(), device=DEVICE)
    plain = neurons.lif(current, beta=0.7, threshold=0.9, reset=reset)
    own = events.Neuron(0.7, 0.9, 0.9 if reset == "delayed" else 0.7 * 0.9)
    halved = torch.cat([current, current * 3], dim=-1)  # two parts, 0.25 (I + 3 I) = I
    none = current.new_zeros(411)
    spk, mem = kernels.lif(halved, current.new_tensor([0.25]), none, own, keep_membranes=True)
    assert torch.equal(spk.float(), plain.spk)
    assert torch.allclose(mem, plain.mem, atol=1e-5)
    assert torch.equal(cuda.fire(current, own)[0].float(), plain.spk)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from snnmi.fast import kernels
KINDS = {"numel": "i32", "neurons": "i32", "num_steps": "i32", "seed": "*i64", "spikes": "*fp16"}
KINDS |= {"beta": "fp32", "threshold": "fp32"}
KINDS |= {"lowered": "fp32", "zeroed": "fp32", "slope": "fp32"}
KINDS |= {"NUM_STEPS": 25, "PARTS": 2, "KEEP": True, "SPIKES": True, "MEMBRANES": True, "BLOCK": kernels.BLOCK}
for kernel in (kernels._rate_encode, kernels._lif, kernels._lif_backward):
    kinds = {name: KINDS.get(name, "*fp32") for name in kernel.arg_names}
    constants = {(i,): kind for i, kind in enumerate(kinds.values()) if not isinstance(kind, str)}
    signature = {name: kind if isinstance(kind, str) else "constexpr" for name, kind in kinds.items()}
    source = triton.compiler.ASTSource(fn=kernel, signature=signature, constexprs=constants)
    print(kernel.__name__, len(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]))
"""


def test_kernels_compile_for_a_gpu_that_is_not_here(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    environment |= {"HOME": str(tmp_path), "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    compiled = dict(line.split() for line in done.stdout.splitlines())
    assert compiled.keys() == {"_rate_encode", "_lif", "_lif_backward"}
    assert all(int(size) > 1000 for size in compiled.values())
