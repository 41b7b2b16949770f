"""The honest judge's part of the chain: each data set's judge, and what it says of every attack, asked of the store first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from snnmi import judges
from snnmi.controls import BASELINES
from snnmi.experiment import JUDGE, AttackRun, Cell, Experiment
from snnmi.store import Run

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
        """One row a class (`judges.judge_images`)."""
        return self.run.table("judged")


def judge(experiment: Experiment, dataset: str) -> Run | None:
    """The judge of a data set: metrics "test_accuracy" and "natural_distance", table "history", weights."""

    def compute(run: Run) -> None:
        images = experiment.dataset(dataset)
        run.checkpoint.start()
        trained = judges.train_judge(judges.JudgeConfig(), images, seed=JUDGE, device=experiment.device, checkpoint=run.checkpoint)
        history = pd.DataFrame(trained.history)
        history.insert(0, "epoch", range(1, len(history) + 1))
        run.finish(
            metrics={
                "test_accuracy": trained.history["test_accuracy"][-1],
                "natural_distance": judges.natural_distance(trained.model, images),
                "n_test": len(images.x_test),
                "image_shape": list(images.image_shape),
                "num_classes": images.num_classes,
            },
            tables={"history": history},
            weights=trained.model.state_dict(),
        )

    settings = _settings(experiment, dataset)
    return experiment.store.get(f"judge-{settings['dataset']}", settings, compute if experiment.compute else None)


def judgements(experiment: Experiment) -> list[Judgement]:
    """Of the reference points, of noise made to fool the baselines' targets, and of every attack's reconstructions."""
    return [Judgement(keys, run) for keys, run in _judgements(experiment) if run]


def judgements_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row a class and set of images: profile, dataset, target, variant, seed, attack_seed, source, and the judge's scores."""
    tables = [j.rows.assign(**j.keys)[[*j.keys, *j.rows.columns]] for e in experiments for j in judgements(e)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _settings(experiment: Experiment, dataset: str) -> dict:
    shrink = experiment.profile.shrink.get(dataset, 1)
    return {"dataset": experiment.name(dataset), "shrink": shrink, "config": asdict(judges.JudgeConfig()), "seed": JUDGE}


def _judgements(experiment: Experiment) -> Iterator[tuple[dict, Run | None]]:
    nothing = {"target": "", "variant": "", "seed": None, "attack_seed": None}
    for dataset in experiment.datasets:
        keys = {"profile": experiment.profile.name, "dataset": experiment.name(dataset)}
        for source in REFERENCES:
            yield keys | nothing | {"source": source}, _reference(experiment, dataset, source)
    trained = {(cell.dataset, cell.variant.name, cell.seed): cell for cell in experiment.cells()}
    for cell in trained.values():
        if cell.variant in BASELINES.values():
            keys = {"profile": experiment.profile.name, "dataset": experiment.name(cell.dataset), "target": cell.variant.kind}
            keys |= {"variant": cell.variant.name, "seed": cell.seed, "attack_seed": None, "source": "fooling noise"}
            yield keys, _fooling(experiment, cell)
    for cell in experiment.cells():
        if not (attack := experiment.attack_of(cell)):
            continue
        keys = {name: getattr(attack, name) for name in ("profile", "dataset", "target", "variant", "seed", "attack_seed")}
        yield keys | {"source": "reconstruction"}, _reconstructions(experiment, cell.dataset, attack)


def _reference(experiment: Experiment, dataset: str, source: str) -> Run | None:
    def images() -> Tensor | None:
        return judges.reference_points(experiment.dataset(dataset), per_class=PER_CLASS, seed=JUDGE).get(source)

    settings = {"source": source, "per_class": PER_CLASS, "seed": JUDGE}
    return _judged(experiment, dataset, source.replace(" ", "-"), settings, images)


def _fooling(experiment: Experiment, cell: Cell) -> Run | None:
    target = experiment.target_of(cell)
    if target is None:
        return None

    def images() -> Tensor:
        dataset, model = experiment.dataset(cell.dataset), experiment.with_weights(experiment.target_of, cell).model.to(experiment.device)
        labels = range(dataset.num_classes)
        return judges.adversarial_noise(model, labels, dataset.image_shape, per_class=PER_CLASS, steps=STEPS, seed=JUDGE).images

    settings = {"source": "fooling noise", "per_class": PER_CLASS, "steps": STEPS, "seed": JUDGE, "target": target.settings}
    return _judged(experiment, cell.dataset, f"fooling-{cell.variant.kind}-s{cell.seed}", settings, images)


def _reconstructions(experiment: Experiment, dataset: str, attack: AttackRun) -> Run | None:
    def images() -> Tensor:
        return torch.from_numpy(attack.reconstructions) / 255

    return _judged(experiment, dataset, f"reconstruction-{attack.target}-s{attack.seed}", {"attack": attack.settings}, images)


def _judged(experiment: Experiment, dataset: str, name: str, settings: dict, images: Callable[[], Tensor | None]) -> Run | None:
    """The stored verdict on one set of images; on none (a class without test images) it has no rows."""

    def compute(run: Run) -> None:
        found = judge(experiment, dataset)
        if found.weights() is None:  # results in git have none
            (found.folder / "run.json").unlink()
            found = judge(experiment, dataset)
        data, natural = experiment.dataset(dataset), found.metrics["natural_distance"]
        network = judges.build(judges.JudgeConfig(), data.image_shape, data.num_classes, seed=JUDGE)
        network.load_state_dict(found.weights())
        network.eval().to(experiment.device)
        run.checkpoint.start()
        x, labels = images(), range(data.num_classes)
        rows = [] if x is None else judges.judge_images(network, data, x, labels, natural=natural)
        run.finish(metrics={}, tables={"judged": pd.DataFrame(rows, columns=None if rows else ["label"])})

    settings = settings | {"judge": _settings(experiment, dataset)}
    return experiment.store.get(f"judged-{experiment.name(dataset)}-{name}", settings, compute if experiment.compute else None)
