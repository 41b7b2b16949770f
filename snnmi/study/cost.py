"""What a profile would cost, before anything runs: `make plan PROFILE=paper`. Queries are counted; a step of its own
training and one of its attack are timed here, of a few classes (on a GPU time grows more slowly than with classes).
"""

import argparse
import sys
from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as F
from torch.utils.benchmark import Timer
from tqdm import tqdm

from snnmi import chance
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.gamin import State, step
from snnmi.attack.noises import CHOSEN, IN_RANGE
from snnmi.attack.pair import Pair
from snnmi.fast import cpu
from snnmi.models.targets import MODELS, build
from snnmi.study.experiment import Experiment
from snnmi.study.runs import Cell

SECONDS = 1.25  # of timing for a target's training and for its attack, each
FEW = 4  # classes whose attack is timed


def costs(experiment: Experiment) -> pd.DataFrame:
    """One row a data set and kind of target: attacks wanted and stored, the missing ones' queries and hours here."""
    groups: dict[tuple, list[Cell]] = {}
    for cell in experiment.cells():
        groups.setdefault((cell.dataset, cell.variant.kind), []).append(cell)
    rows = []
    for (dataset, kind), cells in groups.items():
        missing = [cell for cell in cells if not experiment.found("scores", cell, compute=False)]
        train_s, attack_s = measure(experiment, missing[0]) if missing else (0.0, 0.0)
        images, queries, hours = experiment.dataset(dataset), 0.0, 0.0
        for config in (experiment.settings(dataset, cell.variant) for cell in missing):
            attack, training = config.attack, config.training
            queries += attack.queries_per_class * len(range(images.num_classes)[: attack.classes])
            steps = training.epochs * -(-len(images.x_train) // training.batch_size)
            hours += (steps * train_s + attack.batches * attack_s) / 3600
        counts = {"attacks": len(cells), "stored": len(cells) - len(missing)}
        rows.append({"dataset": dataset, "target": kind} | counts | {"queries": queries, "hours": hours})
    return pd.DataFrame(rows)


def measure(experiment: Experiment, cell: Cell) -> tuple[float, float]:
    """Seconds of one step of training and of one batch of GAMIN on all classes; nothing is stored."""
    if cell.variant.kind not in MODELS:  # of a user's own target nobody knows the cost
        return float("nan"), float("nan")
    config, images = experiment.settings(cell.dataset, cell.variant), experiment.dataset(cell.dataset)
    device, shape, classes = torch.device(experiment.device), images.image_shape, images.num_classes
    attacked = len(range(classes)[: config.attack.classes])
    about = {"network": config.network, "neuron": config.neuron}
    target = build(cell.variant.kind, shape, classes, seed=cell.seed, **about).to(device)
    adam = torch.optim.Adam(target.parameters(), lr=config.training.lr, fused=True)
    draws = chance.generator("target's training draws", cell.seed, device)
    x, y = (part[: config.training.batch_size].to(device) for part in (images.x_train, images.y_train))

    def train() -> None:
        adam.zero_grad()
        target.loss(x, y, generator=draws).backward()
        adam.step()

    noise = config.attack.noise
    attacker = replace(config.attack, noise=IN_RANGE[0] if noise == CHOSEN else noise)  # whichever it will be
    pair = Pair.new(attacker, shape, classes, few := min(FEW, attacked), seed=cell.seed, device=device)
    state = State(attacker, pair, chance.generator("attacker's queries", cell.seed, device))
    box = BlackBox(target.asked(config.query), seed=cell.seed, device=device)
    wanted = F.one_hot(torch.arange(few, device=device), classes).float()[:, None]
    wanted = wanted.expand(-1, attacker.half, -1)

    def attack() -> None:
        state.batch.zero_()  # the first batch again and again
        step(state, box, wanted)

    threads = torch.get_num_threads()
    timers = (Timer("work()", globals={"work": work}, num_threads=threads) for work in (train, attack))
    train_s, attack_s = (timer.blocked_autorange(min_run_time=SECONDS).median for timer in timers)
    return train_s, attack_s * attacked / few


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    try:
        experiment = Experiment(args.profile, device=args.device, results=args.results)
        cpu.make_fast()
        table = costs(experiment)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    missing, (queries, hours) = int((table.attacks - table.stored).sum()), table[["queries", "hours"]].sum()
    tqdm.write(table.to_string(index=False, float_format="{:,.3g}".format, na_rep="?"))
    tqdm.write(
        f"{missing} of {int(table.attacks.sum())} attacks are missing: {queries:,.0f} queries, about {hours:,.1f} "
        "hours here, one after the other, a target trained for each."
    )


if __name__ == "__main__":
    main()
