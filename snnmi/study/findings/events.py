"""Chapter 12: the four cells on recordings of an event camera, and what is drawn of them."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float

from snnmi.recordings import STEPS
from snnmi.show import pages
from snnmi.study.controls import BASELINES, RECORDED, SENT
from snnmi.study.experiment import Experiment
from snnmi.study.findings.controls import (
    GROUP,
    OVER_NETWORKS,
    SCORE,
    UNIT,
    difference,
    networks_table,
    over_networks,
    share_over_networks,
    shared,
)
from snnmi.study.judgements import judgements_table
from snnmi.study.runs import AttackRun

NAMES = dict(
    zip((v.name for v in RECORDED), ("ANN", "ANN behind a clip", "SNN fed raw numbers", "SNN"), strict=True)
)
AS_EVENTS = [variant for variant in SENT if "as_events" in variant.changes["attack"]]
JUDGED = NAMES | {variant.name: f"{variant.kind.upper()}, sent events" for variant in AS_EVENTS}
MEASURES = {"own": "target's accuracy", SCORE: "accuracy of the copy", "taken": "classes taken"}


def _place(profile: str, dataset: str) -> str:
    """A scale in words, without the digest that says which recordings these are."""
    return pages.place(profile, dataset.partition("-")[0])


def _networks(runs: Iterable[AttackRun]) -> pd.DataFrame:
    rows = networks_table(runs)
    return rows.assign(scale=[_place(*where) for where in zip(rows.profile, rows.dataset)])


def cells_table(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a scale, cell and measure of `MEASURES`: mean over the networks that have all four cells, last pairs,
    with Student's interval where there are several; taken: the share of the classes.
    """
    rows = _networks(runs)
    rows = shared(rows[rows["pair"] == "last"], RECORDED)
    rows = rows.assign(taken=rows.taken / rows.classes)
    found = []
    for variant in RECORDED:
        for key, own in rows[rows.variant == variant.name].groupby(GROUP, sort=False):
            about = dict(zip(GROUP, key)) | {"cell": NAMES[variant.name], "target": variant.kind}
            about, by = about | {"floor": own.floor.mean()}, own.set_index(UNIT)
            found += [about | {"measure": name} | share_over_networks(by[name]) for name in MEASURES]
    columns = [*GROUP, "cell", "target", "floor", "measure", *OVER_NETWORKS]
    return pd.DataFrame(found, columns=columns)


def against_clip(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a scale: the copy of the SNN minus that of the ANN behind a clip, network by network."""
    _, clip, _, snn = RECORDED
    rows = shared(_networks(runs), RECORDED)
    found = [
        {"scale": scale} | difference(own, clip, snn) for scale, own in rows.groupby("scale", sort=False)
    ]
    return pd.DataFrame(found, columns=["scale", *OVER_NETWORKS, "kept"])


def filled(experiment: Experiment, dataset: str) -> float:
    """Of a recording's bins, pixels and polarities the share that holds an event, mean over the classes."""
    return float(np.mean([film(mean).mean() for mean in experiment.originals(dataset)["class mean"]]))


def sent_table(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row a scale, kind of target and change of what is sent (`controls.SENT`): the copy's accuracy before and
    after, last pairs, means over the networks that were attacked in all ways, and the rise network by network. Sparse
    noise is set against the published noise, events against the same noise sent as numbers.
    """
    rows, found = _networks(runs), []
    rows = rows[rows["pair"] == "last"]
    for kind, published in BASELINES.items():
        ways = [published, *(variant for variant in SENT if variant.kind == kind)]
        for scale, own in shared(rows, ways).groupby("scale", sort=False):
            by = own.pivot_table(index=UNIT, columns="variant", values=SCORE)
            for before, after in pairwise(way.name for way in ways):
                ends = {"before": by[before].mean(), "after": by[after].mean()}
                about = {"scale": scale, "target": kind, "sent": after.partition(", ")[2]}
                found.append(about | ends | over_networks(by[after] - by[before]))
    return pd.DataFrame(found, columns=["scale", "target", "sent", "before", "after", *OVER_NETWORKS])


def judged_table(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """One row a scale, cell (or who sends events) and measure, "recognised" and "identified": what an honest judge of
    recordings says of what was drawn, mean over classes and networks; real: the share of test recordings that it
    recognises. Of what is stored alone: a judge takes minutes.
    """
    found = []
    for one in (experiment for experiment in experiments if not experiment.compute):
        table = judgements_table([one], ("reconstruction", "test image"))
        for name in JUDGED if len(table) else ():
            if (own := table[table.variant == name]).empty:
                continue
            about = {"scale": _place(one.scale, own.dataset.iloc[0]), "cell": JUDGED[name]}
            about["real"] = table[table.source == "test image"].recognised.mean()
            for measure in ("recognised", "identified"):
                by_network = own.groupby(UNIT)[measure].mean()
                found.append(about | {"measure": measure} | share_over_networks(by_network))
    return pd.DataFrame(found, columns=["scale", "cell", "real", "measure", *OVER_NETWORKS])


def value(found: pd.DataFrame, scale: str, cell: str, measure: str = SCORE) -> float:
    row = found[(found.scale == scale) & (found.cell == cell) & (found.measure == measure)]
    return float(row.value.iloc[0])


def with_stored(own: Experiment) -> list[Experiment]:
    """The given experiment and, read only, the stored recordings of N-MNIST, where they are another's and are there."""
    if own.profile.name == "events":
        return [own]
    try:
        stored = Experiment("events", variants=(*RECORDED, *SENT), results=own.results, compute=False)
    except FileNotFoundError:  # neither the recordings nor runs on them
        return [own]
    return [own, *([stored] if stored.attacks() else [])]


Film = Float[np.ndarray, " step polarity height width"]


def film(image: np.ndarray) -> Film:
    """A recording's image, or what was drawn of one, as its bins: values in [0, 1]."""
    high = image.shape[0] // (2 * STEPS)
    grey = image / 255 if image.dtype == np.uint8 else image
    return np.asarray(grey, dtype=np.float32).reshape(STEPS, 2, high, image.shape[1])


def shown(experiment: Experiment, label: int) -> tuple[str, dict[str, Film]]:
    """A scale in words, and a class's films: its first test recording, its mean, and what was drawn of it from the
    first ANN and the first SNN, as rates and, where that was run, as events.
    """
    runs = {run.variant: run for run in reversed(experiment.attacks())}
    first = next(iter(runs.values()))
    names = {"test image": "a recording", "class mean": "mean of the class"}
    originals = experiment.originals(first.dataset)
    found: dict[str, Film] = {names[name]: film(shown[label]) for name, shown in originals.items()}
    for variant in (RECORDED[0], RECORDED[-1], *AS_EVENTS):
        if variant.name in runs:
            how = "drawn as events from" if variant in AS_EVENTS else "drawn from"
            found[f"{how} the {variant.kind.upper()}"] = film(runs[variant.name].reconstructions[label, 0])
    return _place(first.profile, first.dataset), found
