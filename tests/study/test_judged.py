"""All that the judge has said as one table, and the pictures behind it: stored records in, known rows out."""

import numpy as np
import pandas as pd
import pytest

from snnmi.measure import metrics
from snnmi.store import Store
from snnmi.study import judged, table
from snnmi.study.controls import BASELINES, FOUR
from tests.helpers import ROOT

KEPT = ROOT / "results"
MNIST, FACES = "MNIST, a tenth of the queries", "ten faces at full size, a tenth of the queries"


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return table.runs(results=KEPT)


@pytest.fixture(scope="module")
def found(runs) -> pd.DataFrame:
    return judged.everything(runs, results=KEPT)


def test_a_row_holds_what_the_record_and_its_attack_hold(runs, found):
    drawn = table.of(found[found.source == "reconstruction"], FOUR)
    row = drawn[(drawn.scale == MNIST) & (drawn.seed == 3) & (drawn.who == "SNN, raw current")]
    (folder,), (attack,) = row.folder.unique(), row.attack.unique()
    stored = pd.read_csv(KEPT / folder / "judged.csv")
    assert row.identified.tolist() == stored.identified.tolist() and row["pair"].eq("kept").all()
    about = runs[runs.folder == attack].iloc[0]
    assert (about.seed, about.who, about.queries) == (3, "SNN, raw current", row.queries.iloc[0])


def test_all_that_is_kept_is_there_once(found):
    folders = {f"{path.parent.parent.name}/{path.parent.name}" for path in KEPT.glob("*/judged-*/run.json")}
    assert {*found.folder[found.kept]} == {one for one in folders if not one.startswith(table.OF_A_MACHINE)}
    assert not found.duplicated(["folder", "label"]).any()


def test_who_inverts_without_a_copy_has_a_targets_name_and_its_own_queries(found):
    own = found[(found["profile"] == "plan") & (found.source == "evolution")]
    assert {*own.who} == {"ANN", "SNN"} and {*own.seed} == {0, 1, 2} and {*own.attack_seed} == {0, 1, 2}
    assert own["queries"].mul(1_280_000).unique() == pytest.approx([16_000])
    assert found[found.source == "gradient descent"]["queries"].eq(0).all()


def test_references_stand_beside_what_was_drawn_of_the_same_data(found):
    made = table.fair(found[found.source == "reconstruction"], FOUR)
    beside = judged.beside(found, made)
    people = beside[(beside.scale == FACES) & (beside.source == "test image")]
    assert people.label.tolist() == [*range(10)]  # of forty who were judged
    noise = beside[(beside.scale == MNIST) & (beside.source == "fooling noise")]
    assert noise.groupby("kind").label.count().to_dict() == {"ann": 10, "snn": 10}


def test_a_smaller_picture_of_the_same_data_is_another_reference(found):
    small = judged.originals("faces", (28, 23), KEPT)
    assert small["class mean"].shape == (40, 28, 23)
    assert judged.originals("faces", (112, 92), KEPT)["test image"].shape == (40, 112, 92)
    assert judged.originals("faces", (3, 3), KEPT) == {}


def test_pictures_are_those_that_the_judge_was_shown(runs, found):
    rows = table.speaking(runs, BASELINES.values())
    rows = rows[(rows.data == "MNIST") & (rows.seed == 2)]
    means = judged.originals("mnist", (28, 28), KEPT)["class mean"]
    shares = found[found["pair"] == "kept"].groupby("attack").identified.mean()
    for row, pictures in judged.pictures(rows, KEPT):
        share = np.mean([metrics.identified(own, means, label) for label, own in enumerate(pictures)])
        assert share == pytest.approx(shares[row.folder], abs=0.02)  # the means are rounded to bytes


def test_of_who_inverts_without_gamin_the_first_image_of_every_class_is_kept(found):
    rows = found[(found["profile"] == "plan") & (found.source == "evolution") & (found.seed == 1)]
    shapes = {row.who: own.shape for row, own in judged.pictures(rows, KEPT)}
    assert shapes == {"ANN": (10, 1, 28, 28), "SNN": (10, 1, 28, 28)}


def test_without_results_nothing_is_said(tmp_path):
    nothing = judged.everything(table.runs(results=tmp_path), results=tmp_path)
    assert nothing.empty and {"source", "who", "identified"} <= {*nothing}
    assert judged.beside(nothing, nothing).empty


def test_a_judgement_whose_judge_is_gone_is_left_out(tmp_path):
    settings = {"source": "noise", "judge": {"dataset": "digits"}}
    run = Store(tmp_path / "quick").run("judged-digits-noise", settings)
    run.finish(metrics={}, tables={"judged": pd.DataFrame({"label": [0], "identified": [1.0]})})
    assert judged.everything(table.runs(results=tmp_path), results=tmp_path).empty
