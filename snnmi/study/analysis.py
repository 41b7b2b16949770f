"""What two chapters compute in the same way."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from snnmi.study import judged, published
from snnmi.study.controls import CALLED

Lines = dict[str, list[np.ndarray]]  # pictures by class, one list a kind of picture


def distance(scores: Mapping[str, float], dataset: str, kind: str, reading: str = "fidelity_mae") -> float:
    """Mean absolute relative difference of scores from the five published numbers of a row of Table II, F by one
    reading: what the settings were calibrated by.
    """
    row = published.TABLE_2[dataset, kind]
    names = [name for name in published.SCORES if published.column(name) != "fidelity" or name == reading]
    return float(np.mean([abs(scores[name] / row[published.column(name)] - 1) for name in names]))


def gallery(rows: pd.DataFrame, results: str | Path = "results") -> tuple[list[int], Lines]:
    """The classes, and for each its originals, where they were stored, and what was drawn: the first picture of the
    first network's kept pairs, nothing picked; no numbers (NaN) where an attack was lost. `rows`: of one scale.
    """
    rows = rows[(rows.seed == rows.seed.min()) & (rows["pair"] == "kept")].sort_values("who", kind="stable")
    labels, lines = sorted(rows.label.unique().tolist()), {}
    lost = {*rows[rows.A_target.isna()][["folder", "label"]].itertuples(index=False, name=None)}
    for row, pictures in judged.pictures(rows, results):
        lines = lines or judged.originals(row.dataset, row["size"], results)
        none = np.full(pictures.shape[2:], np.nan)
        drawn = [none if (row.folder, y) in lost else pictures[y, 0] for y in labels]
        lines = lines | {CALLED.get(row.who, row.who): dict(zip(labels, drawn))}
    return labels, {who: [own[y] for y in labels] for who, own in lines.items()}
