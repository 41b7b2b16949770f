"""The reader's own network: how it is read, what is refused, how its runs are named, and that it is attacked as any."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from snnmi.attack.blackbox import BlackBox
from snnmi.attack.noises import IN_RANGE
from snnmi.models import foreign, targets
from snnmi.models.foreign import Assumed
from snnmi.study import audit, keys, published, steps
from snnmi.study.settings import Settings
from tests.helpers import seeded, small

NONE = {"model": None, "dataset": None, "dt": None, "reset": None}
MINE = """
import random

import numpy as np
import torch

def uniform(x):
    return torch.full((len(x), 10), 0.1)

def network():
    return uniform

def module():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.Dropout(), torch.nn.Softmax(-1))

def number():
    return 3

def fails():
    raise KeyError("weights")

def nan_outside():
    return lambda x: torch.where((x > 1).any(-1).any(-1)[:, None], torch.nan, uniform(x))

def five():
    return lambda x: torch.full((len(x), 5), 0.2)

linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.Softmax(-1))

def predict(x):
    return linear(x)

def drawing(x, *, generator):
    return linear(x + torch.randn(x.shape, generator=generator))

def in_place():
    return lambda x: linear(x.sub_(0.5).div_(0.5))

def not_in_place():
    return lambda x: linear((x - 0.5) / 0.5)

class Small(torch.nn.Sequential):
    def __init__(self):
        super().__init__(*linear)

class Rows:
    def fit(self, x, y):
        pass
    def predict_proba(self, x):
        return uniform(x)

rows = Rows()

def estimator():
    return rows

def two(x, temperature):
    return linear(x)

def dropout():
    net = torch.nn.Sequential(torch.nn.Dropout(), *linear)
    return lambda x: net(x)

def numpys_chance():
    return lambda x: linear(x + torch.from_numpy(np.random.rand(*x.shape)).float())

def batch_norm():
    net = torch.nn.Sequential(*linear[:2], torch.nn.BatchNorm1d(10), linear[2])
    return lambda x: net(x)

def membranes():
    mem = [0.0]
    def network(x):
        mem[0] = 0.9 * mem[0] + linear[1](x.flatten(1))
        return mem[0].softmax(-1)
    return network

"""


@pytest.fixture
def own(mine):
    mine.write_text(MINE)
    return mine


def test_a_network_and_its_runs_are_named_by_its_file_and_by_what_is_assumed_of_it(tmp_path, digits, mine):
    first, second = (foreign.write(small(seed=s), tmp_path / f"{s}.nir") for s in (0, 1))
    (tmp_path / "moved.nir").write_bytes(first.read_bytes())
    names = [audit.read(str(p), digits, Assumed()).digest for p in (first, second, tmp_path / "moved.nir")]
    names.append(audit.read(str(first), digits, Assumed(reset="delayed")).digest)
    assert names[0] == names[2] and len(set(names)) == 3
    targets.TARGETS[audit.KIND] = audit.read(str(first), digits, Assumed())
    assert keys.target_key(Settings(audit.KIND), "digits", 0)["code"] == {"kind": names[0]}


@pytest.mark.parametrize(
    "name", ["predict", "linear", "drawing", "Small", "rows.predict_proba", "network", "module", "in_place"]
)
def test_a_network_is_named_or_what_returns_it(own, digits, name):
    """A function of images, a module, a method, a class without arguments, a function without arguments."""
    found = audit.read(f"{own}:{name}", digits, Assumed())
    network = found(digits, seed=0)  # as TARGETS are asked
    assert BlackBox(network, seed=0)(digits.x_test[:3]).shape == (3, 10) and found.unsteady is None
    if name in ("linear", "module"):
        assert found.weights == 650 and not network.training  # asked as it is used, not as it is trained
    else:
        assert found.weights == (650 if name == "Small" else None)


def test_a_file_may_import_what_lies_beside_it(own, digits):
    own.with_name("mine_too.py").write_text(MINE)
    own.write_text("from mine_too import network")
    torch.manual_seed(0)
    found = audit.read(f"{own}:network", digits, Assumed())
    own.with_name("mine_too.py").write_text(f"{MINE}# edited")
    torch.manual_seed(0)
    again = audit.read(f"{own}:network", digits, Assumed())
    assert found.digest != again.digest


def test_two_functions_that_answer_alike_are_two_networks_and_so_is_one_trained_anew(own, digits):
    """One of the two changes the images that it is asked: its runs are not the other's."""
    torch.manual_seed(0)
    names = "in_place not_in_place in_place module module".split()  # the last with first weights of its own
    found = [audit.read(f"{own}:{name}", digits, Assumed()) for name in names]
    answers = [BlackBox(one.answer, seed=0)(digits.x_test) for one in found]
    assert torch.equal(*answers[:2]) and found[0].digest == found[2].digest
    assert len({one.digest for one in found}) == 4


UNSTEADY = [
    ("dropout", "again", "Dropout in training mode"),
    ("numpys_chance", "again", "draws by chance"),
    ("batch_norm", "in other company", "BatchNorm in training mode"),
    ("membranes", "again", "neurons that are not reset"),
]


