"""All runs as one table: known records in, known rows and means out."""

import numpy as np
import pandas as pd
import pytest

from snnmi.attack import gamin
from snnmi.data import load
from snnmi.measure.scores import METRICS
from snnmi.store import Store
from snnmi.study import keys, names, profiles, table, verdicts
from snnmi.study.controls import BASELINES, CODES, FOUR, NAMED, OTHERS, Variant
from snnmi.study.experiment import Experiment
from tests.helpers import ROOT

ANN, CLIP, RAW, SNN = FOUR
KEPT = ROOT / "results"
SCORED = [key for key, metric in METRICS.items() if metric.score]


def put(results, profile: str, dataset: str, variant: Variant, seed: int, value: float, **attack) -> None:
    """One stored attack on three classes; what its copy reads is `value`, less and more by class."""
    config = profiles.get(profile).settings(dataset, variant.kind).changed(variant.changes)
    config = config.changed({"attack": attack}).resolved()
    key, store = keys.attack_key(config, dataset, seed, seed), Store(results / profile)
    index = pd.MultiIndex.from_product([range(3), ("kept", "last")], names=["label", "pair"])
    rows = index.to_frame(index=False)
    losses = rows.assign(**dict.fromkeys(gamin.CURVES, 1.0), batch=config.attack.batches)
    scores = rows.assign(surrogate_accuracy=value + 0.1 * (rows.label - 1), surrogate_accuracy_floor=0.1)
    found = {"labels": [0, 1, 2], "queries_per_class": config.attack.queries_per_class, "temperature": 1.0}
    found |= {"image_shape": [112, 92] if dataset == "faces" else [28, 28], "num_classes": 3}
    store.run(f"attack-{dataset}-{variant.kind}-s{seed}", key).finish(
        metrics=found, tables={"losses": losses}
    )
    of_scores = keys.scores_key(config, key)
    store.run(f"scores-{dataset}-{variant.kind}-s{seed}", of_scores).finish(
        metrics={}, tables={"scores": scores}
    )


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return table.runs(results=KEPT)


def test_a_row_holds_what_the_record_holds(kept):
    run = Experiment("plan", variants=FOUR, seeds=[3], results=KEPT, compute=False).attacks()[2]
    own = kept[kept.folder == f"plan/{run.run.folder.name}"].set_index(["label", "pair"])
    stored = run.scores.set_index(["label", "pair"])
    if stored.commonest_answer.isna().all():  # a run older than that metric: the next test's
        stored = stored.drop(columns="commonest_answer")
    pd.testing.assert_frame_equal(own[stored.columns].astype(float), stored.astype(float), rtol=1e-12)
    first = own.iloc[0]
    assert (first.who, first.factor, first.seed) == (RAW.label, RAW.factor, 3)
    assert (first.queries, first.batches) == (0.1, 1000)


def test_the_commonest_answer_of_an_older_run_is_the_one_found_later(tmp_path):
    put(tmp_path, "plan", "mnist", ANN, 0, 0.5)
    put(tmp_path, "plan", "mnist", SNN, 0, 0.2)
    (own,) = Store(tmp_path / "plan").finished("attack-mnist-ann")
    answers = Store(tmp_path / "plan").run("answers-mnist-ann-s0", keys.answers_key(own.settings))
    answers.finish(metrics={"commonest_answer": 0.25})
    rows = table.runs(results=tmp_path)
    found = rows.groupby("kind").commonest_answer.first()
    assert found["ann"] == 0.25 and np.isnan(found["snn"])


def test_all_that_is_kept_is_there_once(kept):
    folders = {f"{path.parent.parent.name}/{path.parent.name}" for path in KEPT.glob("*/attack-*/run.json")}
    assert {*kept.folder[kept.kept]} == {name for name in folders if not name.startswith(table.OF_A_MACHINE)}
    assert not kept.duplicated(["folder", "label", "pair"]).any()
    assert {*SCORED} <= {*kept} and kept.groupby("folder").pair.nunique().eq(2).all()


def test_no_word_is_a_profiles_name(kept):
    words = " ".join({*kept.scale}).replace(",", "").split()
    assert not {*profiles.PROFILES} & {*words}
    assert {"MNIST, a tenth of the queries", "MNIST, all the queries"} <= {*kept.scale}
    assert {"ten faces at full size", "forty small faces"} <= {*kept.data}
    assert names.networks("MNIST", 7) == "MNIST, seven networks"


@pytest.mark.parametrize(
    "variant",
    [one for one in (*NAMED.values(), *CODES.values()) if one.factor != "accuracy"],  # whose epochs are found
    ids=lambda variant: variant.name,
)
def test_variants_of_a_name_are_found_by_what_they_change(tmp_path, variant):
    put(tmp_path, "plan", "mnist", variant, 0, 0.5)
    found = table.of(table.runs(results=tmp_path), [variant])
    assert {*found.who} == {variant.label} and len(found) == 6


