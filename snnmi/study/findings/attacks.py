"""Chapter 3: where each attack ended, and whether one generator has more than one image to show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from snnmi.study import published, verdicts
from snnmi.study.runs import AttackRun

COLUMNS = """dataset target profile seed classes queries_per_class share_of_paper wall_s last_k
    settled off first_kept last_kept batches alike shown""".split()


def alike(images: UInt8[np.ndarray, " classes samples height width"]) -> Float[np.ndarray, " classes"]:
    """Mean correlation of the images of one generator, over all pairs; 1: they are one image. NaN without a pair."""
    found = np.full(len(images), np.nan)
    for place, own in enumerate(images.reshape(*images.shape[:2], -1).astype(float)):
        own = own[own.std(1) > 0]  # a blank image correlates with none
        if len(own) > 1:
            found[place] = np.corrcoef(own)[np.triu_indices(len(own), 1)].mean()
    return found


def ends_table(runs: Sequence[AttackRun]) -> pd.DataFrame:
    """One row an attack on all classes: its queries beside the paper's, its time, and how it ended: of how many of its
    classes it settled, and with k_t near 0; last_k: the median over classes.

    first_kept, last_kept: batches at which the kept pairs were found, of `batches`; alike: mean over classes; shown:
    stored images a class.
    """
    rows = []
    for run in runs:
        kept, k = run.scores[run.scores["pair"] == "kept"].batch.astype(int), run.history["k"]
        row = {name: getattr(run, name) for name in ("dataset", "target", "profile", "seed")}
        row |= {"classes": len(run.labels), "queries_per_class": run.queries_per_class}
        row["share_of_paper"] = run.queries_per_class / published.QUERIES
        row |= {"wall_s": run.provenance["wall_s"], "last_k": float(np.median(k[-1]))}
        row["settled"] = verdicts.settled(run.history["M_global"]).sum()
        row |= {"off": verdicts.adversary_off(k).sum(), "first_kept": kept.min(), "last_kept": kept.max()}
        row |= {"batches": int(run.scores.batch.max()), "alike": alike(run.reconstructions).mean()}
        rows.append(row | {"shown": run.reconstructions.shape[1]})
    return pd.DataFrame(rows, columns=COLUMNS)
