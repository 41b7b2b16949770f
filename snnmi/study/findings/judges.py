"""Chapter 9: how good the judge is, what it says of each set of images, what leaks, and ANN against SNN."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from snnmi.data import Dataset
from snnmi.measure import intervals, statistics
from snnmi.show import figures, pages
from snnmi.study import judgements, published, verdicts
from snnmi.study.experiment import Experiment
from snnmi.study.runs import AttackRun
from snnmi.study.tables import of_both_kinds, targets_table

Scale = tuple[str, str]  # profile, data set
GROUP = ["profile", "dataset", "source", "target"]
SOURCES = ["training image", "test image", "class mean", "fooling noise", "noise", "reconstruction"]
MEASURES = [
    *("judge_accuracy", "recognised", "identified", "judge_confidence", "target_confidence"),
    *("feature_train", "pixel_train", "ssim_train", "ssim_mean", "feature_leak", "pixel_leak"),
]
COMPARED = {  # between ANN and SNN: measure, its name on the page
    "recognised": "recognised",
    "identified": "identified",
    "judge_accuracy": "called y",
    "feature_train": "feature distance",
    "feature_leak": "leak",
}
RULED = ("recognised", "identified")  # those with a verdict


def judges(experiments: Sequence[Experiment]) -> dict[Scale, dict]:
    """The metrics of every judge at hand."""
    return {
        (one.scale, one.name(name)): found.metrics
        for one in experiments
        for name in one.datasets
        if (found := judgements.judge(one, name))
    }


def accuracy_table(experiments: Sequence[Experiment], judges: Mapping[Scale, dict]) -> pd.DataFrame:
    """One row a network, the judge before its targets: test accuracy with Wilson's interval."""
    trained, rows = targets_table(experiments), []
    for scale, judge in judges.items():
        own = trained[(trained.profile == scale[0]) & (trained.dataset == scale[1])]
        rows.append((*scale, "judge", judge["test_accuracy"], judge["n_test"]))
        for t in own.itertuples():
            rows.append((*scale, f"{figures.KINDS[t.target]}, seed {t.seed}", t.test_accuracy, t.n_test))
    found = pd.DataFrame(rows, columns=["profile", "dataset", "network", "test_accuracy", "n_test"])
    found[["low", "high"]] = [
        intervals.wilson_interval(r.test_accuracy, r.n_test) for r in found.itertuples()
    ]
    return found


# --- each set of images


KEYS = ["profile", "dataset", "source", "target", "variant", "seed", "attack_seed", "label"]


def shown(judged: pd.DataFrame) -> pd.DataFrame:
    """Of each data set the largest scale with reconstructions, its sources in the order of the page, no row twice.

    Where it has both kinds of target, those seeds that have both: what stands side by side is of the same seeds.
    """
    made = pages.largest_scale(judged[judged.source == "reconstruction"])
    rows = judged.drop_duplicates(KEYS).merge(made[["profile", "dataset"]].drop_duplicates())
    rows = of_both_kinds(rows, ["profile", "dataset", "source"], ["seed", "attack_seed"])
    place = rows.groupby(["profile", "dataset"], sort=False).ngroup() * len(SOURCES)
    return rows.iloc[(place + rows.source.map(SOURCES.index)).argsort(kind="stable")].reset_index(drop=True)


def of_shown(judges: Mapping[Scale, dict], judged: pd.DataFrame) -> dict[Scale, dict]:
    """The judges of the scales that are shown."""
    return {scale: judges[scale] for scale in dict.fromkeys(zip(judged.profile, judged.dataset))}


def deceived(attacks: pd.DataFrame, judged: pd.DataFrame) -> pd.Series:
    """A_target of the kept pairs whose reconstructions are judged, by (profile, dataset, target)."""
    made = judged[judged.source == "reconstruction"][[name for name in KEYS if name != "source"]]
    kept = attacks[attacks["pair"] == "kept"].merge(made)
    return kept.groupby(["profile", "dataset", "target"]).A_target.mean()


def summary(judged: pd.DataFrame) -> pd.DataFrame:
    """One row a set of images and measure: mean over classes (each averaged over seeds) with its interval."""
    rows = []
    for key, part in judged.groupby(GROUP, sort=False):
        for measure in MEASURES:
            if len(known := part.dropna(subset=[measure])):
                classes = known.groupby("label")[measure].mean().to_numpy()
                rows.append((*key, measure, classes.mean(), *intervals.bootstrap_interval(classes, seed=0)))
    return pd.DataFrame(rows, columns=[*GROUP, "measure", "value", "low", "high"])


