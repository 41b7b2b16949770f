"""Cost before spend: what is counted is known, what is timed is positive, what is stored costs nothing."""

import pytest

from snnmi.study import cost
from snnmi.study.experiment import Experiment

SMOKE = {"budget": {"attack": {"batches": 3, "hidden": 8, "z_dim": 4, "batch_size": 2}}}


def test_missing_attacks_are_counted_and_timed_and_stored_ones_cost_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "SECONDS", 0.0)
    experiment = Experiment("smoke", targets=["ann", "snn"], results=tmp_path, **SMOKE)
    table = cost.costs(experiment)
    assert table.attacks.tolist() == [1, 1] and table.stored.tolist() == [0, 0]
    assert table.queries.tolist() == [3 * 2 * 10] * 2 and (table.hours > 0).all()
    assert not list(tmp_path.rglob("run.json")), "nothing is stored"
    Experiment("smoke", targets=["ann"], results=tmp_path, **SMOKE).attacks()
    table = cost.costs(experiment)
    assert table.stored.tolist() == [1, 0] and table.queries[0] == table.hours[0] == 0 < table.hours[1]


def test_the_command_sums_up_or_says_what_is_wrong_in_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cost, "SECONDS", 0.0)
    monkeypatch.setattr("sys.argv", ["cost", "smoke", "--results", str(tmp_path)])
    cost.main()
    assert "2 of 2 attacks are missing: 38,400 queries" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["cost", "papre"])
    with pytest.raises(SystemExit, match="profile is 'papre', expected one of"):
        cost.main()
