"""What each step of the chain does, and what it writes, all at once at its end (`run.finish`):

target-*      train           run.json, history.csv, weights
attack-*      attack          run.json, losses.csv, arrays (curves, the attack at work), weights
scores-*      score           run.json, scores.csv, arrays (pictures, and what both networks say of them)
originals-*   keep_originals  run.json, arrays (a class mean and a test image a class): with a data set's first scores
boundary-*    explore         run.json, arrays
answers-*     none any more   run.json: "commonest_answer", of attacks that were scored before it was a score

`Experiment` asks the store first and hands a step all that it needs. The judge's steps are in `judgements` (judge-*,
judged-*). run.json has settings, numbers and provenance; weights are not kept in git.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch

from snnmi import chance
from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox, Remembered
from snnmi.attack.pair import Pair
from snnmi.attack.players import random_inputs
from snnmi.data import Dataset
from snnmi.measure import boundaries, metrics, scores
from snnmi.models import training
from snnmi.models.targets import build
from snnmi.store import Run
from snnmi.study import attacks
from snnmi.study.attacks import ATTACKS
from snnmi.study.runs import AttackRun, Cell
from snnmi.study.settings import Settings


@dataclass(frozen=True)
class Work:
    """What every step is given: which cell of the grid, by which settings, on which images."""

    cell: Cell
    config: Settings
    images: Dataset
    device: str

    @property
    def draws(self) -> dict:
        """Of whoever attacks, or examines an attack."""
        return {"seed": self.cell.attack_seed, "device": self.device}

    @property
    def about(self) -> dict:
        return {"image_shape": list(self.images.image_shape), "num_classes": self.images.num_classes}

    def said(self, what: str) -> str:
        return f"{what} {self.images.name} {self.cell.variant.name} seed {self.cell.seed}"


# --- the target


def train(run: Run, work: Work, own: Callable | None) -> None:
    """`own`: a target of a user's, which is at hand already."""
    run.checkpoint.start()
    images, config, seed = work.images, work.config, work.cell.seed
    about = {"n_train": len(images.x_train), "n_test": len(images.x_test)} | work.about
    about["commonest_class"] = metrics.commonest_class(images.y_test.numpy())
    if own is not None:
        right = BlackBox(own, seed=seed, role="examiner's answers")(images.x_test).argmax(-1) == images.y_test
        no_history = pd.DataFrame(columns=["epoch", "loss", "test_accuracy"])
        found = {"test_accuracy": float(right.float().mean())} | about
        return run.finish(metrics=found, tables={"history": no_history})
    how = {"seed": seed, "network": config.network, "neuron": config.neuron}
    model = build(config.kind, images.image_shape, images.num_classes, **how).to(work.device)
    how = {"seed": seed, "checkpoint": run.checkpoint, "description": work.said("train")}
    trained = training.train(model, images, config.training, **how)
    right = training.accuracy(model, images.x_test, images.y_test, seed=seed)
    found = {"test_accuracy": right} | about
    run.finish(metrics=found, tables={"history": trained.table()}, weights=model.state_dict())


# --- the attack


# Queries asked in all; the table of losses; and what else `Run.finish` is to keep.
Found = tuple[int, pd.DataFrame, dict[str, dict]]


