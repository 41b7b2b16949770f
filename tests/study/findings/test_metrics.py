"""Chapter 4's tables on attacks whose answer is known."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from snnmi.data import Dataset
from snnmi.measure.scores import METRICS
from snnmi.study.findings import metrics as findings
from snnmi.study.published import CLAIMS
from snnmi.study.runs import AttackRun

LABELS = np.arange(10)


def attacks(target: str, shift: float = 0.0, *, dataset: str = "mnist", seeds=(0,)) -> pd.DataFrame:
    """Ten classes, each class's scores 0.01 apart, the last pair's 0.05 lower; seed s adds 0.1 s."""
    rows = []
    for seed in seeds:
        for pair, less in (("kept", 0.0), ("last", 0.05)):
            frame = pd.DataFrame({"label": LABELS, "pair": pair, "seed": seed, "target": target})
            value = 0.8 + 0.01 * LABELS + shift - less + 0.1 * seed
            rows.append(frame.assign(**{score: value for score in METRICS}))
    frame = pd.concat(rows).assign(
        profile="half", dataset=dataset, A_target_floor=0.1, A_target_ceiling=1.0, queries=640_000
    )
    return frame.assign(fidelity_mae_floor=0.7, fidelity_mae_ceiling=1.0)


def both(shift: float = -0.6, **more) -> tuple[pd.DataFrame, pd.DataFrame]:
    classes = findings.per_class(pd.concat([attacks("ann", **more), attacks("snn", shift, **more)]))
    return tuple(classes[classes.pair == pair] for pair in ("kept", "last"))


def test_seeds_are_averaged_within_each_class():
    classes = findings.per_class(attacks("ann", seeds=(0, 1)))
    assert len(classes) == 20 and classes.A_target.iloc[0] == pytest.approx(0.85)


def test_scores_stand_beside_floor_ceiling_and_paper():
    kept, _ = both()
    table = findings.score_table(kept).set_index(["target", "score"])
    assert table.value["ann", "A_target"] == pytest.approx(0.845) and (table.n == 10).all()
    assert tuple(table.loc[("ann", "A_target"), ["floor", "ceiling"]]) == (0.1, 1.0)
    assert tuple(table.loc[("snn", "fidelity_mae"), ["floor", "ceiling"]]) == (0.7, 1.0)
    assert np.isnan(table.floor["ann", "M_global"])
    assert table.published["snn", "fidelity_top"] == 0.9541 and table.apart["snn", "A_target"]
    off = findings.score_table(both(dataset="digits")[0])
    assert off.published.isna().all() and not off.apart.any() and "published_low" not in off


def test_fidelity_is_rescaled_from_floor_to_ceiling():
    kept, _ = both(shift=0.1)
    found = findings.rescaled_fidelity(findings.score_table(kept))
    assert found == pytest.approx({"ann": 0.145 / 0.3, "snn": 0.245 / 0.3})


def test_pairs_are_compared_class_by_class():
    table = findings.pairs_table(*both())
    assert len(table) == 2 * len(METRICS) and table.difference.tolist() == pytest.approx([-0.05] * 12)
    assert (table.p < 0.05).all()


def test_claims_are_tried_where_both_targets_were_attacked():
    kept, last = both()
    table = findings.claims_table(kept, last).set_index("key")
    assert table.index.tolist() == [key for key in CLAIMS if key != "likeness"]  # no picture at hand
    assert table.verdict["a_target"] == "reproduced" and table.verdict["m_global"] == "not reproduced"
    assert table.difference["a_target"] == pytest.approx(-0.6) and table.works.all()
    assert table.verdict_last["a_target"] == "reproduced" and table.n.tolist() == [10] * 7
    alone = kept[kept.target == "ann"]
    assert findings.claims_table(alone, last).columns.tolist() == findings.CLAIM_COLUMNS
    assert findings.claims_table(alone, last).empty


def test_behind_a_shut_gate_every_claim_is_open():
    kept, last = both()
    kept = kept.assign(A_target=kept.A_target - 0.5)
    table = findings.claims_table(kept, last)
    assert not table.works.any() and set(table.verdict) == {"open"}


def test_likeness_is_that_with_the_class_mean_and_unknown_without_the_data_set():
    means = np.random.default_rng(0).random((2, 4, 4))
    run = Mock(spec=AttackRun, profile="half", dataset="mnist", target="ann", labels=[0, 1])
    run.reconstructions = np.stack([means[:1], 1 - means[1:]])
    images = Mock(spec=Dataset, class_mean=lambda label: means[label])
    found = findings.likeness_table([run], {("half", "mnist"): images})
    assert found.likeness.tolist() == pytest.approx([1.0, -1.0])
    assert findings.likeness_table([run], {}).likeness.isna().all()
