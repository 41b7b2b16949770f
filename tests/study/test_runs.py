"""What finished runs offer, with and without weights; and the runs that are kept in git."""

import json
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pytest

from snnmi.attack import gamin
from snnmi.attack.gamin import PILOT
from snnmi.attack.noises import CHOSEN, IN_RANGE
from snnmi.models import training
from snnmi.store import digest
from snnmi.study import keys, plan, profiles
from snnmi.study.attacks import WITHOUT_A_COPY
from snnmi.study.controls import BEYOND, CONTROLS, HALVED, RECORDED, RESTARTS, SENT, attackers
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import LAST, SOURCES, judge, judgements
from tests.helpers import ROOT, scores_of


def test_targets_are_trained_and_scored(results, digits):
    for run in Experiment("smoke", results=results).targets():
        assert run.history["epoch"].tolist() == [1, 2, 3]
        assert 0.2 < run.metrics["test_accuracy"] <= 1 and not run.model.training
        again = training.accuracy(run.model, digits.x_test, digits.y_test, seed=run.seed)
        assert again == run.metrics["test_accuracy"]
        assert run.settings["kind"] == run.target and run.provenance["wall_s"] >= 0


def test_attacks_spend_their_queries_and_keep_what_figures_need(results):
    for run in Experiment("smoke", results=results).attacks():
        assert run.labels == list(range(10)) and run.queries_per_class == 30 * 64
        assert run.reconstructions.shape == (10, 3, 8, 8) and run.reconstructions.dtype == np.uint8
        assert run.target_confidences.shape == run.surrogate_confidences.shape == (10, 3, 10)
        np.testing.assert_allclose(run.surrogate_confidences.sum(-1), 1, rtol=1e-5)
        assert run.arrays["batch"].tolist() == list(range(1, 31))
        assert all(run.arrays[name].shape == (30, 10) for name in gamin.CURVES)
        assert run.moments["batch"].tolist() == [1, 2, 3, 4, 5, 8, 11, 15, 21, 30]
        assert run.moments["image"].dtype == np.uint8 and run.moments["image"].shape == (10, 10, 8, 8)
        assert run.moments["target"].sum(-1) == pytest.approx(1, abs=0.01)
        kept = run.scores[run.scores["pair"] == "kept"]
        np.testing.assert_allclose(kept["M_global"], run.arrays["M_global"].min(0), rtol=1e-5)


def test_boundaries_are_measured_for_every_target(results):
    for run in Experiment("smoke", results=results).boundaries():
        assert run.settings["label"] == 0 and run.arrays and run.metrics
        assert all(isinstance(value, float) for value in run.metrics.values())
        assert run.settings["attack"]["target"]["kind"] == run.target


def test_runs_without_weights_show_all_but_the_networks(without_weights, no_computing):
    smoke = Experiment("smoke", results=without_weights)
    assert len(scores_of(smoke)) == 40 and len(smoke.boundaries()) == 2
    for network in (lambda: smoke.targets()[0].model, lambda: smoke.attacks()[0].pair):
        with pytest.raises(FileNotFoundError, match="keeps no weights"):
            network()


def test_an_attack_on_a_target_without_weights_trains_it_again(copied):
    (target,) = Experiment("smoke", targets=["ann"], results=copied).targets()
    (target.run.folder / "weights.safetensors").unlink()
    before = {path: path.read_bytes() for path in target.run.folder.iterdir()}
    again = Experiment("smoke", targets=["ann"], changes={"attack": {"batches": 2}}, results=copied)
    (attack,) = again.attacks()
    assert attack.queries_per_class == 128
    assert attack.scores["surrogate_accuracy_ceiling"].unique() == [target.metrics["test_accuracy"]]
    # the record is untouched, what was made again lies beside, and is not made a second time
    assert {path: path.read_bytes() for path in target.run.folder.iterdir()} == before
    made = target.run.remade / "run.json"
    stamp = made.stat().st_mtime_ns
    Experiment("smoke", targets=["ann"], changes={"attack": {"batches": 3}}, results=copied).attacks()
    assert made.stat().st_mtime_ns == stamp


# --- results kept in git

OTHERS = {"fooling noise", *WITHOUT_A_COPY}  # drawn for a target's own pictures, whose weights are not kept


