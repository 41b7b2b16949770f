"""The chain from data set to scores: computed once, loaded ever after, the same for anybody's data; and its profiles."""

import contextlib
import shutil
import subprocess
import warnings
from collections import Counter
from concurrent.futures import Future
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from snnmi import data
from snnmi.attack import gamin, pair, players
from snnmi.attack.blackbox import BlackBox
from snnmi.measure import boundaries, scores
from snnmi.models import targets, training
from snnmi.store import Checkpoint
from snnmi.study import experiment, profiles
from snnmi.study.controls import CELLS, CONTROLS, HALVED
from snnmi.study.experiment import SEEDS, Experiment
from snnmi.study.judgements import judge, judgements
from snnmi.study.tables import alongside, attacks_table, targets_table
from tests.conftest import ROOT

SCORES = ["fidelity_mae", "fidelity_top", "surrogate_accuracy", "A_comb", "A_target"]
COLUMNS = """profile dataset target variant seed attack_seed label pair queries batch M_global L_N L_G k fidelity_mae fidelity_mae_floor
    fidelity_mae_ceiling fidelity_top fidelity_top_floor fidelity_top_ceiling surrogate_accuracy surrogate_accuracy_floor
    surrogate_accuracy_ceiling A_comb A_target chance""".split()


@pytest.fixture(autouse=True)
def matmul_setting():
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder in which the smoke profile is finished."""
    folder = tmp_path_factory.mktemp("results")
    smoke = Experiment("smoke", results=folder)
    assert [len(runs) for runs in (smoke.targets(), smoke.attacks(), smoke.boundaries())] == [2, 2, 2]
    return folder


@pytest.fixture
def copied(results, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(results, tmp_path / "results")


@pytest.fixture
def no_computing(monkeypatch):
    def computed(*args, **kwargs):
        pytest.fail("something was computed again")

    for module, name in ((targets, "train"), (gamin, "attack"), (boundaries, "measure")):
        monkeypatch.setattr(module, name, computed)


# --- from end to end


def test_targets_are_trained_and_scored(results):
    for run in Experiment("smoke", results=results).targets():
        assert run.history["epoch"].tolist() == [1, 2, 3]
        assert 0.2 < run.test_accuracy <= 1 and not run.model.training
        digits = data.load("digits")
        assert (
            training.accuracy(run.model, digits.x_test, digits.y_test, seed=experiment.JUDGE)
            == run.test_accuracy
        )
        assert run.settings["config"]["kind"] == run.target and run.provenance["wall_s"] >= 0


def test_attacks_spend_their_queries_and_keep_what_figures_need(results):
    for run in Experiment("smoke", results=results).attacks():
        assert run.labels == list(range(10)) and run.queries_per_class == 30 * 64
        assert run.reconstructions.shape == (10, 3, 8, 8) and run.reconstructions.dtype == np.uint8
        assert run.target_confidences.shape == run.surrogate_confidences.shape == (10, 3, 10)
        np.testing.assert_allclose(run.surrogate_confidences.sum(-1), 1, rtol=1e-5)
        assert run.history["batch"].tolist() == list(range(1, 31))
        assert all(run.history[name].shape == (30, 10) for name in gamin.CURVES)
        kept = run.scores[run.scores["pair"] == "kept"]
        np.testing.assert_allclose(kept["M_global"], run.history["M_global"].min(0), rtol=1e-5)


def test_stored_scores_are_those_of_the_stored_weights(results):
    smoke = Experiment("smoke", results=results)
    for target, attack in zip(smoke.targets(), smoke.attacks(), strict=True):
        images, evaluation = smoke.dataset("digits"), smoke.profile.evaluation
        rows, shown = experiment.score(
            target.model, attack.pair, images, attack.labels, evaluation, seed=experiment.JUDGE, device="cpu"
        )
        kept = attack.scores[attack.scores["pair"] == "kept"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept[list(rows[0])], pd.DataFrame(rows), check_dtype=False, rtol=1e-6)
        np.testing.assert_array_equal(shown["reconstructions"], attack.reconstructions)


def test_tables_have_every_number_with_floor_and_ceiling(results):
    smoke = Experiment("smoke", results=results)
    table = attacks_table([smoke])
    assert sorted(table.columns) == sorted(COLUMNS) and len(table) == 2 * 10 * 2
    assert set(zip(table["target"], table["label"], table["pair"], strict=True)) == {
        (kind, label, pair) for kind in ("ann", "snn") for label in range(10) for pair in ("kept", "last")
    }
    shares = table.filter(regex="^(fidelity|surrogate|A_|chance)")
    assert shares.notna().all(axis=None) and (shares >= 0).all(axis=None) and (shares <= 1).all(axis=None)
    assert (table[table["target"] == "ann"]["fidelity_top_ceiling"] == 1).all() and (
        table["chance"] == 0.1
    ).all()
    assert (
        table[table["target"] == "snn"]["fidelity_mae_ceiling"] < 1
    ).all()  # it answers two equal queries differently
    assert (table["queries"] == 1920).all() and np.isfinite(table["M_global"]).all()
    trained = targets_table([smoke])
    ceilings = table.groupby("target")["surrogate_accuracy_ceiling"].first().tolist()
    assert trained["test_accuracy"].tolist() == [
        ceilings[0],
        pytest.approx(ceilings[1], abs=0.03),
    ]  # the SNN draws anew
    assert trained["n_train"].tolist() == [1438] * 2 and trained["target"].tolist() == ["ann", "snn"]


def test_boundaries_are_measured_for_every_target(results):
    for run in Experiment("smoke", results=results).boundaries():
        assert (
            run.label == 0 and run.metrics and all(isinstance(value, float) for value in run.metrics.values())
        )
        assert run.arrays and run.settings["attack"]["target"]["config"]["kind"] == run.target


# --- computed once


@pytest.mark.parametrize("compute", [True, False])
def test_what_is_finished_is_loaded_and_never_computed_again(results, no_computing, compute):
    again = Experiment("smoke", results=results, compute=compute)
    assert [len(runs) for runs in (again.targets(), again.attacks(), again.boundaries())] == [2, 2, 2]
    assert len(attacks_table([again])) == 40


def test_reading_computes_nothing_and_loads_no_data(results, tmp_path, no_computing, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *args, **kwargs: pytest.fail("a data set was loaded"))
    empty, part = (
        Experiment("smoke", results=tmp_path, compute=False),
        Experiment("smoke", seeds=[0, 7], results=results, compute=False),
    )
    assert empty.targets() == empty.attacks() == empty.boundaries() == [] and not any(tmp_path.iterdir())
    assert [run.seed for run in part.attacks()] == [0, 0]
    assert attacks_table([empty]).empty and targets_table([empty]).empty


def test_seeds_and_settings_have_runs_of_their_own(results):
    read = {"results": results, "compute": False}
    assert Experiment("smoke", batches=31, **read).attacks() == []
    assert len(Experiment("smoke", batches=30, **read).attacks()) == 2
    assert len(Experiment("smoke", batches=31, **read).targets()) == 2  # the same targets
    assert Experiment("smoke", attack=players.GaminConfig(batches=30), **read).attacks() == []
    assert Experiment("smoke", seeds=[1], **read).targets() == []


def test_damaged_run_is_computed_again_to_the_same_end(copied):
    before = Experiment("smoke", targets=["ann"], results=copied).attacks()[0]
    arrays = before.run.folder / "arrays.npz"
    scores, content = before.scores, arrays.read_bytes()
    arrays.write_bytes(content[:-10])
    with pytest.warns(UserWarning, match="arrays.npz has another SHA-256"):
        after = Experiment("smoke", targets=["ann"], results=copied).attacks()[0]
    pd.testing.assert_frame_equal(after.scores, scores)
    assert (after.reconstructions == before.reconstructions).all()


def test_interrupted_chain_goes_on_to_the_same_end(results, tmp_path, monkeypatch):
    expected, asked, answer = Experiment("smoke", results=results).attacks()[1], [], BlackBox.answer

    def dies(self, x):
        asked.append(len(x))
        if len(asked) == 20:
            raise KeyboardInterrupt
        return answer(self, x)

    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    with monkeypatch.context() as patch:
        patch.setattr(BlackBox, "answer", dies)
        with pytest.raises(KeyboardInterrupt):
            Experiment("smoke", targets=["snn"], results=tmp_path).attacks()
    found = Experiment("smoke", targets=["snn"], results=tmp_path).attacks()[0]
    assert found.queries_per_class == expected.queries_per_class
    pd.testing.assert_frame_equal(found.scores, expected.scores)


def test_runs_without_weights_show_all_but_the_networks(copied, no_computing):
    for weights in copied.rglob("weights.safetensors"):
        weights.unlink()
    smoke = Experiment("smoke", results=copied)
    assert len(attacks_table([smoke])) == 40 and len(smoke.boundaries()) == 2
    for network in (lambda: smoke.targets()[0].model, lambda: smoke.attacks()[0].pair):
        with pytest.raises(FileNotFoundError, match="keeps no weights"):
            network()


def test_an_attack_on_a_target_without_weights_trains_it_again(copied):
    smoke = Experiment("smoke", targets=["ann"], results=copied)
    accuracy = smoke.targets()[0].test_accuracy
    (smoke.targets()[0].run.folder / "weights.safetensors").unlink()
    attack = Experiment("smoke", targets=["ann"], batches=2, results=copied).attacks()[0]
    assert attack.queries_per_class == 128
    assert attack.scores["surrogate_accuracy_ceiling"].unique() == [accuracy]


def test_larger_profiles_are_shown_alongside_where_they_are_finished(copied, monkeypatch):
    smoke = Experiment("smoke", results=copied)
    monkeypatch.setitem(profiles.PROFILES, "laptop", replace(profiles.get("smoke"), name="laptop"))
    assert alongside(smoke) == [smoke]
    Experiment("laptop", targets=["ann"], results=copied).targets()
    shown = alongside(smoke)
    assert [e.profile.name for e in shown] == ["smoke", "laptop"] and not shown[1].compute
    assert targets_table(shown)["profile"].tolist() == ["smoke", "smoke", "laptop"]
    Experiment(
        "laptop", targets=["ann"], seeds=[4], results=copied
    ).targets()  # another seed, found where it is stored
    assert targets_table(alongside(smoke))["seed"].tolist() == [0, 0, 0, 4]
    assert [e.profile.name for e in alongside(Experiment("laptop", results=copied))] == ["laptop"]


def test_workers_share_the_work_and_find_what_one_alone_finds(results, tmp_path):
    given = dict(targets=["ann"], batches=3, seeds=[0, 1])
    alone = attacks_table([Experiment("smoke", results=tmp_path / "alone", **given)])
    shared = Experiment("smoke", results=tmp_path / "shared", workers=2, **given)
    pd.testing.assert_frame_equal(attacks_table([shared]), alone, rtol=1e-3, atol=1e-3)
    assert {run.provenance["threads"] for run in shared.attacks()} == {1}


def test_workers_compute_a_run_once_though_variants_share_it(tmp_path, monkeypatch):
    """The pool replaced by one that notes its jobs: three variants of the ANN ask for one target, and each for its own attack."""
    jobs = []

    class Pool(contextlib.nullcontext):
        def submit(self, compute, of, step, cell):
            jobs.append((step, cell.variant.name))
            done = Future()
            done.set_result(None)
            return done

    monkeypatch.setattr(experiment, "ProcessPoolExecutor", lambda *args, **kwargs: Pool(Pool()))
    monkeypatch.setattr(Experiment, "target_of", lambda self, cell: None)
    monkeypatch.setattr(Experiment, "attack_of", lambda self, cell: None)
    names = [CELLS["ann", "current"], CELLS["ann", "clip"], CELLS["ann", "rate"], CELLS["snn", "rate"]]
    assert Experiment("smoke", variants=names, results=tmp_path, workers=2).attacks() == []
    assert Counter(step for step, _ in jobs) == {"target_of": 2, "attack_of": 4}


def test_what_fails_in_a_worker_is_said_here(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=np.zeros((4, 8, 8)))
    with pytest.raises(ValueError, match="lacks y_train"):
        Experiment(
            "smoke", datasets=[str(tmp_path / "mine.npz")], seeds=[0, 1], results=tmp_path, workers=2
        ).attacks()


# --- a user's own data


def test_a_users_images_of_any_size_go_the_same_way(tmp_path, no_computing, monkeypatch):
    monkeypatch.undo()
    rng = np.random.default_rng(0)
    patterns, y = rng.random((3, 7, 5)), np.arange(60) % 3
    x = (0.8 * patterns[y] + 0.2 * rng.random((60, 7, 5))).astype(np.float32)
    np.savez(tmp_path / "flags.npz", x_train=x, y_train=y, x_test=x[:12], y_test=y[:12])
    mine = Experiment("smoke", datasets=[str(tmp_path / "flags.npz")], batches=3, results=tmp_path)
    assert all(
        run.dataset.startswith("flags-") for run in (*mine.targets(), *mine.attacks(), *mine.boundaries())
    )
    for run in mine.attacks():
        assert (
            run.reconstructions.shape == (3, 3, 7, 5)
            and run.labels == [0, 1, 2]
            and run.queries_per_class == 192
        )
    table = attacks_table([mine])
    assert len(table) == 2 * 3 * 2 and table["chance"].unique() == pytest.approx(1 / 3)
    assert {path.name.split("-")[1] for path in (tmp_path / "smoke").iterdir()} == {"flags"}
    assert str(tmp_path) not in "".join(
        path.read_text() for path in tmp_path.rglob("run.json")
    )  # runs can be moved


# --- scores of players whose scores are known


PATTERNS = torch.zeros(3, 4, 4)
PATTERNS[range(3), range(3)] = 1.0  # class i: the i-th row is white


def brightest_row(x, *, generator):
    """A target that knows the patterns; a black image it calls class 2."""
    return torch.nn.functional.one_hot(
        (x.sum(2)[:, :3] + torch.tensor([0.0, 0.0, 1e-3])).argmax(-1), 3
    ).float()


class Known(pair.Pair):
    """A surrogate that is given, and a generator that shows the wanted class's pattern, every fourth time a black image."""

    def __init__(self, surrogate):
        super().__init__(players.GaminConfig(batches=1), (4, 4), 3)
        self.given = surrogate

    def surrogate(self, x):
        return self.given(x.flatten(0, 1), generator=None).view(*x.shape[:2], 3)

    def generate(self, z):
        shown = (torch.arange(z.shape[1]) % 4 > 0).float()
        return 0.999 * PATTERNS[:, None] * shown[:, None, None]


