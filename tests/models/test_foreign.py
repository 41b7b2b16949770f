"""Files of other tools: equal answers where these can be had, one sentence where not."""

import contextlib
import io
import pickle

import nir
import numpy as np
import pytest
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir

from snnmi.models import foreign
from snnmi.models.coding import DECODERS
from snnmi.models.euler import RULES
from snnmi.models.foreign import Assumed
from tests.helpers import needs_compiler, seeded, small

DIGITS = {"image_shape": (8, 8), "num_classes": 10}
COUNTED = {"decoder": "count", "num_steps": 7}


def lif(n: int, **values) -> nir.LIF:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | values
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


def affine(out: int, into: int, value: float = 0.1) -> nir.Affine:
    return nir.Affine(np.full((out, into), value, np.float32), np.zeros(out, np.float32))


def saved(folder, *nodes, pixels=(64,), classes: int = 10, edges=None):
    """A file of these nodes, one after the other or along `edges`."""
    named = {"in": nir.Input(np.array(pixels)), **{f"n{i}": node for i, node in enumerate(nodes)}}
    named["out"] = nir.Output(np.array([classes]))
    edges = edges or [*zip(named, [*named][1:])]
    nir.write(folder / "net.nir", nir.NIRGraph(named, edges, type_check=False))
    return folder / "net.nir"


@pytest.mark.parametrize(
    "asked", [{}, COUNTED, COUNTED | {"encoder": "clip"}], ids=["", "counted", "clipped"]
)
def test_this_books_snn_gives_the_same_answers_there_and_back_however_asked(tmp_path, digits, asked):
    model = small("snn", threshold=0.3, **asked)
    path = foreign.write(model, tmp_path / "snn.nir")
    net = foreign.read(path, Assumed(reset="delayed", **asked), **DIGITS)
    for x in (digits.x_test[:40], torch.randn(40, 8, 8, generator=seeded())):  # inside the range and out
        torch.testing.assert_close(net(x, generator=seeded()), model(x, generator=seeded()))
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in model.parameters())


def ones(n: int, value: float) -> torch.Tensor:
    return torch.full((n,), value)


def test_what_snntorch_wrote_spikes_as_snntorch_runs_it(tmp_path):
    torch.manual_seed(0)
    leaky = snntorch.Leaky(beta=ones(30, 0.8), threshold=ones(30, 0.3), init_hidden=True)
    values = {"alpha": ones(10, 0.6), "beta": ones(10, 0.9), "threshold": ones(10, 0.5)}
    synaptic = snntorch.Synaptic(**values, init_hidden=True)
    net = torch.nn.Sequential(torch.nn.Linear(64, 30), leaky, torch.nn.Linear(30, 10), synaptic)
    spikes = (torch.rand(25, 7, 64) < 0.3).float()
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        nir.write(tmp_path / "net.nir", export_to_nir(net, torch.rand(64)))
        theirs, state, wanted = import_from_nir(nir.read(tmp_path / "net.nir")), None, []
        for step in spikes:
            out, state = theirs(step, state)
            wanted.append(out)
    ours = foreign.read(tmp_path / "net.nir", Assumed(), **DIGITS)
    spk, _ = ours.run(spikes)
    assert torch.equal(spk, torch.stack(wanted)) and spk.any()
    assert torch.equal(ours.run(spikes)[0], spk)  # snntorch's own remember the query before


@pytest.mark.parametrize("rule, reset", [("subtract", "delayed"), ("zero", "zero"), ("none", "none")])
def test_snntorchs_own_neuron_resets_by_a_rule_that_its_file_does_not_say(tmp_path, rule, reset):
    torch.manual_seed(0)
    leaky = snntorch.Leaky(
        beta=ones(10, 0.8), threshold=ones(10, 0.3), init_hidden=True, output=True, reset_mechanism=rule
    )
    net = torch.nn.Sequential(torch.nn.Linear(64, 10), leaky)
    spikes = (torch.rand(25, 7, 64) < 0.3).float()
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        nir.write(tmp_path / "net.nir", export_to_nir(net, torch.rand(64)))
        leaky.reset_mem()
        wanted = [net(step) for step in spikes]
    by = {one: foreign.read(tmp_path / "net.nir", Assumed(reset=one), **DIGITS).run(spikes) for one in RULES}
    spk, mem = by.pop(reset)
    assert torch.equal(spk, torch.stack([spk for spk, _ in wanted]))
    if rule != "zero":  # of which ours is noted before it
        torch.testing.assert_close(mem, torch.stack([mem for _, mem in wanted]))
    assert not [one for one, (other, _) in by.items() if torch.equal(other, spk)]


