"""The judge's part of the chain: every set of images is judged once, stored and shown with nothing else."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest

from snnmi import data
from snnmi.measure import inversion, judges, recognition
from snnmi.study.attacks import ATTACKS, WITHOUT_A_COPY
from snnmi.study.controls import BASELINES, CELLS
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import FOOLING, REFERENCES, SOURCES, judge, judgements
from tests.helpers import ROOT, TOOLS, judged_of

TWO = {"attack": {"batches": 2}}


@pytest.fixture(scope="module", autouse=True)
def quick_judge():
    """A judge of few updates: these tests are of the plumbing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "JudgeConfig", partial(judges.JudgeConfig, updates=60, epochs=1))
        patch.setitem(FOOLING, "steps", 3)
        for name in WITHOUT_A_COPY:
            patch.setitem(ATTACKS[name].how, "steps", 2)
        yield


@pytest.fixture(scope="module")
def results(results, tmp_path_factory):
    """The smoke profile, finished and judged."""
    folder = shutil.copytree(results, tmp_path_factory.mktemp("judged") / "results")
    judged_of(Experiment("smoke", results=folder))
    return folder


@pytest.fixture(scope="module")
def smoke(results):
    return Experiment("smoke", results=results)


@pytest.fixture(scope="module")
def table(smoke):
    return judged_of(smoke)


@pytest.fixture
def no_judging(monkeypatch, results):
    def computed(*args, **kwargs):
        pytest.fail("something was judged again")

    monkeypatch.setattr(judges, "train_judge", computed)
    monkeypatch.setattr(inversion, "adversarial_noise", computed)
    for name in ("judge_images", "reference_points"):
        monkeypatch.setattr(recognition, name, computed)


def folders(folder, prefix):
    return sorted(path.name for path in (folder / "smoke").glob(f"{prefix}-*"))


# --- from end to end


def test_every_source_and_class_has_a_row(table, results):
    assert Counter(zip(table.source, table.target)) == {
        **{(source, ""): 10 for source in REFERENCES},
        **{(source, kind): 10 for source in ("reconstruction", "fooling noise") for kind in ("ann", "snn")},
    }
    assert set(table.source) == set(SOURCES) and not table.duplicated(["source", "target", "label"]).any()
    assert table.groupby(["source", "target"]).label.apply(lambda y: sorted(y) == list(range(10))).all()
    assert (len(folders(results, "judge")), len(folders(results, "judged"))) == (1, 8)


def test_attacks_without_a_copy_are_judged_where_they_are_asked_for(smoke):
    found = [one for one in judgements(smoke, WITHOUT_A_COPY) if one.cell.seed == 0]
    made = [(one.source, one.cell.variant.kind) for one in found]
    both = ("evolution", "evolution from grey", "gradient descent", "generator descent", "smooth descent")
    assert sorted(made) == sorted(
        [(name, kind) for name in both for kind in BASELINES] + [("BrainLeaks v1", "snn")]
    )
    for one in found:
        rows, first = one.run.table("judged"), one.run.arrays()["first"]
        assert len(rows) == 10 and first.shape == (10, 8, 8) and first.dtype == np.uint8
        assert rows.target_confidence.between(0, 1).all()
        counted = ATTACKS[one.source].queries(ATTACKS[one.source].how) * 10
        assert one.run.metrics.get("queries", 0) == counted


def test_brainleaks_is_left_out_where_a_code_feeds_several_inputs_a_pixel(copied):
    changes = {"training": {"encoder": "population"}, "attack": {"batches": 2}}
    exp = Experiment("smoke", datasets="digits", targets=["snn"], seeds=0, results=copied, changes=changes)
    made = [one.source for one in judgements(exp, ("BrainLeaks v1", "gradient descent"))]
    assert made == ["gradient descent"]


def test_reconstructions_carry_their_own_targets_confidence(table, smoke):
    for attack in smoke.attacks():
        rows = table[(table.source == "reconstruction") & (table.target == attack.target)]
        expected = [attack.target_confidences[y, :, y].mean() for y in range(10)]
        assert rows.target_confidence.tolist() == pytest.approx(expected, rel=1e-6)
    assert table[table.source.isin(REFERENCES)].target_confidence.isna().all()


def test_the_judges_metrics_are_those_of_its_weights(smoke, digits):
    found = judge(smoke, "digits")
    network = judges.build(judges.JudgeConfig(), (8, 8), 10, seed=5)
    network.load_state_dict(found.weights())
    right = network.eval()(digits.x_test).argmax(1) == digits.y_test
    assert found.metrics["test_accuracy"] == pytest.approx(right.float().mean().item())
    natural = recognition.natural_distance(network, digits)
    assert found.metrics["natural_distance"] == pytest.approx(natural, rel=1e-5)
    assert found.table("history").epoch.tolist() == [1, 2, 3]  # 60 updates, 23 an epoch


