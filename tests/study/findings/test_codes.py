"""Codes: the predictions are read as they were written, whichever way they come."""

import pandas as pd
import pytest

from snnmi.study.controls import CODES
from snnmi.study.findings import codes as findings
from snnmi.study.sentences import codes as say
from tests.helpers import plain


def found_of(**codes):
    """Codes with (copy under published noise, under sparse noise)."""
    rows = [
        {
            "code": code,
            "label": code,
            "measure": name,
            "value": value,
            "low": float("nan"),
            "high": float("nan"),
        }
        for code, values in codes.items()
        for name, value in zip(("own", "normal", "sparse"), (0.9, *values))
    ]
    return pd.DataFrame(rows).assign(scale="Digits (8×8), quick", networks=1, floor=0.1)


def test_codes_of_a_scale_are_of_the_networks_that_all_of_them_have_and_judged_where_the_judge_was_asked(
    monkeypatch,
):
    about = {"profile": "plan", "dataset": "mnist", "target": "snn", "scale": "MNIST, plan", "pair": "last"}
    rows = [
        about
        | {"variant": CODES[code, noise].name, "seed": seed, "attack_seed": seed, "own": 0.9, "floor": 0.1}
        | {findings.SCORE: 0.2 + 0.1 * seed, "folder": f"{code} {noise} {seed}"}
        for code, seeds in (("rate", (0, 1)), ("clip", (0,)), ("latency", (0,)))
        for noise in ("normal", "sparse")
        for seed in seeds
        if (code, noise) != ("latency", "sparse")
    ]
    monkeypatch.setattr(findings, "networks_table", lambda runs: pd.DataFrame(rows))
    judged = pd.DataFrame([rows[0] | {"source": "reconstruction", "label": y} for y in (0, 1)])
    judged = judged.assign(identified=[0.0, 1.0], recognised=0.25)
    found = findings.codes_table([], judged)
    assert set(found.code) == {"rate", "clip"} and set(found.networks) == {1}
    assert set(found.value[found.measure == "normal"]) == {0.2}
    seen = found[found.measure.isin(findings.JUDGED)].set_index(["code", "measure"]).value
    assert seen.to_dict() == {("rate", "identified, normal"): 0.5, ("rate", "recognised, normal"): 0.25}
    caption = say.judged_caption(found, judged.assign(recognised=0.75))
    assert (
        "at MNIST, plan at most 0.25 (Bernoulli rate, published noise), of real test images 0.75" in caption
    )
    assert say.judged(found)["identified, published noise"].tolist() == ["0.50"]
    assert "not asked" in say.judged_caption(findings.codes_table([], judged[:0]), judged[:0])


def test_a_code_of_fewer_networks_stands_with_the_others_on_these_and_takes_nothing_from_them(monkeypatch):
    about = {"profile": "plan", "dataset": "mnist", "target": "snn", "scale": "MNIST, plan", "pair": "last"}
    rows = [
        about
        | {"variant": CODES[code, noise].name, "seed": seed, "attack_seed": seed, "own": 0.9, "floor": 0.1}
        | {findings.SCORE: 0.2 + 0.1 * seed, "folder": f"{code} {noise} {seed}"}
        for code, seeds in (("rate", (0, 1, 2)), ("clip", (0, 1, 2)), ("phase", (1,)))
        for noise in ("normal", "sparse")
        for seed in seeds
    ]
    monkeypatch.setattr(findings, "networks_table", lambda runs: pd.DataFrame(rows))
    found = findings.codes_table([], pd.DataFrame())
    copies = found[found.measure == "normal"]
    rows = {
        scale: (set(own.code), set(own.networks), set(own.value.round(6)))
        for scale, own in copies.groupby("scale")
    }
    assert rows == {
        "MNIST, plan": ({"rate", "clip"}, {3}, {0.3}),
        "MNIST, plan, network 1": ({"rate", "clip", "phase"}, {1}, {0.3}),
    }
    assert [*dict.fromkeys(found.scale)] == [*rows]  # claims first