def attack(run: Run, work: Work, target: Callable) -> None:
    """Have the attack of these settings played or drawn, on all classes that it is to attack."""
    run.checkpoint.start()
    labels = list(range(work.images.num_classes))[: work.config.attack.classes]
    how = _play if ATTACKS[work.config.attack.attacker].pairs else _draw
    queries, losses, found = how(run, work, target, labels)
    about = {"labels": labels, "queries_per_class": queries // len(labels)}
    about |= {"temperature": getattr(target, "temperature", 1.0)} | work.about
    losses = losses.reindex(columns=["label", "pair", "M_global", "L_N", "L_G", "k", "batch"])
    run.finish(**found | {"metrics": about | found["metrics"]}, tables={"losses": losses})


def _play(run: Run, work: Work, target: Callable, labels: list[int]) -> Found:
    """GAMIN, a game of two players."""
    config, images = work.config.attack, work.images
    budget = config.queries_per_class * len(labels)
    box = BlackBox(target, **work.draws, budget=budget, answers=config.answers)
    result = gamin.attack(
        box,
        config,
        image_shape=images.image_shape,
        num_classes=images.num_classes,
        labels=labels,
        **work.draws,
        checkpoint=run.checkpoint,
        examine=lambda pair: scores.surrogate_accuracy(pair, images, work.device),
        description=work.said("attack"),
    )
    if not 0 <= budget - box.queries < (len(labels) * config.batch_size if result.pilot else 1):
        raise RuntimeError(f"{box.queries} queries were spent, expected {budget}")
    ends = {"kept": result.kept_loss, "last": result.last_loss}
    losses = [pd.DataFrame(loss).assign(label=labels, pair=name) for name, loss in ends.items()]
    found = {"weights": {"kept": result.kept.parameters, "last": result.last.parameters}}
    found["arrays"] = {name: x.numpy() for name, x in result.history.items()}
    seen = {name: x.numpy() for name, x in result.moments.items()}
    found["arrays"] |= {  # the attack at work, small
        "moment_target": seen["target"].astype(np.float16),
        "moment_surrogate": seen["surrogate"].astype(np.float16),
        "moment_accuracy": seen["examined"],
        "moment_batch": seen["batch"],
        "moment_image": scores.as_bytes(seen["image"]),
    }
    found["metrics"] = {"noise": result.last.config.noise, "pilot": result.pilot} if result.pilot else {}
    return box.queries, pd.concat(losses), found


def _draw(run: Run, work: Work, target: Callable, labels: list[int]) -> Found:
    """An attack that keeps no pair: its images, and what its copy, if it makes one, says of all it is scored by."""
    config, variant, images = work.config.attack, work.cell.variant, work.images
    entry, pays = ATTACKS[config.attacker], config.queries_per_class
    if not entry.fits(variant.kind, work.config.neuron.encoder):
        raise ValueError(f"attacker is {config.attacker!r}, which cannot attack {variant.label}")
    if (least := entry.queries(entry.how)) > pays:
        raise ValueError(
            f"batches is {config.batches}, expected more: {config.attacker} asks {least:,} queries a class, and they "
            f"pay for {pays:,}"
        )
    given = {"checkpoint": run.checkpoint, "budget": pays * len(labels), "answers": config.answers}
    drawn = attacks.draw(entry, target, labels, images.image_shape, **work.draws, **given)
    kept = {"images": drawn.images.contiguous()}
    if drawn.copy is not None:
        seed = work.cell.attack_seed
        noise = scores.examiners_noise(config, work.config.evaluation, images.image_shape, seed=seed)
        kept["copy"] = scores.copy_says(drawn.copy, drawn.images, noise, images)
    losses = pd.DataFrame({"label": 2 * labels, "pair": np.repeat(["kept", "last"], len(labels))})
    return drawn.queries, losses, {"weights": kept, "arrays": {}, "metrics": {}}


# --- what an attack found


def score(run: Run, work: Work, target: Callable, attack: AttackRun) -> None:
    """Every metric of the kept and the last pair; who keeps no pair has drawn one set of images, which is both."""
    run.checkpoint.start()
    images, evaluation, labels = work.images, work.config.evaluation, attack.labels
    if attack.attacker.pairs:
        ask = partial(scores.ask, target, dataset=images, labels=labels, evaluation=evaluation, **work.draws)
        found = {name: ask(pair.to(work.device)) for name, pair in attack.pairs.items()}
    else:
        noise = scores.examiners_noise(work.config.attack, evaluation, images.image_shape, **work.draws)
        drawn, copy = attack.weights["images"], attack.weights.get("copy")
        found = {"kept": scores.ask_of_images(target, drawn, copy, noise, images, labels, **work.draws)}
    rows, shown = {}, {}
    for name, answers in found.items():
        rows[name] = scores.score(answers)
        shown |= scores.pictures(answers, evaluation.shown, "last_" if name == "last" else "")
    both = [(name, rows.get(name, rows["kept"])) for name in ("kept", "last")]
    rows = [{"label": y, "pair": name} | row for name, own in both for y, row in zip(labels, own)]
    run.finish(metrics={}, tables={"scores": pd.DataFrame(rows)}, arrays=shown)


def keep_originals(run: Run, images: Dataset) -> None:
    """A class mean and one picture a class, for figures without the data set; credits: results/README.md."""
    run.checkpoint.start()
    kept = {
        "class mean": images.class_means(),
        "test image": torch.stack([images.example(label) for label in range(images.num_classes)]),
    }
    run.finish(metrics={}, arrays={name: scores.as_bytes(x.numpy()) for name, x in kept.items()})


def explore(run: Run, work: Work, target: Callable, pair: Pair) -> None:
    """Decision boundaries of the target and of the copy of one class."""
    run.checkpoint.start()
    images, evaluation, seed = work.images, work.config.evaluation, work.cell.attack_seed
    queries = chance.generator("examiner's queries", seed, work.device)
    pair = pair.only(run.settings["label"]).to(work.device)
    draws = {"generator": queries, "device": work.device}
    noise = random_inputs(pair.config, evaluation.noise, *images.image_shape, **draws)
    z = torch.randn(1, evaluation.generated, pair.config.z_dim, **draws)
    with torch.no_grad():
        generated = pair.G(z, queries)[0]
    box = BlackBox(target, seed=seed, device=work.device, role="examiner's answers")
    numbers, arrays = boundaries.measure(
        Remembered(box, run.checkpoint),
        lambda x: pair.S(x[None])[0].softmax(-1),
        images,
        generated,
        noise,
        seed=seed,
        resolution=evaluation.resolution,
        paths=evaluation.paths,
    )
    run.finish(metrics=numbers, arrays=arrays)