def scored(surrogate):
    images = data.Dataset(
        "patterns", PATTERNS, torch.arange(3), PATTERNS[[0, 1, 2, 2]], torch.tensor([0, 1, 2, 0])
    )
    evaluation = scores.Evaluation(noise=60, generated=20, shown=2)
    return experiment.score(
        brightest_row, Known(surrogate), images, [0, 1, 2], evaluation, seed=0, device="cpu"
    )


def test_perfect_players_reach_the_ceiling():
    rows, shown = scored(brightest_row)
    assert [[row[name] for name in SCORES] for row in rows] == [
        [1, 1, 0.75, 0.75, 0.75],
        [1, 1, 0.75, 0.75, 0.75],
        [1, 1, 0.75, 1, 1],
    ]
    for row in rows:
        assert (
            row["surrogate_accuracy_floor"],
            row["surrogate_accuracy_ceiling"],
            row["fidelity_top_ceiling"],
        ) == (0.5, 0.75, 1)
        assert row["chance"] == pytest.approx(1 / 3) and 1 / 3 <= row["fidelity_top_floor"] < 0.6
    assert shown["reconstructions"].shape == (3, 2, 4, 4)
    assert (shown["reconstructions"][:, 0] == 0).all() and (
        shown["reconstructions"][:, 1] == 255 * PATTERNS.numpy()
    ).all()