def test_predictions_are_compared_with_the_clipped_current_and_with_the_raw_one():
    found = found_of(rate=(0.4, 0.7), latency=(0.2, 0.22), clip=(0.42, 0.8), current=(0.9, 0.9))
    rows = findings.predictions(found).set_index(["prediction", "code"])
    assert rows.held.to_dict() == {
        ("alike", "rate"): True,
        ("lifted", "rate"): True,
        ("alike", "latency"): False,
        ("lifted", "latency"): False,
        ("lifted", "clip"): True,
        ("above", "current"): True,
    }
    assert rows.loc[("above", "current"), ["mark", "found"]].tolist() == [0.42, 0.9]
    assert not findings.predictions(found_of(rate=(0.9, 0.9), current=(0.9, 0.9))).held.any()


@pytest.mark.parametrize("copy, held", [(0.6, True), (0.43, False), (0.95, False)])
def test_a_population_is_predicted_between_the_clipped_and_the_raw_current(copy, held):
    found = found_of(clip=(0.42, 0.8), population=(copy, 0.8), current=(0.9, 0.9))
    rows = findings.predictions(found).set_index(["prediction", "code"])
    assert rows.loc[("between", "population")].tolist() == ["Digits (8×8), quick", 0.42, copy, held]
    assert "coded by populations" in say.answer(found, findings.predictions(found))


@pytest.mark.parametrize(
    "latency, said",
    [
        (0.41, "all clipping codes are alike, so the clip explains them too"),
        (0.2, "the clip alone gives what Bernoulli rate gives, and not what latency does"),
    ],
)
def test_the_answer_says_whether_the_clip_explains_the_others(latency, said):
    found = found_of(rate=(0.4, 0.7), latency=(latency, 0.7), clip=(0.42, 0.8), current=(0.9, 0.9))
    text = say.answer(found, findings.predictions(found))
    low = min(0.4, latency)
    assert text == (
        f"At Digits (8×8), quick, with one network a code, copies of SNNs whose code clips read {low:.0%} to "
        f"42% of the test images, of the one fed raw numbers 90%: {said}{say.EXPLORED}"
    )


def test_failed_predictions_are_named():
    found = found_of(latency=(0.2, 0.22), clip=(0.42, 0.8))
    table = say.predictions(findings.predictions(found)).set_index("predicted")
    assert table.loc[say.PREDICTED["alike"], ["held", "failed"]].tolist() == ["0 of 1", "latency"]
    assert say.held(findings.predictions(found)) == (
        "At Digits (8×8), quick, lifted by sparse noise: clipped current, not latency; like the clipped "
        "current: not latency."
    )
    assert say.answer(found[:0], findings.predictions(found[:0])) == "No code was run."


def test_a_code_is_told_from_the_clipped_current_network_by_network(monkeypatch):
    about = {"profile": "plan", "dataset": "mnist", "target": "snn", "scale": "MNIST, plan", "pair": "last"}
    rows = [
        about
        | {"variant": CODES[code, "normal"].name, "seed": seed, "attack_seed": seed}
        | {findings.SCORE: value, "folder": f"{code} {seed}"}
        for code, values in (("clip", (0.2, 0.3)), ("latency", (0.3, 0.42, 0.9)), ("burst", (0.5,)))
        for seed, value in enumerate(values)
    ]
    monkeypatch.setattr(findings, "networks_table", lambda runs: pd.DataFrame(rows))
    found = findings.against_clip([]).set_index("code")
    assert found.networks.to_dict() == {
        "latency": 2,
        "burst": 1,
    }  # the third has no clipped current beside it
    assert found.value.to_dict() == pytest.approx({"latency": 0.11, "burst": 0.3})
    text = plain(say.apart(found.reset_index()))
    assert text == (
        "At MNIST, plan the copy reads, beside that of the clipped current, of latency +0.11 [\u22120.02, 0.24] (not "
        "told from none, two networks)."
    )
    assert say.apart(found.reset_index()[:0]).startswith("No two codes")