def test_a_target_trained_to_the_others_accuracy_is_named_so(tmp_path):
    trained = Variant("snn", "whatever", "accuracy", {"training": {"epochs": 7}})
    put(tmp_path, "paper", "mnist", trained, 0, 0.5)
    put(tmp_path, "paper", "mnist", SNN, 0, 0.5)
    rows = table.runs(results=tmp_path)
    assert {*rows.who} == {"SNN", "SNN, trained to the ANN's accuracy"}
    matched = next(one for one in OTHERS if one.factor == "accuracy" and one.kind == "snn")
    assert table.of(rows, [matched]).folder.nunique() == 1


def test_what_has_no_name_is_called_by_its_settings(tmp_path):
    put(tmp_path, "paper", "mnist", SNN, 0, 0.5, z_dim=7, noise="sparse")
    (who,) = {*table.runs(results=tmp_path).who}
    assert "z_dim = 7" in who and "noise = sparse" in who


def test_budgets_and_networks_are_never_mixed(tmp_path):
    for seed in (0, 1, 2):
        put(tmp_path, "plan", "mnist", ANN, seed, 0.5)
    for seed in (1, 2):
        put(tmp_path, "plan", "mnist", SNN, seed, 0.2)
    put(tmp_path, "paper", "mnist", ANN, 0, 0.9)
    put(tmp_path, "plan", "mnist", SNN, 0, 0.8, batches=500)  # half the queries
    fair = table.fair(table.runs(results=tmp_path), BASELINES.values())
    wide = table.networks(fair)
    assert wide.index.tolist() == [("MNIST, a tenth of the queries", seed) for seed in (1, 2)]
    assert wide.to_numpy().ravel() == pytest.approx([0.5, 0.2] * 2)


def test_no_run_stands_against_itself(tmp_path):
    """A control that changes nothing at a scale would load its baseline's run: a difference of 0.00."""
    put(tmp_path, "events", "nmnist", SNN, 0, 0.5)
    same = Variant("snn", "as it is", "encoder", {"training": {"encoder": "bins"}})
    rows = table.runs(results=tmp_path)
    assert len(table.of(rows, [SNN])) and table.of(rows, [same]).empty
    assert table.fair(rows, [SNN, same]).empty


def test_a_control_that_loads_its_baselines_run_is_not_compared(results):
    """At smoke the ANN is nearest to the SNN's accuracy after all of its epochs: that is the baseline itself."""
    matched = next(one for one in OTHERS if one.factor == "accuracy" and one.kind == "ann")
    smoke = Experiment("smoke", variants=[ANN, matched], results=results)
    rows = table.runs(smoke)
    assert {run.variant for run in smoke.attacks()} == {ANN.name, matched.name}
    assert {*rows[rows.here].who} == {"ANN"} and table.fair(rows, [ANN, matched]).empty


def test_most_networks_speak_then_most_queries_and_no_runs_that_other_pages_left_here(tmp_path):
    for seed in (0, 1):
        put(tmp_path, "plan", "mnist", ANN, seed, 0.5)
    put(tmp_path, "paper", "mnist", ANN, 0, 0.9)
    put(tmp_path, "quick", "mnist", ANN, 0, 0.9)
    rows = table.runs(results=tmp_path)
    assert {*table.speaking(rows, [ANN]).profile} == {"plan"}
    assert [*dict.fromkeys(table.shown(rows, [ANN]).profile)] == ["plan", "paper"]
    put(tmp_path, "paper", "mnist", ANN, 1, 0.9)
    for seed in range(5):
        put(tmp_path, "quick", "mnist", ANN, seed, 0.9)  # this machine's alone
    assert {*table.speaking(table.runs(results=tmp_path), [ANN]).profile} == {"paper"}


def test_a_network_seen_before_its_plan_is_shown_and_not_counted(tmp_path):
    put(tmp_path, "people", "faces", ANN, 0, 0.8)
    alone = table.networks(table.runs(results=tmp_path))
    assert len(alone) == 1  # seen, of one network
    for seed in (1, 2):
        put(tmp_path, "people", "faces", ANN, seed, 0.6)
    rows = table.speaking(table.runs(results=tmp_path), [ANN])
    assert table.networks(rows)["ANN"].tolist() == pytest.approx([0.6, 0.6])
    assert table.networks(rows, uncounted=True)["ANN"].tolist() == pytest.approx([0.8, 0.6, 0.6])


