"""The analysis plan's runs on MNIST (the book, "The analysis plan"), step by step: `python -m snnmi.study.plan STEP`.

Each step resumes where it was stopped; `results/plan` holds its runs. The steps' order is the plan's: nothing after
`calibrate` is run before its choice is frozen in `profiles.py` and committed.
"""

import argparse
from itertools import product

from snnmi.study.controls import CELLS, Variant
from snnmi.study.experiment import Experiment
from snnmi.study.settings import merged

WIDTHS = 256, 512, (512, 256), 1024  # hidden layers of both players, the quickest first
RATES = 1e-4, 3e-4, 1e-3
SPLITS = {32: {"batch_size": 64, "batches": 2000}, 64: {"batch_size": 128, "batches": 1000}}  # equal queries


def settings(baseline: Variant) -> list[Variant]:
    """The grid of step 1 on one of the four cells, each setting a variant of its own."""
    found = []
    for hidden, rate, (half, split) in product(WIDTHS, RATES, SPLITS.items()):
        attack = {"hidden": hidden, "lr_surrogate": rate, "lr_generator": rate} | split
        layers = "-".join(map(str, hidden)) if isinstance(hidden, tuple) else hidden
        change = f"{layers}, {rate:g}, {half} + {half}"
        name = ", ".join(filter(None, (baseline.change, change)))
        changes = merged(baseline.changes, {"attack": attack})
        found.append(Variant(baseline.kind, name, "calibration", changes))
    return found


ANN, CLIP, SNN, RAW = (
    CELLS[cell] for cell in (("ann", "current"), ("ann", "clip"), ("snn", "rate"), ("snn", "current"))
)
ONE = {"seeds": 0}
STEPS = {
    "calibrate": {"variants": settings(ANN)} | ONE,
    "beside": {"variants": settings(ANN), "changes": {"training": {"stop_at": None}}} | ONE,
    "networks": {"variants": (ANN, CLIP, SNN, RAW)},
    "specification": {"variants": settings(CLIP)} | ONE,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="+", choices=STEPS)
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    for step in args.steps:
        Experiment("plan", **STEPS[step], workers=args.workers, results=args.results).attacks()


if __name__ == "__main__":
    main()
