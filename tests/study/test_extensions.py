"""A user's own code: run when it is named, known by its content, and good for every step of the chain."""

import copy
import os
import sys
from collections import Counter

import pandas as pd
import pytest
import torch

from snnmi import data
from snnmi.measure.scores import METRICS, Metric
from snnmi.models import training
from snnmi.models.coding import ENCODERS
from snnmi.models.targets import TARGETS
from snnmi.study import extensions, keys, table
from snnmi.study.experiment import Experiment
from snnmi.study.keys import foreign, target_key
from snnmi.study.settings import Settings
from tests.helpers import scores_of

ENCODER = """
from snnmi.models.coding import ENCODERS
def mine(x, num_steps, *, generator):
    return x.clamp(0, {high}).expand(num_steps, *x.shape)
ENCODERS["mine"] = mine
"""


def write(path, text):
    """An edit within the same moment: nothing but the content tells it."""
    path.write_text(text)
    os.utime(path, (1e9, 1e9))


def key(encoder="mine"):
    return target_key(Settings("snn").changed({"training": {"encoder": encoder}}), "digits", 0)


def top():
    """What the registered encoder makes of a bright pixel."""
    return float(ENCODERS["mine"](torch.full((1, 1), 9.0), 1, generator=None).max())


def test_an_edit_is_run_and_undone_again(mine):
    """The file as it was an hour ago is not the one in between, in the tables as in the names."""
    found = []
    for high in (1, 1, 2, 1):
        write(mine, ENCODER.format(high=high))
        assert extensions.load(mine) == mine.resolve()
        found.append((top(), key()["code"]["encoder"]))
    assert [value for value, _ in found] == [1, 1, 2, 1]
    assert found[0] == found[1] == found[3] and found[1][1] != found[2][1]
    assert key()["code"].keys() == {"encoder"} and "code" not in key("clip"), "what a run does not use"


@pytest.mark.parametrize(
    "what, text, edit",
    [
        ("noise", "NOISES['mine'] = NOISES['strokes']", ("strokes", "blobs")),
        ("noise", "NOISES['strokes'] = NOISES['uniform']", ("uniform", "blobs")),
        ("attack", "ATTACKS['mine'] = Attack(evolve, {'per_class': 1, 'steps': 1, 'pairs': 2})", ("2", "3")),
        ("metric", "METRICS['mine'] = Metric('mine', METRICS['likeness'].score)", ("likeness", "A_comb")),
    ],
)
def test_what_is_made_of_the_projects_functions_is_ones_own_all_the_same(mine, what, text, edit):
    imports = """
from snnmi.attack.noises import NOISES
from snnmi.attack.evolution import evolve
from snnmi.measure.scores import METRICS, Metric
from snnmi.study.attacks import ATTACKS, Attack
"""
    name = text.split("'")[1]
    before, codes = keys.code(it=(what, name)), []
    for content in (text, text.replace(*edit)):
        write(mine, imports + content)
        extensions.load(mine)
        codes.append(keys.code(it=(what, name))["code"]["it"])
    assert before == {} and codes[0] != codes[1]


@pytest.mark.parametrize("how", ["lambda box, labels: 0", "lambda *a, seed, n: 0, {'m': 2}"])
def test_an_attack_that_cannot_be_called_is_said_when_it_is_registered(mine, how):
    write(mine, f"from snnmi.study.attacks import ATTACKS, Attack\nATTACKS['mine'] = Attack({how})")
    with pytest.raises(ValueError, match="the attack 'mine' cannot be called with its settings"):
        extensions.load(mine)


def test_the_same_file_is_run_once(mine):
    write(mine, "from snnmi.models.coding import ENCODERS\nENCODERS[f'run-{len(ENCODERS)}'] = len")
    before = len(ENCODERS)
    for _ in range(3):
        extensions.load(str(mine))
    assert len(ENCODERS) == before + 1


IMPORTS = """from snnmi.measure.scores import METRICS
from snnmi.models.coding import ENCODERS
from snnmi.study.attacks import ATTACKS
"""
REFUSED = [
    (None, "expected a Python file of yours"),
    ("1 / 0", "mine.py fails where it is run: ZeroDivisionError"),
    ("raise SystemExit('bye')", "mine.py fails where it is run: SystemExit: bye"),
    ("METRICS['mine'] = len", "mine.py registers the metric 'mine' as a builtin.*, expected a Metric"),
    ("ENCODERS['mine'] = 'rate'", "mine.py registers the encoder 'mine' as a str, expected a function"),
    ("ATTACKS['mine'] = len", r"the attack 'mine' as a builtin.*expected an Attack\(function\)"),
    ("ENCODERS['a|b'] = len", r"mine.py registers 'a\|b', .*expected letters"),
    ("ENCODERS['my own'] = len", "mine.py registers 'my own', .*expected letters"),
]


