"""The honest judge's part of the chain: each data set's judge, and what it says of every attack, asked of the store
first.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8
from torch import Tensor

from snnmi.measure import inversion, judges, recognition
from snnmi.measure.scores import as_bytes
from snnmi.store import Run
from snnmi.study.attacks import ATTACKS, WEIGHTS, Attack, draw
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import Cell, Experiment
from snnmi.study.settings import FROZEN, difference, differences

REFERENCES = ("class mean", "test image", "training image", "noise")
SOURCES = ("reconstruction", "fooling noise", *REFERENCES)
LAST = "last reconstruction"  # where "reconstruction" is the kept pair's

SEED = 0  # of the judge, of reference images and fooling noise
PER_CLASS = 20  # reference images and images of fooling noise
FOOLING = {"per_class": PER_CLASS, "steps": 100}  # the white-box search for noise that fools a target


class Judgement(NamedTuple):
    """What the judge says of one set of images; `keys`: profile, dataset, source, target, variant and seeds."""

    keys: dict[str, str | int | None]
    run: Run

    @property
    def rows(self) -> pd.DataFrame:
        """One row a class (`recognition.judge_images`); a target's images also have its mean "target_confidence" in
        the class.
        """
        return self.run.table("judged")

    @property
    def first(self) -> UInt8[np.ndarray, " classes height width"]:
        """The first image of every class; kept of attacks alone that are asked for by name."""
        return self.run.arrays()["first"]


class Judged(NamedTuple):
    """Images to judge, and the confidence in their class of the target that they were made for."""

    images: Tensor  # (classes, n, height, width)
    confidences: Tensor | None = None  # (classes, n)


def judge(experiment: Experiment, dataset: str) -> Run | None:
    """The judge of a data set: metrics "test_accuracy" and "natural_distance", table "history", weights."""
    key = _judge_key(experiment, dataset)
    make = partial(_train, experiment, dataset) if experiment.compute else None
    return experiment.store.get(f"judge-{key['dataset']}", key, make, shared=experiment.compute)


def _network(experiment: Experiment, dataset: str) -> judges.EvaluationCNN:
    """The judge itself, its weights kept or made again."""
    data = experiment.dataset(dataset)
    network = judges.build(judges.JudgeConfig(), data.image_shape, data.num_classes, seed=SEED)
    make = partial(_train, experiment, dataset)
    network.load_state_dict(experiment.store.weights(judge(experiment, dataset), make))
    return network.eval().to(experiment.device)


def _train(experiment: Experiment, dataset: str, run: Run) -> None:
    images = experiment.dataset(dataset)
    run.checkpoint.start()
    trained = judges.train_judge(
        judges.JudgeConfig(), images, seed=SEED, device=experiment.device, checkpoint=run.checkpoint
    )
    run.finish(
        metrics={
            "test_accuracy": trained.history["test_accuracy"][-1],
            "natural_distance": recognition.natural_distance(trained.model, images),
            "n_test": len(images.x_test),
            "image_shape": list(images.image_shape),
            "num_classes": images.num_classes,
        },
        tables={"history": trained.table()},
        weights=trained.model.state_dict(),
    )


def judgements(experiment: Experiment, sources: Sequence[str] = SOURCES) -> list[Judgement]:
    """Of the reference points, of noise made to fool the baselines' targets, and of every attack's reconstructions."""
    wanted = [*_wanted(experiment, sources)]
    if experiment.compute and experiment.workers > 1:
        stored = copy(experiment)
        stored.compute = False
        missing = [(find, *of) for find, *of in wanted if find is not _reference and not find(stored, *of)]
        for dataset in experiment.datasets if missing else ():
            _network(experiment, dataset)  # first, or two workers would train the same one
        experiment.share("judgements", [(find, experiment, *of) for find, *of in missing])
    return [judged for find, *of in wanted if (judged := find(experiment, *of))]


def _judge_key(experiment: Experiment, dataset: str) -> dict:
    config = experiment.settings(dataset, experiment.variants[0])
    judge = difference(judges.JudgeConfig(), FROZEN["judge"])
    key = {"dataset": experiment.name(dataset), "seed": SEED} | differences(config, "data")
    return key | ({"judge": judge} if judge else {})


def _wanted(experiment: Experiment, sources: Sequence[str]) -> Iterator[tuple]:
    """What finds each judgement: a function, and what it is given after the experiment."""
    for dataset in experiment.datasets:
        for source in REFERENCES:
            if source in sources:
                yield _reference, dataset, source
    trained = {(cell.dataset, cell.variant.name, cell.seed): cell for cell in experiment.cells()}
    for cell in trained.values():
        if cell.variant in BASELINES.values() and "fooling noise" in sources:
            yield _made, cell, "fooling noise", Attack(inversion.adversarial_noise, FOOLING, WEIGHTS)
        for source in sources if cell.variant in BASELINES.values() else ():
            code = experiment.settings(cell.dataset, cell.variant).neuron.encoder
            if source in ATTACKS and ATTACKS[source].fits(cell.variant.kind, code):
                yield _made, cell, source, ATTACKS[source]
    for source in ("reconstruction", LAST):
        for cell in experiment.cells() if source in sources else ():
            yield _reconstructions, cell, source


def _reference(experiment: Experiment, dataset: str, source: str) -> Judgement | None:
    def images(run: Run) -> Judged:
        x = recognition.reference_points(experiment.dataset(dataset), per_class=PER_CLASS, seed=SEED)
        return Judged(x[source])

    settings = {"source": source, "per_class": PER_CLASS, "seed": SEED}
    return _judged(experiment, dataset, source.replace(" ", "-"), settings, images, source=source)


def _made(experiment: Experiment, cell: Cell, source: str, attack: Attack) -> Judgement | None:
    """Images that an attack makes for a target as it is."""
    if (target := experiment.target_of(cell)) is None:
        return None
    how = {**attack.how, "seed": SEED}

    def images(run: Run) -> Judged:
        dataset = experiment.dataset(cell.dataset)
        labels, model = range(dataset.num_classes), experiment.model(cell)
        given = {"seed": SEED, "device": experiment.device, "checkpoint": run.checkpoint}
        drawn = draw(attack, model, labels, dataset.image_shape, **given)
        return Judged(drawn.images, drawn.confidences)

    key = {"source": source, "target": target.settings} | how
    keys = {"target": target.target, "variant": target.variant, "seed": target.seed}
    name = f"{source.replace(' noise', '').replace(' ', '-')}-{target.target}-s{target.seed}"
    return _judged(experiment, cell.dataset, name, key, images, source=source, **keys)


def _reconstructions(experiment: Experiment, cell: Cell, source: str) -> Judgement | None:
    if (attack := experiment.attack_of(cell)) is None:
        return None
    drawn = attack.last if source == LAST else (attack.reconstructions, attack.target_confidences)
    if drawn is None:
        return None

    def images(run: Run) -> Judged:
        shown, confidences = drawn
        own = confidences[range(len(attack.labels)), :, attack.labels]
        return Judged(torch.from_numpy(shown) / 255, torch.from_numpy(own))

    key = {"attack": attack.settings} | differences(attack.config, "evaluation")
    key |= {"pair": "last"} if source == LAST else {}
    keys = {name: getattr(attack, name) for name in ("target", "variant", "seed", "attack_seed")}
    name = f"{source.replace(' ', '-')}-{attack.target}-s{attack.seed}"
    return _judged(experiment, cell.dataset, name, key, images, source=source, **keys)


def _judged(
    experiment: Experiment,
    dataset: str,
    name: str,
    key: dict,
    images: Callable[[Run], Judged],
    *,
    source: str,
    target: str = "",
    variant: str = "",
    seed: int | None = None,
    attack_seed: int | None = None,
) -> Judgement | None:
    """The stored verdict on one set of images."""

    def compute(run: Run) -> None:
        network, data = _network(experiment, dataset), experiment.dataset(dataset)
        natural = judge(experiment, dataset).metrics["natural_distance"]
        run.checkpoint.start()
        x = images(run)
        labels = range(len(x.images))  # an attack's are the first classes
        rows = pd.DataFrame(recognition.judge_images(network, data, x.images, labels, natural=natural))
        if x.confidences is not None:
            rows["target_confidence"] = x.confidences.mean(1).numpy()
        first = {"first": as_bytes(x.images[:, 0].numpy())} if source in ATTACKS else None
        run.finish(metrics={}, tables={"judged": rows}, arrays=first)

    name = f"judged-{experiment.name(dataset)}-{name}"
    key = key | {"judge": _judge_key(experiment, dataset)}
    run = experiment.store.get(name, key, compute if experiment.compute else None)
    about = {"profile": experiment.scale, "dataset": experiment.name(dataset), "source": source}
    about |= {"target": target, "variant": variant, "seed": seed, "attack_seed": attack_seed}
    return run and Judgement(about, run)
