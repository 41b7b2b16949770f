"""Chapter 3: where each attack ended, and whether one generator has more than one image to show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from snnmi.study import verdicts
from snnmi.study.runs import AttackRun
from snnmi.study.tables import budgets_table


def alike(
    images: UInt8[np.ndarray, " classes samples height width"],
) -> Float[np.ndarray, " classes"]:
    """Mean correlation of the images of one generator, over all pairs; 1: they are one image. NaN without a pair."""
    found = np.full(len(images), np.nan)
    for place, own in enumerate(images.reshape(*images.shape[:2], -1).astype(float)):
        own = own[own.std(1) > 0]  # a blank image correlates with none
        if len(own) > 1:
            found[place] = np.corrcoef(own)[np.triu_indices(len(own), 1)].mean()
    return found


def ends_table(runs: Sequence[AttackRun]) -> pd.DataFrame:
    """A `budgets_table` with how each run ended: of its attacks, one a class, how many settled and with k_t near 0.

    first_kept, last_kept: batches at which the kept pairs were found, of `batches`; alike: mean over classes; shown:
    stored images a class.
    """
    rows = []
    for run in runs:
        kept = run.scores[run.scores["pair"] == "kept"].batch.astype(int)
        settled, off = verdicts.settled(run.history["M_global"]), verdicts.adversary_off(run.history["k"])
        row = {"settled": settled.sum(), "off": off.sum(), "first_kept": kept.min(), "last_kept": kept.max()}
        row["batches"] = int(run.scores.batch.max())
        rows.append(row | {"alike": alike(run.reconstructions).mean(), "shown": run.reconstructions.shape[1]})
    columns = ["settled", "off", "first_kept", "last_kept", "batches", "alike", "shown"]
    return budgets_table(runs).join(pd.DataFrame(rows, columns=columns))