def test_a_surrogate_that_always_says_0_is_scored_as_such():
    rows, shown = scored(lambda x, *, generator: torch.eye(3)[0].expand(len(x), 3))
    assert [row["A_comb"] for row in rows] == [1, 0, 0] and [row["A_target"] for row in rows] == [
        0.75,
        0.75,
        1,
    ]
    agreed = rows[0]["fidelity_top"]
    assert 0.15 < agreed < 0.55 and rows[0]["fidelity_mae"] == pytest.approx(1 - 2 / 3 * (1 - agreed))
    assert rows[0]["surrogate_accuracy"] == 0.5
    assert (
        shown["target_confidences"].argmax(-1)[:, 1].tolist() == [0, 1, 2]
        and (shown["surrogate_confidences"].argmax(-1) == 0).all()
    )


# --- settings


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"profile": "huge"}, r"profile is 'huge', expected one of \["),
        ({"datasets": ["mnits"]}, "mnits.*expected"),
        ({"datasets": []}, "datasets is .*expected a list of str"),
        ({"datasets": "digits"}, "datasets is 'digits', expected a list of str"),
        ({"targets": ["rnn"]}, "rnn.*expected only 'ann' and 'snn'"),
        ({"seeds": '["0"]'}, "seeds is .*expected a list of int"),
        ({"seeds": "[0.5]"}, "seeds is .*expected a list of int"),
    ],
)
def test_a_mistake_in_the_settings_is_told_before_any_work(tmp_path, settings, found):
    with pytest.raises(ValueError, match=found):
        Experiment(**{"profile": "smoke", "results": tmp_path} | settings)
    assert not any(tmp_path.iterdir())


