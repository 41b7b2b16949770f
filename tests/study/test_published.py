"""The paper's numbers, and the differences that ours are held against."""

import pytest

from snnmi.study import published


def test_differences_are_snn_minus_ann_of_means_or_of_spreads():
    assert published.difference("mnist", "M_global") == pytest.approx(1.4904 - 1.0371)
    assert published.difference("mnist", "M_global_std") == pytest.approx(0.58 - 0.12)


def test_shares_are_counts_of_classes():
    found = [published.count(d, kind, "A_target") for d in published.CLASSES for kind in ("ann", "snn")]
    assert found == [10, 7, 39, 20]


def test_table_1_is_the_papers():
    ann, snn = {"mnist": 0.9771, "faces": 0.95}, {"mnist": 0.9767, "faces": 0.9125}
    table = {(d, kind): row[d] for kind, row in (("ann", ann), ("snn", snn)) for d in row}
    assert published.TABLE_1 == table


TABLE_2 = {
    ("mnist", "ann"): "1.0371 0.12 0.8929 68.13 6.9 100 100",
    ("mnist", "snn"): "1.4904 0.58 0.9541 19.88 4.7 70.0 70.0",
    ("faces", "ann"): "3.4326 0.33 0.9868 29.32 6.6 92.5 97.5",
    ("faces", "snn"): "3.9378 0.65 0.9948 6.18 4.5 37.5 49.2",
}
COLUMNS = "M_global M_global_std fidelity surrogate_accuracy surrogate_accuracy_std A_comb A_target".split()


@pytest.mark.parametrize("row", TABLE_2)
def test_table_2_is_the_papers(row):
    numbers = zip(COLUMNS, map(float, TABLE_2[row].split()), strict=True)
    expected = {c: x / (100 if c.startswith(("surrogate", "A_")) else 1) for c, x in numbers}
    assert published.TABLE_2[row] == pytest.approx(expected) and set(published.TABLE_2) == set(TABLE_2)


def test_budget_and_classes_are_the_papers():
    assert published.QUERIES == 20_000 * 64 and published.CLASSES == {"mnist": 10, "faces": 40}
