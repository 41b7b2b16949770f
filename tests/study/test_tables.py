"""Finished runs as tables: every number with its floor and ceiling, larger profiles beside the given one."""

from dataclasses import replace

import numpy as np
import pytest

from snnmi.study import profiles, tables
from snnmi.study.experiment import Experiment
from snnmi.study.tables import alongside, attacks_table

COLUMNS = """profile dataset target variant seed attack_seed label pair queries batch M_global L_N L_G k
    M_global_floor M_global_ceiling entropy_generated commonest_answer commonest_answer_floor
    likeness likeness_ceiling ssim
    ssim_ceiling identified identified_floor identified_ceiling
    fidelity_mae fidelity_mae_floor fidelity_mae_ceiling fidelity_top fidelity_top_floor fidelity_top_ceiling
    surrogate_accuracy surrogate_accuracy_floor surrogate_accuracy_ceiling A_comb A_comb_floor A_comb_ceiling
    A_target A_target_floor A_target_ceiling""".split()


def test_tables_have_every_number_with_floor_and_ceiling(results):
    smoke = Experiment("smoke", results=results)
    table = attacks_table([smoke])
    assert sorted(table.columns) == sorted(COLUMNS) and len(table) == 2 * 10 * 2
    cells = {(kind, y, pair) for kind in ("ann", "snn") for y in range(10) for pair in ("kept", "last")}
    assert set(zip(table["target"], table["label"], table["pair"], strict=True)) == cells
    shares = table.filter(regex="^(fidelity|surrogate|A_)")
    assert shares.notna().all(axis=None) and (shares >= 0).all(axis=None) and (shares <= 1).all(axis=None)
    assert (table["queries"] == 1920).all() and np.isfinite(table["M_global"]).all()
    ann, snn = (table[table["target"] == kind] for kind in ("ann", "snn"))
    assert (ann["fidelity_top_ceiling"] == 1).all() and (table["A_target_floor"] == 0.1).all()
    assert (snn["fidelity_mae_ceiling"] < 1).all()  # it answers two equal queries differently
    trained, top = smoke.targets(), "surrogate_accuracy_ceiling"
    drawn_anew = pytest.approx(snn[top].iloc[0], abs=0.03)
    assert [target.test_accuracy for target in trained] == [ann[top].iloc[0], drawn_anew]
    assert [(t.target, t.metrics["n_train"]) for t in trained] == [("ann", 1438), ("snn", 1438)]


@pytest.fixture
def five_seeds(monkeypatch):
    """As many are looked for, which takes half as long as for all."""
    monkeypatch.setattr(tables, "SEEDS", 5)


def test_larger_profiles_are_shown_alongside_where_they_are_finished(copied, monkeypatch, five_seeds):
    smoke = Experiment("smoke", results=copied)
    monkeypatch.setitem(profiles.PROFILES, "plan", replace(profiles.get("smoke"), name="plan"))
    assert alongside(smoke) == [smoke]
    Experiment("plan", targets=["ann"], results=copied).attacks()
    shown = alongside(smoke)
    assert [e.profile.name for e in shown] == ["smoke", "plan"] and not shown[1].compute
    rows = attacks_table(shown)[["profile", "target"]].drop_duplicates()
    assert [*rows.profile + " " + rows.target] == ["smoke ann", "smoke snn", "plan ann"]
    # another seed, found where it is stored
    Experiment("plan", targets=["ann"], seeds=[4], results=copied).attacks()
    plan = attacks_table(alongside(smoke)).query("profile == 'plan'")
    assert plan.seed.unique().tolist() == [0, 4]


def test_what_was_changed_here_was_not_changed_there(copied, monkeypatch, five_seeds):
    monkeypatch.setitem(profiles.PROFILES, "plan", replace(profiles.get("smoke"), name="plan"))
    Experiment("plan", results=copied).attacks()
    changed = {"changes": {"attack": {"noise": "clipped"}}, "targets": ["snn"], "compute": False}
    _, kept = alongside(Experiment("smoke", results=copied, **changed))
    assert not kept.changes and {run.target for run in kept.attacks()} == {"ann", "snn"}


def test_every_build_of_a_scale_speaks_of_all_its_stored_networks(copied, five_seeds):
    """Two builds, one label: p = 0.045 with two stored seeds, 0.113 with the profile's own alone."""
    Experiment("smoke", seeds=[3], targets=["snn"], results=copied).attacks()
    for seeds in (None, [3], [0, 3]):
        own, *others = alongside(Experiment("smoke", seeds=seeds, targets=["snn"], results=copied))
        assert own.compute and not any(other.compute for other in others)
        assert {*attacks_table([own, *others]).seed} == {0, 3}
