"""Profiles: the paper's setting is the paper's, the others are complete and what their names say."""

import pytest

from snnmi.study import profiles

PAPER, LAPTOP = profiles.get("paper"), profiles.get("laptop")
TRAINING = {  # epochs, batch size, learning rate
    ("mnist", "ann"): (50, 1000, 1e-3),
    ("mnist", "snn"): (10, 100, 5e-5),
    ("faces", "ann"): (70, 8, 5e-5),
    ("faces", "snn"): (70, 8, 5e-5),
}


@pytest.mark.parametrize("dataset", ["mnist", "faces"])
def test_paper_profile_is_the_papers_setting(dataset):
    assert PAPER.datasets == ("mnist", "faces") and not PAPER.shrink
    attack, snn = PAPER.attack(dataset), PAPER.target(dataset, "snn")
    assert (attack.batches, attack.batch_size, attack.queries_per_class) == (20_000, 64, 1_280_000)
    assert (attack.gamma, attack.lam, attack.k0) == (0.5, 0.001, 0.001)
    assert (attack.generator_steps, attack.noise) == (2, "normal")
    assert (snn.num_steps, snn.beta, snn.threshold, snn.slope, snn.clip_norm) == (25, 0.7, 1, 40, 1)
    assert (snn.encoder, snn.decoder) == ("rate", "membrane")
    for kind in ("ann", "snn"):
        target = PAPER.target(dataset, kind)
        assert target.kind == kind and target.hidden == 3000
        assert (target.epochs, target.batch_size, target.lr) == TRAINING[dataset, kind]


def test_laptop_profile_is_real_data_at_the_papers_width():
    assert LAPTOP.datasets == PAPER.datasets and LAPTOP.shrink == {"faces": 4}  # 112 x 92 -> 28 x 23
    for dataset in LAPTOP.datasets:
        assert [LAPTOP.target(dataset, kind).hidden for kind in ("ann", "snn")] == [3000, 3000]
        assert LAPTOP.target(dataset, "snn").num_steps == 25
        assert LAPTOP.attack(dataset).queries_per_class <= PAPER.attack(dataset).queries_per_class


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_profiles_are_complete_and_called_by_their_names(name):
    profile = profiles.get(name)
    assert profile.name == name and profile.seeds and set(profile.kinds) <= {"ann", "snn"}
    for dataset in (*profile.datasets, "somebody's.npz"):
        assert [profile.target(dataset, kind).kind for kind in profile.kinds] == list(profile.kinds)
        assert profile.attack(dataset).batches >= 1
    assert {"smoke", "quick", "laptop", "paper"} <= set(profiles.PROFILES)
    assert name not in ("quick", "smoke") or profile.datasets == ("digits",)