@needs_compiler
@pytest.mark.parametrize("reset", sorted(RULES))
@pytest.mark.parametrize("grey", [False, True])
def test_a_network_of_linear_and_alike_neurons_answers_by_events_what_it_answers_step_by_step(
    tmp_path, reset, grey
):
    """Three layers, whose drive is no 1; so wherever only one of ten pixels is lit, or where all are grey."""
    draw, sizes = np.random.default_rng(0), (64, 70, 20, 10)
    nodes = []
    for a, b in zip(sizes, sizes[1:]):
        nodes += [nir.Affine(draw.normal(size=(b, a)) * 0.4, draw.normal(size=b) * 0.4)]
        nodes += [lif(b, tau=4e-4, r=3.0)]
    net = foreign.read(saved(tmp_path, *nodes), Assumed(reset=reset), **DIGITS)
    assert len(net.layers) == 3
    x = torch.rand(6, 8, 8, generator=seeded())
    x = x if grey else (x < 0.1).float()
    by_events = net(x, generator=seeded(3))
    plain = DECODERS["membrane"](*net.run(net.spikes(x, generator=seeded(3))))
    assert net.run(net.spikes(x, generator=seeded(3)))[0].mean() > 0.02
    torch.testing.assert_close(by_events, plain, rtol=1e-4, atol=1e-5)


def test_a_file_as_norse_writes_it_matches_a_hand_computed_run(tmp_path):
    """r = 1 and tau in seconds, which its own step of 1 ms makes U = U / 2 + input / 2."""
    read_out = nir.LI(tau=np.full(2, 2e-3), r=np.full(2, 2.0), v_leak=np.zeros(2))
    nodes = [affine(1, 1, 1.6), lif(1, tau=2e-3, r=1.0), affine(2, 1, 1.0), read_out]
    path = saved(tmp_path, *nodes, pixels=(1,), classes=2)
    assumed = Assumed(dt=1e-3, encoder="current", num_steps=4)
    net = foreign.read(path, assumed, image_shape=(1, 1), num_classes=2)
    spk, mem = net.run(torch.ones(4, 1, 1))  # hidden: 0.8, 1.2 and a spike, 0.8, 1.2 and a spike
    assert spk is None and mem[:, 0, 0].tolist() == [0, 1, 0.5, 1.25]
    assert net(torch.ones(1, 1, 1), generator=seeded()).tolist() == [[0.5, 0.5]]


def test_a_file_as_spikingjelly_writes_it_matches_a_hand_computed_run(tmp_path):
    """Convolution, pooling, integrate-and-fire with r = 1 / dt and a shape, and a flatten that counts no batch axis."""
    kernel = np.ones((1, 1, 1, 1), np.float32)
    conv = nir.Conv2d((2, 2), kernel, 1, 0, 1, 1, np.zeros(1, np.float32))
    pool = nir.SumPool2d(*np.array([[2, 2], [2, 2], [0, 0]]))
    fire = nir.IF(r=np.full((1, 1, 1), 1e4), v_threshold=np.ones((1, 1, 1)))
    flat = nir.Flatten({"input": np.array([1, 1, 1])}, 0, -1)
    path = saved(tmp_path, conv, pool, fire, flat, affine(2, 1), pixels=(1, 2, 2), classes=2)
    net = foreign.read(path, Assumed(), image_shape=(2, 2), num_classes=2)
    _, mem = net.run(torch.full((6, 1, 4), 0.1))  # 0.4, 0.8, 1.2 and a spike, and again
    assert mem[:, 0, 1].tolist() == pytest.approx([0, 0, 0.1, 0, 0, 0.1])


FLATTENED = [((64,), 0, -1), ((64,), 1, 1), ((1, 8, 8), 1, 3), ((1, 8, 8), -3, -1), ((1, 8, 8), 2, 3)]
FLATTENED += [((4, 4, 4), 0, 2), ((4, 4, 4), 1, -1), ((4, 4, 4), 1, 3), ((1, 64), 1, 2)]


@pytest.mark.parametrize("shape, start, end", FLATTENED)
def test_a_flatten_is_read_whether_it_counts_an_axis_for_the_batch(tmp_path, digits, shape, start, end):
    """Either way all pixels come in their order to the layer behind it."""
    flat = nir.Flatten({"input": np.array(shape)}, start, end)
    behind = nir.Linear(np.random.default_rng(0).random((10, 64), np.float32))
    found = foreign.read(saved(tmp_path, flat, behind, pixels=shape), Assumed(encoder="current"), **DIGITS)
    plain = foreign.read(saved(tmp_path, behind), Assumed(encoder="current"), **DIGITS)
    x = digits.x_test[:5]
    torch.testing.assert_close(found(x, generator=seeded()), plain(x, generator=seeded()))


ONE_LAYER = [affine(10, 64), lif(10)]
IN_CHANNELS = [
    nir.Flatten({"input": np.array((2, 4, 8))}, 1, -1),
    affine(5, 32),
    nir.IF(r=np.ones((2, 5)), v_threshold=np.ones((2, 5))),
]


def test_channels_that_a_flatten_keeps_are_kept_where_the_next_layer_wants_them(tmp_path):
    """Counted as NIR counts, it can be run: so it is, though a batch could be counted too."""
    path = saved(tmp_path, *IN_CHANNELS[:2], pixels=(2, 4, 8))
    _, mem = foreign.read(path, Assumed(), **DIGITS).run(torch.ones(1, 1, 64))
    torch.testing.assert_close(mem, torch.full((1, 1, 10), 3.2))


