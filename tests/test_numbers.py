"""Numbers of stored runs, frozen: what the book's tables are made of is read today as it was read yesterday.

Each is of one network, by its seed, or of the plan's seven: runs that are yet to come move none.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from snnmi.study import analysis, plan, table
from snnmi.study.controls import BASELINES, FOUR
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements_table

MNIST, ALL = "MNIST, a tenth of the queries", "MNIST, all the queries"
FULL = "ten faces at full size, a tenth of the queries"
SMALL = "forty small faces, a tenth of the queries"
EVENTS = "N-MNIST, 1.5 % of the queries"
SHARE, LOSS = 5e-4, 5e-3  # half of the last digit that a page shows, or less


@cache
def kept() -> pd.DataFrame:
    rows = table.runs()
    return rows[rows.kept.astype(bool)]


def read(scale, who, seed, score=table.SCORE, pair="last") -> float:
    """A score of one attack, mean over its classes."""
    rows = kept()
    rows = rows[(rows.scale == scale) & (rows.who == who) & (rows["pair"] == pair)]
    rows = rows[(rows.seed == seed) & (rows.attack_seed == seed)]
    assert rows.folder.nunique() == 1
    return rows[score].mean()


@cache
def contrasts() -> pd.DataFrame:
    rows = kept()
    four = table.networks(table.fair(rows[(rows.scale == MNIST) & (rows.seed < 7)], FOUR))
    ann, clip, _, snn = (variant.label for variant in FOUR)
    return table.paired(four, {"clip": (ann, clip), "left": (snn, clip)}).set_index("what")


def contrast(what, column) -> float:
    """Of the plan's two: what the clip takes from an ANN, and what is left for an SNN."""
    return contrasts()[column][what]


def distance(who) -> float:
    """From the published row, over the plan's networks."""
    rows = table.of(kept(), BASELINES.values())
    rows = rows[(rows.scale == MNIST) & (rows.who == who) & (rows.seed < 7) & (rows["pair"] == "kept")]
    return analysis.distance(rows.mean(numeric_only=True).to_dict(), "mnist", who.lower())


@cache
def judgements() -> pd.DataFrame:
    sources = ("reconstruction", "gradient descent", "test image")
    return judgements_table([Experiment("plan", seeds=0, compute=False)], sources)


def judged(source, kind, measure) -> float:
    """A share of the pictures that network 0 gave away; of no kind: of real ones."""
    rows = judgements()
    rows = rows[rows.source == source]
    return rows[(rows.variant == kind) | (kind == "")][measure].mean()


@cache
def boundaries() -> dict[str, dict]:
    found = Experiment("paper", datasets="mnist", seeds=1, compute=False).boundaries()
    return {run.target: run.arrays for run in found}


def flips(kind, how) -> float:
    """Changes of a label along a path between two classes, at the full budget."""
    return float(np.mean(boundaries()[kind][f"flips_between_{how}"]))


@cache
def effects() -> list[float]:
    """What the clip takes under every setting of the specification curve."""
    rows, found = kept(), []
    rows = rows[(rows.scale == MNIST) & (rows.seed == 0)]
    for pair in zip(*plan.SPECIFICATIONS.values()):
        reads = table.networks(table.fair(rows, pair))
        found += [*(reads[pair[0].label] - reads[pair[1].label])]
    return found


def effect_of_the_clip(end) -> float:
    return float(getattr(np, end)(effects()))


