"""Calibration on MNIST-ANN alone (the book, "What had to be guessed"): a screen of the open settings, then the full
budget.

`python -m snnmi.study.calibrate` resumes where it was stopped; results/calibration holds every run and `screen.csv`.
"""

import argparse
from pathlib import Path

import pandas as pd

from snnmi.store import atomic_write
from snnmi.study.experiment import Experiment
from snnmi.study.findings.plan import distance
from snnmi.study.tables import attacks_table

GRID = [
    {"family": family, "hidden": hidden, "lr_surrogate": lr, "lr_generator": lr}
    for family, hidden in (("mlp", 256), ("cnn", 128))
    for lr in (1e-3, 1e-4, 1e-5)
]


def run(attack: dict[str, object], stage: str, results: str) -> list[dict]:
    """One setting's attack on MNIST-ANN: a row for the kept pair and one for the last."""
    experiment = Experiment("calibration", changes={"attack": attack}, results=results)
    found = experiment.attacks()[0]
    means = attacks_table([experiment]).groupby("pair").mean(numeric_only=True)
    columns = ["M_global", "fidelity_mae", "fidelity_top", "surrogate_accuracy", "A_comb", "A_target"]
    about = {
        name: getattr(found.config.attack, name)
        for name in ("family", "lr_surrogate", "lr_generator", "batches")
    }
    return [
        {"stage": stage, "pair": pair}
        | about
        | {**row[columns], "distance": distance(row, "fidelity_mae"), "wall_s": found.provenance["wall_s"]}
        for pair, row in means.iterrows()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlp-batches", type=int, default=2000, help="batches of each screened MLP setting")
    parser.add_argument(
        "--cnn-batches", type=int, default=150, help="the same for the CNN, some 15 times as slow"
    )
    parser.add_argument("--full", action="store_true", help="then run the frozen setting at the full budget")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    rows, batches = [], {"mlp": args.mlp_batches, "cnn": args.cnn_batches}
    steps = [(setting | {"batches": batches[setting["family"]]}, "screen") for setting in GRID]
    for attack, stage in steps + [({}, "full")] * args.full:
        rows += run(attack, stage, args.results)
        table = pd.DataFrame(rows).to_csv(index=False).encode()
        atomic_write(Path(args.results) / "calibration" / "screen.csv", table)


if __name__ == "__main__":
    main()