@pytest.mark.parametrize(
    "nodes, pixels", [(ONE_LAYER, (64,)), (IN_CHANNELS, (2, 4, 8))], ids=["one layer", "channels"]
)
def test_what_is_no_chain_of_layers_is_asked_as_its_file_says(tmp_path, digits, nodes, pixels):
    """By spikes too, which a chain would meet as events."""
    net = foreign.read(saved(tmp_path, *nodes, pixels=pixels), Assumed(num_steps=3), **DIGITS)
    x = (digits.x_test[:4] > 0.5).float()  # certain spikes
    _, mem = net.run(x.flatten(1).expand(3, -1, -1))
    torch.testing.assert_close(net(x, generator=seeded()), mem.softmax(-1).mean(0))


def test_paths_that_meet_are_added(tmp_path):
    edges = [("in", "n0"), ("in", "n1"), ("n0", "n2"), ("n1", "n2"), ("n2", "out")]
    path = saved(tmp_path, affine(10, 64), affine(10, 64, 0.2), nir.Linear(np.eye(10)), edges=edges)
    _, mem = foreign.read(path, Assumed(), **DIGITS).run(torch.ones(1, 1, 64))
    torch.testing.assert_close(mem, torch.full((1, 1, 10), 0.3 * 64))


WHOLE = affine(10, 64)
BROKEN = {  # nodes, their edges where these are not in a row, what is said
    "images of another size": ([affine(10, 49)], None, r"takes \(49,\), expected images of \(8, 8\)"),
    "other classes": ([affine(7, 64)], None, "gives 7 numbers, expected one for each of 10 classes"),
    "layers that do not meet": ([affine(9, 64), affine(10, 8)], None, r"'n1' \(Affine\) cannot take a \(9,\)"),
    "a flatten of too many axes": (
        [nir.Flatten({"input": np.array([64])}, 0, 2), WHOLE], None, r"'n0' \(Flatten\) cannot take a \(64,\): it flat"
    ),
    "a flatten of too few": (
        [nir.Flatten({"input": np.array([4, 4, 4])}, 1, 2), WHOLE], None, r"'n1' \(Affine\) cannot take a \(4, 16\)"
    ),
    "neurons that do not fit": ([WHOLE, lif(9)], None, r"'n1' \(LIF\) cannot take a \(10,\).*are \(9,\)"),
    "a step too long": ([WHOLE, lif(10, tau=1e-5)], None, r"'n1' \(LIF\) cannot be run: tau goes down to 1e-05"),
    "a kind that cannot be run": ([WHOLE, nir.Delay(np.ones(10))], None, "type Delay cannot be run, exp.*'Affine'"),
    "a loop": ([WHOLE, WHOLE], "in n0, n0 n1, n1 n0, n1 out", "it loops .*, expected no recurrent connections"),
    "two ends": ([WHOLE, WHOLE], "in n0, in n1, n0 out, n1 out", "expected one input and one output that one node"),
    "a loose end": ([WHOLE, WHOLE], "in n0, n1 n0, n0 out", "nothing leads to its node 'n1'"),
}  # fmt: skip


@pytest.mark.parametrize("nodes, edges, sentence", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_run_is_refused_in_one_sentence(tmp_path, nodes, edges, sentence):
    flat = isinstance(nodes[0], nir.Flatten)
    pixels = tuple(nodes[0].input_type["input"]) if flat else (nodes[0].weight.shape[1],)
    path = saved(tmp_path, *nodes, pixels=pixels, edges=edges and [e.split() for e in edges.split(", ")])
    with pytest.raises(ValueError, match=sentence) as error:
        foreign.read(path, Assumed(), **DIGITS)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_damaged_file_a_foreign_file_and_a_pickle_are_refused(tmp_path):
    whole = saved(tmp_path, affine(10, 64)).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no such file", pickle.dumps({"weight": 1})):
        (tmp_path / "broken.nir").write_bytes(content)
        with pytest.raises(ValueError, match="broken.nir cannot be read as a NIR file"):
            foreign.read(tmp_path / "broken.nir", Assumed(), **DIGITS)
    with pytest.raises(ValueError, match="absent.nir does not exist"):
        foreign.read(tmp_path / "absent.nir", Assumed(), **DIGITS)


def test_spikes_cannot_be_counted_where_the_last_layer_has_none(tmp_path):
    path = saved(tmp_path, affine(10, 64))
    foreign.read(path, Assumed(), **DIGITS)
    with pytest.raises(ValueError, match="ends in a layer without spikes: the decoder count cannot read it"):
        foreign.read(path, Assumed(decoder="count"), **DIGITS)


@pytest.mark.parametrize("wrong", [{"dt": 0}, {"reset": "never"}, {"num_steps": 0}, {"decoder": "loudest"}])
def test_what_cannot_be_assumed_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{[*wrong][0]} is .*, expected"):
        Assumed(**wrong)
