"""The honest judge's part of the chain: each data set's judge, and what it says of every attack, asked of the store
first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from snnmi.measure import fooling, judges, recognition
from snnmi.store import Run
from snnmi.study.controls import BASELINES
from snnmi.study.experiment import EXAMINER, Cell, Experiment

REFERENCES = ("class mean", "test image", "training image", "noise")
SOURCES = ("reconstruction", "fooling noise", *REFERENCES)
PER_CLASS = 20  # reference images and images of fooling noise
STEPS = 100  # of the white-box search for noise that fools a target


class Judgement(NamedTuple):
    """What the judge says of one set of images; `keys` name them as the columns of `judgements_table` do."""

    keys: dict[str, str | int | None]
    run: Run

    @property
    def rows(self) -> pd.DataFrame:
        """One row a class (`recognition.judge_images`); a target's images also have its mean "target_confidence" in
        the class.
        """
        return self.run.table("judged")


class Judged(NamedTuple):
    """Images to judge, and the confidence in their class of the target that they were made for."""

    images: Tensor  # (classes, n, height, width)
    confidences: Tensor | None = None  # (classes, n)


def judge(experiment: Experiment, dataset: str) -> Run | None:
    """The judge of a data set: metrics "test_accuracy" and "natural_distance", table "history", weights."""

    def compute(run: Run) -> None:
        images = experiment.dataset(dataset)
        run.checkpoint.start()
        trained = judges.train_judge(
            judges.JudgeConfig(), images, seed=EXAMINER, device=experiment.device, checkpoint=run.checkpoint
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

    settings = _settings(experiment, dataset)
    return experiment.store.get(
        f"judge-{settings['dataset']}", settings, compute if experiment.compute else None
    )


def judgements(experiment: Experiment) -> list[Judgement]:
    """Of the reference points, of noise made to fool the baselines' targets, and of every attack's reconstructions."""
    return [judged for judged in _judgements(experiment) if judged]


def judgements_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a class and set of images: profile, dataset, source, target, variant, seed, attack_seed, and the
    judge's scores.
    """
    tables = [j.rows.assign(**j.keys)[[*j.keys, *j.rows.columns]] for e in experiments for j in judgements(e)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _settings(experiment: Experiment, dataset: str) -> dict:
    shrink = experiment.profile.shrink.get(dataset, 1)
    return {
        "dataset": experiment.name(dataset),
        "shrink": shrink,
        "config": asdict(judges.JudgeConfig()),
        "seed": EXAMINER,
    }


def _judgements(experiment: Experiment) -> Iterator[Judgement | None]:
    for dataset in experiment.datasets:
        for source in REFERENCES:
            yield _reference(experiment, dataset, source)
    trained = {(cell.dataset, cell.variant.name, cell.seed): cell for cell in experiment.cells()}
    for cell in trained.values():
        if cell.variant in BASELINES.values():
            yield _fooling(experiment, cell)
    for cell in experiment.cells():
        yield _reconstructions(experiment, cell)


def _reference(experiment: Experiment, dataset: str, source: str) -> Judgement | None:
    def images() -> Judged | None:
        x = recognition.reference_points(experiment.dataset(dataset), per_class=PER_CLASS, seed=EXAMINER).get(
            source
        )
        return None if x is None else Judged(x)

    settings = {"source": source, "per_class": PER_CLASS, "seed": EXAMINER}
    return _judged(experiment, dataset, source.replace(" ", "-"), settings, images, source=source)


def _fooling(experiment: Experiment, cell: Cell) -> Judgement | None:
    target = experiment.target_of(cell)
    if target is None:
        return None

    def images() -> Judged:
        dataset, model = (
            experiment.dataset(cell.dataset),
            experiment.with_weights(experiment.target_of, cell).model.to(experiment.device),
        )
        labels = range(dataset.num_classes)
        return Judged(
            *fooling.adversarial_noise(
                model, labels, dataset.image_shape, per_class=PER_CLASS, steps=STEPS, seed=EXAMINER
            )
        )

    settings = {
        "source": "fooling noise",
        "per_class": PER_CLASS,
        "steps": STEPS,
        "seed": EXAMINER,
        "target": target.settings,
    }
    keys = {
        "source": "fooling noise",
        "target": target.target,
        "variant": target.variant,
        "seed": target.seed,
    }
    return _judged(
        experiment, cell.dataset, f"fooling-{target.target}-s{target.seed}", settings, images, **keys
    )


def _reconstructions(experiment: Experiment, cell: Cell) -> Judgement | None:
    attack = experiment.attack_of(cell)
    if attack is None:
        return None

    def images() -> Judged:
        own = attack.target_confidences[range(len(attack.labels)), :, attack.labels]
        return Judged(torch.from_numpy(attack.reconstructions) / 255, torch.from_numpy(own))

    keys = {"source": "reconstruction"} | {
        name: getattr(attack, name) for name in ("target", "variant", "seed", "attack_seed")
    }
    name = f"reconstruction-{attack.target}-s{attack.seed}"
    return _judged(experiment, cell.dataset, name, {"attack": attack.settings}, images, **keys)


def _judged(
    experiment: Experiment,
    dataset: str,
    name: str,
    settings: dict,
    images: Callable[[], Judged | None],
    *,
    source: str,
    target: str = "",
    variant: str = "",
    seed: int | None = None,
    attack_seed: int | None = None,
) -> Judgement | None:
    """The stored verdict on one set of images; on none (a class without test images) it has no rows."""

    def compute(run: Run) -> None:
        found = judge(experiment, dataset)
        if found.weights() is None:  # results in git have none
            (found.folder / "run.json").unlink()
            found = judge(experiment, dataset)
        data, natural = experiment.dataset(dataset), found.metrics["natural_distance"]
        network = judges.build(judges.JudgeConfig(), data.image_shape, data.num_classes, seed=EXAMINER)
        network.load_state_dict(found.weights())
        network.eval().to(experiment.device)
        run.checkpoint.start()
        rows = pd.DataFrame(columns=["label"])
        if x := images():
            rows = pd.DataFrame(
                recognition.judge_images(network, data, x.images, range(data.num_classes), natural=natural)
            )
            if x.confidences is not None:
                rows["target_confidence"] = x.confidences.mean(1).numpy()
        run.finish(metrics={}, tables={"judged": rows})

    settings = settings | {"judge": _settings(experiment, dataset)}
    name = f"judged-{experiment.name(dataset)}-{name}"
    keys = {"profile": experiment.profile.name, "dataset": experiment.name(dataset), "source": source}
    keys |= {"target": target, "variant": variant, "seed": seed, "attack_seed": attack_seed}
    run = experiment.store.get(name, settings, compute if experiment.compute else None)
    return run and Judgement(keys, run)
