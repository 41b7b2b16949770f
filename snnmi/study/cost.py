"""What a profile would cost, before anything runs: `make plan PROFILE=paper`.

Its own training and attack steps are timed here for seconds, of a few classes, and time is taken to grow with classes
(on a GPU it grows more slowly); queries, products, memory and disk are counted.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from snnmi import chance
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.gamin import State, step
from snnmi.attack.noises import CHOSEN, IN_RANGE
from snnmi.attack.pair import Pair
from snnmi.checkpoint import flatten
from snnmi.fast import cpu
from snnmi.models.targets import MODELS, build
from snnmi.study.experiment import Experiment
from snnmi.study.grid import Cell
from snnmi.study.settings import Settings

SECONDS = 1.25  # of timing for a target's training and for its attack, each
FEW = 4  # classes whose attack is timed; all of them may need more memory than there is


class Measured(NamedTuple):
    train_s: float  # one step of training
    attack_s: float  # one batch of all classes
    flops: float  # of that batch, each query of the target counted as dense products
    memory: int  # bytes that an attack holds: players, kept pair, optimisers, gradients, target
    disk: int  # bytes of its checkpoint and of the weights that it leaves


def costs(experiment: Experiment, *, seconds: float = SECONDS) -> pd.DataFrame:
    """One row a data set and kind of target: attacks wanted and stored, and what the missing ones cost.

    Columns: queries of the target; tflop, 10^12 operations; memory and disk, GiB of one attack; hours here.
    """
    rows, groups = [], {}
    for cell in experiment.cells():
        groups.setdefault((cell.dataset, cell.variant.kind), []).append(cell)
    for (dataset, kind), cells in groups.items():
        missing = [cell for cell in cells if not experiment.is_stored(cell)]
        row = {"dataset": dataset, "target": kind, "attacks": len(cells), "stored": len(cells) - len(missing)}
        if not missing:
            row |= {"queries": 0.0, "tflop": 0.0, "hours": 0.0}
        elif kind in MODELS:  # of a user's own target nobody knows the cost
            row |= _cost(experiment, missing, measure(experiment, missing[0], seconds))
        rows.append(row)
    return pd.DataFrame(rows)


def _cost(experiment: Experiment, missing: list[Cell], one: Measured) -> dict[str, float]:
    images = experiment.dataset(missing[0].dataset)
    queries = tflop = hours = 0.0
    for cell in missing:
        config = experiment.settings(cell.dataset, cell.variant)
        training = config.training
        steps = training.epochs * -(-len(images.x_train) // training.batch_size)
        queries += config.attack.queries_per_class * len(range(images.num_classes)[: config.attack.classes])
        tflop += one.flops * config.attack.batches / 1e12
        hours += (steps * one.train_s + config.attack.batches * one.attack_s) / 3600
    sizes = {"memory": one.memory / 2**30, "disk": one.disk / 2**30}
    return {"queries": queries, "tflop": tflop, **sizes, "hours": hours}


def measure(experiment: Experiment, cell: Cell, seconds: float) -> Measured:
    """The first steps of a training and of an attack on FEW classes, timed; nothing is stored."""
    config, images = experiment.settings(cell.dataset, cell.variant), experiment.dataset(cell.dataset)
    device, classes = torch.device(experiment.device), images.num_classes
    attacked = len(range(classes)[: config.attack.classes])
    shape, few = images.image_shape, min(FEW, attacked)
    about = {"network": config.network, "neuron": config.neuron}
    target = build(cell.variant.kind, shape, classes, seed=cell.seed, **about).to(device)
    adam = torch.optim.Adam(target.parameters(), lr=config.training.lr, fused=True)
    draws = chance.generator("target's training draws", cell.seed, device)
    x, y = (part[: config.training.batch_size].to(device) for part in (images.x_train, images.y_train))

    def train() -> None:
        adam.zero_grad()
        target.loss(x, y, generator=draws).backward()
        adam.step()

    train_s = _timed(train, seconds, device)
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

    attack_s, all_classes = _timed(attack, seconds, device), attacked / few
    box = BlackBox(lambda x: torch.full((len(x), classes), 1 / classes, device=device), seed=0, device=device)
    with FlopCounterMode(display=False) as counter:
        attack()
    players, weights = _bytes(pair.parameters), _bytes(dict(target.named_parameters()))
    held, queries = _bytes(state.dump()), config.attack.batch_size * few
    flops = counter.get_total_flops() + queries * _dense(config, target)
    return Measured(
        train_s,
        attack_s * all_classes,
        flops * all_classes,
        memory=round((held + players) * all_classes) + weights,
        disk=round((held + 2 * players) * all_classes) + weights,
    )


def _dense(config: Settings, target: torch.nn.Module) -> int:
    """Operations of one query, all products written out; an SNN's at every step."""
    products = sum(w.numel() for w in target.parameters() if w.ndim == 2)
    return 2 * products * (config.neuron.num_steps if config.kind == "snn" else 1)


def _bytes(state: dict) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in flatten(state).values())


def _timed(work: Callable[[], None], seconds: float, device: torch.device) -> float:
    """Seconds a call, after one that warms up; of a slow one that first call's."""
    begun = time.perf_counter()
    work()
    if (first := time.perf_counter() - begun) > 2 * seconds > 0:
        return first
    done, begun = 0, time.perf_counter()
    while done < 2 or time.perf_counter() - begun < seconds:
        work()
        done += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return (time.perf_counter() - begun) / done


def said(table: pd.DataFrame) -> str:
    """The table and its sums as text."""
    text = table.to_string(index=False, float_format=lambda value: f"{value:,.3g}", na_rep="?")
    missing = int((table.attacks - table.stored).sum())
    sums = table.reindex(columns=["queries", "tflop", "hours"]).sum()
    return (
        f"{text}\n{missing} of {int(table.attacks.sum())} attacks are missing: {sums.queries:,.0f} queries, "
        f"{sums.tflop:,.0f} TFLOP, about {sums.hours:,.1f} hours here, one after the other, a target trained for each."
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
