"""What two chapters share, on numbers whose answer is known."""

import numpy as np
import pytest

from snnmi.study import analysis, judged, published, table
from snnmi.study.controls import CALLED, FOUR
from tests.helpers import ROOT

KEPT = ROOT / "results"


def test_a_row_is_as_far_off_as_its_five_numbers_on_average_with_one_reading_of_f():
    row = published.TABLE_2["mnist", "ann"]
    same = row | {"fidelity_mae": row["fidelity"], "fidelity_top": 0.0}
    assert analysis.distance(same, "mnist", "ann") == pytest.approx(0)
    assert analysis.distance(same, "mnist", "ann", "fidelity_top") == pytest.approx(1 / 5)
    off = same | {"M_global": 1.5 * row["M_global"]}
    assert analysis.distance(off, "mnist", "ann") == pytest.approx(0.5 / 5)


def test_a_gallery_is_the_first_network_under_its_originals_with_a_hole_where_an_attack_was_lost():
    rows = table.speaking(table.runs(results=KEPT), FOUR)
    rows = rows[rows.data == "MNIST"].sample(frac=1, random_state=0)
    lost = (rows.who == "SNN") & (rows.label == 3)
    rows = rows.assign(A_target=rows.A_target.mask(lost))
    labels, lines = analysis.gallery(rows, KEPT)
    assert labels == [*range(10)] and [*lines] == ["class mean", "test image", *CALLED.values()]
    assert [np.isnan(picture).all() for picture in lines["SNN"]] == [label == 3 for label in labels]
    first = rows[(rows.who == "ANN") & (rows.seed == 0)]
    ((_, pictures),) = judged.pictures(first, KEPT)
    assert all(np.array_equal(lines["ANN"][label], pictures[label, 0]) for label in labels)
