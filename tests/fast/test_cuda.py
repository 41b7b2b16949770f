"""What a GPU does sooner, products in halves and replayed steps, is held against the plain code."""

from contextlib import nullcontext
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from pytest import fixture, importorskip, mark, raises, warns

from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.fast import cuda, engine
from snnmi.models.targets import Query
from tests import helpers
from tests.helpers import DEVICE, assert_same_tensors
from tests.models.test_targets import Deep

importorskip("triton")  # comes with PyTorch on Linux
from snnmi.fast import kernels  # noqa: E402

seeded = partial(helpers.seeded, device=DEVICE)
on_gpu = mark.skipif(DEVICE.type == "cpu", reason="no GPU here")


def target(kind="snn"):
    return helpers.small(kind, hidden=60).to(DEVICE)


@fixture
def fused(monkeypatch):
    """The kernels in use on this machine, whatever it is."""
    monkeypatch.setattr(cuda, "fused", lambda device: True)


@fixture
def few_blocks(monkeypatch):
    """Of more numbers each, which Triton's interpreter takes one by one; `test_kernels` has as many as ever."""
    monkeypatch.setattr(kernels, "BLOCK", kernels.BLOCK if DEVICE.type == "cuda" else 1 << 15)


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


ASKED = [
    *product(["snn"], ["rate", "frozen", "clip", "current"], [("membrane", "float32"), ("count", "float16")])
]
ASKED += [("ann", encoder, ("membrane", "float32")) for encoder in ("rate", "frozen")]


@mark.parametrize("kind, encoder, how", ASKED)
def test_query_by_kernels_answers_as_the_plain_one(kind, encoder, how, monkeypatch):
    model, (decoder, precision) = target(kind), how
    with torch.no_grad():
        model.hidden.weight.mul_(4)
    asked = model.asked(Query(encoder=encoder, decoder=decoder, precision=precision))
    # of 0 and 1 even the rate encoder makes no chance
    x = (torch.rand(9, 8, 8, generator=seeded(), device=DEVICE) < 0.5).float()
    answers = {}
    for fused in (False, True):
        monkeypatch.setattr(cuda, "fused", lambda device, fused=fused: fused)
        answers[fused] = asked(x, generator=seeded())
    assert answers[True].dtype == torch.float32
    assert torch.allclose(answers[True], answers[False], atol=1e-5)
    assert answers[True].std(0).mean() > 1e-3  # it says different things of different images


@mark.parametrize("told", [True, False])
@mark.parametrize("encoder", ["rate", "clip"])
@torch.no_grad()
def test_networks_of_other_shapes_and_resets_answer_as_their_plain_loop(encoder, told, fused, monkeypatch):
    model = Deep(encoder, reset_mechanism="zero").to(DEVICE)
    if not told:  # nothing that kernels could take: the loop runs, on their draws
        monkeypatch.setattr(engine, "alike", lambda network: [])
    x = torch.rand(9, 8, 8, generator=seeded(), device=DEVICE)
    fed = engine.feed(model, x.flatten(1), seeded(3))
    spk, mem = model.plain(torch.cat([one.x.float() for one in fed], dim=1))
    assert 0.02 < spk.mean() < 0.95
    torch.testing.assert_close(model(x, generator=seeded(3)), mem.softmax(-1).mean(0), rtol=1e-4, atol=1e-5)


CODES = [("rate", "before_decay"), ("rate", "delayed"), ("clip", "delayed"), ("phase", "delayed")]


@mark.parametrize("encoder, reset", CODES)
def test_training_by_kernels_has_the_loss_and_gradients_of_the_plain_loop(encoder, reset, fused, few_blocks):
    model = helpers.small(hidden=60, encoder=encoder, reset=reset).to(DEVICE)
    with torch.no_grad():
        model.hidden.weight.mul_(4)
    x, y = torch.rand(9, 8, 8, generator=seeded(), device=DEVICE), torch.arange(9, device=DEVICE)
    loss = model.loss(x, y, generator=seeded(3))
    mem = model.plain(model.spikes(x, generator=seeded(3))).mem
    plain = F.cross_entropy(mem.flatten(0, 1), y.repeat(len(mem))) * len(mem)
    torch.testing.assert_close(loss, plain)
    for ours, theirs in zip(*(torch.autograd.grad(one, [*model.parameters()]) for one in (loss, plain))):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_rounded_weights_leave_the_target_itself_alone():
    model = target()
    before = model.hidden.weight.clone()
    coarse = model.asked(Query(precision="float16"))
    assert torch.equal(model.hidden.weight, before)
    assert 0 < (coarse.hidden.weight - before).abs().max() <= 2**-11 * before.abs().max()
    assert torch.equal(coarse.hidden.bias, model.hidden.bias)
    with raises(ValueError, match="precision is 'int4', expected one of"):
        Query(precision="int4")


# --- the attack


def attacked(**changes) -> tuple[gamin.AttackResult, BlackBox]:
    box = BlackBox(target(), seed=1, device=DEVICE, budget=3 * 12 * 64)
    config = GaminConfig(batches=12, hidden=16, log_points=5, lr_surrogate=1e-3, lr_generator=1e-3, **changes)
    given = dict(image_shape=(8, 8), num_classes=10, labels=[3, 1, 4], seed=0, device=DEVICE)
    return gamin.attack(box, config, **given), box


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
    assert_same_tensors(called.kept.parameters | called.history, replayed.kept.parameters | replayed.history)
    assert_same_tensors(called.last.parameters, replayed.last.parameters)
    assert called.kept_loss == replayed.kept_loss


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


# --- where they run


def test_a_machine_without_a_gpu_does_not_ask_for_kernels():
    assert not cuda.fused(torch.device("cpu")) and not cuda.captures(torch.device("cpu"))


def test_probe_passes_here():
    cuda.probe.cache_clear()
    assert cuda.probe(DEVICE)


@mark.parametrize("broken", ["rate_encode", "lif", "lif_backward", "Triton is not installed"])
def test_probe_finds_a_kernel_that_is_wrong_and_the_plain_code_remains(broken, few_blocks, monkeypatch):
    right = getattr(kernels, broken, None)

    def wrong(*given, **named):
        out = right(*given, **named)
        return (out[0], out[1] + 1) if broken == "lif" else out.roll(1, -1)

    if right:
        monkeypatch.setattr(kernels, broken, wrong)
    else:
        monkeypatch.setattr(cuda, "kernels", None)
    cuda.probe.cache_clear()
    with warns(UserWarning, match="goes without fused kernels.*" + ("" if right else broken)):
        assert not cuda.probe(DEVICE)
    cuda.probe.cache_clear()
