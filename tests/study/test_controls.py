"""Every control changes what its name says and nothing else; the six cells differ only before the weights."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from snnmi.attack.players import GaminConfig
from snnmi.models import coding, training
from snnmi.models.targets import MODELS
from snnmi.store import Store
from snnmi.study import attacks, controls
from snnmi.study.controls import BASELINES, CELLS, CONTROLS, FIRST_NOISES, KINDS, Variant
from snnmi.study.experiment import Experiment
from snnmi.study.runs import Cell
from tests.helpers import assert_same_tensors

NAMED = {control.name: control for control in CONTROLS}
TWO = {"attack": {"batches": 2}}
# What each control changes in the key of its baseline's attack: dotted name -> value, for smoke.


def asked(**changed):
    return {f"query.{name}": value for name, value in changed.items()}


def trained(section, **changed):
    return {f"target.{section}.{name}": value for name, value in changed.items()}


CHANGES = {
    "ann": {},
    "snn": {},
    "ann, clipped input": asked(encoder="clip"),
    "ann, Bernoulli input": asked(encoder="rate", num_steps=25),
    "snn, raw current": asked(encoder="current"),
    "snn, clipped current": asked(encoder="clip"),
    "snn, one frozen draw": asked(encoder="frozen"),
    "snn, count decoder": asked(decoder="count"),
    "snn, rate decoder": asked(decoder="rate"),
    "snn, entropy as the ann's": asked(match_entropy=True),
    **{f"{kind}, {x} noise": {"attack.noise": x} for kind in KINDS for x in FIRST_NOISES},
    "snn, trained on raw current": trained("neuron", encoder="current"),
    **{f"snn, beta = {beta}": trained("neuron", beta=beta) for beta in (0.5, 0.9)},
    "snn, reset before decay": trained("neuron", reset="before_decay"),
    **{f"{kind}, a quarter of the neurons": trained("network", hidden=16) for kind in KINDS},
    **{f"snn, T = {steps}": trained("neuron", num_steps=steps) for steps in (1, 5, 10, 50, 100)},
}
MATCHED = {"ann, trained to the snn's accuracy", "snn, trained to the ann's accuracy"}


@pytest.fixture(scope="module")
def results(results, tmp_path_factory):
    """The smoke profile and its six cells, these at two batches."""
    folder = shutil.copytree(results, tmp_path_factory.mktemp("cells") / "results")
    assert len(six_cells(folder).attacks()) == 6
    return folder


def six_cells(results, **more):
    return Experiment("smoke", variants=[*CELLS.values()], changes=TWO, results=results, **more)


def asked_as(six, control):
    """The smoke profile's target of seed 0 as this control asks it."""
    return six.asked(Cell("digits", control, 0, 0))


def differences(control: Variant) -> dict:
    smoke = Experiment("smoke", variants=[BASELINES[control.kind], control], compute=False)
    keys = [smoke.key("attack", cell) for cell in smoke.cells()]
    before, after = (pd.json_normalize(key).to_dict("records")[0] for key in keys)
    assert before.keys() <= after.keys()
    return {key: value for key, value in after.items() if value != before.get(key)}


@pytest.mark.parametrize("name", [name for name in NAMED if name not in MATCHED])
def test_control_changes_what_its_name_says_and_nothing_else(name):
    assert differences(NAMED[name]) == CHANGES[name]


def test_every_control_has_a_name_of_its_own_and_is_listed_once():
    assert len(NAMED) == len(CONTROLS) == len(CHANGES) + len(MATCHED)
    assert set(NAMED) == set(CHANGES) | MATCHED
    assert all(name.split(",")[0] == control.kind for name, control in NAMED.items())


def test_a_control_is_named_for_results_and_for_people():
    control = NAMED["snn, entropy as the ann's"]
    assert (control.label, control.changed()) == ("SNN, entropy as the ANN's", "entropy as the ANN's")
    assert (BASELINES["ann"].name, BASELINES["ann"].label, BASELINES["ann"].changed()) == ("ann", "ANN", "")


# --- the six cells


def test_six_cells_are_two_trainings_and_the_corners_are_the_baselines(results):
    six, plain = six_cells(results, compute=False), Experiment("smoke", changes=TWO, results=results)
    assert len({run.run.folder for run in six.targets()}) == 2
    assert len(list((results / "smoke").glob("target-*"))) == 2
    cells = {cell: run.run.folder for cell, run in zip(CELLS, six.attacks(), strict=True)}
    assert len(set(cells.values())) == 6
    corners = [cells["ann", "current"], cells["snn", "rate"]]
    assert corners == [run.run.folder for run in plain.attacks()]


