"""The chain from data set to scores: computed once, loaded ever after, the same for anybody's data."""

import numpy as np
import pandas as pd
import pytest

from snnmi import data
from snnmi.attack.blackbox import BlackBox
from snnmi.checkpoint import Checkpoint
from snnmi.measure import scores
from snnmi.study import experiment
from snnmi.study.experiment import Experiment
from snnmi.study.tables import attacks_table
from tests.helpers import DEVICE


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


@pytest.mark.parametrize("compute", [True, False])
def test_what_is_finished_is_loaded_and_never_computed_again(results, no_computing, compute):
    again = Experiment("smoke", results=results, compute=compute)
    assert [len(runs) for runs in (again.targets(), again.attacks(), again.boundaries())] == [2, 2, 2]
    assert len(attacks_table([again])) == 40


def test_reading_computes_nothing_and_loads_no_data(results, tmp_path, no_computing, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *args, **kwargs: pytest.fail("a data set was loaded"))
    empty = Experiment("smoke", results=tmp_path, compute=False)
    part = Experiment("smoke", seeds=[0, 7], results=results, compute=False)
    assert empty.targets() == empty.attacks() == empty.boundaries() == [] and not any(tmp_path.iterdir())
    assert [run.seed for run in part.attacks()] == [0, 0]
    assert attacks_table([empty]).empty


def test_class_means_and_a_picture_a_class_are_stored_when_an_attack_is_scored(results, no_computing, digits):
    read = Experiment("smoke", results=results, compute=False)
    kept = read.originals("digits")
    assert kept.keys() == {"class mean", "test image"}
    assert {(x.shape, x.dtype.name) for x in kept.values()} == {((10, 8, 8), "uint8")}
    assert np.abs(kept["class mean"] / 255 - digits.class_means().numpy()).max() <= 0.5 / 255
    assert (kept["test image"][7] == (255 * digits.example(7)).round().numpy()).all()
    assert Experiment("quick", results=results, compute=False).originals("digits").keys() == kept.keys()
    assert read.originals("mnist") == {}, "never scored"


def test_the_way_of_an_attack_is_stored_small(results):
    run = Experiment("smoke", results=results, compute=False).attacks()[0]
    seen = run.run.arrays()
    assert seen["moment_batch"].tolist() == [1, 2, 3, 4, 5, 8, 11, 15, 21, 30]
    assert seen["moment_image"].shape == (10, 10, 8, 8) and seen["moment_image"].dtype == np.uint8
    assert seen["moment_target"].shape == seen["moment_surrogate"].shape == (10, 10, 10)
    assert seen["moment_target"].sum(-1) == pytest.approx(1, abs=0.01)


def test_seeds_and_settings_have_runs_of_their_own(results):
    def read(**changes):
        return Experiment("smoke", results=results, compute=False, **changes)

    more, same = ({"attack": {"batches": batches}} for batches in (31, 30))
    assert read(changes=more).attacks() == [] and len(read(changes=same).attacks()) == 2
    assert len(read(changes=more).targets()) == 2  # the same targets
    assert read(changes={"training": {"beta": 0.5}}).targets()[0].target == "ann"  # it has no neurons to leak
    assert read(seeds=[1]).targets() == []


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
    snn = Experiment("smoke", targets=["snn"], results=tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(BlackBox, "answer", dies)
        snn.attacks()
    (found,) = Experiment("smoke", targets=["snn"], results=tmp_path).attacks()
    assert found.queries_per_class == expected.queries_per_class
    pd.testing.assert_frame_equal(found.scores, expected.scores)


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
    table = attacks_table([mine])
    assert len(table) == 2 * 3 * 2 and table["A_comb_floor"].unique() == pytest.approx(1 / 3)
    assert {path.name.split("-")[1] for path in (tmp_path / "smoke").iterdir()} == {"flags"}
    records = [path.read_text() for path in tmp_path.rglob("run.json")]
    assert str(tmp_path) not in "".join(records)  # runs can be moved


def test_the_commonest_answer_of_an_attack_scored_before_it_was_a_score_is_the_one_it_would_have(
    tmp_path, monkeypatch
):
    made = Experiment("smoke", results=tmp_path, changes={"attack": {"noise": "strokes"}}, workers=1)
    scored = {run.target: run.scores.commonest_answer.unique().tolist() for run in made.attacks()}
    assert made.answers() == [], "none lacks it"
    monkeypatch.setattr(experiment, "_lacks", lambda attack, score: True)
    alone = {run.settings["target"]["kind"]: [run.metrics["commonest_answer"]] for run in made.answers()}
    assert alone == scored and 0.1 < scored["snn"][0] < 1


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
