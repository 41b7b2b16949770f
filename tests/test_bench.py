"""`make bench` runs, and writes what it says. Its figures are no test: the machine has other work to do."""

import json
import sys

import pandas as pd
import pytest
import torch

from tests.helpers import ROOT, run


def test_bench_writes_every_ratio(tmp_path):
    said = run([sys.executable, "bench.py", "--quick", "--output", str(tmp_path / "bench.json")], ROOT)
    found = json.loads((tmp_path / "bench.json").read_text())
    ratios = {row["name"]: row for row in found["ratios"]}
    wanted = """snn_query_64 snn_query_640 snn_training snn_query_grey_64 ann_behind_encoder_640 snn_of_latency_640
        snn_query_face_16 attack_batched_digits attack_batched""".split()
    assert set(wanted) <= set(ratios)
    for name, row in ratios.items():
        assert set(row) == {"name", "ours", "baseline", "unit", "ratio"} and name in said
        assert row["ratio"] == pytest.approx(row["ours"] / row["baseline"]) and row["ratio"] > 0
    assert set(found["matmul_share"]) == {"snn_query_64", "snn_query_640"}
    assert min(found["matmul_share"].values()) > 0


def test_baseline_computes_what_ours_does(matmul_setting, monkeypatch):
    import bench  # sets float32 products

    model, images = bench.realistic(50)
    x = images(20)
    spikes = (torch.rand(25, 20, 784) < 0.2).float()
    monkeypatch.setattr(bench.engine, "_written", lambda *how: spikes)
    monkeypatch.setattr(bench.events, "available", lambda: False)
    monkeypatch.setattr(bench.spikegen, "rate", lambda x, num_steps: spikes)
    loop, y = bench.Loop(model), torch.arange(20) % 10
    torch.testing.assert_close(loop.query(x), model(x, generator=bench.chance()))
    loop.train(x, y)
    theirs = model.hidden.weight.grad.clone()
    model.zero_grad()
    model.loss(x, y, generator=bench.chance()).backward()
    torch.testing.assert_close(theirs, model.hidden.weight.grad, rtol=1e-3, atol=1e-5)
    assert theirs.abs().max() > 1e-2


def test_growth_is_measured_for_both_targets(tmp_path):
    run([sys.executable, "bench.py", "--growth", "--quick", "--output", str(tmp_path / "growth.csv")], ROOT)
    table = pd.read_csv(tmp_path / "growth.csv")
    assert list(table.columns) == ["variable", "value", "target", "seconds_per_batch"]
    assert set(table["variable"]) == {"classes", "side", "num_steps"}
    assert set(table["target"]) == {"ann", "snn"} and (table["seconds_per_batch"] > 0).all()
    assert not table.duplicated(["variable", "value", "target"]).any()
    assert "processor" in json.loads((tmp_path / "growth.json").read_text())