def test_what_nobody_ran_is_missing_and_no_error(tmp_path):
    put(tmp_path, "plan", "mnist", ANN, 0, 0.5)
    wide = table.networks(table.of(table.runs(results=tmp_path), FOUR))
    assert wide.columns.tolist() == [variant.label for variant in FOUR]
    assert wide.notna().sum().tolist() == [1, 0, 0, 0]
    nothing = table.networks(table.speaking(table.runs(results=tmp_path / "no"), FOUR))
    assert nothing.empty and table.paired(nothing, {"clip": (ANN.label, CLIP.label)}).empty
    assert table.over_networks(nothing).columns.tolist()[:2] == ["scale", "what"]


def wide(*columns: list[float]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["here"], range(len(columns[0]))], names=["scale", "seed"])
    return pd.DataFrame(dict(zip("ab", columns)), index=index)


def test_means_over_networks_have_students_interval():
    found = table.over_networks(wide([1.0, 2.0, 3.0], [0.9, 1.0, np.nan]), share=True).set_index("what")
    assert found.value.tolist() == pytest.approx([2.0, 0.95]) and found.networks.tolist() == [3, 2]
    assert (found.low["b"], found.high["b"]) == pytest.approx((0.95 - 12.7062 * 0.05, 1), abs=1e-4)
    plain = table.over_networks(wide([1.0, 2.0, 3.0]))
    half = 4.30265 / 3**0.5
    assert (plain.low[0], plain.high[0]) == pytest.approx((2 - half, 2 + half), abs=1e-4)


def test_paired_differences_flip_signs_exactly_and_are_holms():
    first = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.5]
    both = {"more": ("a", "b"), "less": ("b", "a")}
    found = table.paired(wide(first, [0.1] * 7), both).set_index("what")
    assert found.p.tolist() == [2 / 2**7] * 2 and found.p_holm.tolist() == [4 / 2**7] * 2
    assert found.value.tolist() == pytest.approx([np.mean(first) - 0.1, 0.1 - np.mean(first)])
    six = table.paired(wide(first[:6], [0.1] * 6), both)
    assert six.p.isna().all(), "Holm's over two of six cannot fall below 0.05"


def test_a_pages_own_runs_are_rows_that_say_what_was_changed(tmp_path):
    clipped = {"attack": {"noise": "clipped"}}
    own = Experiment("smoke", datasets=["digits"], targets=["ann"], changes=clipped, results=tmp_path)
    rows = table.runs(own)
    assert rows.here.all() and not rows.kept.any() and {*rows.who} == {"ANN"} and {*rows.noise} == {"clipped"}
    assert rows.scale.str.endswith("noise = clipped").all()
    assert table.of(rows, [BASELINES["ann"]]).folder.nunique() == 1
    later = table.runs(results=tmp_path)
    assert {*later.who} == {"ANN, clipped noise"} and not later.here.any()


def test_a_users_file_is_none_of_the_projects_sets_whatever_it_is_called_nor_what_it_was_before(tmp_path):
    digits = load("digits")
    arrays = {key: getattr(digits, key).numpy() for key in ("x_train", "y_train", "x_test", "y_test")}
    few = {"targets": ["ann"], "changes": {"attack": {"batches": 2}}, "results": tmp_path / "results"}
    mine = tmp_path / "digits.npz"
    np.savez(mine, **arrays)
    first = table.runs(Experiment("smoke", datasets=[str(mine)], **few))
    np.savez(mine, **arrays | {"x_train": 1 - arrays["x_train"], "x_test": 1 - arrays["x_test"]})
    edited = table.runs(Experiment("smoke", datasets=[str(mine)], **few))
    beside = table.runs(*(Experiment("smoke", datasets=[one], **few) for one in ("digits", str(mine))))
    assert first.dataset.nunique() == edited.dataset.nunique() == 1 and {*first.dataset} != {*edited.dataset}
    assert {*beside.data} == {"Digits (8×8)", *edited.dataset}


def test_of_several_scores_of_an_attack_the_profiles_own_are_read(tmp_path):
    how = {"datasets": ["digits"], "targets": ["ann"], "seeds": 0, "results": tmp_path}
    usual = table.runs(Experiment("smoke", **how)).fidelity_mae.tolist()
    noisy = {"evaluation": {"noise": 5}}
    own = table.runs(Experiment("smoke", changes=noisy, **how))
    assert own.fidelity_mae.tolist() != usual and table.runs(results=tmp_path).fidelity_mae.tolist() == usual


def test_how_attacks_ended_is_read_from_their_curves(kept):
    own = table.speaking(kept, [ANN])
    own = own[own.data == "MNIST"]
    ends = table.endings(own, KEPT)
    (attack,) = Experiment("plan", targets=["ann"], seeds=[0], results=KEPT, compute=False).attacks()
    off = ends[ends.folder == f"plan/{attack.run.folder.name}"].off.tolist()
    assert len(ends) == 70 and off == verdicts.adversary_off(attack.arrays["k"]).tolist()
