"""Names of runs hold what differs, and nothing else."""

from dataclasses import dataclass, fields, replace

import pytest

from snnmi.attack.players import GaminConfig
from snnmi.measure.judges import JudgeConfig
from snnmi.measure.scores import METRICS
from snnmi.study import keys
from snnmi.study.keys import FROZEN, attack_key, scores_key, target_key
from snnmi.study.profiles import PROFILES
from snnmi.study.settings import SECTIONS, Settings

SNN, ANN = Settings("snn"), Settings("ann")


def test_a_name_holds_what_differs_and_nothing_else():
    assert target_key(SNN, "mnist", 0) == {"dataset": "mnist", "kind": "snn", "seed": 0}
    other = SNN.changed({"training": {"beta": 0.5}, "data": {"shrink": 4}})
    assert target_key(other, "mnist", 0) == {
        "dataset": "mnist", "kind": "snn", "seed": 0, "data": {"shrink": 4}, "neuron": {"beta": 0.5},
    }  # fmt: skip


def test_an_ann_has_no_encoder_in_its_name():
    spiking = ANN.changed({"training": {"encoder": "clip", "beta": 0.1}})
    assert target_key(spiking, "mnist", 0) == target_key(ANN, "mnist", 0)


def test_targets_do_not_depend_on_the_attack_nor_attacks_on_how_they_are_scored():
    other = SNN.changed({"attack": {"noise": "uniform"}, "evaluation": {"shown": 2}})
    assert target_key(other, "mnist", 0) == target_key(SNN, "mnist", 0)
    shown = SNN.changed({"evaluation": {"shown": 2}})
    assert attack_key(shown, "mnist", 0, 0) == attack_key(SNN, "mnist", 0, 0)
    assert scores_key(shown, {}) != scores_key(SNN, {})


def test_equal_settings_said_in_two_ways_have_one_name():
    quarter, hidden = SNN.changed({"training": {"width": 0.25}}), SNN.changed({"training": {"hidden": 750}})
    assert target_key(quarter.resolved(), "mnist", 0) == target_key(hidden.resolved(), "mnist", 0)


def test_draws_of_an_encoder_before_an_ann_are_in_its_attacks_name():
    behind = ANN.changed({"query": {"encoder": "rate"}, "training": {"num_steps": 50}}).resolved()
    assert attack_key(behind, "mnist", 0, 0)["query"] == {"encoder": "rate", "num_steps": 50}


@pytest.mark.parametrize("section", [*SECTIONS, "judge"])
def test_every_default_is_frozen(section):
    """So that a default may change and no stored run be taken for one under the new."""
    config = JudgeConfig if section == "judge" else SECTIONS[section]
    # younger ones have defaults of their own
    assert {field.name for field in fields(config)} >= set(FROZEN[section])


def test_a_new_field_with_a_default_orphans_no_stored_run(monkeypatch):
    @dataclass(frozen=True)
    class Younger(GaminConfig):
        restarts: int = 0

    monkeypatch.setitem(SECTIONS, "attack", Younger)
    before, with_it = attack_key(SNN, "mnist", 0, 0), replace(SNN, attack=Younger())
    assert attack_key(with_it, "mnist", 0, 0) == before
    thrice = with_it.changed({"attack": {"restarts": 3}})
    assert attack_key(thrice, "mnist", 0, 0)["attack"] == {"restarts": 3}


def test_a_changed_default_is_another_run(monkeypatch):
    @dataclass(frozen=True)
    class Other(GaminConfig):
        batches: int = 10_000

    assert attack_key(replace(SNN, attack=Other()), "mnist", 0, 0)["attack"] == {"batches": 10_000}


def test_profiles_share_their_targets():
    plan, paper = (PROFILES[name].settings("mnist", "snn") for name in ("plan", "paper"))
    assert target_key(plan, "mnist", 0) == target_key(paper, "mnist", 0)
    assert attack_key(plan, "mnist", 0, 0) != attack_key(paper, "mnist", 0, 0)


# --- code of one's own


def test_what_has_no_source_cannot_name_a_run():
    with pytest.raises(ValueError, match="has no source to be named by"):
        keys.foreign(eval("lambda a, i: 0.0"))


def test_the_projects_own_functions_are_known_by_name_alone():
    assert not keys.code(**{key: ("metric", key) for key in METRICS})
    assert not keys.code(noise=("noise", "normal"), encoder=("encoder", "rate"), decoder=("decoder", None))
