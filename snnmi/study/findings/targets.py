"""Test accuracies beside the paper's Table I, and the spiking target's against the ordinary one's."""

import pandas as pd

from snnmi.measure.intervals import intervals_apart, share_difference_interval, wilson_interval
from snnmi.study.published import TABLE_1, TEST_IMAGES

KEY = ["dataset", "profile", "seed"]
PUBLISHED = "published"  # in the place of a profile: the paper's own rows


def beside_published(targets: pd.DataFrame) -> pd.DataFrame:
    """A `targets_table` with Wilson's intervals (new test images, the model fixed) and the paper's with theirs.

    New columns: low, high, published, published_low, published_high (nan where the paper has none), and apart: whether
    the two intervals share no point.
    """
    rows = []
    for row in targets.itertuples():
        ours = wilson_interval(row.test_accuracy, row.n_test)
        share = TABLE_1.get((row.dataset, row.target), float("nan"))
        theirs = wilson_interval(share, TEST_IMAGES[row.dataset]) if share == share else (share, share)
        rows.append((*ours, share, *theirs, intervals_apart(ours, theirs)))
    names = ["low", "high", "published", "published_low", "published_high", "apart"]
    return targets.join(pd.DataFrame(rows, index=targets.index, columns=names))


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """SNN minus ANN at the same scale and seed with Newcombe's interval; the paper's own rows come last.

    Columns: dataset, profile, seed, both accuracies with their n, difference, low, high, told_apart (zero excluded).
    """
    paper = [
        (dataset, PUBLISHED, 0, kind, share, TEST_IMAGES[dataset])
        for (dataset, kind), share in TABLE_1.items()
    ]
    columns = [*KEY, "target", "test_accuracy", "n_test"]
    rows = pd.concat([table[columns], pd.DataFrame(paper, columns=columns)])
    ann, snn = (rows[rows.target == kind].drop(columns="target") for kind in ("ann", "snn"))
    both = ann.merge(snn, on=KEY, suffixes=("_ann", "_snn"))
    both["difference"] = both.test_accuracy_snn - both.test_accuracy_ann
    both[["low", "high"]] = [
        share_difference_interval(r.test_accuracy_ann, r.n_test_ann, r.test_accuracy_snn, r.n_test_snn)
        for r in both.itertuples()
    ]
    both["told_apart"] = (both.low > 0) | (both.high < 0)
    return both
