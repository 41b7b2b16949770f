"""The chain from data set to scores: computed once, loaded ever after, the same for anybody's data."""

import shutil

import numpy as np
import pandas as pd
import pytest

from snnmi import data
from snnmi.measure import scores
from snnmi.study import judged
from snnmi.study.controls import RECORDED
from snnmi.study.experiment import Experiment
from tests.helpers import DEVICE, ROOT, scores_of


def test_stored_scores_are_those_of_the_stored_weights(results):
    smoke = Experiment("smoke", results=results)
    for target, attack in zip(smoke.targets(), smoke.attacks(), strict=True):
        images, evaluation = smoke.dataset("digits"), attack.config.evaluation
        answers = scores.ask(target.model, attack.pair, images, attack.labels, evaluation, seed=0)
        rows = scores.score(answers)
        kept = attack.scores[attack.scores["pair"] == "kept"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept[list(rows[0])], pd.DataFrame(rows), check_dtype=False, rtol=1e-6)
        shown = scores.pictures(answers, evaluation.shown)
        np.testing.assert_array_equal(shown["reconstructions"], attack.reconstructions)


@pytest.mark.skipif(DEVICE.type == "cpu", reason="no GPU here, and `results` went through")
def test_the_whole_chain_goes_through_on_this_machines_device(tmp_path):
    """Weights that come from a file are on no GPU."""
    one = Experiment("smoke", targets=["snn"], results=tmp_path, device=DEVICE)
    assert [len(runs) for runs in (one.attacks(), one.boundaries())] == [1, 1]


def test_an_attack_may_take_the_first_classes_alone(copied):
    three = {"attack": {"classes": 3}}
    (run,) = Experiment("smoke", targets=["ann"], changes=three, results=copied).attacks()
    assert run.labels == [0, 1, 2] and run.num_classes == 10 and len(run.scores) == 2 * 3
    assert run.reconstructions.shape == (3, 3, 8, 8) and run.target_confidences.shape == (3, 3, 10)
    (whole,) = Experiment("smoke", targets=["ann"], results=copied).attacks()
    assert whole.labels == list(range(10)) and whole.settings["target"] == run.settings["target"]


# --- computed once


def test_what_is_finished_is_loaded_and_never_computed_again(results, no_computing):
    again = Experiment("smoke", results=results)
    assert [len(runs) for runs in (again.targets(), again.attacks(), again.boundaries())] == [2, 2, 2]
    assert len(scores_of(again)) == 40


ABOUT = "target label pair batch M_global L_N L_G k".split()
ENDS = {  # what each score has beside it
    "floor": "M_global commonest_answer identified fidelity_mae fidelity_top surrogate_accuracy A_comb A_target",
    "ceiling": "M_global likeness ssim identified fidelity_mae fidelity_top surrogate_accuracy A_comb A_target",
}
COLUMNS = {*ABOUT, "entropy_generated", *" ".join(ENDS.values()).split()}
COLUMNS |= {f"{score}_{end}" for end, scores in ENDS.items() for score in scores.split()}


def test_tables_have_every_number_with_floor_and_ceiling(results):
    smoke = Experiment("smoke", results=results)
    table = scores_of(smoke)
    assert {*table.columns} == COLUMNS and len(table) == 2 * 10 * 2
    assert not table.duplicated(["target", "label", "pair"]).any()
    shares = table.filter(regex="^(fidelity|surrogate|A_)")
    assert shares.notna().all(axis=None) and (shares >= 0).all(axis=None) and (shares <= 1).all(axis=None)
    assert np.isfinite(table["M_global"]).all()
    ann, snn = (table[table["target"] == kind] for kind in ("ann", "snn"))
    assert (ann["fidelity_top_ceiling"] == 1).all() and (table["A_target_floor"] == 0.1).all()
    assert (snn["fidelity_mae_ceiling"] < 1).all()  # it answers two equal queries differently
    trained, top = smoke.targets(), "surrogate_accuracy_ceiling"
    drawn_anew = pytest.approx(snn[top].iloc[0], abs=0.03)
    assert [target.metrics["test_accuracy"] for target in trained] == [ann[top].iloc[0], drawn_anew]
    assert [(t.target, t.metrics["n_train"]) for t in trained] == [("ann", 1438), ("snn", 1438)]


