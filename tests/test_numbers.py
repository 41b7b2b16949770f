"""Numbers of stored runs, frozen: what the book's tables are made of is read today as it was read yesterday.

Each is of one network, by its seed, or of the plan's seven: runs that are yet to come move none.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from snnmi.study import analysis, plan, table
from snnmi.study import judged as judge
from snnmi.study.controls import BASELINES, FOUR
from snnmi.study.experiment import Experiment

MNIST, ALL = "MNIST, a tenth of the queries", "MNIST, all the queries"
FULL = "ten faces at full size, a tenth of the queries"
SMALL = "forty small faces, a tenth of the queries"
EVENTS = "N-MNIST, 1.5 % of the queries"


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
    rows = judge.everything(kept())
    of_all = (rows["profile"] == "plan") & (rows.kind == "")
    return rows[of_all | (rows.scale.isin([MNIST, "MNIST"]) & (rows.seed == 0) & (rows.attack_seed == 0))]


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


READS = {  # what the last pair's copies read: by scale and way of asking, of networks 0, 1, ...
    (MNIST, "ANN"): (0.5263, 0.5608, 0.5381, 0.4588, 0.5305, 0.5597, 0.5375),
    (MNIST, "ANN, clipped input"): (0.1373, 0.1303, 0.1315, 0.1328, 0.1313, 0.1354, 0.1165),
    (MNIST, "SNN, raw current"): (0.5342, 0.5778, 0.5468, 0.5235, 0.5551, 0.5197, 0.5656),
    (MNIST, "SNN"): (0.1797, 0.2128, 0.1864, 0.1947, 0.1867, 0.1986, 0.1896),
    (ALL, "ANN"): (0.5431,),
    (ALL, "SNN"): (0.1836,),
    (FULL, "ANN"): (0.8337,),
    (FULL, "SNN"): (0.1575,),
    (SMALL, "ANN"): (0.2897,),
    (SMALL, "SNN"): (0.1769,),
    (EVENTS, "ANN"): (0.6270,),
    (EVENTS, "SNN, raw bins"): (0.5390,),
    (EVENTS, "SNN"): (0.1460,),
    (EVENTS, "SNN, sparse noise"): (0.3600,),
    (EVENTS, "SNN, sparse noise, sent as events"): (0.4440,),
    (EVENTS, "SNN, asked moving strokes, sent as events"): (0.6320, 0.6260),
    (MNIST, "ANN, asked strokes"): (0.8009, 0.8056),
    (MNIST, "SNN, asked strokes"): (0.8213, 0.8348),
    (MNIST, "SNN, asked blobs"): (0.5726, 0.5674),
    (MNIST, "SNN, asked strokes, ten times the rate"): (0.9559,),
    (MNIST, "SNN, asked strokes, starts black, smoothness 3"): (0.9440, 0.9533),
    (MNIST, "SNN, constant current, clipped code, asked strokes"): (0.8204, 0.8475, 0.8239),
    (MNIST, "SNN, latency code, asked strokes"): (0.8749, 0.8781, 0.8757),
    (MNIST, "SNN, count decoder"): (0.1573,),
    (MNIST, "SNN, one frozen draw, asked strokes"): (0.8118,),
    (MNIST, "SNN, T = 1, asked strokes"): (0.8323,),
    (MNIST, "ANN, asked grey noise"): (0.1393,),
    (MNIST, "SNN, raw current, asked centred noise"): (0.6092,),
    (MNIST, "SNN, constant current, raw code, sparse noise"): (0.3939,),
    (MNIST, "SNN, sparse noise"): (0.3946,),
    (MNIST, "SNN, trained on raw current"): (0.5475,),
    (MNIST, "SNN, label alone"): (0.1566,),
    (MNIST, "SNN, every input asked 64 times"): (0.1184,),
}
NAMES = ("M_global", "A_target", "fidelity_mae", "surrogate_accuracy_ceiling", "commonest_answer")
SCORES = {  # of network 0, its last pair's
    (MNIST, "ANN"): (1.3969, 1.0000, 0.8985, 0.9774, 0.1970),
    (MNIST, "SNN"): (1.9793, 0.6000, 0.9609, 0.9758, 0.5750),
    (FULL, "ANN"): (4.1164, 1.0000, 0.9921, 0.9500),
    (FULL, "SNN"): (3.4182, 0.3000, 0.9891, 0.9625),
}
PARTS = ("value", "low", "high", "p", "p_holm")
CONTRASTS = {
    "clip": (0.3995, 0.3666, 0.4324, 0.0156, 0.0312),
    "left": (0.0619, 0.0498, 0.0740, 0.0156, 0.0312),
}
SHOWN = ("identified", "recognised")
JUDGED = {
    ("reconstruction", "ann"): (0.9000, 0.1000),
    ("gradient descent", "ann"): (1.0000, 0.0250),
    ("reconstruction", "snn"): (0.5625, 0.1000),
    ("gradient descent", "snn"): (1.0000, 0.4000),
    ("evolution", "snn"): (0.9500, 0.2500),
    ("evolution from grey", "snn"): (0.5500, 0.0000),
}
NUMBERS = [
    *((read, (*of, seed), x) for of, shares in READS.items() for seed, x in enumerate(shares)),
    *((read, (*of, 0, name), x) for of, scores in SCORES.items() for name, x in zip(NAMES, scores)),
    *((contrast, (what, part), x) for what, parts in CONTRASTS.items() for part, x in zip(PARTS, parts)),
    *((judged, (*of, name), x) for of, shares in JUDGED.items() for name, x in zip(SHOWN, shares)),
    (judged, ("test image", "", "recognised"), 0.9200),
    (distance, ("ANN",), 0.0549),
    (distance, ("SNN",), 0.1144),
    (flips, ("ann", "voted"), 1.4400),
    (flips, ("snn", "fresh"), 2.6978),
    (flips, ("snn", "decided"), 1.2600),
    (flips, ("snn", "voted"), 1.3200),
    (effect_of_the_clip, ("min",), 0.3158),
    (effect_of_the_clip, ("max",), 0.5256),
]


@pytest.mark.parametrize(
    "query, about, expected", NUMBERS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_stored_number_is_what_it_was(query, about, expected):
    """To half of the last digit that a page shows, or less."""
    assert query(*about) == pytest.approx(expected, abs=5e-3 if "M_global" in about else 5e-4)
