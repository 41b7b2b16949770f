"""Accuracies beside the paper's, by numbers whose answer is known."""

import numpy as np
import pandas as pd

from snnmi.measure.intervals import wilson_interval
from snnmi.study.findings import targets as findings


def targets(*rows):
    """A `targets_table` of (dataset, target, accuracy, test images)."""
    found = pd.DataFrame(rows, columns=["dataset", "target", "test_accuracy", "n_test"])
    return found.assign(profile="laptop", seed=0)


def test_each_accuracy_stands_beside_the_papers_where_it_has_one():
    mnist = ("mnist", "ann", 0.9771, 10_000), ("mnist", "snn", 0.9, 10_000)
    table = findings.beside_published(targets(*mnist, ("digits", "ann", 0.9, 100)))
    assert table.published.tolist()[:2] == [0.9771, 0.9767] and np.isnan(table.published[2])
    assert table.apart.tolist() == [False, True, False]
    assert (table.low[0], table.high[0]) == (table.published_low[0], table.published_high[0])
    assert (table.low[2], table.high[2]) == wilson_interval(0.9, 100)
    assert table.published_low.isna().tolist() == [False, False, True]


def test_without_targets_there_is_nothing_but_the_papers_own_rows():
    table = findings.beside_published(targets())
    assert table.empty and "apart" in table
    found = findings.differences(table)
    assert found.profile.tolist() == [findings.PUBLISHED] * 2
    assert found.difference.round(4).tolist() == [-0.0004, -0.0375] and not found.told_apart.any()


def test_the_spiking_target_is_compared_with_the_ordinary_one_of_its_scale():
    table = targets(("mnist", "ann", 0.5, 1000), ("mnist", "snn", 0.75, 1000), ("digits", "snn", 0.9, 100))
    found = findings.differences(table)
    assert found.dataset.tolist() == ["mnist", "mnist", "faces"]
    assert found.difference[0] == 0.25 and 0 < found.low[0] < 0.25 < found.high[0] and found.told_apart[0]


def test_how_little_touching_intervals_say_is_counted():
    """Any score from 65 of 80 passed as a reproduction of 95 %."""
    papers = ("faces", "ann", 0.875, 80), ("mnist", "ann", 0.9771, 10_000)
    table = findings.beside_published(targets(*papers, ("digits", "ann", 0.9, 100)))
    assert (table.least[0], table.most[0]) == (65, 80) and not table.apart[0]
    assert table.least[1] < 9771 < table.most[1] and table.most[1] - table.least[1] < 150
    assert np.isnan(table.least[2])
    for count, apart in ((64, True), (65, False)):
        assert findings.beside_published(targets(("faces", "ann", count / 80, 80))).apart[0] == apart
