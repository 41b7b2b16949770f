"""The audit: what the attack gets out of the reader's network, with floors and ceilings, beside an ANN and an SNN."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from snnmi.measure.intervals import bootstrap_interval, wilson_interval
from snnmi.study import published, verdicts
from snnmi.study.audit import IN_RANGE, KIND, PLAIN
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judge, judgements_table
from snnmi.study.tables import attacks_table

ORDER = [variant.name for variant in (*PLAIN, *IN_RANGE)]
AFTER = ["class mean", "noise"]  # what pictures are read against


class Outcome(NamedTuple):
    """What the answer is made of; shares."""

    queries: int  # a class
    accuracy: float  # of the reader's network
    works: bool  # it is better than the commonest class
    copies: dict[str, float]  # by ORDER: how many test images the copy calls rightly
    copied: bool  # the copy is better than the commonest class, attacked in one way or the other
    guess: float  # the commonest class
    reading: str  # of its pictures, the most that either attack gives: a word of `verdicts.reading`
    recognised: float
    identified: float


def scores_table(experiment: Experiment) -> pd.DataFrame:
    """One row a network, attacker and score of the paper: last pair, mean over classes with 95 % bootstrap interval."""
    rows = []
    attacks = attacks_table([experiment])
    for (target, variant), part in attacks[attacks.pair == "last"].groupby(["target", "variant"], sort=False):
        for score in published.SCORES:
            values = part[score].to_numpy()
            ends = (part[f"{score}_{end}"].mean() for end in ("floor", "ceiling"))
            found = (values.mean(), *bootstrap_interval(values, seed=0), *ends, part.queries.iloc[0])
            rows.append((target, variant, score, *found))
    columns = ["target", "variant", "score", "value", "low", "high", "floor", "ceiling", "queries"]
    return pd.DataFrame(rows, columns=columns)


def judged_table(experiment: Experiment) -> pd.DataFrame:
    """One row a set of images: shares recognised and identified with intervals over classes, and their reading."""
    judged, rows = judgements_table([experiment], ["reconstruction", *AFTER]), []
    chance = 1 / judge(experiment, experiment.datasets[0]).metrics["num_classes"]
    made = judged[judged.source == "reconstruction"]
    parts = {name: made[made.variant == name] for name in ORDER}
    parts |= {source: judged[judged.source == source] for source in AFTER}
    for name, part in parts.items():
        row: dict[str, object] = {"images": name}
        for measure in ("recognised", "identified"):
            values = part[measure].to_numpy()
            low, high = bootstrap_interval(values, seed=0)
            row |= {measure: values.mean(), f"{measure}_low": low, f"{measure}_high": high}
        lows = [row[m if np.isnan(row[f"{m}_low"]) else f"{m}_low"] for m in ("recognised", "identified")]
        rows.append(row | {"reading": verdicts.reading(*lows, chance), "chance": chance})
    return pd.DataFrame(rows)


def outcome(scores: pd.DataFrame, judged: pd.DataFrame, *, test_images: int) -> Outcome:
    """The numbers of the answer; `test_images`: how many the accuracies rest on."""
    copies = scores[scores.score == "surrogate_accuracy"].set_index("variant")
    own = copies[copies.target == KIND]
    accuracy, guess = own.ceiling.iloc[0], own.floor.iloc[0]
    low, _ = wilson_interval(accuracy, test_images)
    pictures = judged[judged.images.isin(own.index)]
    words = ["nothing", "trace", "image"]
    most = max(pictures.itertuples(), key=lambda r: (words.index(r.reading), r.identified))
    return Outcome(
        queries=int(own.queries.iloc[0]),
        accuracy=float(accuracy),
        works=not verdicts.reaches_floor(low, guess),
        copies=copies.value.to_dict(),
        copied=not verdicts.reaches_floor(own.low.fillna(own.value), own.floor).all(),
        guess=float(guess),
        reading=most.reading,
        recognised=float(most.recognised),
        identified=float(most.identified),
    )


def pictures(experiment: Experiment) -> tuple[list[int], dict[str, list[np.ndarray]]]:
    """Labels, and for each line of the figure an image a class: class means, then every attack's first image."""
    found = {"class mean": [*experiment.originals(experiment.name(experiment.datasets[0]))["class mean"]]}
    runs = {run.variant: run for run in experiment.attacks()}
    return runs[KIND].labels, found | {name: [*runs[name].reconstructions[:, 0]] for name in ORDER}


def apart(scores: pd.DataFrame) -> pd.Series:
    """Of each score by how much the reader's network and the SNN beside it differ, the larger of both attackers."""
    plain = scores.assign(attacker=scores.variant.str.partition(",")[2])
    wide = plain.pivot(index=["score", "attacker"], columns="target", values="value")
    return (wide[KIND] - wide.snn).abs().groupby("score").max()
