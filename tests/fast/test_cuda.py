"""A GPU's kernels and half-precision products are held against the plain code: in Triton's interpreter where there is no GPU."""

import subprocess
import sys
from contextlib import nullcontext

import torch
from pytest import approx, fixture, importorskip, mark, raises, warns

from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.fast import cuda
from snnmi.models import neurons
from snnmi.models.targets import QueryConfig, TargetConfig, build
from tests.conftest import ROOT

importorskip("triton")  # comes with PyTorch on Linux
from snnmi.fast import kernels  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
on_gpu = mark.skipif(DEVICE.type == "cpu", reason="no GPU here")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator(DEVICE).manual_seed(seed)


@fixture
def fused(monkeypatch):
    """The kernels in use on this machine, whatever it is."""
    monkeypatch.setattr(cuda, "fused", lambda device: True)


# --- encoder


def test_spikes_come_at_the_rate_of_the_pixel_and_values_outside_are_clipped():
    x = torch.tensor([-3.0, 0.0, 0.25, 0.5, 1.0, 7.0], device=DEVICE).expand(400, -1)
    spikes = kernels.rate_encode(x, 27, torch.tensor([1], device=DEVICE))
    assert spikes.shape == (27, 400, 6) and set(spikes.unique().tolist()) == {0.0, 1.0}
    rates = spikes.float().mean((0, 1))
    assert rates[[0, 1, 4, 5]].tolist() == [0, 0, 1, 1]
    assert rates[[2, 3]].tolist() == approx([0.25, 0.5], abs=4 * 0.5 / (27 * 400) ** 0.5)