# --- the store


def test_a_judge_is_the_same_in_a_process_that_only_loaded_what_it_judges(tmp_path):
    """Bit for bit, on a processor without bfloat16 tiles (others are told to be one): there the library of products
    that a process begins with is not the one that runs are computed with.
    """
    code = f"""if True:
        from functools import partial
        from snnmi.fast import cpu
        from snnmi.measure import judges
        from snnmi.study.experiment import Experiment
        from snnmi.study.judgements import judge
        judges.JudgeConfig = partial(judges.JudgeConfig, updates=1, epochs=1)
        for name in ("loaded", "computed"):
            judge(Experiment("smoke", results=f"{tmp_path}/{{name}}"), "digits")
            cpu.make_fast()
    """
    limit = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=TOOLS | limit, check=True, capture_output=True)
    loaded, computed = (path.read_bytes() for path in sorted(tmp_path.rglob("weights.safetensors")))
    assert loaded == computed


def test_what_is_stored_is_not_computed_again_and_read_without_data_or_weights(
    no_judging, copied, table, monkeypatch
):
    for path in copied.rglob("*.safetensors"):
        path.unlink()
    monkeypatch.setattr(data, "load", lambda *args, **kwargs: pytest.fail("the data set was asked for"))
    for compute in (True, False):
        reading = Experiment("smoke", results=copied, compute=compute)
        pd.testing.assert_frame_equal(judged_of(reading), table)
    assert judge(reading, "digits").metrics["n_test"] == 359


def test_read_only_leaves_out_what_is_missing(copied, table):
    (fooling,) = (copied / "smoke").glob("judged-digits-fooling-snn-*")
    (fooling / "run.json").unlink()
    found = judged_of(Experiment("smoke", results=copied, compute=False))
    assert len(found) == len(table) - 10
    assert not ((found.source == "fooling noise") & (found.target == "snn")).any()
    assert not (fooling / "run.json").exists()


def test_a_judge_without_weights_is_trained_again_and_judges_alike(copied, table):
    (weights,) = (copied / "smoke").glob("judge-digits-*/weights.safetensors")
    (judged,) = (copied / "smoke").glob("judged-digits-test-image-*")
    weights.unlink()
    (judged / "run.json").unlink()
    again = judged_of(Experiment("smoke", results=copied))
    assert not weights.exists()  # what was made again lies beside
    pd.testing.assert_frame_equal(again, table, rtol=1e-4)


def test_a_judgement_names_the_training_of_the_judge_that_looked(copied, monkeypatch):
    (kept,) = (copied / "smoke").glob("judge-digits-*/weights.safetensors")
    (judged,) = (copied / "smoke").glob("judged-digits-test-image-*/run.json")
    sha256 = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert json.loads(judged.read_text())["metrics"]["judge"] == sha256[:10]
    kept.unlink(), judged.unlink()
    usual = judges.train_judge
    elsewhere = lambda *given, seed, **how: usual(*given, seed=seed + 1, **how)  # noqa: E731
    monkeypatch.setattr(judges, "train_judge", elsewhere)
    judgements(Experiment("smoke", results=copied), ["test image"])
    (made,) = (copied / "smoke/.again").glob("judge-digits-*/weights.safetensors")
    again = json.loads(judged.read_text())["metrics"]["judge"]
    assert again == hashlib.sha256(made.read_bytes()).hexdigest()[:10] != sha256[:10]


def test_a_judge_of_other_settings_judges_anew_and_an_empty_folder_has_none(copied, monkeypatch):
    monkeypatch.setattr(judges, "JudgeConfig", partial(judges.JudgeConfig, noise=0.2))
    assert judged_of(Experiment("smoke", results=copied, compute=False)).empty
    reading = Experiment("smoke", results=copied / "nothing", compute=False)
    assert judgements(reading) == [] and judge(reading, "digits") is None


# --- which images are judged


def test_variants_are_judged_by_the_same_judge_and_fooled_only_as_baselines(copied):
    variants = (BASELINES["ann"], CELLS["ann", "clip"])
    found = judged_of(Experiment("smoke", results=copied, variants=variants))
    counted = Counter(zip(found.source, found.variant))
    assert counted["reconstruction", "ann"] == counted["reconstruction", "ann, clipped input"] == 10
    assert [variant for source, variant in counted if source == "fooling noise"] == ["ann"]
    assert len(folders(copied, "judge")) == 1