@pytest.mark.parametrize("text, sentence", REFUSED)
def test_a_file_that_cannot_be_used_is_said_in_one_sentence(mine, text, sentence):
    if text:
        mine.write_text(IMPORTS + text)
    with pytest.raises(ValueError, match=sentence):
        extensions.load(mine)


# --- modules beside it

WITH_HELPER = """
from helper import HIGH, kept
from snnmi.models.coding import ENCODERS
def mine(x, num_steps, *, generator):
    return x.clamp(0, HIGH).expand(num_steps, *x.shape)
ENCODERS["mine"], ENCODERS["kept"] = mine, kept
"""
HELPER = """
HIGH = {high}
def kept(x, num_steps, *, generator):
    return HIGH * x.expand(num_steps, *x.shape)
"""


@pytest.mark.parametrize("module", ["helper", "nets.deep.helper"])
def test_a_module_beside_the_file_can_be_imported_and_an_edit_of_it_is_an_edit_of_the_file(mine, module):
    write(mine, WITH_HELPER.replace("helper", module))
    helper = mine.parent / f"{module.replace('.', '/')}.py"
    helper.parent.mkdir(parents=True, exist_ok=True)
    if helper.parent != mine.parent:
        (mine.parent / "nets/__init__.py").touch()  # and `deep` is a folder without one
    found = []
    for high in (1, 1, 2, 1):
        write(helper, HELPER.format(high=high))
        extensions.load(mine)
        found.append((top(), key()["code"]["encoder"], key("kept")["code"]["encoder"]))
    assert [value for value, *_ in found] == [1, 1, 2, 1]
    assert found[0] == found[1] == found[3] and found[1][1] != found[2][1] and found[1][2] != found[2][2]
    assert not [*mine.parent.glob("__pycache__")] and extensions.only_here() == []


def test_of_two_folders_each_file_gets_the_module_beside_it(mine, tmp_path):
    """Though both files, and the names of both modules, are equal."""
    for folder, high in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "mine.py", WITH_HELPER)
        write(tmp_path / folder / "helper.py", HELPER.format(high=high))
    for folder, high in (("one", 1), ("two", 2), ("one", 1)):
        extensions.load(tmp_path / folder / "mine.py")
        assert top() == high


def test_a_module_beside_it_may_be_imported_when_a_function_is_called(mine):
    write(mine.with_name("later.py"), "HIGH = 3")
    write(mine, ENCODER.format(high=1).replace("    return", "    import later\n    return later.HIGH *"))
    extensions.load(mine)
    assert top() == 3


def test_a_module_beside_it_goes_before_one_that_is_installed(mine):
    write(mine.with_name("colorsys.py"), "HIGH, kept = 4, len")
    write(mine, WITH_HELPER.replace("helper", "colorsys"))
    sys.modules.pop("colorsys", None)
    extensions.load(mine)
    assert top() == 4
    sys.modules.pop("colorsys")


def test_what_fails_beside_it_is_said_and_runs_once_it_is_mended(mine):
    write(mine, WITH_HELPER)
    for text in (None, "1 / 0", "HIGH = 1"):
        if text:
            write(mine.with_name("helper.py"), text)
        with pytest.raises(ValueError, match="mine.py fails where it is run: (Module|ZeroDiv|Import)"):
            extensions.load(mine)
    write(mine.with_name("helper.py"), HELPER.format(high=1))
    extensions.load(mine)
    assert top() == 1


def test_workers_know_what_stands_beside_it(mine, tmp_path):
    write(mine, WITH_HELPER)
    write(mine.with_name("helper.py"), HELPER.format(high=1))
    changes = {"training": {"encoder": "kept", "epochs": 1, "hidden": 8}}
    given = dict(targets="snn", seeds=[0, 1], code=mine, changes=changes, workers=2)
    assert len(Experiment("smoke", results=tmp_path / "results", **given).targets()) == 2


# --- pieces that no run could use, before any training

