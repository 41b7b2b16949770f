"""One set of defaults, changes to it, and names that hold what differs."""

from dataclasses import replace

import pytest

from snnmi.study import settings
from snnmi.study.settings import Settings

SNN, ANN = Settings("snn"), Settings("ann")


def test_changes_replace_the_fields_they_name():
    training = {"encoder": "clip", "hidden": 7, "epochs": 2}
    changed = SNN.changed({"attack": {"noise": "uniform"}, "training": training})
    assert changed.attack == replace(SNN.attack, noise="uniform")
    assert (changed.neuron.encoder, changed.network.hidden, changed.training.epochs) == ("clip", 7, 2)
    assert changed.query == SNN.query


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"atack": {"noise": "uniform"}}, r"changes names 'atack', expected some of \['data', 'network'"),
        ({"attack": {"nois": "uniform"}}, r"attack has no 'nois', expected some of \['answers', 'as_ev"),
        ({"attack": "uniform"}, "expected sections of fields such as"),
        ({"training": {"beta": 1.5}}, "beta is 1.5, expected a number from 0 to 1"),
        ({"training": {"lr": float("nan")}}, "lr is nan, expected a number above 0"),
        ({"query": {"match_entropy": "yes"}}, "match_entropy is 'yes', expected true or false"),
        ({"training": {"num_steps": True}}, "num_steps is True, expected a whole number"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_in_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        SNN.changed(changes)


def test_of_two_changes_to_one_field_the_last_counts():
    both = settings.merged({"attack": {"noise": "clipped", "k0": 0.5}}, {"attack": {"noise": "uniform"}})
    assert both == {"attack": {"noise": "uniform", "k0": 0.5}}


def test_changes_are_said_in_words_and_in_file_names():
    changes = {"attack": {"noise": "clipped"}, "training": {"num_steps": 50}}
    assert settings.said(changes) == "noise = clipped, num_steps = 50"
    assert settings.file_name("target-mnist", changes) == "target-mnist-noise=clipped-num_steps=50"
    assert settings.file_name("target-mnist", {}) == "target-mnist"
    assert "/" not in settings.file_name("x", {"attack": {"noise": "../../etc"}})
    long = {"attacker": "GAMIN", "batches": 500, "noise": "moving strokes", "family": "ensemble"}
    names = [settings.file_name("x", {"attack": long | {"hidden": hidden}}) for hidden in (64, 128)]
    assert len({*names}) == 2 and max(map(len, names)) < 64, "cut, and told apart all the same"