def test_lists_may_come_as_text_from_a_command_line(tmp_path):
    given = Experiment("smoke", datasets='["digits"]', targets='["snn"]', seeds="[3, 4]", results=tmp_path)
    assert (given.datasets, given.kinds, given.seeds) == (("digits",), ("snn",), (3, 4))
    whole = Experiment("laptop", results=tmp_path)
    assert (whole.datasets, whole.kinds, whole.seeds) == (("mnist", "faces"), ("ann", "snn"), (0,))


def test_paper_profile_is_the_papers_setting():
    paper = profiles.get("paper")
    assert paper.datasets == ("mnist", "faces") and not paper.shrink
    for dataset in paper.datasets:
        attack = paper.attack(dataset)
        assert (attack.batches, attack.batch_size, attack.queries_per_class) == (20_000, 64, 1_280_000)
        assert (attack.gamma, attack.lam, attack.k0, attack.generator_steps, attack.noise) == (
            0.5,
            0.001,
            0.001,
            2,
            "normal",
        )
        for kind in ("ann", "snn"):
            assert paper.target(dataset, kind).kind == kind and paper.target(dataset, kind).hidden == 3000
        snn = paper.target(dataset, "snn")
        assert (snn.num_steps, snn.beta, snn.threshold, snn.slope, snn.clip_norm) == (25, 0.7, 1, 40, 1)
        assert (snn.encoder, snn.decoder) == ("rate", "membrane")
    training = {(d, k): paper.target(d, k) for d in paper.datasets for k in paper.kinds}
    assert {key: (c.epochs, c.batch_size, c.lr) for key, c in training.items()} == {
        ("mnist", "ann"): (50, 1000, 1e-3),
        ("mnist", "snn"): (10, 100, 5e-5),
        ("faces", "ann"): (70, 8, 5e-5),
        ("faces", "snn"): (70, 8, 5e-5),
    }