def test_reading_computes_nothing_and_loads_no_data(results, tmp_path, no_computing, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *args, **kwargs: pytest.fail("a data set was loaded"))
    empty = Experiment("smoke", results=tmp_path, compute=False)
    part = Experiment("smoke", seeds=[0, 7], results=results, compute=False)
    assert empty.targets() == empty.attacks() == empty.boundaries() == [] and not any(tmp_path.iterdir())
    assert [run.seed for run in part.attacks()] == [0, 0]
    assert scores_of(empty).empty


def test_class_means_and_a_picture_a_class_are_stored_when_an_attack_is_scored(results, no_computing, digits):
    kept = judged.originals("digits", (8, 8), results)
    assert kept.keys() == {"class mean", "test image"}
    assert {(x.shape, x.dtype.name) for x in kept.values()} == {((10, 8, 8), "uint8")}
    assert np.abs(kept["class mean"] / 255 - digits.class_means().numpy()).max() <= 0.5 / 255
    assert (kept["test image"][7] == (255 * digits.example(7)).round().numpy()).all()
    assert judged.originals("mnist", (28, 28), results) == {}, "never scored"


def test_seeds_and_settings_have_runs_of_their_own(results):
    def read(**changes):
        return Experiment("smoke", results=results, compute=False, **changes)

    more, same = ({"attack": {"batches": batches}} for batches in (31, 30))
    assert read(changes=more).attacks() == [] and len(read(changes=same).attacks()) == 2
    assert len(read(changes=more).targets()) == 2  # the same targets
    assert read(changes={"training": {"beta": 0.5}}).targets()[0].target == "ann"  # it has no neurons to leak
    assert read(seeds=[1]).targets() == []


# --- a user's own data

THREE = {"attack": {"batches": 3}}


def test_a_users_images_go_the_same_way(tmp_path):
    rng = np.random.default_rng(0)
    patterns, y = rng.random((3, 9, 8)), np.arange(60) % 3
    x = (0.8 * patterns[y] + 0.2 * rng.random((60, 9, 8))).astype(np.float32)
    np.savez(tmp_path / "flags.npz", x_train=x, y_train=y, x_test=x[:12], y_test=y[:12])
    mine = Experiment("smoke", datasets=[str(tmp_path / "flags.npz")], changes=THREE, results=tmp_path)
    runs = [*mine.targets(), *mine.attacks(), *mine.boundaries()]
    assert len(runs) == 6 and all(run.dataset.startswith("flags-") for run in runs)
    for run in mine.attacks():
        assert run.reconstructions.shape == (3, 3, 9, 8)
        assert run.labels == [0, 1, 2] and run.queries_per_class == 192
    table = scores_of(mine)
    assert len(table) == 2 * 3 * 2 and table["A_comb_floor"].unique() == pytest.approx(1 / 3)
    assert {path.name.split("-")[1] for path in (tmp_path / "smoke").iterdir()} == {"flags"}
    records = [path.read_text() for path in tmp_path.rglob("run.json")]
    assert str(tmp_path) not in "".join(records)  # runs can be moved


def test_what_an_attacker_chose_is_stored_and_asked_again_when_it_is_scored(tmp_path):
    changes = {"attack": {"noise": "chosen"}}
    (run,) = Experiment("smoke", targets="ann", results=tmp_path, changes=changes, workers=1).attacks()
    pilot = run.metrics["pilot"]
    assert run.metrics["noise"] == min(pilot, key=pilot.get) and run.config.attack.noise == "chosen"
    assert run.pair.config.noise == run.metrics["noise"]
    assert run.scores.commonest_answer.iloc[0] == pytest.approx(pilot[run.metrics["noise"]], abs=0.1)
    spent = run.queries_per_class * len(run.labels)
    assert spent <= run.config.attack.queries_per_class * len(run.labels) < spent + 640
    assert run.moments["accuracy"][-1].mean() == pytest.approx(
        run.scores[run.scores.pair == "last"].surrogate_accuracy.mean()
    )


# --- what may be asked for