@pytest.mark.parametrize("name, how, cause", UNSTEADY)
def test_what_answers_hang_on_besides_the_image_is_said_with_its_likely_cause(own, digits, name, how, cause):
    torch.manual_seed(0)
    state = np.random.get_state()[1].copy()
    found = audit.read(f"{own}:{name}", digits, Assumed())
    assert f"same images {how}" in found.unsteady and cause in found.unsteady
    assert (np.random.get_state()[1] == state).all() or name == "numpys_chance"


@pytest.mark.parametrize("model", [small("snn"), small("ann"), small("snn", encoder="latency")])
def test_the_books_own_networks_are_steady(model, digits):
    assert audit.unsteady(model, digits.x_test[:100]) is None


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("number", "returns a int, expected a callable from images to confidences"),
        ("fails", "fails: KeyError: 'weights'"),
        ("absent", "has no function 'absent'"),
        ("nan_outside", "the target's answer holds NaN"),
        ("five", "gives 5 confidences, expected one for each of 10 classes"),
        ("estimator", "returns a Rows, expected a callable .*, such as its predict_proba"),
        ("rows", "rows is a Rows, expected a function: did you mean rows.predict_proba?"),
        ("two", "needs x, temperature, expected a function of no argument"),
    ],
)
def test_code_that_gives_no_confidences_is_refused_in_one_sentence(own, digits, name, sentence):
    with pytest.raises(ValueError, match=f"{re.escape(str(own))}:{name}.*{sentence}"):
        audit.read(f"{own}:{name}", digits, Assumed())


@pytest.mark.parametrize("model", ["no_such_module:network", "absent.py:network"])
def test_code_that_is_not_there_is_refused(mine, digits, model):
    with pytest.raises(ValueError, match=f"{model}: .*, expected file.py:function"):
        audit.read(model, digits, Assumed())


def test_a_file_of_pytorchs_is_refused_unopened(tmp_path, digits, monkeypatch):
    """Where it is loaded it can run what is hidden in it."""
    monkeypatch.setattr(torch, "load", lambda *_: pytest.fail("opened"))
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("opened"))
    for name in ("net.pt2", "net.pth"):
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match=f"{name}: loading a file of PyTorch's can run what is hidden"):
            audit.read(str(tmp_path / name), digits, Assumed())


def test_a_torch_export_file_that_is_trusted_comes_as_a_function(own, digits, tmp_path):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.Softmax(-1))
    many = {"input": {0: torch.export.Dim("batch")}}
    program = torch.export.export(network, (torch.zeros(2, 8, 8),), dynamic_shapes=many)
    torch.export.save(program, tmp_path / "net.pt2")
    loaded = f"torch.export.load({str(tmp_path / 'net.pt2')!r}).module()"
    own.write_text(f"import torch\ndef network():\n    return {loaded}")
    found = audit.read(f"{own}:network", digits, Assumed())
    torch.testing.assert_close(found.answer(digits.x_test[:3]), network(digits.x_test[:3]))


def test_the_targets_beside_it_have_as_many_weights(digits):
    for hidden in (1, 64, 3000):
        weights = sum(p.numel() for p in small(hidden=hidden).parameters())
        assert audit.same_size(weights, digits) == hidden