UNUSABLE = {
    "encoder": ({"training": {"encoder": "mine"}}, "coding.ENCODERS['mine'] = lambda x, n: x"),
    "decoder": ({"training": {"decoder": "mine"}}, "coding.DECODERS['mine'] = lambda spk, mem: mem"),
    "noise": ({"attack": {"noise": "mine"}}, "noises.NOISES['mine'] = lambda *s, generator, device: 0"),
    "family": (
        {"attack": {"family": "mine"}},
        "players.FAMILIES['mine'] = lambda *_: (torch.nn.Dropout(),) * 2",
    ),
    "metric": ({}, "scores.METRICS['mine'] = scores.Metric('mine', lambda a, i: a.labels)"),
}


@pytest.mark.parametrize("piece, workers", [*((piece, 1) for piece in UNUSABLE), ("encoder", 2)])
def test_a_piece_that_no_run_could_use_is_named_before_any_training(
    mine, tmp_path, monkeypatch, piece, workers
):
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("something was trained"))
    changes, text = UNUSABLE[piece]
    mine.write_text(
        "import torch\nfrom snnmi.attack import noises, players\nfrom snnmi.measure import scores\n"
        f"from snnmi.models import coding\n{text}"
    )
    own = Experiment("smoke", code=mine, changes=changes, results=tmp_path, workers=workers)
    with pytest.raises(ValueError, match=f"^{piece} 'mine'"):
        own.attacks()
    assert not [*tmp_path.rglob("run.json")]


# --- whoever is handed images gets a copy


def test_the_books_own_targets_beside_one_that_spoils_its_images_are_those_without_it(
    results, tmp_path, digits, monkeypatch
):
    def spoiling(dataset, *, seed):
        for x in (dataset.x_train, dataset.x_test):
            x.sub_(0.5).mul_(2)
        return lambda x: x[:, :2, :5].flatten(1).softmax(-1)

    monkeypatch.setitem(TARGETS, "mine", spoiling)
    beside = Experiment("smoke", targets=["mine", "snn", "ann"], results=tmp_path)
    found = {run.target: run for run in beside.targets()}
    for run in Experiment("smoke", results=results, compute=False).targets():
        assert found[run.target].run.folder.name == run.run.folder.name
        assert found[run.target].metrics["test_accuracy"] == run.metrics["test_accuracy"]
    held = beside.dataset("digits")
    assert torch.equal(held.x_test, digits.x_test) and torch.equal(held.x_train, digits.x_train)


def test_a_loader_that_goes_on_changing_its_images_changes_no_data_set(digits, monkeypatch):
    own = copy.deepcopy(digits)
    monkeypatch.setitem(data.LOADERS, "mine", lambda: own)
    first = data.load("mine")
    own.x_test.zero_(), own.y_test.zero_()
    assert torch.equal(first.x_test, digits.x_test) and first.y_test.any()


def test_a_name_is_of_the_code_that_runs_not_of_a_later_edit(mine):
    write(mine, ENCODER.format(high=1))
    extensions.load(mine)
    before = key()
    write(mine, ENCODER.format(high=2))
    assert key() == before and top() == 1
    mine.unlink()
    assert key() == before


def test_a_name_is_the_same_in_every_process_and_of_a_files_content_alone(mine):
    """So that runs keep the names that they were given before, whatever else lies there."""
    write(mine, "def score(answers, i):\n    return 0.0\n")
    write(mine.with_name("helper.py"), "")
    extensions.load(mine)
    module = sys.modules[extensions._latest[0]]
    assert foreign(module.score) == "77bb7161d5"  # as sha256sum says of the file
    assert extensions.loaded(write) is None and extensions.loaded(max) is None


def test_classes_and_what_is_decorated_are_known_too(mine):
    write(
        mine,
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport torch\n"
        "@dataclass\nclass Latency:\n    gain: float = 1.0\n"
        "    def __call__(self, x, num_steps, *, generator):\n        return x.expand(num_steps, *x.shape)\n"
        "from snnmi.models.coding import ENCODERS, encoder\nENCODERS['mine'] = Latency()\n"
        "@encoder(binary=True)\n@torch.no_grad()\ndef own(x, num_steps, *, generator):\n    return x\n"
        "ENCODERS['own'] = own\n",
    )
    extensions.load(mine)
    digests = {foreign(ENCODERS[name]) for name in ("mine", "own")}
    assert len(digests) == 1 and None not in digests


# --- metrics


METRIC = """
from snnmi.measure.scores import METRICS, Metric
METRICS["mine"] = Metric("my metric", lambda answers, i: {score}, floor=lambda answers: 0.25)
"""


