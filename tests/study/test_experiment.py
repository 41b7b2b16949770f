"""The chain from data set to scores: computed once, loaded ever after, the same for anybody's data."""

import contextlib
from collections import Counter
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from snnmi import data
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.measure import scores
from snnmi.store import Checkpoint
from snnmi.study import experiment, grid
from snnmi.study.controls import CELLS
from snnmi.study.experiment import Experiment
from snnmi.study.tables import attacks_table, targets_table


def test_stored_scores_are_those_of_the_stored_weights(results):
    smoke = Experiment("smoke", results=results)
    images, evaluation = smoke.dataset("digits"), smoke.profile.evaluation
    for target, attack in zip(smoke.targets(), smoke.attacks(), strict=True):
        chance = dict(seed=experiment.EXAMINER, device="cpu")
        answers = scores.ask(target.model, attack.pair, images, evaluation, **chance)
        rows = scores.scores(answers, images, attack.labels, evaluation.generated)
        kept = attack.scores[attack.scores["pair"] == "kept"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept[list(rows[0])], pd.DataFrame(rows), check_dtype=False, rtol=1e-6)
        shown = scores.pictures(answers, evaluation.shown)
        np.testing.assert_array_equal(shown["reconstructions"], attack.reconstructions)


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
    assert attacks_table([empty]).empty and targets_table([empty]).empty


def test_seeds_and_settings_have_runs_of_their_own(results):
    def read(**changes):
        return Experiment("smoke", results=results, compute=False, **changes)

    assert read(batches=31).attacks() == [] and len(read(batches=30).attacks()) == 2
    assert len(read(batches=31).targets()) == 2  # the same targets
    assert read(attack=GaminConfig(batches=30)).attacks() == []
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


# --- workers


def test_workers_share_the_work_and_find_what_one_alone_finds(tmp_path):
    given = dict(targets=["ann"], batches=3, seeds=[0, 1])
    alone = attacks_table([Experiment("smoke", results=tmp_path / "alone", **given)])
    shared = Experiment("smoke", results=tmp_path / "shared", workers=2, **given)
    pd.testing.assert_frame_equal(attacks_table([shared]), alone, rtol=1e-3, atol=1e-3)
    assert {run.provenance["threads"] for run in shared.attacks()} == {1}


def test_workers_compute_a_run_once_though_variants_share_it(tmp_path, monkeypatch):
    """A pool that only notes its jobs: three variants of the ANN want one target, and each its own attack."""
    jobs = []

    class Pool(contextlib.nullcontext):
        def submit(self, compute, of, step, cell):
            jobs.append(step)
            done = Future()
            done.set_result(None)
            return done

    monkeypatch.setattr(grid, "ProcessPoolExecutor", lambda *args, **kwargs: Pool(Pool()))
    monkeypatch.setattr(Experiment, "_get", lambda self, step, cell, compute=True: None)
    variants = [
        CELLS[cell] for cell in (("ann", "current"), ("ann", "clip"), ("ann", "rate"), ("snn", "rate"))
    ]
    assert Experiment("smoke", variants=variants, results=tmp_path, workers=2).attacks() == []
    assert Counter(jobs) == {"target": 2, "attack": 4}


def test_what_fails_in_a_worker_is_said_here(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=np.zeros((4, 8, 8)))
    mine = dict(datasets=[str(tmp_path / "mine.npz")], seeds=[0, 1], results=tmp_path)
    with pytest.raises(ValueError, match="lacks y_train"):
        Experiment("smoke", workers=2, **mine).attacks()


# --- a user's own data


def test_a_users_images_of_any_size_go_the_same_way(tmp_path):
    rng = np.random.default_rng(0)
    patterns, y = rng.random((3, 7, 5)), np.arange(60) % 3
    x = (0.8 * patterns[y] + 0.2 * rng.random((60, 7, 5))).astype(np.float32)
    np.savez(tmp_path / "flags.npz", x_train=x, y_train=y, x_test=x[:12], y_test=y[:12])
    mine = Experiment("smoke", datasets=[str(tmp_path / "flags.npz")], batches=3, results=tmp_path)
    runs = [*mine.targets(), *mine.attacks(), *mine.boundaries()]
    assert len(runs) == 6 and all(run.dataset.startswith("flags-") for run in runs)
    for run in mine.attacks():
        assert run.reconstructions.shape == (3, 3, 7, 5)
        assert run.labels == [0, 1, 2] and run.queries_per_class == 192
    table = attacks_table([mine])
    assert len(table) == 2 * 3 * 2 and table["chance"].unique() == pytest.approx(1 / 3)
    assert {path.name.split("-")[1] for path in (tmp_path / "smoke").iterdir()} == {"flags"}
    records = [path.read_text() for path in tmp_path.rglob("run.json")]
    assert str(tmp_path) not in "".join(records)  # runs can be moved


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