def kept_in_git(profile):
    """Files under results/<profile> that git has; without git, all that are there."""
    command = ["git", "ls-files", "-z", f"results/{profile}"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in (ROOT / "results" / profile).rglob("*") if path.is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_keeps_numbers_and_pictures_and_no_weights_but_the_judges():
    files = {path for path in kept_in_git("") if not path.parent.name.startswith("judge-")}
    assert {path.suffix for path in files - {ROOT / "results" / "README.md"}} <= {".json", ".csv", ".npz"}
    assert not any(path.name.startswith(".") for path in files)


def test_one_judge_looked_at_all_that_gamin_drew_and_at_what_it_is_read_against():
    """Trained again, on another machine, it is another network: so its weights are kept."""
    places = [ROOT / "results" / name for name in ("plan", "people", "quarter", "events", "paper")]
    records = [json.loads(path.read_text()) for place in places for path in place.glob("judge-*/run.json")]
    judges = {digest(own["settings"]): own["files"]["weights.safetensors"] for own in records}
    found = {}
    for path in (path for place in places for path in place.glob("judged-*/run.json")):
        own = json.loads(path.read_text())
        if own["settings"].get("source") not in OTHERS:
            found.setdefault(digest(own["settings"]["judge"]), set()).add(own["metrics"].get("judge"))
    assert len(found) == 4 and all(seen == {judges[key][:10]} for key, seen in found.items())


@pytest.mark.parametrize("profile", ["plan", "people", "quarter", "events", "paper"])
def test_results_kept_in_git_are_complete_and_the_profiles_own(profile):
    if not (files := kept_in_git(profile)):
        pytest.skip(f"no results of {profile} are kept")
    records = [json.loads(path.read_text())["settings"] for path in files if path.name == "run.json"]
    seeds = sorted({record["seed"] for record in records if "seed" in record})
    stored = {"results": ROOT / "results", "compute": False, "seeds": seeds}
    attack = profiles.get(profile).settings(profiles.get(profile).datasets[0], "snn").attack
    variants = (*RECORDED, *SENT) if profile == "events" else (*CONTROLS, *attackers(attack), HALVED)
    steps = [{"profile": "plan"} | step for step in plan.STEPS.values()]
    steps = [{"variants": variants}, *(step for step in steps if step["profile"] == profile)]
    whole = [Experiment(**stored | {"profile": profile} | step) for step in steps]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a damaged run is only a warning
        attacks = [run for one in whole for run in one.attacks()]
        runs = [run for one in whole for run in one.targets()] + whole[0].boundaries() + attacks
        sources = (*SOURCES, LAST, *WITHOUT_A_COPY)
        judged = [judgement.run for one in whole for judgement in judgements(one, sources)]
        judged += [run for dataset in whole[0].datasets if (run := judge(whole[0], dataset))]
    folders = {path.parent for path in files} - {ROOT / "results" / profile}
    named = [run.folder for run in whole[0].store.finished()]
    pictures = {folder for folder in named if folder.name.startswith("originals-")}
    answered = {digest(keys.answers_key(run.settings)) for run in attacks}  # which older scores lack
    pictures |= {path for path in named if path.name.startswith("answers-") and path.name[-10:] in answered}
    known = {run.run.folder for run in runs} | {run.folder for run in judged} | pictures
    assert folders <= known | {run.scored.folder for run in attacks}
    kept = "run.json history.csv losses.csv scores.csv judged.csv arrays.npz attacks.csv".split()
    others = {path.name for path in files if not path.parent.name.startswith("judge-")}
    assert others <= set(kept)  # no weights, no checkpoints
    assert sum(path.stat().st_size for path in files) < 55e6
    assert all(run.profile == profile and run.provenance["commit"] for run in runs)
    for run in attacks:
        frozen = profiles.get(profile).settings(run.dataset, run.target).attack
        if run.variant.endswith("restarts"):
            frozen = replace(frozen, batches=frozen.batches // RESTARTS)
        if run.config.attack.batches == (longer := BEYOND["attack"]["batches"]):
            frozen = replace(frozen, batches=longer)
        if run.variant.endswith("asked once"):  # as many inputs as who asks each several times
            frozen = replace(frozen, batch_size=run.config.attack.batch_size)
        expected = frozen.queries_per_class  # equal budgets
        if run.config.attack.noise == CHOSEN:  # less what the pilot leaves of its last batch
            pilot = PILOT * len(IN_RANGE) // len(run.labels)
            expected = pilot + (expected - pilot) // frozen.batch_size * frozen.batch_size
        assert run.queries_per_class == expected
        assert (run.scores["batch"] <= run.config.attack.batches).all()
        assert run.reconstructions.dtype == np.uint8
    assert all(0 < run.metrics["test_accuracy"] <= 1 for one in whole for run in one.targets())