def test_cells_ask_the_same_weights_behind_the_encoder_of_their_name(results):
    asked = {cell: asked_as(six_cells(results), control) for cell, control in CELLS.items()}
    assert set(asked) == {(kind, source) for kind in KINDS for source in ("current", "clip", "rate")}
    for (kind, source), model in asked.items():
        assert model.encoder == source and type(model) is MODELS[kind]
        assert_same_tensors(model.state_dict(), asked[kind, "current"].state_dict())


# --- matched accuracy and entropy


@pytest.mark.parametrize(
    ("own", "other", "epochs"),
    [
        ([0.5, 0.8, 0.9, 0.97], [0.1, 0.88], 3),
        ([0.5, 0.9, 0.9], [0.9], 2),
        ([0.2, 0.4], [0.3, 0.99], 2),
        ([0.6, 0.7], [0.8, 0.1], 1),
    ],
    ids=["nearest", "earliest of equals", "never reached", "the other's last"],
)
def test_matched_accuracy_stops_at_the_epoch_nearest_to_the_others_last(tmp_path, own, other, epochs):
    store, smoke = Store(tmp_path / "smoke"), Experiment("smoke", results=tmp_path, compute=False)
    for control, accuracies in zip((BASELINES["snn"], BASELINES["ann"]), (own, other), strict=True):
        history = pd.DataFrame({"epoch": range(1, len(accuracies) + 1), "test_accuracy": accuracies})
        settings = smoke.key("target", Cell("digits", control, 0, 0))
        run = store.run(f"target-digits-{control.kind}-s0", settings)
        run.finish(metrics={}, tables={"history": history})
    matched = Cell("digits", NAMED["snn, trained to the ann's accuracy"], 0, 0)
    found = smoke.trained(matched).training
    assert found == replace(smoke.profile.settings("digits", "snn").training, epochs=epochs)


@pytest.mark.parametrize("name", sorted(MATCHED))
def test_matched_accuracy_waits_for_both_baselines(tmp_path, name):
    assert Experiment("smoke", variants=[NAMED[name]], results=tmp_path, compute=False).attacks() == []


def test_matched_entropy_is_that_of_the_other_targets_answers_to_test_images(results):
    smoke = Experiment("smoke", changes=TWO, results=results)
    matched = smoke.asked(Cell("digits", NAMED["snn, entropy as the ann's"], 0, 0))
    ann, snn = (run.model for run in smoke.targets())
    images, seed = smoke.dataset("digits").x_test, 0
    answers = (training.answers(model, images, seed=seed) for model in (ann, snn, matched))
    entropy = [coding.mean_entropy(answer) for answer in answers]
    assert entropy[2] == pytest.approx(entropy[0], rel=1e-3) and abs(entropy[1] - entropy[0]) > 0.01
    assert matched.temperature != 1 == snn.temperature


# --- seeds and scales


def test_attack_seeds_are_attacks_of_their_own_on_one_target(results):
    twice = Experiment("smoke", targets=["ann"], attack_seeds=[0, 5], changes=TWO, results=results)
    own, again = twice.attacks()
    plain = Experiment("smoke", changes=TWO, results=results, compute=False).attacks()
    assert own.run.folder in {run.run.folder for run in plain}
    assert [(run.seed, run.attack_seed) for run in (own, again)] == [(0, 0), (0, 5)]
    assert again.run.folder.name.count("-a5-") == 1
    assert own.settings["target"] == again.settings["target"] and len(twice.targets()) == 1
    assert (own.scores["M_global"] != again.scores["M_global"]).any()


def test_who_cannot_play_with_a_profiles_settings_is_left_out(monkeypatch):
    names = lambda **how: {v.change for v in controls.attackers(GaminConfig(**how))}  # noqa: E731
    whole = names(batch_size=128)
    assert {"every input asked 64 times", "a 16th of the inputs, asked once", "a spiking copy"} <= whole
    assert whole - names(batch_size=64) == {"every input asked 64 times"}
    assert "a 16th of the inputs, asked once" not in names(batch_size=8)
    assert "a spiking copy" not in names(batch_size=128, hidden=(512, 256))
    monkeypatch.setitem(attacks.ATTACKS, "another copy", attacks.Attack(len, copies=True))
    assert names(batch_size=128) - whole == {"another copy"}
    for few in (GaminConfig(batches=3), GaminConfig(batches=100, keep_window=50)):
        assert all(
            replace(few, **v.changes["attack"]).batches <= few.batches / 3 for v in controls.restarts(few)
        )
