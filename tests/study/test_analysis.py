"""What two chapters share, on numbers whose answer is known."""

import pytest

from snnmi.study import analysis, published


def test_a_row_is_as_far_off_as_its_five_numbers_on_average_with_one_reading_of_f():
    row = published.TABLE_2["mnist", "ann"]
    same = row | {"fidelity_mae": row["fidelity"], "fidelity_top": 0.0}
    assert analysis.distance(same, "mnist", "ann") == pytest.approx(0)
    assert analysis.distance(same, "mnist", "ann", "fidelity_top") == pytest.approx(1 / 5)
    off = same | {"M_global": 1.5 * row["M_global"]}
    assert analysis.distance(off, "mnist", "ann") == pytest.approx(0.5 / 5)
