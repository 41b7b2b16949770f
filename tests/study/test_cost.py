"""Cost before spend: what is counted is known, what is timed is positive, what is stored costs nothing."""

import pytest
import torch

from snnmi.study import cost
from snnmi.study.experiment import Experiment

SMOKE = {"budget": {"attack": {"batches": 3, "hidden": 8, "z_dim": 4, "batch_size": 2}}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("cost")


def test_missing_attacks_are_counted_and_timed(results):
    experiment = Experiment("smoke", targets=["ann", "snn"], results=results, **SMOKE)
    table = cost.costs(experiment, seconds=0.01).set_index("target")
    assert table.attacks.tolist() == [1, 1] and table.stored.tolist() == [0, 0]
    assert table.queries.tolist() == [3 * 2 * 10] * 2
    assert (table[["hours", "memory", "disk"]] > 0).all(axis=None)
    assert not list(results.rglob("run.json")), "nothing is stored"
    text = cost.said(table.reset_index())
    assert "2 of 2 attacks are missing: 120 queries" in text


def test_memory_holds_players_their_optimisers_and_the_kept_pair(results):
    experiment = Experiment("smoke", targets=["ann"], results=results, **SMOKE)
    one = cost.measure(experiment, experiment.cells()[0], 0.0)
    players = 4 * 10 * (64 * 8 + 8 + 8 * 10 + 10 + 4 * 8 + 8 + 8 * 64 + 64)
    assert 5 * players < one["memory"] < 6 * players + 100_000 and one["disk"] > one["memory"]


def test_what_is_stored_costs_nothing(results):
    experiment = Experiment("smoke", targets=["ann"], results=results, **SMOKE)
    experiment.attacks()
    (row,) = cost.costs(experiment, seconds=0.0).to_dict("records")
    assert (row["stored"], row["queries"], row["hours"]) == (1, 0, 0)


def test_a_profile_that_does_not_exist_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr("sys.argv", ["cost", "papre"])
    with pytest.raises(SystemExit, match="profile is 'papre', expected one of"):
        cost.main()
    assert torch.is_grad_enabled()
