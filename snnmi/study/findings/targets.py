"""Test accuracies beside the paper's Table I, and the spiking target's against the ordinary one's."""

from bisect import bisect

import pandas as pd

from snnmi.measure.intervals import intervals_apart, share_difference_interval, wilson_interval
from snnmi.study import verdicts
from snnmi.study.published import TABLE_1, TEST_IMAGES

KEY = ["dataset", "profile", "seed"]
PUBLISHED = "published"  # in the place of a profile: the paper's own rows


def beside_published(targets: pd.DataFrame) -> pd.DataFrame:
    """A `targets_table` with Wilson's intervals (new test images, the model fixed) and the paper's with theirs.

    New columns: low, high, published, published_low, published_high, least, most (nan where the paper has none), and
    apart: whether the two intervals, as printed, share no point. least, most: of n_test images, the counts of right
    answers that would not be apart either.
    """
    rows = []
    for row in targets.itertuples():
        ours = wilson_interval(row.test_accuracy, row.n_test)
        share = TABLE_1.get((row.dataset, row.target), float("nan"))
        theirs, passing = (share, share), (float("nan"), float("nan"))
        if share == share:
            theirs = wilson_interval(share, TEST_IMAGES[row.dataset])
            passing = not_apart(theirs, row.n_test)
        rows.append((*ours, share, *theirs, *passing, intervals_apart(ours, theirs)))
    names = ["low", "high", "published", "published_low", "published_high", "least", "most", "apart"]
    return targets.join(pd.DataFrame(rows, index=targets.index, columns=names))


def reached(curves: pd.DataFrame) -> pd.DataFrame:
    """One row a target of the paper's data: the epoch after which it first stands at the published accuracy (nan if
    never), of `epochs`; `curves` has a row an epoch: profile, dataset, target, seed, epoch, test_accuracy.
    """
    rows = []
    for key, own in curves.groupby(["profile", "dataset", "target", "seed"], sort=False):
        if (share := TABLE_1.get(key[1:3])) is not None:
            there = own.epoch[own.test_accuracy > share - 1e-6]
            rows.append((*key, there.min() if len(there) else float("nan"), own.epoch.max()))
    return pd.DataFrame(rows, columns=["profile", "dataset", "target", "seed", "epoch", "epochs"])


def not_apart(theirs: tuple[float, float], n: int) -> tuple[int, int]:
    """The smallest and the largest count of n whose interval is not apart from theirs.

    >>> not_apart(wilson_interval(0.95, 80), 80)
    (65, 80)
    """
    (low, high), infinite = theirs, float("inf")

    def apart(k: int, interval: tuple[float, float]) -> bool:
        return intervals_apart(wilson_interval(k / n, n), interval)

    least = bisect(range(n + 1), False, key=lambda k: not apart(k, (low, infinite)))
    return least, bisect(range(n + 1), False, key=lambda k: apart(k, (-infinite, high))) - 1


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """SNN minus ANN at the same scale and seed with Newcombe's interval; the paper's own rows come last.

    Columns: dataset, profile, seed, both accuracies with their n, difference, low, high, told_apart (zero excluded).
    """
    paper = [(name, PUBLISHED, 0, kind, share, TEST_IMAGES[name]) for (name, kind), share in TABLE_1.items()]
    columns = [*KEY, "target", "test_accuracy", "n_test"]
    rows = pd.concat([table[columns], pd.DataFrame(paper, columns=columns)])
    ann, snn = (rows[rows.target == kind].drop(columns="target") for kind in ("ann", "snn"))
    both = ann.merge(snn, on=KEY, suffixes=("_ann", "_snn"))
    both["difference"] = both.test_accuracy_snn - both.test_accuracy_ann
    both[["low", "high"]] = [
        share_difference_interval(r.test_accuracy_ann, r.n_test_ann, r.test_accuracy_snn, r.n_test_snn)
        for r in both.itertuples()
    ]
    both["told_apart"] = verdicts.lies_off(both.low, both.high)
    return both
