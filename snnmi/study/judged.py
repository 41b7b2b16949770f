"""What attacks drew, and what the honest judge said of it and of all that it is to be read against: as one tidy table,
read from the records.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from snnmi.files import place
from snnmi.store import Run, digest
from snnmi.study import names, profiles, published
from snnmi.study.attacks import ATTACKS
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import LAST, REFERENCES, SOURCES, judgements
from snnmi.study.settings import said
from snnmi.study.table import HOW, OF_A_MACHINE, SEEN, WHO, scores, stores, tables, who

ABOUT = ["source", "pair", "attack", *WHO, *HOW, "natural_distance", "judge_test_accuracy"]
SCORES = [
    *("judge_accuracy", "recognised", "identified", "judge_confidence", "target_confidence"),
    *("feature_train", "pixel_train", "ssim_train", "ssim_mean", "feature_leak", "pixel_leak"),
]


def everything(
    rows: pd.DataFrame,
    *experiments: Experiment,
    sources: tuple[str, ...] = SOURCES,
    results: str | Path = "results",
) -> pd.DataFrame:
    """All that the judge has said, one row a class and set of images; `experiments` compute what they lack of
    `sources`. `rows`: of `table.runs`.

    source: "reconstruction" (of the kept pair), "last reconstruction", "fooling noise", who inverts without GAMIN, or a
    reference ("class mean", "test image", "training image", "noise")
    pair, attack: of a reconstruction "kept" or "last", and its attack's folder; else empty
    the columns of `table.runs` that say who and how: an attack's own; of images made for a target the target's, with
    the share of the paper's queries that they took (0: none were asked); of a reference those of its data alone
    natural_distance, judge_test_accuracy: the judge's
    label, and the judge's SCORES, as `recognition.judge_images` lists them
    """
    own = {str(one.run.folder): said(e.changes) for e in experiments for one in judgements(e, sources)}
    kept = stores(experiments[0].results if experiments else results)
    judges = {digest(run.settings): run.metrics for store in kept for run in store.finished("judge-")}
    attacks = rows.drop_duplicates("folder").assign(attack=lambda found: found.folder)
    attacks = {(r["profile"], r["folder"][-10:]): r for r in attacks.to_dict("records")}
    about, runs = [], []
    for run in (run for store in kept for run in store.finished("judged-")):
        profile, key = run.folder.parent.name, run.settings
        of = attacks.get((profile, digest(key["attack"]))) if "attack" in key else {}
        judge = judges.get(digest(key["judge"]))
        if of is None or judge is None:
            continue
        pair = key.get("pair", "kept") if of else ""
        made = of or _made(profile, key, judge, own.get(str(run.folder)))
        if "queries" in run.metrics:  # counted, in all
            made["queries"] = run.metrics["queries"] / judge["num_classes"] / published.QUERIES
        made |= {"source": key.get("source", LAST if pair == "last" else "reconstruction"), "pair": pair}
        made |= {"folder": f"{profile}/{run.folder.name}", "natural_distance": judge["natural_distance"]}
        about.append(made | {"judge_test_accuracy": judge["test_accuracy"]})
        runs.append(run)
    if not runs:
        return pd.DataFrame(columns=[*ABOUT, "label", *SCORES])
    about = pd.DataFrame(about).reindex(columns=ABOUT)
    found = tables(runs, "judged").sort_values("run", kind="stable", ignore_index=True)
    found = found.join(about, on="run").drop(columns="run")
    return found.reindex(columns=[*dict.fromkeys([*ABOUT, "label", *SCORES, *found])])


def _made(profile: str, key: dict, judge: dict, changed: str | None) -> dict[str, object]:
    """What the columns say of images that no attack of the table made; `changed`: None where no page's own."""
    dataset, size, classes = key["judge"]["dataset"], tuple(judge["image_shape"]), judge["num_classes"]
    data = names.panel(dataset, size, classes, classes)
    found = {"profile": profile, "dataset": dataset, "data": data, "scale": data, "size": size}
    found |= {"classes": classes, "kept": profile not in OF_A_MACHINE, "here": changed is not None}
    if not (target := key.get("target")):
        return found | {"kind": "", "who": "", "counted": True}
    kind, seed = target["kind"], target["seed"]
    usual = json.loads(names.of_variant(profile, dataset, BASELINES[kind]))
    _, variant = names.variant(profile, usual | {"target": target})
    attack = ATTACKS.get(key["source"])
    found |= {"scale": ", ".join(filter(None, [data, changed])), "kind": kind} | who(variant)
    found |= {"seed": seed, "attack_seed": seed, "counted": (profile, seed) not in SEEN}
    return found | {"queries": (attack.queries(key) if attack else 0) / published.QUERIES}


def beside(found: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """Of `everything` the references and the fooling noise of the same data and classes as `made`, called by its
    scales; where several scales have some, those of the one whose attack comes farthest.
    """
    known = found[found.source.isin([*REFERENCES, "fooling noise"])]
    rank = known["profile"].map([*profiles.PROFILES].index)
    known = known[rank == rank.groupby([known.dataset, known["size"], known.source]).transform("max")]
    where = made[["scale", "dataset", "size", "label"]].drop_duplicates()
    return where.merge(known.drop(columns="scale"), on=["dataset", "size", "label"])


# --- pictures

Pictures = UInt8[np.ndarray, " classes n height width"]


def pictures(rows: pd.DataFrame, results: str | Path = "results") -> Iterator[tuple[pd.Series, Pictures]]:
    """Of every run among the rows its first row and its images, in the order of the rows: what the kept generators of
    an attack drew; of who inverts without GAMIN (rows of `everything`) the first image of every class.
    """
    scored = {
        (store.folder.name, attack): run for store in stores(results) for attack, run in scores(store).items()
    }
    for _, row in rows.drop_duplicates("folder").iterrows():
        if "/judged-" in row.folder:
            yield row, Run(place(results) / row.folder).arrays()["first"][:, None]
        else:
            yield row, scored[row["profile"], row.folder[-10:]].arrays()["reconstructions"]


def originals(
    dataset: str, size: tuple[int, int], results: str | Path = "results"
) -> dict[str, UInt8[np.ndarray, " classes height width"]]:
    """Every class's "class mean" (of training images) and "test image" (the first), as they were stored when an attack
    was scored; nothing where none was.
    """
    for store in stores(results):
        for run in store.finished("originals-"):
            images = run.arrays()
            if run.settings["dataset"] == dataset and images["class mean"].shape[1:] == tuple(size):
                return images
    return {}