NUMBERS = [
    (read, (MNIST, "ANN", 0), 0.5263, SHARE),
    (read, (MNIST, "ANN", 1), 0.5608, SHARE),
    (read, (MNIST, "ANN", 2), 0.5381, SHARE),
    (read, (MNIST, "ANN", 3), 0.4588, SHARE),
    (read, (MNIST, "ANN", 4), 0.5305, SHARE),
    (read, (MNIST, "ANN", 5), 0.5597, SHARE),
    (read, (MNIST, "ANN", 6), 0.5375, SHARE),
    (read, (MNIST, "ANN, clipped input", 0), 0.1373, SHARE),
    (read, (MNIST, "ANN, clipped input", 1), 0.1303, SHARE),
    (read, (MNIST, "ANN, clipped input", 2), 0.1315, SHARE),
    (read, (MNIST, "ANN, clipped input", 3), 0.1328, SHARE),
    (read, (MNIST, "ANN, clipped input", 4), 0.1313, SHARE),
    (read, (MNIST, "ANN, clipped input", 5), 0.1354, SHARE),
    (read, (MNIST, "ANN, clipped input", 6), 0.1165, SHARE),
    (read, (MNIST, "SNN, raw current", 0), 0.5342, SHARE),
    (read, (MNIST, "SNN, raw current", 1), 0.5778, SHARE),
    (read, (MNIST, "SNN, raw current", 2), 0.5468, SHARE),
    (read, (MNIST, "SNN, raw current", 3), 0.5235, SHARE),
    (read, (MNIST, "SNN, raw current", 4), 0.5551, SHARE),
    (read, (MNIST, "SNN, raw current", 5), 0.5197, SHARE),
    (read, (MNIST, "SNN, raw current", 6), 0.5656, SHARE),
    (read, (MNIST, "SNN", 0), 0.1797, SHARE),
    (read, (MNIST, "SNN", 1), 0.2128, SHARE),
    (read, (MNIST, "SNN", 2), 0.1864, SHARE),
    (read, (MNIST, "SNN", 3), 0.1947, SHARE),
    (read, (MNIST, "SNN", 4), 0.1867, SHARE),
    (read, (MNIST, "SNN", 5), 0.1986, SHARE),
    (read, (MNIST, "SNN", 6), 0.1896, SHARE),
    (read, (ALL, "ANN", 0), 0.5431, SHARE),
    (read, (ALL, "ANN, clipped input", 0), 0.1368, SHARE),
    (read, (ALL, "SNN, raw current", 0), 0.5443, SHARE),
    (read, (ALL, "SNN", 0), 0.1836, SHARE),
    (read, (FULL, "ANN", 0), 0.8337, SHARE),
    (read, (FULL, "ANN, clipped input", 0), 0.1613, SHARE),
    (read, (FULL, "SNN, raw current", 0), 0.6462, SHARE),
    (read, (FULL, "SNN", 0), 0.1575, SHARE),
    (read, (SMALL, "ANN", 0), 0.2897, SHARE),
    (read, (SMALL, "ANN, clipped input", 0), 0.0688, SHARE),
    (read, (SMALL, "SNN, raw current", 0), 0.7981, SHARE),
    (read, (SMALL, "SNN", 0), 0.1769, SHARE),
    (read, (EVENTS, "ANN", 0), 0.6270, SHARE),
    (read, (EVENTS, "ANN, clipped input", 0), 0.4040, SHARE),
    (read, (EVENTS, "SNN, raw bins", 0), 0.5390, SHARE),
    (read, (EVENTS, "SNN", 0), 0.1460, SHARE),
    (read, (EVENTS, "ANN, sparse noise", 0), 0.5800, SHARE),
    (read, (EVENTS, "SNN, sparse noise", 0), 0.3600, SHARE),
    (read, (EVENTS, "ANN, sparse noise, sent as events", 0), 0.6200, SHARE),
    (read, (EVENTS, "SNN, sparse noise, sent as events", 0), 0.4440, SHARE),
    (read, (MNIST, "ANN, asked strokes", 0), 0.8009, SHARE),
    (read, (MNIST, "ANN, asked strokes", 1), 0.8056, SHARE),
    (read, (MNIST, "ANN, asked blobs", 0), 0.5929, SHARE),
    (read, (MNIST, "ANN, asked blobs", 1), 0.5822, SHARE),
    (read, (MNIST, "SNN, asked strokes", 0), 0.8213, SHARE),
    (read, (MNIST, "SNN, asked strokes", 1), 0.8348, SHARE),
    (read, (MNIST, "SNN, asked blobs", 0), 0.5726, SHARE),
    (read, (MNIST, "SNN, asked blobs", 1), 0.5674, SHARE),
    (read, (MNIST, "ANN, asked strokes, ten times the rate", 0), 0.9385, SHARE),
    (read, (MNIST, "SNN, asked strokes, ten times the rate", 0), 0.9559, SHARE),
    (read, (MNIST, "ANN, asked grey noise", 0), 0.1393, SHARE),
    (read, (MNIST, "ANN, asked centred noise", 0), 0.3617, SHARE),
    (read, (MNIST, "SNN, raw current, asked centred noise", 0), 0.6092, SHARE),
    (read, (MNIST, "SNN, latency code", 0), 0.2793, SHARE),
    (read, (MNIST, "SNN, latency code, sparse noise", 0), 0.5213, SHARE),
    (read, (MNIST, "SNN, constant current, clipped code", 0), 0.1862, SHARE),
    (read, (MNIST, "SNN, constant current, raw code, sparse noise", 0), 0.3939, SHARE),
    (read, (MNIST, "SNN, sparse noise", 0), 0.3946, SHARE),
    (read, (MNIST, "SNN, trained on raw current", 0), 0.5475, SHARE),
    (read, (MNIST, "ANN, label alone", 0), 0.5141, SHARE),
    (read, (MNIST, "SNN, label alone", 0), 0.1566, SHARE),
    (read, (MNIST, "SNN, every input asked 64 times", 0), 0.1184, SHARE),
    (read, (MNIST, "ANN", 0, "M_global"), 1.3969, LOSS),
    (read, (MNIST, "ANN", 0, "A_target"), 1.0000, SHARE),
    (read, (MNIST, "ANN", 0, "fidelity_mae"), 0.8985, SHARE),
    (read, (MNIST, "ANN", 0, "surrogate_accuracy_ceiling"), 0.9774, SHARE),
    (read, (MNIST, "SNN", 0, "M_global"), 1.9793, LOSS),
    (read, (MNIST, "SNN", 0, "A_target"), 0.6000, SHARE),
    (read, (MNIST, "SNN", 0, "fidelity_mae"), 0.9609, SHARE),
    (read, (MNIST, "SNN", 0, "surrogate_accuracy_ceiling"), 0.9758, SHARE),
    (read, (FULL, "ANN", 0, "M_global"), 4.1164, LOSS),
    (read, (FULL, "ANN", 0, "A_target"), 1.0000, SHARE),
    (read, (FULL, "ANN", 0, "fidelity_mae"), 0.9921, SHARE),
    (read, (FULL, "ANN", 0, "surrogate_accuracy_ceiling"), 0.9500, SHARE),
    (read, (FULL, "SNN", 0, "M_global"), 3.4182, LOSS),
    (read, (FULL, "SNN", 0, "A_target"), 0.3000, SHARE),
    (read, (FULL, "SNN", 0, "fidelity_mae"), 0.9891, SHARE),
    (read, (FULL, "SNN", 0, "surrogate_accuracy_ceiling"), 0.9625, SHARE),
    (read, (MNIST, "ANN", 0, "commonest_answer"), 0.1970, SHARE),
    (read, (MNIST, "SNN", 0, "commonest_answer"), 0.5750, SHARE),
    (contrast, ("clip", "value"), 0.3995, SHARE),
    (contrast, ("clip", "low"), 0.3666, SHARE),
    (contrast, ("clip", "high"), 0.4324, SHARE),
    (contrast, ("clip", "p"), 0.0156, SHARE),
    (contrast, ("clip", "p_holm"), 0.0312, SHARE),
    (contrast, ("left", "value"), 0.0619, SHARE),
    (contrast, ("left", "low"), 0.0498, SHARE),
    (contrast, ("left", "high"), 0.0740, SHARE),
    (contrast, ("left", "p"), 0.0156, SHARE),
    (contrast, ("left", "p_holm"), 0.0312, SHARE),
    (distance, ("ANN",), 0.0549, SHARE),
    (distance, ("SNN",), 0.1144, SHARE),
    (judged, ("reconstruction", "ann", "identified"), 0.9000, SHARE),
    (judged, ("reconstruction", "ann", "recognised"), 0.2000, SHARE),
    (judged, ("gradient descent", "ann", "identified"), 1.0000, SHARE),
    (judged, ("gradient descent", "ann", "recognised"), 0.0250, SHARE),
    (judged, ("reconstruction", "snn", "identified"), 0.5625, SHARE),
    (judged, ("reconstruction", "snn", "recognised"), 0.0750, SHARE),
    (judged, ("gradient descent", "snn", "identified"), 1.0000, SHARE),
    (judged, ("gradient descent", "snn", "recognised"), 0.4000, SHARE),
    (judged, ("test image", "", "recognised"), 0.9150, SHARE),
    (flips, ("ann", "voted"), 1.4400, SHARE),
    (flips, ("snn", "fresh"), 2.6978, SHARE),
    (flips, ("snn", "decided"), 1.2600, SHARE),
    (flips, ("snn", "voted"), 1.3200, SHARE),
    (effect_of_the_clip, ("min",), 0.3158, SHARE),
    (effect_of_the_clip, ("max",), 0.5256, SHARE),
]


@pytest.mark.parametrize(
    "query, about, expected, tolerance", NUMBERS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_stored_number_is_what_it_was(query, about, expected, tolerance):
    assert query(*about) == pytest.approx(expected, abs=tolerance)
