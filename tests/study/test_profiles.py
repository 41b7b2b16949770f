"""Profiles: the paper's setting is the paper's, the others are complete and what their names say."""

import pytest

from snnmi.study import profiles

PAPER = profiles.get("paper")
TRAINING = {  # epochs, batch size, learning rate
    ("mnist", "ann"): (50, 1000, 1e-3),
    ("mnist", "snn"): (10, 100, 5e-5),
    ("faces", "ann"): (70, 8, 5e-5),
    ("faces", "snn"): (70, 8, 5e-5),
}


@pytest.mark.parametrize("dataset", ["mnist", "faces"])
def test_paper_profile_is_the_papers_setting(dataset):
    whole = PAPER.settings(dataset, "snn")
    attack, snn = whole.attack, whole.neuron
    assert PAPER.datasets == ("mnist", "faces") and whole.data.shrink == 1
    assert (attack.batches, attack.batch_size, attack.queries_per_class) == (10_000, 128, 1_280_000)
    assert (attack.gamma, attack.lam, attack.k0) == (0.5, 0.001, 0.001)
    assert (attack.generator_steps, attack.noise) == (2, "normal")
    assert (snn.num_steps, snn.beta, snn.threshold, snn.slope) == (25, 0.7, 1, 40)
    assert whole.training.clip_norm == 1
    assert (snn.encoder, snn.decoder) == ("rate", "membrane")
    for kind in ("ann", "snn"):
        target = PAPER.settings(dataset, kind)
        how = target.training
        assert target.kind == kind and target.network.neurons == 3000
        assert (how.epochs, how.batch_size, how.lr) == TRAINING[dataset, kind]


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_profiles_are_complete_and_called_by_their_names(name):
    profile = profiles.get(name)
    assert profile.name == name and profile.seeds
    for dataset in (*profile.datasets, "somebody's.npz"):
        found = [profile.settings(dataset, kind) for kind in ("ann", "snn")]
        assert [one.kind for one in found] == ["ann", "snn"]
        assert len({one.attack for one in found}) == 1  # equal budgets
    assert {"smoke", "quick", "plan", "paper"} <= set(profiles.PROFILES)
    assert name not in ("quick", "smoke") or profile.datasets == ("digits",)


def test_the_full_budget_is_the_frozen_setting_at_a_tenth_of_its_rate():
    plan, paper = (profiles.get(name).settings("mnist", "ann") for name in ("plan", "paper"))
    ten = {"batches": 10 * plan.attack.batches, "lr_surrogate": 1e-5, "lr_generator": 1e-5}
    assert paper == plan.changed({"attack": ten}) and plan.training.stop_at == 0.977
    assert profiles.get("plan").settings("mnist", "snn").training.stop_at is None
