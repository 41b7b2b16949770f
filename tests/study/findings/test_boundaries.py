"""Label flips and agreement as tables, from boundary runs made by hand."""

import numpy as np
import pandas as pd
import pytest

from snnmi.store import Store
from snnmi.study.findings import boundaries as findings
from snnmi.study.runs import BoundaryRun
from snnmi.study.settings import Settings

FLIPS = {  # two paths of each kind: voted, fresh, decided, surrogate
    "ann": ([1, 1], [1, 1], [1, 1], [2, 2]),
    "snn": ([1, 3], [5, 7], [1, 1], [3, 3]),
}


@pytest.fixture
def run(tmp_path):
    """Makes a finished run of one target."""
    store = Store(tmp_path)

    def make(kind, *, profile="laptop", dataset="mnist", label=0, ends=0, kinds=findings.PATHS, **numbers):
        def finish(run):
            arrays = {f"ends_{path}": np.full((2, 2), ends) for path in kinds}
            for reading, flips in zip(("voted", "fresh", "decided", "surrogate"), FLIPS[kind]):
                arrays |= {f"flips_{path}_{reading}": np.array(flips, np.float32) for path in kinds}
            for plane in ("plane", "random"):
                arrays |= {f"{plane}_target_{key}": np.eye(3, dtype=np.uint8) for key in ("labels", "voted")}
                arrays |= {f"{plane}_surrogate_labels": np.full((3, 3), 4, np.uint8)}
            arrays |= {"plane_points": np.zeros((3, 2)), "plane_point_labels": np.array([0, 1, 7])}
            run.checkpoint.start()
            run.finish(metrics={"plane_extent": 2.0, "random_extent": 9.0} | numbers, arrays=arrays)

        settings = {"kind": kind, "profile": profile, "label": label, "ends": ends}
        found = store.get(f"boundary-{dataset}-{kind}-s0", settings, finish)
        return BoundaryRun(profile, dataset, kind, kind, 0, Settings(kind), found)

    return make


def test_paths_that_both_targets_share_have_a_row_each(run):
    paths = findings.paths_table([run("ann"), run("snn")])
    assert paths.kind.value_counts().to_dict() == {"between": 2, "within": 2, "noise": 2}
    row = paths[paths.kind == "between"].iloc[1]
    assert row[[*findings.READINGS][:4]].tolist() == [1, 7, 1, 3] and row.snn_surrogate == 3


def test_classes_with_equal_paths_count_once_and_lone_targets_not_at_all(run):
    runs = [run("ann"), run("ann", label=1), run("snn"), run("snn", label=1), run("snn", dataset="faces")]
    assert len(findings.paths_table(runs)) == 6
    assert findings.paths_table(runs[:2]).empty
    assert findings.paths_table([run("ann"), run("snn", ends=1)]).empty


def test_a_test_set_may_allow_no_paths_within_a_class(run):
    few = {"profile": "smoke", "kinds": ("between", "noise")}
    found = findings.compared(findings.paths_table([run("ann", **few), run("snn", **few)]))
    assert found.kind.tolist() == ["between", "noise"] and found.n.tolist() == [2, 2]
    assert found.snn_single.tolist() == [6, 6]


def test_the_rule_is_applied_to_every_kind_of_path(run):
    found = findings.compared(findings.paths_table([run("ann"), run("snn")]))
    assert found.kind.tolist() == [*findings.PATHS] and (found.networks == 1).all()
    row = found.iloc[0]
    assert (row.profile, row.dataset, row.n, row.verdict) == ("laptop", "mnist", 2, "open")
    assert (row.ann, row.snn_single, row.snn_low, row.snn_high) == (1, 6, 1, 2)
    assert row.noise_share == 0.8  # 4 of the 5 flips beyond the ANN's
    assert (row.low_mean, row.low_from, row.low_to) == (0, 0, 0)
    assert row.high_mean == 1 and row.high_from < 1 < row.high_to