def wide(found: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """A `summary` with a row a set of images and a column a measure."""
    return found.pivot(index=GROUP, columns="measure", values=column)


def chances(judges: Mapping[Scale, dict]) -> dict[Scale, float]:
    """The share that is identified for nothing: one in the number of classes."""
    return {scale: 1 / judge["num_classes"] for scale, judge in judges.items()}


def readings(found: pd.DataFrame, chance: Mapping[Scale, float]) -> dict[tuple, str]:
    """`verdicts.reading` of every set of images of a `summary`; without an interval the value itself counts."""
    low = wide(found.assign(low=found.low.fillna(found.value)), "low")
    return {key: verdicts.reading(r.recognised, r.identified, chance[key[:2]]) for key, r in low.iterrows()}


def of_source(found: pd.DataFrame, source: str) -> pd.DataFrame:
    """The rows of one source in a `wide` summary, by profile, data set and target."""
    return found.xs(source, level="source")


def ahead_of_fooling(found: pd.DataFrame, measure: str) -> pd.Series:
    """Whether reconstructions score higher than fooling noise, by (profile, dataset, target) that has both."""
    pair = [of_source(found, source)[measure] for source in ("reconstruction", "fooling noise")]
    made, fooling = pd.concat(pair, axis=1, join="inner").to_numpy().T
    both = pair[0].index.intersection(pair[1].index, sort=False)
    return pd.Series(made > fooling + verdicts.EQUAL, both)


def panels(found: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The rows of these measures as `figures.sources` takes them: metric by metric, scales in words."""
    part = found[found.measure.isin(names)]
    where = pages.places(part)
    part = part.assign(scale=where, metric=part.measure.map(names))
    return part.sort_values("measure", key=lambda measure: measure.map([*names].index), kind="stable")


def multiples(found: pd.DataFrame, scale: Scale, source: str) -> dict[str, float]:
    """A source's feature distance in multiples of that of real test images; by target."""
    part = found.feature_train.xs(scale, level=["profile", "dataset"])
    return (part[source] / part["test image"].iloc[0]).to_dict()


def beyond_natural(found: pd.DataFrame, judges: Mapping[Scale, dict]) -> pd.Series:
    """Whether reconstructions in a `summary` lie beyond the natural distance, by (profile, dataset, target)."""
    rows = found[(found.measure == "feature_train") & (found.source == "reconstruction")]
    low = rows.set_index(["profile", "dataset", "target"]).low
    beyond = [verdicts.lies_beyond(own, judges[key[:2]]["natural_distance"]) for key, own in low.items()]
    return pd.Series(beyond, low.index, bool)


# --- leaks


def leaks_table(judged: pd.DataFrame, judges: Mapping[Scale, dict]) -> pd.DataFrame:
    """One row a target: its reconstructions' leak, less that of test images and of class means; whether it is seen."""
    rows = []
    for scale in judges:
        part = judged[(judged.profile == scale[0]) & (judged.dataset == scale[1])]
        for kind in figures.KINDS:
            leak = _leak(part, "reconstruction", kind)
            if leak.empty:
                continue
            tests = []
            for reference in ("test image", "class mean"):
                pair = pd.concat([_leak(part, reference), leak], axis=1, join="inner").to_numpy()
                tests.append(statistics.paired_test(*pair.T, seed=0))
            rows.append((*scale, kind, leak.mean(), *tests[0][:4], *tests[1][:4], verdicts.leak_seen(tests)))
    tested = [f"{name}_{part}" for name in ("test", "mean") for part in ("difference", "low", "high", "p")]
    return pd.DataFrame(rows, columns=["profile", "dataset", "target", "leak", *tested, "seen"])


def _leak(part: pd.DataFrame, source: str, target: str = "") -> pd.Series:
    """Mean leak by class, where it is known."""
    rows = part[(part.source == source) & (part.target == target)]
    return rows.groupby("label").feature_leak.mean().dropna()


# --- pictures


def first_attacks(
    experiments: Sequence[Experiment], judged: pd.DataFrame
) -> Iterator[tuple[Experiment, str, list[AttackRun]]]:
    """Of every data set that is `shown`: where it is, its name there, and each target's first judged attack."""
    made = judged[judged.source == "reconstruction"]
    done = set(zip(made.profile, made.dataset, made.target, made.seed, made.attack_seed))
    seen = set()
    for one in experiments:
        runs = [r for r in one.attacks() if (r.profile, r.dataset, r.target, r.seed, r.attack_seed) in done]
        for name in one.datasets:
            first = {run.target: run for run in reversed(runs) if run.dataset == one.name(name)}
            if first and (scale := (one.scale, one.name(name))) not in seen:
                seen.add(scale)
                yield one, name, [first[kind] for kind in figures.KINDS if kind in first]


def picture_lines(
    attacks: Sequence[AttackRun], judged: pd.DataFrame, images: Dataset | None
) -> dict[str, list[np.ndarray | None]]:
    """A line of pictures each: class means; of each attack its first reconstructions and the training images nearest to
    them. None where the data set is not at hand.
    """
    labels = attacks[0].labels
    lines = {"class mean": [images and images.class_mean(label).numpy() for label in labels]}
    for attack in attacks:
        kind, own = figures.KINDS[attack.target], judged[judged.source == "reconstruction"]
        for column in ("profile", "dataset", "variant", "seed"):
            own = own[own[column] == getattr(attack, column)]
        nearest = own.set_index("label").feature_nearest
        lines[kind] = list(attack.reconstructions[:, 0])
        lines[f"nearest to {kind}"] = [images and images.x_train[nearest[label]].numpy() for label in labels]
    return lines


# --- ANN against SNN


def differences_table(judged: pd.DataFrame) -> pd.DataFrame:
    """One row a scale and measure: SNN - ANN of reconstructions attacked on both, and the verdict where one is due."""
    unit = ["seed", "attack_seed", "label"]
    made = judged[judged.source == "reconstruction"]
    made = made[made.groupby(["profile", "dataset", *unit]).target.transform("nunique") == 2]
    rows = []
    for (profile, dataset), part in made.groupby(["profile", "dataset"], sort=False):
        for measure in COMPARED:
            known = part[part.groupby(unit)[measure].transform("count") == 2]
            if len(known):
                about = {"profile": profile, "dataset": dataset, "measure": measure}
                rows.append(about | _difference(known, measure, dataset))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


DIFFERENCE_COLUMNS = (
    "profile dataset measure ann snn difference low high p differing classes seeds verdict".split()
)


def _difference(rows: pd.DataFrame, measure: str, dataset: str) -> dict:
    by_class = rows.groupby(["label", "target"])[measure].mean().unstack()
    ann, snn = (by_class[kind].to_numpy() for kind in figures.KINDS)
    test = statistics.paired_test(ann, snn, seed=0)
    verdict = verdicts.of_paper(verdicts.judged_verdict(test, ann=ann.mean()), dataset)
    return {
        "ann": ann.mean(),
        "snn": snn.mean(),
        **dict(zip(("difference", "low", "high", "p"), test)),
        "differing": int((np.abs(snn - ann) > verdicts.EQUAL).sum()),
        "classes": test.n,
        "seeds": rows.seed.nunique(),
        "verdict": verdict if measure in RULED else "",
    }


def exact_table() -> pd.DataFrame:
    """One row a printed share that may be read as a count of classes: every exact test of ANN against SNN."""
    rows = []
    for dataset, n in published.CLASSES.items():
        for score in ("A_comb", "A_target"):
            ann, snn = (published.count(dataset, kind, score) for kind in figures.KINDS)
            exact, mcnemar = statistics.exact_test(ann, n, snn, n), statistics.mcnemar_range(ann, snn, n)
            rows.append((dataset, score, ann, snn, n, *exact, *mcnemar))
    columns = ["dataset", "score", "ann", "snn", "n", "fisher", "boschloo", "mcnemar_low", "mcnemar_high"]
    return pd.DataFrame(rows, columns=columns)


def not_judged(experiments: Sequence[Experiment], judged: pd.DataFrame) -> list[Scale]:
    """Scales whose reconstructions are stored and not yet judged."""
    made = judged[judged.source == "reconstruction"]
    done = set(zip(made.profile, made.dataset))
    stored = [(one.scale, one.name(name)) for one in experiments for name in one.datasets]
    return [scale for scale in dict.fromkeys(stored) if scale not in done]
