"""The honest judge's part of the chain: each data set's judge, and what it says of every attack, asked of the store
first.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from typing import NamedTuple

import pandas as pd
import torch

from snnmi.checkpoint import Checkpoint
from snnmi.data import Dataset
from snnmi.measure import inversion, judges, recognition
from snnmi.measure.scores import as_bytes
from snnmi.store import Run
from snnmi.study import workers
from snnmi.study.attacks import ATTACKS, WEIGHTS, Attack, Drawn, draw
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import Experiment
from snnmi.study.keys import FROZEN, difference, differences
from snnmi.study.runs import Cell

REFERENCES = ("class mean", "test image", "training image", "noise")
SOURCES = ("reconstruction", "fooling noise", *REFERENCES)
PICTURES = "reconstructions", "target_confidences"  # of an attack's scores
LAST = "last reconstruction"  # where "reconstruction" is the kept pair's

SEED = 0  # of the judge, of reference images and fooling noise
PER_CLASS = 20  # reference images and images of fooling noise
FOOLING = {"per_class": PER_CLASS, "steps": 100}  # the white-box search for noise that fools a target


class Judgement(NamedTuple):
    """What the judge says of one set of images. `run`: table "judged", a row a class (`recognition.judge_images`; of a
    target's images its mean "target_confidence" too); arrays "first", a picture a class, of who is asked for by name.
    """

    source: str
    dataset: str  # as results call it
    cell: Cell | None  # whose target or attack they are of; None: of a reference
    run: Run


def judge(experiment: Experiment, dataset: str) -> Run | None:
    """The judge of a data set: metrics "test_accuracy" and "natural_distance", table "history", weights."""
    key = _judge_key(experiment, dataset)
    make = partial(_train, experiment, dataset) if experiment.compute else None
    return experiment.store.get(f"judge-{key['dataset']}", key, make, shared=experiment.compute)


def judgements(experiment: Experiment, sources: Sequence[str] = SOURCES) -> list[Judgement]:
    """Of the reference points, of noise made to fool the baselines' targets, and of every attack's reconstructions."""
    wanted = [*_wanted(experiment, sources)]
    if experiment.compute and experiment.workers > 1:
        stored = copy(experiment)
        stored.compute = False
        missing = [one for one in wanted if one[1] not in REFERENCES and not _judged(stored, *one)]
        for dataset in experiment.datasets if missing else ():
            _network(experiment, dataset)  # first, or two workers would train the same one
        jobs = [(_judged, experiment, *one) for one in missing]
        workers.share(f"{experiment.scale}: judgements", jobs, experiment.workers)
    return [judged for one in wanted if (judged := _judged(experiment, *one))]


def _wanted(experiment: Experiment, sources: Sequence[str]) -> Iterator[tuple[str, str, Cell | None]]:
    """Data set, source and cell of each judgement."""
    for dataset in experiment.datasets:
        yield from ((dataset, source, None) for source in REFERENCES if source in sources)
    for cell in experiment.trainings():
        code = experiment.settings(cell.dataset, cell.variant).neuron.encoder
        for source in sources if cell.variant in BASELINES.values() else ():
            if (attack := _maker(source)) and attack.fits(cell.variant.kind, code):
                yield cell.dataset, source, cell
    for source in ("reconstruction", LAST):
        yield from ((cell.dataset, source, cell) for cell in experiment.cells() if source in sources)


def _maker(source: str) -> Attack | None:
    """Who makes images for a target as it is."""
    fooling = Attack(inversion.adversarial_noise, FOOLING, WEIGHTS)
    return fooling if source == "fooling noise" else ATTACKS.get(source)


def _judged(experiment: Experiment, dataset: str, source: str, cell: Cell | None) -> Judgement | None:
    """The stored verdict on one set of images."""
    if (key := _key(experiment, source, cell)) is None:
        return None

    def compute(run: Run) -> None:
        network, data = _network(experiment, dataset), experiment.dataset(dataset)
        natural = judge(experiment, dataset).metrics["natural_distance"]
        run.checkpoint.start()
        made = _images(experiment, data, source, cell, run.checkpoint)
        labels = range(len(made.images))  # an attack's are the first classes
        rows = pd.DataFrame(recognition.judge_images(network, data, made.images, labels, natural=natural))
        if made.confidences is not None:
            rows["target_confidence"] = made.confidences.mean(1).numpy()
        first = {"first": as_bytes(made.images[:, 0].numpy())} if source in ATTACKS else None
        asked = {"queries": made.queries} if made.queries else {}
        asked["judge"] = _training(judge(experiment, dataset))
        run.finish(metrics=asked, tables={"judged": rows}, arrays=first)

    name = f"judged-{experiment.name(dataset)}-{source.replace(' noise', '').replace(' ', '-')}"
    name += f"-{cell.variant.kind}-s{cell.seed}" if cell else ""
    key |= {"judge": _judge_key(experiment, dataset)}
    run = experiment.store.get(name, key, compute if experiment.compute else None)
    return run and Judgement(source, experiment.name(dataset), cell, run)


def _training(of: Run) -> str:
    """Which training of a judge looks: one that was made again, on another machine, is another network."""
    kept = (of.folder / "weights.safetensors").exists()
    return (of if kept else Run(of.remade, of.settings)).files["weights.safetensors"][:10]


# --- whose images


def _key(experiment: Experiment, source: str, cell: Cell | None) -> dict | None:
    """What names images to be judged; None where their target or attack is not there."""
    if cell is None:
        return {"source": source, "per_class": PER_CLASS, "seed": SEED}
    if maker := _maker(source):
        target = experiment.found("target", cell)
        return target and {"source": source, "target": target.settings, **maker.how, "seed": SEED}
    attack = experiment.found("scores", cell)
    if attack is None or (source == LAST and f"last_{PICTURES[0]}" not in attack.pictures):
        return None  # or scored before these were kept
    key = {"attack": attack.settings} | differences(attack.config, "evaluation")
    return key | ({"pair": "last"} if source == LAST else {})


def _images(
    experiment: Experiment, data: Dataset, source: str, cell: Cell | None, checkpoint: Checkpoint
) -> Drawn:
    """Those images: references, made for a target as it is, or drawn by an attack's kept or last generators."""
    if cell is None:
        return Drawn(recognition.reference_points(data, per_class=PER_CLASS, seed=SEED)[source], None)
    if maker := _maker(source):
        given = {"seed": SEED, "device": experiment.device, "checkpoint": checkpoint}
        return draw(maker, experiment.model(cell), range(data.num_classes), data.image_shape, **given)
    attack = experiment.found("scores", cell)
    pair = "last_" if source == LAST else ""
    shown, confidences = (torch.from_numpy(attack.pictures[pair + name]) for name in PICTURES)
    return Drawn(shown / 255, confidences[range(len(attack.labels)), :, attack.labels])


# --- the judge


def _judge_key(experiment: Experiment, dataset: str) -> dict:
    config = experiment.settings(dataset, experiment.variants[0])
    judge = difference(judges.JudgeConfig(), FROZEN["judge"])
    key = {"dataset": experiment.name(dataset), "seed": SEED} | differences(config, "data")
    return key | ({"judge": judge} if judge else {})


def _network(experiment: Experiment, dataset: str) -> judges.EvaluationCNN:
    """The judge itself, its weights kept or made again."""
    data = experiment.dataset(dataset)
    network = judges.build(judges.JudgeConfig(), data.image_shape, data.num_classes, seed=SEED)
    make = partial(_train, experiment, dataset)
    network.load_state_dict(experiment.store.weights(judge(experiment, dataset), make))
    return network.eval().to(experiment.device)


def _train(experiment: Experiment, dataset: str, run: Run) -> None:
    images, how = experiment.dataset(dataset), {"seed": SEED, "device": experiment.device}
    run.checkpoint.start()
    trained = judges.train_judge(judges.JudgeConfig(), images, **how, checkpoint=run.checkpoint)
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