@pytest.fixture(scope="module")
def audited(results, tmp_path_factory):
    """Results in which an audit of this book's SNN is finished; what it was given and found."""
    folder = shutil.copytree(results, tmp_path_factory.mktemp("audit") / "results")
    given = {"profile": "smoke", "results": folder, "changes": {"attack": {"batches": 20}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(targets.TARGETS, audit.KIND, None)  # put back afterwards
        found = audit.prepare(given, **NONE)
        yield given, found, audit.scores(found.experiment)


def test_without_a_model_this_books_snn_is_audited_and_gives_its_own_numbers(audited, mine):
    given, found, scores = audited
    assert found.own.assumed.reset == "delayed" and found.own.weights == 64 * 65 + 10 * 65
    x = found.images.x_test[:50]
    torch.testing.assert_close(found.own.answer(x, generator=seeded()), found.book(x, generator=seeded()))
    rules = found.rules.set_index("reset")
    assert rules.assumed.to_dict() == {"before_decay": False, "delayed": True, "none": False, "zero": False}
    assert list(scores.variant.unique()) == audit.ORDER
    wide = scores.assign(asks=scores.variant.str.partition(",")[2])
    wide = wide.pivot(index=["score", "asks"], columns="target", values="value")
    assert set(scores.score) == set(published.SCORES) and ((wide[audit.KIND] - wide.snn).abs() < 1e-6).all()
    records = given["results"].glob("smoke/attack-digits-yours-*/run.json")
    stored = [json.loads(path.read_text()) for path in records]
    assert len(stored) == 2  # asked GAMIN's noise, and what the attacker chose
    chosen = [run for run in found.experiment.attacks() if "pilot" in run.metrics]
    tried = pd.DataFrame({run.target: run.metrics["pilot"] for run in chosen})
    assert list(tried) == ["yours", "ann", "snn"] and list(tried.index) == list(IN_RANGE)
    assert (tried.yours == tried.snn).all() and tried.min().max() < 0.9
    assert all(run["settings"]["target"]["code"] == {"kind": found.own.digest} for run in stored)
    judged = audit.judged(found.experiment)
    assert judged.images.tolist() == [*audit.ORDER, "test image", "class mean", "noise"]
    assert judged.notna().all(axis=None)
    assert judged.set_index("images").reading["class mean"] == "image"


def test_an_audit_that_was_finished_is_loaded(audited, mine, monkeypatch):
    given, _, before = audited
    monkeypatch.setattr(steps, "attack", lambda *_: pytest.fail("attacked again"))
    assert audit.scores(audit.prepare(given, **NONE).experiment).equals(before)


def test_what_a_page_says_of_steps_and_codes_holds_for_the_file(tmp_path, mine):
    changes = {"training": {"num_steps": 5, "encoder": "clip", "decoder": "count"}}
    given = {"profile": "smoke", "results": tmp_path / "results", "changes": changes}
    asked = {"model": str(foreign.write(small("snn"), tmp_path / "net.nir")), "dataset": "digits"}
    found = audit.prepare(given, **asked, dt="1e-5", reset="before_decay")  # as a file of parameters has it
    assert found.own.assumed == Assumed(1e-5, "before_decay", 5, "clip", "count") and found.book is None
    beside = found.experiment.settings("digits", audit.PLAIN[1])
    assert beside.network.neurons == 50  # as the file's
    with pytest.raises(ValueError, match="dt is .*, expected a number above 0"):
        audit.prepare(given, **asked, dt="nan", reset=None)


def surrogates(own: float = 0.5, *, accuracy: float = 0.9, chosen: float = 0.7) -> pd.DataFrame:
    """What copies read: the network's as said, the others' 0.6; chance is 0.1."""
    values = {"yours": own, "yours, chosen noise": chosen}
    found = pd.DataFrame({"variant": audit.ORDER, "value": [values.get(name, 0.6) for name in audit.ORDER]})
    ends = {"low": found.value - 0.05, "high": found.value + 0.05, "floor": 0.1, "ceiling": accuracy}
    return found.assign(**ends, target=found.variant.str.partition(",")[0], score="surrogate_accuracy")


def outcome(copies: pd.DataFrame, plain: str = "nothing", chosen: str = "nothing") -> audit.Outcome:
    readings = {"yours": plain, "yours, chosen noise": chosen, "ann": "image"}
    judged = pd.DataFrame({"images": audit.ORDER})
    judged["reading"] = [readings.get(name, "nothing") for name in audit.ORDER]
    return audit.outcome(copies, judged, test_images=400)


OUTCOMES = [  # what its copies read, asked GAMIN's noise and with what was chosen; its accuracy; then the outcome
    (0.5, 0.7, 0.9, {"works": True, "copied": True, "accuracy": 0.9, "guess": 0.1}),
    (0.12, 0.12, 0.9, {"works": True, "copied": False}),
    (0.12, 0.7, 0.9, {"copied": True}),  # a copy that either attacker gets is one
    (0.7, 0.12, 0.9, {"copied": True}),
    (0.5, 0.7, 0.11, {"works": False}),  # no better than the commonest class
]


@pytest.mark.parametrize("own, chosen, accuracy, expected", OUTCOMES)
def test_an_outcome_is_read_off_the_tables(own, chosen, accuracy, expected):
    found = outcome(surrogates(own, accuracy=accuracy, chosen=chosen))
    assert expected.items() <= found._asdict().items()
    assert found.copies["yours"] == own and found.copies["yours, chosen noise"] == chosen


@pytest.mark.parametrize(
    "plain, chosen, reading",
    [("nothing", "trace", "trace"), ("image", "trace", "image"), ("nothing", "nothing", "nothing")],
)
def test_the_pictures_that_show_most_count_and_only_the_networks_own(plain, chosen, reading):
    assert outcome(surrogates(), plain, chosen).reading == reading


@pytest.mark.parametrize("book", [True, False])
@pytest.mark.parametrize("assumed", [None, Assumed()])
@pytest.mark.parametrize(
    "own, accuracy, numbers", [(0.5, 0.9, "50% 70%"), (0.12, 0.9, "12% 10%"), (0.12, 0.11, "11% 10%")]
)
def test_an_answer_is_whole_and_says_what_makes_it_doubtful(own, accuracy, numbers, assumed, book):
    found = outcome(surrogates(own, accuracy=accuracy, chosen=0.7 if own == 0.5 else own))
    said = audit.answer(found, audit.Own(len, "", assumed=assumed, unsteady="It draws."), book=book)
    assert all(number in said for number in numbers.split()) and said.endswith(" It draws.")
    assert not set("{}") & set(said) and not {"None", "nan"} & set(said.split()) and said.count("**") == 2
