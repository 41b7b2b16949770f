"""Events compute what the plain code does, of chance that depends on key, image, pixel and step alone."""

import ctypes
import re
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from snnmi import files
from snnmi.fast import events
from snnmi.fast.events import Neuron, draw, find, rate_ann, rate_snn, spikes
from snnmi.models.neurons import lif
from tests.helpers import needs_compiler, seeded

pytestmark = needs_compiler  # what is done without one is seen where `CC` names none
NEURON = Neuron(0.7, 1.0, 1.0)


def train(x, num_steps=25, key=1, index=None):
    return spikes(draw(x, num_steps, key, index))


# --- chance


@pytest.mark.parametrize(
    "counter, key, words",
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_the_generator_gives_the_published_known_answers(counter, key, words):
    """Those of philox4x32 10 in Random123's kat_vectors."""
    counter, key, words = ([int(word, 16) for word in text.split()] for text in (counter, key, words))
    assert events.philox(events.library(), counter, key) == words


def test_a_spike_is_a_word_of_its_pixel_image_and_step_below_the_rate():
    """Bit for bit: so the draws have the generator's rates and are as independent as its words."""
    x, pixels = torch.rand(2, 4101, generator=seeded()), [*range(40), 2047, 2048, 4100]
    words = torch.tensor([
        [[events.philox(events.library(), [pixel, n, four, 0], [9, 5]) for pixel in pixels] for n in range(2)]
        for four in range(3)
    ])  # fmt: skip
    drawn = words.movedim(3, 1).flatten(0, 1)[:10] / 2**32
    assert torch.equal(train(x, 10, key=5 << 32 | 9)[..., pixels], (drawn < x[:, pixels]).float())


def test_values_outside_the_range_are_clipped_and_what_is_no_number_never_fires():
    x = torch.tensor([[-1.0, -0.0, 0.0, 1.0, 1.5, torch.inf, -torch.inf, torch.nan]])
    expected = torch.lt(torch.rand(25, 1, 8, generator=seeded()), x).float()
    assert torch.equal(train(x), expected) and expected[0, 0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("steps, images, pixels", [(25, 7, 30), (1, 1, 1), (3, 2, 2050)])
def test_spikes_that_are_written_out_are_found_again(steps, images, pixels):
    written = (torch.rand(steps, images, pixels, generator=seeded()) < 0.3).float()
    assert torch.equal(spikes(find(written)), written)
    assert torch.equal(spikes(find(torch.ones_like(written))), torch.ones_like(written))


# --- networks


@pytest.fixture(params={"events": 1, "tables": -1, "both": 0.25}.items(), ids=lambda item: item[0])
def way(request, monkeypatch):
    """How hidden layers are computed, whatever the images."""
    monkeypatch.setattr(events, "MANY", request.param[1])
    return request.param[0]


def network(pixels, neurons, classes):
    torch.manual_seed(0)
    hidden, output = nn.Linear(pixels, neurons), nn.Linear(neurons, classes)
    with torch.no_grad():
        hidden.weight.mul_(3), output.weight.mul_(3)  # enough current for spikes
    return hidden, output


def answer(*args, num_steps=25, chance=1):
    """Spikes, membranes and the weights' gradients by events."""
    x, hidden, output, neuron = args
    spk, mem = rate_snn(x, [(hidden, neuron), (output, neuron)], num_steps=num_steps, chance=chance)
    return spk, mem, gradients(spk, mem, hidden, output)


def gradients(spk, mem, hidden, output):
    weights = torch.randn(2, *spk.shape, generator=seeded(3))
    total = (weights[0] * spk + weights[1] * mem).sum()
    return torch.autograd.grad(total, [*hidden.parameters(), *output.parameters()])


SIZES = {
    "one pixel": (1, 20, 30, 10, 25),
    "one image": (784, 1, 100, 10, 25),
    "257 neurons, 3 classes": (30, 7, 257, 3, 26),
    "40 classes": (200, 50, 64, 40, 9),
    "faces": (10_304, 5, 100, 40, 5),
    "one step": (2050, 3, 65, 16, 1),
}


BY_RESET = [*((name, "delayed") for name in SIZES), ("257 neurons, 3 classes", "before_decay")]


@pytest.mark.parametrize("size, reset", BY_RESET)
def test_forward_and_backward_agree_with_lif_on_the_same_spikes(way, size, reset):
    pixels, images, neurons, classes, steps = SIZES[size]
    x = torch.randn(images, pixels, generator=seeded()) * 0.6 + 0.3
    hidden, output = network(pixels, neurons, classes)
    neuron = dict(beta=0.7, threshold=1.0)
    ours = Neuron(**neuron, height={"delayed": 1.0, "before_decay": 0.7}[reset], slope=25.0)
    first = lif(hidden(train(x, steps)), **neuron, reset=reset, slope=25.0)
    second = lif(output(first.spk), **neuron, reset=reset, slope=25.0)
    spk, mem, grads = answer(x, hidden, output, ours, num_steps=steps)
    torch.testing.assert_close(mem, second.mem, rtol=1e-4, atol=1e-5)
    assert torch.equal(spk, second.spk) and (pixels == 1 or 0.02 < first.spk.mean() < 0.98)
    for our, their in zip(grads, gradients(*second, hidden, output), strict=True):
        assert (our - their).abs().max() < 1e-3 * their.abs().max()
    with torch.no_grad():
        queried = rate_snn(x, [(hidden, ours), (output, ours)], num_steps=steps, chance=1)
        confidences = output(hidden(train(x, steps)).sigmoid()).softmax(-1).mean(0)
    assert torch.equal(queried[0], spk) and torch.equal(queried[1], mem)
    answers = rate_ann(x, hidden, output, num_steps=steps, chance=1)
    torch.testing.assert_close(answers, confidences, rtol=1e-4, atol=1e-5)


def test_hidden_spikes_differ_only_where_a_membrane_lies_within_rounding_of_the_threshold(way):
    x = torch.randn(40, 784, generator=seeded())
    hidden, _ = network(784, 1000, 10)
    found = draw(x, 25, 1)._replace(many=way == "tables")
    with torch.no_grad():
        current = hidden.double()(spikes(found).double())
        exact = lif(current, beta=0.7)
        words, *_ = events._hidden(found, *hidden.float().parameters(), NEURON)
    spk = events.written(words, 1000)
    differs = spk != exact.spk
    early = differs.cumsum(0).eq(1) & differs  # the first of a neuron and image: the rest may follow from it
    assert 0.05 < exact.spk.mean() < 0.5 and early.sum() < 1e-5 * early.numel()
    assert (exact.mem[early] - 1).abs().lt(1e-5).all()


def test_threads_change_no_bit(way):
    x, layers, neuron = torch.rand(60, 300, generator=seeded()), network(300, 400, 10), NEURON
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(answer(x, *layers, neuron))
    torch.set_num_threads(before)
    for _, mem, grads in found[1:]:
        assert torch.equal(mem, found[0][1])
        assert all(map(torch.equal, grads, found[0][2]))


def test_how_a_call_is_cut_changes_no_bit(way, monkeypatch):
    x, layers = torch.rand(60, 300, generator=seeded()), network(300, 400, 10)
    halves = [train(part, index=index) for part, index in zip(x.split(31), torch.arange(60).split(31))]
    assert torch.equal(torch.cat(halves, 1), train(x))
    whole = torch.no_grad()(rate_snn)(x, [(layer, NEURON) for layer in layers], num_steps=25, chance=1)
    monkeypatch.setattr(events, "AT_ONCE", 25 * 17)
    parts = torch.no_grad()(rate_snn)(x, [(layer, NEURON) for layer in layers], num_steps=25, chance=1)
    assert torch.equal(whole[1], parts[1])


def test_a_batch_of_no_images_has_no_answers_and_weights_in_double_precision_are_refused():
    layers = [(layer, NEURON) for layer in network(9, 5, 3)]
    with torch.no_grad():
        assert rate_snn(torch.empty(0, 9), layers, num_steps=4, chance=1)[0].shape == (4, 0, 3)
    layers[0][0].double()
    with pytest.raises(TypeError, match="expected contiguous float32"):
        rate_snn(torch.rand(2, 9), layers, num_steps=4, chance=1)


# --- the library


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache of its own, in which nothing is compiled yet; quickly, not well."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(events, "ALWAYS", "-O0 -shared -fPIC")
    before = events.library()
    events.library.cache_clear()
    yield tmp_path / "snnmi"
    events.library.cache_clear()
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (events.library() is None) == (before is None)


NO_COMPILER = {"": r"install a C compiler, such as Debian's gcc \(.*\): .* times"}
COMPILERS = "/bin/false", "gcc 'O2", "gcc-of-yesterday -O2", "/tmp", "echo"
NO_COMPILER |= {name: f"CC is {re.escape(repr(name))}: name a C compiler" for name in COMPILERS}


@pytest.mark.parametrize("given", NO_COMPILER)
def test_without_a_compiler_one_warning_says_what_to_do(monkeypatch, fresh, given):
    monkeypatch.setenv("CC", given)
    if not given:
        monkeypatch.setenv("PATH", "")
    with pytest.warns(UserWarning, match=NO_COMPILER[given]) as said:
        assert not events.available() and not events.available()
    assert len(said) == 1 and len(str(said[0].message).splitlines()) == 1


def test_what_was_compiled_is_used_again_and_made_anew_if_broken(monkeypatch, fresh):
    monkeypatch.setenv("CC", "  ")  # no name of a compiler
    assert events.available()
    (path,) = fresh.iterdir()
    written, content = path.stat().st_mtime_ns, path.read_bytes()
    events.library.cache_clear()
    assert events.available() and path.stat().st_mtime_ns == written
    events.library.cache_clear()
    path.unlink()  # its old content may still be at work
    path.write_bytes(content[: len(content) // 2])
    assert events.available() and len(path.read_bytes()) == len(content)
    assert [file.name for file in fresh.iterdir()] == [path.name]


@pytest.mark.parametrize("cache", ["a file", "none"])
def test_without_a_cache_that_can_be_written_it_is_done_without(monkeypatch, fresh, cache):
    if cache == "a file":
        fresh.write_text("where the folder should be")
    else:
        monkeypatch.setattr(files, "cache", lambda: None)
    assert events.available() and not fresh.is_dir()


@pytest.mark.parametrize("everywhere", [False, True])
def test_where_execution_is_forbidden_the_next_place_is_taken_or_one_asked_for(
    monkeypatch, fresh, everywhere
):
    """File systems that do not let a library be loaded."""
    load, place = ctypes.CDLL, "/" if everywhere else fresh

    def loaded(name):
        if Path(name).is_relative_to(place):
            raise OSError(f"{name}: failed to map segment from shared object")
        return load(name)

    monkeypatch.setattr(events.ctypes, "CDLL", loaded)
    wanted = "can be loaded as a library .* XDG_CACHE_HOME" + " .* times" * everywhere
    with pytest.warns(UserWarning, match=wanted) as said:
        assert events.available() is not everywhere
    assert len(said) == 1 and not re.search("install|compiler", str(said[0].message))
    assert everywhere or f"nothing in {fresh} can" in str(said[0].message)
    assert events.provenance.FURTHER["spikes_on_cpu"] == ("PyTorch" if everywhere else "events")


def test_another_source_has_another_file_and_a_flag_that_is_refused_is_left_out(monkeypatch, fresh, tmp_path):
    first = next(events._built("cc"))
    monkeypatch.setattr(events, "FLAGS", ("-march=none-such", ""))
    assert events.available()
    monkeypatch.setattr(events, "SOURCE", tmp_path / "events.c")
    events.SOURCE.write_text("int changed;")
    assert next(events._built("cc")) != first


def test_narrow_vectors_give_the_same_bits(way, monkeypatch, fresh):
    x, layers, neuron = torch.rand(20, 100, generator=seeded()), network(100, 70, 10), NEURON
    monkeypatch.setattr(events, "ALWAYS", "-O1 -ffp-contract=off -shared -fPIC")
    found = []
    for flags in ("-march=native", "-mno-avx"):
        monkeypatch.setattr(events, "FLAGS", (flags, ""))
        events.library.cache_clear()
        found.append(answer(x, *layers, neuron))
    (_, mem, grads), (_, narrow_mem, narrow_grads) = found
    assert torch.equal(mem, narrow_mem) and all(map(torch.equal, grads, narrow_grads))
