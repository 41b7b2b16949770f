"""The paper's numbers with their intervals, and the differences that its claims are held against."""

import numpy as np
import pytest

from snnmi.measure import statistics
from snnmi.study import published


def test_one_fidelity_is_read_in_two_ways():
    assert published.printed("mnist", "snn", "fidelity_mae") == (0.9541, None)
    assert published.printed("mnist", "snn", "fidelity_top") == (0.9541, None)
    assert published.printed("faces", "ann", "M_global") == (3.4326, 0.33)


def test_an_interval_is_as_wide_as_what_was_printed_allows():
    low, high = published.interval(
        "mnist", "ann", "M_global"
    )  # mean and standard deviation: Student's, 9 degrees
    assert (low + high) / 2 == pytest.approx(1.0371) and high - low == pytest.approx(
        2 * 2.262157 * 0.12 / 10**0.5
    )
    assert published.interval("faces", "snn", "A_comb") == statistics.wilson_interval(0.375, 40)
    assert published.interval("mnist", "ann", "fidelity_top") == (0.8929, 0.8929)


def test_differences_are_snn_minus_ann_of_means_or_of_spreads():
    assert published.difference("mnist", "M_global") == pytest.approx(1.4904 - 1.0371)
    assert published.difference("mnist", "M_global", np.std) == pytest.approx(0.58 - 0.12)
    assert np.isnan(published.difference("mnist", "fidelity_mae", np.std))  # F has no spread
    assert np.isnan(published.difference("mnist", "likeness"))
    assert np.isnan(published.difference("digits", "A_target"))


def test_shares_are_counts_of_classes():
    found = [published.count(d, kind, "A_target") for d in published.CLASSES for kind in ("ann", "snn")]
    assert found == [10, 7, 39, 20]


def test_every_claim_has_the_sign_of_the_papers_own_difference():
    for claim in published.CLAIMS.values():
        for dataset in published.CLASSES:
            paper = published.difference(dataset, claim.score, claim.statistic)
            assert np.isnan(paper) or np.sign(paper) == claim.sign, (claim.text, dataset)
