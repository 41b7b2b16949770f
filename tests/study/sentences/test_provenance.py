"""What chapter 15 says, on numbers whose sentence is known."""

import pandas as pd

from snnmi.study.controls import BASELINES, HALVED
from snnmi.study.experiment import Experiment
from snnmi.study.findings import provenance as findings
from snnmi.study.sentences import provenance as say


def runs() -> pd.DataFrame:
    frame = pd.DataFrame({"scale": ["smoke", "smoke", "quick"], "what": "attack", "data set": "digits"})
    frame = frame.assign(run=["a", "b", "c"], minutes=[30.0, 60.0, 90.0], processor="AMD EPYC")
    frame["finished"] = [f"2026-01-0{day} 10:00" for day in (2, 1, 3)]
    return frame.assign(commit=["x", "x-dirty", "x"])


def test_runs_are_counted_by_scale():
    table = say.runs(runs())
    assert table.scale.tolist() == ["smoke", "quick"] and table.runs.tolist() == ["2", "1"]
    assert table["first"][0] == "2026-01-01 10:00" and table["versions of the code"].tolist() == ["2", "1"]
    assert say.runs_caption(runs()).startswith(
        "**3 runs, 3.0 hours in all, from two versions of the code; 1 of them from a working copy"
    )
    assert say.answer(runs()).startswith("From 3 stored runs (smoke, quick), each with its settings")


def test_choices_are_told_in_words():
    assert say.values({"before_decay": 12, "delayed": 8}, "{}") == "before decay 12; delayed 8"
    assert "between 0.14 and 0.97, and with it" in say.guesses_caption([0.43, 0.97, 0.14])


def attacks(variants) -> pd.DataFrame:
    rows = [(variant, pair, value) for variant, value in variants.items() for pair in ("kept", "last")]
    frame = pd.DataFrame(rows, columns=["variant", "pair", "A_target"])
    return frame.assign(**{name: 0.5 for name in findings.METRICS if name != "A_target"})


def test_half_precision_is_told_for_mnist_only_where_both_were_attacked():
    variants = [BASELINES["snn"], HALVED]
    means = findings.attacked_in_both(attacks({HALVED.name: 0.7, "snn": 0.6}), variants)
    assert means.index.tolist() == ["snn", HALVED.name]
    assert say.precision_caption(0.0013, means).startswith(
        "**Rounding changes 0.13% of the hidden spikes on digits and A_target on MNIST by +0.10.**"
    )
    table = say.precision([234_102, 234_106], [0.933, 0.934], means)
    first = ["digits, small SNN", "hidden spikes on test images", "234,102", "234,106"]
    assert table.iloc[0].tolist() == first
    assert table.iloc[-1].tolist() == ["MNIST, laptop", "A_target", "0.600", "0.700"]
    none = findings.attacked_in_both(attacks({"snn": 0.6}), variants)
    assert none.empty and len(say.precision([1, 2], [0.9, 0.9], none)) == 2
    assert say.precision_caption(0.0013, none).endswith("Both are given the same spike trains.")


def test_growth_is_the_power_of_the_steeper_target(tmp_path):
    assert findings.growth(tmp_path).empty
    frame = pd.DataFrame({"target": ["ann", "ann", "snn", "snn"], "value": [8, 16] * 2, "variable": "side"})
    said = say.growth_finding(findings.powers(frame.assign(seconds_per_batch=[1.0, 2.0, 1.0, 4.0])))
    assert said == "Time a batch grows at most like the power 2.0 of the side of the image."


def test_what_a_larger_study_would_take_is_told_from_the_runs_on_gpus_alone():
    one = pd.DataFrame({"what": ["attack"] * 8 + ["target"] * 4 + ["scores"] * 8, "data set": "mnist"})
    one = one.assign(scale="paper", minutes=[1.0] * 8 + [0.5] * 4 + [0.0] * 8)
    found = one.assign(processor="NVIDIA H200")
    elsewhere = found.assign(processor="AMD EPYC", minutes=1000.0)
    full = findings.full_budget_on_gpus(pd.concat([found, elsewhere]))
    assert full == {"minutes": 5.0, "networks": 2, "processor": "NVIDIA H200"}
    said = say.larger_study(full)
    assert "took 5.0 minutes (mean of two networks" in said
    assert "700 networks of each kind at that budget" in said and "would take 58 hours" in said
    assert "1.8 on 32 of them" in said
    assert findings.full_budget_on_gpus(elsewhere) == {}
    assert say.larger_study({}).startswith("No run at the full")


def test_every_run_says_which_data_set_it_is_of(tmp_path):
    """That of an attack stands in its target's settings, although it has settings of its own."""
    target = {"dataset": "digits", "kind": "ann"}
    attack = {"target": target, "seed": 0, "attack": {"batches": 5}}
    keys = {"target-a": target, "attack-a": attack, "scores-a": {"attack": attack}}
    keys |= {"judged-a": {"source": "noise", "judge": {"dataset": "digits"}}}
    store = Experiment("smoke", results=tmp_path).store
    for name, key in keys.items():
        run = store.run(name, key)
        run.checkpoint.start()
        run.finish(metrics={})
    table = findings.runs_table([Experiment("smoke", results=tmp_path, compute=False)])
    assert len(table) == 4 and set(table["data set"]) == {"digits"}
