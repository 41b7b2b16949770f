"""Calibration on MNIST-ANN alone (the book, "What had to be guessed"): a screen of the open settings, then the full
budget.

`python -m snnmi.study.calibrate` resumes where it was stopped; results/calibration holds every run and `screen.csv`.
"""

import argparse
from dataclasses import replace

import pandas as pd

from snnmi.attack.players import GaminConfig
from snnmi.store import atomic_write
from snnmi.study import published
from snnmi.study.experiment import Experiment
from snnmi.study.profiles import CALIBRATED
from snnmi.study.tables import attacks_table

GRID = [
    replace(CALIBRATED, family=family, hidden=hidden, lr_surrogate=lr, lr_generator=lr)
    for family, hidden in (("mlp", 256), ("cnn", 128))
    for lr in (1e-3, 1e-4, 1e-5)
]


def distance(scores: dict[str, float]) -> float:
    """Mean absolute relative difference from the five published numbers of MNIST-ANN (fidelity by its first reading)."""
    row = published.TABLE_2["mnist", "ann"]
    pairs = {
        "M_global": "M_global",
        "fidelity_mae": "fidelity",
        **{k: k for k in ("surrogate_accuracy", "A_comb", "A_target")},
    }
    return sum(abs(scores[ours] / row[theirs] - 1) for ours, theirs in pairs.items()) / len(pairs)


def run(config: GaminConfig, stage: str, results: str) -> list[dict]:
    """One setting's attack on MNIST-ANN: a row for the kept pair and one for the last."""
    experiment = Experiment("calibration", attack=config, results=results)
    attack = experiment.attacks()[0]
    means = attacks_table([experiment]).groupby("pair").mean(numeric_only=True)
    columns = ["M_global", "fidelity_mae", "fidelity_top", "surrogate_accuracy", "A_comb", "A_target"]
    return [
        {
            "stage": stage,
            "pair": pair,
            "family": config.family,
            "lr_surrogate": config.lr_surrogate,
            "lr_generator": config.lr_generator,
            "batches": config.batches,
            **row[columns],
            "distance": distance(row),
            "wall_s": attack.provenance["wall_s"],
        }
        for pair, row in means.iterrows()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlp-batches", type=int, default=2000, help="batches of each screened MLP setting")
    parser.add_argument(
        "--cnn-batches", type=int, default=150, help="the same for the CNN, some 15 times as slow on a CPU"
    )
    parser.add_argument("--full", action="store_true", help="then run the frozen setting at the full budget")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    rows = []
    steps = [
        (replace(c, batches=args.mlp_batches if c.family == "mlp" else args.cnn_batches), "screen")
        for c in GRID
    ]
    for config, stage in steps + [(CALIBRATED, "full")] * args.full:
        rows += run(config, stage, args.results)
        table = pd.DataFrame(rows).to_csv(index=False).encode()
        atomic_write(Experiment("calibration", results=args.results).store.folder / "screen.csv", table)


if __name__ == "__main__":
    main()
