"""What a profile would cost, before anything runs: `make plan PROFILE=paper`.

Its own training and attack steps are timed here for seconds, of a few classes, and time is taken to grow with classes
(on a GPU it grows more slowly); queries, memory and disk are counted.
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
from snnmi.checkpoint import flatten
from snnmi.fast import cpu
from snnmi.models.targets import MODELS, build
from snnmi.study.attacks import ATTACKS
from snnmi.study.experiment import Experiment
from snnmi.study.grid import Cell

SECONDS = 1.25  # of timing for a target's training and for its attack, each
FEW = 4  # classes whose attack is timed; all of them may need more memory than there is


def costs(experiment: Experiment, *, seconds: float = SECONDS) -> pd.DataFrame:
    """One row a data set and kind of target: attacks wanted and stored, and what the missing ones cost.

    Columns: queries of the target; memory and disk, GiB of one attack; hours here.
    """
    rows, groups = [], {}
    for cell in experiment.cells():
        groups.setdefault((cell.dataset, cell.variant.kind), []).append(cell)
    for (dataset, kind), cells in groups.items():
        missing = [cell for cell in cells if not experiment.is_stored(cell)]
        row = {"dataset": dataset, "target": kind, "attacks": len(cells), "stored": len(cells) - len(missing)}
        row |= {"queries": 0.0, "hours": 0.0}
        known = (
            kind in MODELS and ATTACKS[experiment.settings(dataset, cells[0].variant).attack.attacker].pairs
        )
        if missing and not known:  # of a user's own target or attack nobody knows the cost
            row |= {"queries": None, "hours": None}
        elif missing:
            images, one = experiment.dataset(dataset), measure(experiment, missing[0], seconds)
            row |= {name: one[name] / 2**30 for name in ("memory", "disk")}
            for config in (experiment.settings(dataset, cell.variant) for cell in missing):
                attack, training = config.attack, config.training
                steps = training.epochs * -(-len(images.x_train) // training.batch_size)
                row["queries"] += attack.queries_per_class * len(range(images.num_classes)[: attack.classes])
                row["hours"] += (steps * one["train_s"] + attack.batches * one["attack_s"]) / 3600
        rows.append(row)
    return pd.DataFrame(rows)


def measure(experiment: Experiment, cell: Cell, seconds: float) -> dict[str, float]:
    """The first steps of a training and of an attack on FEW classes, timed; nothing is stored.

    "train_s", "attack_s": one step of training, one batch of all classes; "memory", "disk": bytes that an attack holds
    (players, kept pair, optimisers, gradients, target), and those of its checkpoint and of the weights that it leaves.
    """
    config, images = experiment.settings(cell.dataset, cell.variant), experiment.dataset(cell.dataset)
    device, shape, classes = torch.device(experiment.device), images.image_shape, images.num_classes
    attacked = len(range(classes)[: config.attack.classes])
    few = min(FEW, attacked)
    about = {"network": config.network, "neuron": config.neuron}
    target = build(cell.variant.kind, shape, classes, seed=cell.seed, **about).to(device)
    adam = torch.optim.Adam(target.parameters(), lr=config.training.lr, fused=True)
    draws = chance.generator("target's training draws", cell.seed, device)
    x, y = (part[: config.training.batch_size].to(device) for part in (images.x_train, images.y_train))

    def train() -> None:
        adam.zero_grad()
        target.loss(x, y, generator=draws).backward()
        adam.step()

    attacker = config.attack
    if attacker.noise == CHOSEN:  # whichever it will be
        attacker = replace(attacker, noise=IN_RANGE[0])
    pair = Pair.new(attacker, shape, classes, few, seed=cell.seed, device=device)
    state = State.new(attacker, pair, chance.generator("attacker's queries", cell.seed, device))
    box = BlackBox(target.asked(config.query), seed=cell.seed, device=device)
    wanted = F.one_hot(torch.arange(few, device=device), classes).float()
    wanted = wanted[:, None].expand(-1, config.attack.half, -1)

    def attack() -> None:
        state.batch.zero_()  # the first batch again and again
        step(state, box, wanted)

    threads, share = torch.get_num_threads(), attacked / few
    train_s, attack_s = (
        Timer("work()", globals={"work": work}, num_threads=threads).blocked_autorange(min_run_time=seconds)
        for work in (train, attack)
    )
    players, held = (share * _bytes(own) for own in (pair.parameters, state.dump()))
    weights = _bytes(dict(target.named_parameters()))
    found = {"train_s": train_s.median, "attack_s": attack_s.median * share}
    return found | {"memory": held + players + weights, "disk": held + 2 * players + weights}


def _bytes(state: dict) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in flatten(state).values())


def said(table: pd.DataFrame) -> str:
    """The table and its sums as text."""
    text = table.to_string(index=False, float_format=lambda value: f"{value:,.3g}", na_rep="?")
    missing, (queries, hours) = int((table.attacks - table.stored).sum()), table[["queries", "hours"]].sum()
    return (
        f"{text}\n{missing} of {int(table.attacks.sum())} attacks are missing: {queries:,.0f} queries, "
        f"about {hours:,.1f} hours here, one after the other, a target trained for each."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    try:
        experiment = Experiment(args.profile, device=args.device, results=args.results)
        cpu.make_fast()
        tqdm.write(said(costs(experiment)))
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