def test_every_step_pixel_and_seed_has_draws_of_its_own():
    x = torch.full((50, 30), 0.5, device=DEVICE)
    one, again, other = (
        kernels.rate_encode(x, 10, torch.tensor([seed], device=DEVICE)).flatten(1) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    agreement = (torch.cat([one, other])[:, None] == torch.cat([one, other])).float().mean(-1)
    agreement.fill_diagonal_(0.5)
    assert (
        agreement - 0.5
    ).abs().max() < 5 * 0.5 / 1500**0.5  # of 20 independent trains any two agree half of the time


def test_the_generator_goes_on_from_query_to_query():
    x, chance = torch.full((50, 30), 0.5, device=DEVICE), seeded()
    first, second = cuda.rate_encode(x, 4, generator=chance), cuda.rate_encode(x, 4, generator=chance)
    assert not torch.equal(first, second)
    assert torch.equal(first, cuda.rate_encode(x, 4, generator=seeded()))


# --- neurons


@mark.parametrize("num_steps", [1, 6, 25])
@mark.parametrize("reset", sorted(neurons.RESETS))
def test_kernel_fires_as_the_plain_neurons_do(reset, num_steps):
    current = torch.randn(num_steps, 7, 411, generator=seeded(), device=DEVICE)
    plain = neurons.lif(current, beta=0.7, threshold=0.9, reset=reset)
    height = neurons.reset_height(0.7, 0.9, reset)
    halved = torch.cat([current, current * 3], dim=-1)  # two parts, 0.25 (I + 3 I) = I
    spk, mem = kernels.lif(
        halved,
        current.new_tensor([0.25]),
        current.new_zeros(411),
        beta=0.7,
        threshold=0.9,
        height=height,
        keep_membranes=True,
    )
    assert torch.equal(spk.float(), plain.spk)
    assert torch.allclose(mem, plain.mem, atol=1e-5)
    assert torch.equal(cuda.fire(current, beta=0.7, threshold=0.9, reset=reset).float(), plain.spk)


def test_kernel_adds_the_bias_of_its_neuron():
    product, bias = torch.zeros(3, 2, 4, device=DEVICE), torch.tensor([0.0, 0.4, 0.6, 1.1], device=DEVICE)
    spk, mem = kernels.lif(
        product, product.new_ones(1), bias, beta=0.5, threshold=1.0, height=1.0, keep_membranes=True
    )
    assert (
        spk.sum(0).tolist() == [[0, 0, 1, 2]] * 2
    )  # U of the third: 0.6, 0.9, 1.05; of the last: 1.1, 0.65, 1.425
    assert mem[:, 0, 2].tolist() == approx([0.6, 0.9, 1.05])


# --- products


def test_two_halves_hold_a_weight_and_one_holds_eleven_bits():
    weight = torch.randn(40, 30, generator=seeded(), device=DEVICE) * torch.logspace(-6, 2, 30, device=DEVICE)
    both, scale = cuda.halves(weight)
    assert both.dtype == torch.float16 and both.shape == (80, 30)
    found = (both[:40].double() + both[40:].double()) * scale.double()
    assert (found - weight).abs().max() <= 2**-22 * weight.abs().max()
    one, scale = cuda.halves(weight, parts=1)
    error = (one.double() * scale.double() - weight).abs() / weight.abs()
    large = weight.abs() > 2**-28 * weight.abs().max()  # what half precision holds as a normal number
    assert 2**-13 < error[large].max() <= 2**-11


def test_weights_of_zero_stay_zero():
    digits, scale = cuda.halves(torch.zeros(3, 2, device=DEVICE))
    assert not digits.any() and scale.isfinite()


def test_product_in_halves_is_as_good_as_one_in_float32():
    spikes = (torch.rand(5, 64, 784, generator=seeded(), device=DEVICE) < 0.3).float()
    layer = torch.nn.Linear(784, 300, device=DEVICE)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    exact = spikes.double() @ weight.double().T + bias.double()
    error = lambda found: float((found - exact).abs().max())  # noqa: E731
    assert error(cuda.product(spikes, weight, bias)) <= 2 * error(spikes @ weight.T + bias)
    assert error(cuda.product(spikes, weight, bias, parts=1)) > 20 * error(cuda.product(spikes, weight, bias))


# --- queries


@mark.parametrize("precision", ["float32", "float16"])
@mark.parametrize("encoder", ["rate", "frozen", "clip", "current"])
@mark.parametrize("decoder", ["membrane", "count"])
def test_query_by_kernels_answers_as_the_plain_one(encoder, decoder, precision, monkeypatch):
    model = build(TargetConfig(kind="snn", hidden=60), (8, 8), 10, seed=0).to(DEVICE)
    with torch.no_grad():
        model.hidden.weight.mul_(4)
    asked = model.asked(QueryConfig(encoder=encoder, decoder=decoder, precision=precision))
    x = (
        torch.rand(9, 8, 8, generator=seeded(), device=DEVICE) < 0.5
    ).float()  # of 0 and 1 even the rate encoder makes no chance
    answers = {}
    for fused in (False, True):
        monkeypatch.setattr(cuda, "fused", lambda device, fused=fused: fused)
        answers[fused] = asked(x, generator=seeded())
    assert answers[True].dtype == torch.float32
    assert torch.allclose(answers[True], answers[False], atol=1e-5)
    assert answers[True].std(0).mean() > 1e-3  # it says different things of different images


@mark.parametrize("encoder", ["rate", "frozen"])
def test_ann_behind_an_encoder_answers_as_the_plain_one(encoder, monkeypatch):
    model = (
        build(TargetConfig(kind="ann", hidden=60), (8, 8), 10, seed=0)
        .to(DEVICE)
        .asked(QueryConfig(encoder=encoder))
    )
    x = (torch.rand(9, 8, 8, generator=seeded(), device=DEVICE) < 0.5).float()
    plain = model(x, generator=seeded())
    monkeypatch.setattr(cuda, "fused", lambda device: True)
    assert torch.allclose(model(x, generator=seeded()), plain, atol=1e-6)


def test_kernels_draw_as_the_plain_encoder_on_average(fused):
    model = build(TargetConfig(kind="snn", hidden=60), (8, 8), 10, seed=0).to(DEVICE)
    x = torch.rand(1, 8, 8, generator=seeded(), device=DEVICE).expand(2000, -1, -1)
    by_kernel = model(x, generator=seeded(1))
    with torch.enable_grad():  # the plain encoder's spikes, then the same neurons
        spikes = model._encode(x.flatten(1), seeded(2))
    plain = model.run(spikes)[1].mem.softmax(-1).mean(0)
    error = (by_kernel.var(0) / 2000 + plain.var(0) / 2000).sqrt()
    assert ((by_kernel.mean(0) - plain.mean(0)).abs() < 4.5 * error).all()


def test_rounded_weights_leave_the_target_itself_alone():
    model = build(TargetConfig(kind="snn", hidden=60), (8, 8), 10, seed=0)
    before = model.hidden.weight.clone()
    coarse = model.asked(QueryConfig(precision="float16"))
    assert torch.equal(model.hidden.weight, before)
    assert 0 < (coarse.hidden.weight - before).abs().max() <= 2**-11 * before.abs().max()
    assert torch.equal(coarse.hidden.bias, model.hidden.bias)
    with raises(ValueError, match="precision is 'int4', expected one of"):
        QueryConfig(precision="int4")


# --- the attack


def attacked(**changes) -> tuple[gamin.AttackResult, BlackBox]:
    model = build(TargetConfig(kind="snn", hidden=40), (8, 8), 10, seed=0).to(DEVICE)
    box = BlackBox(model, seed=1, device=DEVICE, budget=3 * 12 * 64)
    config = GaminConfig(batches=12, hidden=16, log_points=5, lr_surrogate=1e-3, lr_generator=1e-3, **changes)
    return gamin.attack(
        box, config, image_shape=(8, 8), num_classes=10, labels=[3, 1, 4], seed=0, device=DEVICE
    ), box


def same(one: gamin.AttackResult, other: gamin.AttackResult) -> bool:
    pairs = (
        (a.parameters[name], b.parameters[name])
        for a, b in ((one.kept, other.kept), (one.last, other.last))
        for name in a.parameters
    )
    weights = all(torch.equal(a[key], b[key]) for a, b in pairs for key in a)
    return (
        weights
        and one.kept_loss == other.kept_loss
        and all(torch.equal(one.history[name], other.history[name]) for name in one.history)
    )


def test_step_that_is_replayed_and_not_called_spends_and_learns_the_same(monkeypatch):
    called, _ = attacked()
    replays = []

    def capture(step, generators):
        assert len(generators) == 2 and generators[0] is not generators[1]
        return lambda: (replays.append(1), step())

    monkeypatch.setattr(cuda, "captures", lambda device: True)
    monkeypatch.setattr(cuda, "capture", capture)
    if DEVICE.type == "cpu":
        monkeypatch.setattr(cuda, "own_stream", lambda device: nullcontext())
    replayed, box = attacked()
    assert len(replays) == 12 - cuda.WARM_UP
    assert box.queries == box.budget
    assert same(called, replayed)


@on_gpu
@mark.parametrize("family", ["mlp", "cnn"])
def test_captured_attack_ends_as_one_that_is_called(family, monkeypatch):
    assert cuda.probe(DEVICE) and cuda.captures(DEVICE)
    captured, box = attacked(family=family)
    assert box.queries == box.budget
    monkeypatch.setattr(cuda, "captures", lambda device: False)
    called, _ = attacked(family=family)
    assert torch.allclose(captured.history["M_global"], called.history["M_global"], rtol=1e-3)
    assert captured.kept_loss["batch"] == called.kept_loss["batch"]


def test_kept_pairs_are_copied_and_others_left_alone():
    mine, theirs = torch.zeros(3, 5, 211, device=DEVICE), torch.rand(3, 5, 211, device=DEVICE)
    kernels.take(mine, theirs, torch.tensor([1, 0, 1], device=DEVICE))
    assert torch.equal(mine[[0, 2]], theirs[[0, 2]]) and not mine[1].any()


# --- where they run


def test_a_machine_without_a_gpu_does_not_ask_for_kernels():
    assert not cuda.fused(torch.device("cpu")) and not cuda.captures(torch.device("cpu"))


def test_probe_passes_here():
    cuda.probe.cache_clear()
    assert cuda.probe(DEVICE)


@mark.parametrize("broken", ["rate_encode", "lif", "take"])
def test_probe_finds_a_kernel_that_is_wrong_and_the_plain_code_remains(broken, monkeypatch):
    right = getattr(kernels, broken)

    def wrong(*given, **named):
        if broken == "take":
            return None
        out = right(*given, **named)
        return out.roll(1, -1) if broken == "rate_encode" else (out[0], out[1] + 1)

    monkeypatch.setattr(kernels, broken, wrong)
    cuda.probe.cache_clear()
    with warns(UserWarning, match="goes without fused kernels"):
        assert not cuda.probe(DEVICE)
    cuda.probe.cache_clear()


def test_without_triton_the_plain_code_remains(monkeypatch):
    monkeypatch.setattr(cuda, "kernels", None)
    cuda.probe.cache_clear()
    with warns(UserWarning, match="Triton is not installed"):
        assert not cuda.probe(DEVICE)
    cuda.probe.cache_clear()


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from snnmi.fast import kernels
KINDS = {"numel": "i32", "neurons": "i32", "seed": "*i64", "chosen": "*i64", "spikes": "*fp16", "beta": "fp32", "threshold": "fp32",
         "height": "fp32", "NUM_STEPS": 25, "PARTS": 2, "KEEP": True, "BLOCK": kernels.BLOCK}
for kernel in (kernels._rate_encode, kernels._lif, kernels._take):
    kinds = {name: KINDS.get(name, "*fp32") for name in kernel.arg_names}
    constants = {(i,): kind for i, kind in enumerate(kinds.values()) if not isinstance(kind, str)}
    signature = {name: kind if isinstance(kind, str) else "constexpr" for name, kind in kinds.items()}
    source = triton.compiler.ASTSource(fn=kernel, signature=signature, constexprs=constants)
    print(kernel.__name__, len(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]))
"""


def test_kernels_compile_for_a_gpu_that_is_not_here(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TRITON_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    compiled = dict(line.split() for line in done.stdout.splitlines())
    assert compiled.keys() == {"_rate_encode", "_lif", "_take"} and all(
        int(size) > 1000 for size in compiled.values()
    )