def test_laptop_profile_is_real_data_at_the_papers_width():
    laptop, paper = profiles.get("laptop"), profiles.get("paper")
    assert laptop.datasets == paper.datasets and laptop.shrink == {"faces": 4}  # 112 x 92 -> 28 x 23
    for dataset in laptop.datasets:
        for kind in ("ann", "snn"):
            assert laptop.target(dataset, kind).hidden == 3000
        assert laptop.target(dataset, "snn").num_steps == 25
        assert laptop.attack(dataset).queries_per_class <= paper.attack(dataset).queries_per_class


def test_profiles_are_complete_and_called_by_their_names():
    assert {"smoke", "quick", "laptop", "paper"} <= set(profiles.PROFILES)
    for name, profile in profiles.PROFILES.items():
        assert profile.name == name and profile.seeds and set(profile.kinds) <= {"ann", "snn"}
        for dataset in (*profile.datasets, "somebody's.npz"):
            assert [profile.target(dataset, kind).kind for kind in profile.kinds] == list(profile.kinds)
            assert profile.attack(dataset).batches >= 1
    assert profiles.get("quick").datasets == profiles.get("smoke").datasets == ("digits",)


# --- results kept in git


def kept_in_git(profile):
    """Files under results/<profile> that git has; without git, all that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", f"results/{profile}"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in (ROOT / "results" / profile).rglob("*") if path.is_file()]


def test_git_keeps_numbers_and_pictures_and_no_weights():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    files = kept_in_git("")
    assert {path.suffix for path in files} <= {".json", ".csv", ".npz"} and not any(
        path.name.startswith(".") for path in files
    )


@pytest.mark.parametrize("profile", ["laptop", "half", "paper"])
def test_results_kept_in_git_are_complete_and_the_profiles_own(profile):
    files = kept_in_git(profile)
    if not files:
        pytest.skip(f"no results of {profile} are kept")
    read = Experiment(profile, results=ROOT / "results", compute=False)
    whole = Experiment(
        profile,
        seeds=list(range(SEEDS)),
        variants=(*CONTROLS, HALVED),
        results=ROOT / "results",
        compute=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a damaged run is only a warning
        runs = [*whole.targets(), *whole.attacks(), *whole.boundaries()]
        judged = [judgement.run for judgement in judgements(whole)]
        judged += [run for dataset in whole.datasets if (run := judge(whole, dataset))]
    folders = {path.parent for path in files} - {ROOT / "results" / profile}
    assert folders <= {run.run.folder for run in runs} | {run.folder for run in judged}
    kept = {"run.json", "history.csv", "scores.csv", "judged.csv", "arrays.npz", "attacks.csv"}
    assert {path.name for path in files} <= kept  # no weights, no checkpoints
    assert sum(path.stat().st_size for path in files) < 40e6
    for run in runs:
        assert run.profile == profile and run.provenance["commit"]
    for run in whole.attacks():
        assert run.queries_per_class == read.profile.attack(run.dataset).queries_per_class  # equal budgets
        assert (run.scores["batch"] <= run.config.batches).all() and run.reconstructions.dtype == np.uint8
    for run in read.attacks():
        assert run.settings["gamin"] == asdict(read.profile.attack(run.dataset))
    if profile == "laptop":  # the whole grid
        runs = [*read.targets(), *read.attacks(), *read.boundaries()]
        cells = len(read.datasets) * len(read.kinds) * len(read.seeds)
        assert Counter(type(run).__name__ for run in runs) == {
            "TargetRun": cells,
            "AttackRun": cells,
            "BoundaryRun": cells,
        }
        assert all(0 < run.test_accuracy <= 1 for run in read.targets())