def test_a_metric_of_ones_own_is_scored_and_a_column_and_nothing_else_is_done_again(
    mine, copied, no_computing
):
    """Where nothing may be computed, its cell is empty."""
    before = scores_of(Experiment("smoke", results=copied, compute=False))
    mine.write_text(METRIC.format(score="answers.labels[i] / 2"))
    lacking = scores_of(Experiment("smoke", code=mine, results=copied, compute=False))
    assert len(lacking) == 40 and lacking.mine.isna().all() and lacking.A_target.notna().all()
    whole = Experiment("smoke", code=mine, results=copied)
    found = scores_of(whole)
    assert (found.mine == found.label / 2).all() and (found.mine_floor == 0.25).all()
    pd.testing.assert_frame_equal(found[before.columns], before)
    assert len([*copied.glob("smoke/scores-*")]) == 4 and len([*copied.glob("smoke/attack-*")]) == 2
    rows = table.runs(whole)
    assert (table.networks(rows, "mine", pair="kept") == 2.25).all(axis=None)
    assert (rows.mine_floor == 0.25).all() and METRICS["mine"].table


def test_scores_made_before_a_metric_of_the_projects_stay_as_they_are(results, no_computing, monkeypatch):
    monkeypatch.setitem(METRICS, "younger", Metric("younger", METRICS["A_comb"].score))
    table = scores_of(Experiment("smoke", results=results))
    assert len(table) == 40 and table.younger.isna().all() and table.A_comb.notna().all()


# --- data sets


LOADER = """
from snnmi.data import LOADERS, Dataset, load
def mine():
    d = load("digits")
    return Dataset("mine", {shade} * d.x_train, d.y_train, {shade} * d.x_test, d.y_test)
LOADERS["mine"] = mine
"""


def test_a_loader_that_gives_other_images_gives_other_runs(mine, tmp_path):
    folders = []
    for shade in (0.5, 0.5, 1.0, 0.5):
        mine.write_text(LOADER.format(shade=shade))
        given = dict(datasets="mine", targets="ann", changes={"training": {"epochs": 1}}, results=tmp_path)
        (found,) = Experiment("smoke", code=mine, **given).targets()
        assert found.dataset.startswith("mine-")
        folders.append(found.run.folder)
    assert folders[0] == folders[1] == folders[3] != folders[2]
    assert len([*tmp_path.glob("smoke/target-mine-*")]) == 2


# --- targets


TARGET = """
import numpy as np
from snnmi.models.targets import TARGETS
def nearest(dataset, *, seed):
    means = np.stack([dataset.class_mean(y) for y in range(dataset.num_classes)]).reshape(1, 10, -1)
    def confidences(images):
        distances = np.square(images.flatten(1)[:, None].numpy() - means).sum(-1)
        weights = np.exp(-distances.astype(float))
        return weights / weights.sum(1, keepdims=True)
    return confidences
TARGETS["nearest"] = nearest
"""


def test_a_target_of_ones_own_goes_all_the_way(mine, copied, digits):
    mine.write_text(TARGET)
    given = dict(targets=["ann", "nearest"], code=mine, changes={"attack": {"batches": 2}}, results=copied)
    own = Experiment("smoke", **given)
    _, target = own.targets()
    _, attack = own.attacks()
    _, boundary = own.boundaries()
    distances = (digits.x_test[:, None] - torch.stack([digits.class_mean(y) for y in range(10)])).square()
    right = (distances.sum((2, 3)).argmin(1) == digits.y_test).float().mean()
    assert target.metrics["test_accuracy"] == pytest.approx(float(right)) and target.history.empty
    assert attack.queries_per_class == 128 and attack.reconstructions.shape == (10, 3, 8, 8)
    assert boundary.settings["label"] == 0 and boundary.metrics
    table = scores_of(own)
    assert Counter(table.target) == {"ann": 20, "nearest": 20}
    ceiling = table[table.target == "nearest"].surrogate_accuracy_ceiling.unique()
    assert ceiling == pytest.approx([float(right)])
    assert [target.variant for target in own.targets()] == ["ann", "nearest"]
    assert len(scores_of(Experiment("smoke", **given, compute=False))) == 40


def test_a_changed_target_is_another_one_and_a_query_cannot_change_it(mine, tmp_path):
    names = []
    for text in (TARGET, TARGET.replace("-distances", "-2 * distances")):
        mine.write_text(text)
        extensions.load(mine)
        names.append(target_key(Settings("nearest"), "digits", 0))
    assert names[0] != names[1]
    changes = {"attack": {"batches": 2}, "query": {"encoder": "clip"}}
    own = Experiment("smoke", targets="nearest", code=mine, changes=changes, results=tmp_path)
    with pytest.raises(ValueError, match="query does not apply to the target 'nearest', which is your own"):
        own.attacks()
