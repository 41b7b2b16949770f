"""The command that makes weights again which results in git lack."""

import sys

import pytest

from snnmi.show import explorer
from snnmi.study import weights
from snnmi.study.experiment import Experiment


def test_the_command_that_a_missing_weight_names_makes_new_samples_possible(without_weights, monkeypatch):
    read = Experiment("smoke", results=without_weights, compute=False)
    said = "python -m snnmi.study.weights smoke digits makes them again"
    with pytest.raises(FileNotFoundError, match=said):
        explorer.new_samples(read, read.attacks()[0])
    records = {path: path.read_bytes() for path in without_weights.glob("smoke/[!.]*/*")}
    monkeypatch.setattr(sys, "argv", ["weights", "smoke", "digits", "--results", str(without_weights)])
    weights.main()
    for attack in Experiment("smoke", results=without_weights, compute=False).attacks():
        images, target, surrogate = explorer.new_samples(read, attack)
        assert images.shape == (10, explorer.SHOWN, 8, 8) and target.shape == surrogate.shape
    after = {path: path.read_bytes() for path in without_weights.glob("smoke/[!.]*/*")}
    assert after == records, "no record is touched"
