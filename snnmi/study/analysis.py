"""What two chapters compute in the same way."""

from collections.abc import Mapping

import numpy as np

from snnmi.study import published


def distance(scores: Mapping[str, float], dataset: str, kind: str, reading: str = "fidelity_mae") -> float:
    """Mean absolute relative difference of scores from the five published numbers of a row of Table II, F by one
    reading: what the settings were calibrated by.
    """
    row = published.TABLE_2[dataset, kind]
    names = [name for name in published.SCORES if published.column(name) != "fidelity" or name == reading]
    return float(np.mean([abs(scores[name] / row[published.column(name)] - 1) for name in names]))