def paths(noise, dataset="mnist", **more) -> pd.DataFrame:
    """Three paths of each kind, crossed by both boundaries equally often; by the SNN's `noise` oftener out there."""
    kinds = [kind for kind in findings.PATHS for _ in range(3)]
    frame = pd.DataFrame({"profile": "a", "dataset": dataset, "seed": 0, "kind": kinds, "ann": 2.0})
    snn = frame.ann + noise * (frame.kind == "noise")
    flips = dict.fromkeys(("snn_low", "snn_high", "snn_single"), snn)
    return frame.assign(ann_surrogate=0.0, snn_surrogate=0.0, **flips | more)


def test_images_do_not_contradict_a_conjecture_that_noise_leaves_open_or_supports():
    def verdict(*args):
        return findings.overall(findings.compared(paths(*args))).item()

    assert verdict(0.0) == "contradicted"  # every kind of path says so
    supported = findings.compared(paths(0.7)).set_index("kind").verdict
    assert supported.tolist() == ["contradicted", "contradicted", "supported"] and verdict(0.7) == "open"
    assert verdict(0.0, "digits") == "not compared"  # a demonstration carries no verdict


def test_the_noises_share_is_a_share_and_unsaid_without_an_excess():
    low = {"snn_low": 1.0, "snn_high": 1.0}
    share = [findings.compared(paths(0, **low, snn_single=single)).noise_share[0] for single in (2.0, 3.0)]
    assert np.isnan(share[0]) and share[1] == 1


def test_nothing_to_compare_gives_an_empty_table():
    compared = findings.compared(findings.paths_table([]))
    assert compared.empty and "noise_share" in compared and findings.overall(compared).empty


def test_measures_of_both_targets_are_of_seeds_that_both_have(run):
    faces = run("snn", dataset="faces")
    found = findings.measured_table([run("ann"), run("ann", label=1), run("snn"), faces])
    assert found.dataset.tolist() == ["mnist", "mnist", "faces"]
    assert found.target.tolist() == ["ann", "snn", "snn"] and (found.label == 0).all()
    assert findings.measured_table([]).empty


def test_slices_take_the_first_run_of_each_kind(run):
    runs = [run("ann"), run("snn"), run("snn", label=1), run("ann", dataset="faces")]
    rows, classes = findings.slices(runs, ("laptop", "mnist"), "plane")
    assert [row["title"] for row in rows] == ["ANN", "SNN, single answers", "SNN, most frequent"]
    assert classes == 8 and rows[0]["extent"] == (-2, 2, -2, 2) and "points" in rows[2]
    assert "points" not in findings.slices(runs, ("laptop", "mnist"), "random")[0][0]


def test_agreement_has_an_interval_from_three_surrogates_on(run):
    def numbers(top):
        scores = {f"agreement_{i}_{s}": 0.5 for i in findings.INPUTS for s in findings.AGREEMENT}
        tops = {f"agreement_{i}_top": top for i in findings.INPUTS}
        return scores | tops | {f"repeat_{i}": 0.1 for i in findings.INPUTS}

    runs = [run("snn", label=k, **numbers(k / 2)) for k in range(3)]
    one = findings.measured_table([run("ann", **numbers(1.0))])
    table = findings.agreement_table(pd.concat([one, findings.measured_table(runs)]))
    assert table.target.tolist() == ["ann"] * 3 + ["snn"] * 3 and table.n.tolist() == [1] * 3 + [3] * 3
    assert table.inputs.tolist() == [*findings.INPUTS] * 2 and table.top.tolist() == [1.0] * 3 + [0.5] * 3
    assert table.low.isna().tolist() == [True] * 3 + [False] * 3
    assert table.differ.tolist() == pytest.approx([0.1] * 6)
    assert (table.low[3:] < 0.5).all() and (table.high[3:] > 0.5).all()