def npz(path, **changes):
    x, y = np.random.default_rng(0).random((6, 8, 8)), np.arange(6) % 2
    np.savez(path, **{"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]} | changes)
    return str(path)


NAMES, WHOLE = "expected a list of different names", "expected a list of different whole numbers"
MISTAKES = [
    ({"profile": "huge"}, r"profile is 'huge', expected one of \["),
    ({"datasets": ["mnits"]}, "mnits.*expected"),
    ({"datasets": "digits.npy"}, "digits.npy.*expected .* or paths of .npz files"),
    ({"datasets": []}, f"datasets is .*{NAMES}"),
    ({"datasets": ["digits", "Digits"]}, "datasets holds 'digits' 2 times, expected different ones"),
    ({"targets": ["rnn"]}, "rnn.*expected some of .'ann', 'snn'"),
    ({"targets": "ann, ANN"}, "targets holds 'ann' 2 times"),
    ({"seeds": '["0"]'}, f"seeds is .*{WHOLE}"),
    ({"seeds": [0, 1, 0]}, f"seeds is .*{WHOLE}"),
    ({"attack_seeds": [None]}, f"attack_seeds is .*{WHOLE}"),
    ({"workers": 0}, "workers is 0, expected a whole number, at least 1"),
    ({"compute": "no"}, "compute is 'no', expected true or false"),
    ({"device": "tpu"}, "device is 'tpu', expected 'cpu' or 'cuda'"),
    ({"device": "gpu:99"}, "device is 'gpu:99', and PyTorch finds no such GPU here: expected 'cpu'"),
]


@pytest.mark.parametrize("settings, found", MISTAKES)
def test_a_mistake_in_the_settings_is_told_before_any_work(tmp_path, settings, found):
    with pytest.raises(ValueError, match=found) as error:
        Experiment(**{"profile": "smoke", "results": tmp_path} | settings)
    assert "\n" not in str(error.value) and not any(tmp_path.iterdir())


def test_a_file_of_ones_own_is_looked_at_before_any_work(tmp_path):
    bad, good = npz(tmp_path / "bad.npz", y_test=[0, 0]), npz(tmp_path / "good.npz")
    again = shutil.copy(good, tmp_path / "Again.NPZ")
    for path, found in ((bad, "no image of class 1"), (good + "x.npz", "does not exist")):
        datasets = ["digits", path]
        with pytest.raises((ValueError, FileNotFoundError), match=found):
            Experiment("smoke", datasets=datasets, results=tmp_path / "results")
    (tmp_path / "other").mkdir()
    same = npz(tmp_path / "other/good.npz")
    with pytest.raises(ValueError, match="datasets holds 'good-[0-9a-f]{8}' 2 times"):
        Experiment("smoke", datasets=[good, same], results=tmp_path / "results")
    assert Experiment("smoke", datasets=str(again), results=tmp_path / "results").datasets == (str(again),)
    assert not (tmp_path / "results").exists()


def test_what_no_attack_could_do_is_refused_before_any_is_trained(tmp_path):
    changes = {"attack": {"noise": "chosen", "batches": 16}}  # 10,000 questions of ten classes
    with pytest.raises(ValueError, match="batches is 16, expected at least 17.* 10,000 queries"):
        Experiment("smoke", results=tmp_path / "results", changes=changes).attacks()
    assert not any(tmp_path.iterdir())
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ValueError, match="results: .* cannot be written, expected a folder that can"):
        Experiment("smoke", results=tmp_path / "results").targets()


def test_lists_may_come_as_text_from_a_command_line(tmp_path):
    given = Experiment("smoke", datasets='["digits"]', targets='["snn"]', seeds="[3, 4]", results=tmp_path)
    assert (given.datasets, given.kinds, given.seeds) == (("digits",), ("snn",), (3, 4))
    one = Experiment("smoke", datasets="digits", targets="snn", seeds=3, results=tmp_path)
    assert (one.datasets, one.kinds, one.seeds) == (("digits",), ("snn",), (3,))
    bare = Experiment("smoke", datasets="[Digits]", targets="SNN, ann", seeds="[3, 1e1]", results=tmp_path)
    assert (bare.datasets, bare.kinds, bare.seeds) == (("digits",), ("snn", "ann"), (3, 10))
    assert Experiment("smoke", seeds=[3.0], workers="2", results=tmp_path).seeds == (3,)
    whole = Experiment("paper", results=tmp_path)
    assert (whole.datasets, whole.kinds, whole.seeds) == (("mnist", "faces"), ("ann", "snn"), (0,))


def test_without_the_recordings_their_stored_runs_are_found_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stored = Experiment("events", results=ROOT / "results", compute=False, variants=RECORDED)
    assert len(stored.attacks()) == 4 * 3 and stored.name("nmnist") == "nmnist-03555933"
    with pytest.raises(FileNotFoundError, match="'nmnist' is not on this machine"):
        Experiment("events", results=ROOT / "results")
    with pytest.raises(FileNotFoundError, match="'nmnist' is not on this machine"):
        Experiment("events", results=tmp_path, compute=False)
