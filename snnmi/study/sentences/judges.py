"""Chapter 9: what it says of the judge, of what fools it, of distances, leaks, and of ANN against SNN."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import published, verdicts
from snnmi.study.findings.judges import COMPARED, RULED, Scale, multiples, of_source
from snnmi.study.sentences.attacks import these

WORDS = {
    "image": "images of the class",
    "trace": "traces of the class, not images",
    "nothing": "nothing of the class",
}


def both(values: Mapping[str, float | str] | pd.Series, form: str = "{:.1f}") -> str:
    """A value a target: `both({"ann": 3.1, "snn": 2})` -> "3.1 (ANN) and 2.0 (SNN)"."""
    return " and ".join(f"{form.format(value)} ({figures.KINDS[kind]})" for kind, value in values.items())


def where(cases: pd.Series) -> str:
    """Where something holds: "MNIST, laptop (ANN and SNN)"; `cases`: by (profile, dataset, target)."""
    said: dict[str, list[str]] = {}
    for profile, dataset, target in cases[cases.astype(bool)].index:
        said.setdefault(pages.place(profile, dataset), []).append(figures.KINDS[target])
    if len(cases) and cases.all():
        return "everywhere"
    return "; ".join(f"{place} ({' and '.join(kinds)})" for place, kinds in said.items()) or "nowhere"


# --- the judge


def accuracy(found: pd.DataFrame) -> pd.DataFrame:
    """The table of accuracies as text."""
    return pd.DataFrame(
        {
            "data, scale": pages.places(found),
            "network": found.network,
            "test accuracy": [
                f"{r.test_accuracy:.1%} [{r.low:.1%}, {r.high:.1%}]" for r in found.itertuples()
            ],
            "test images": found.n_test.map("{:,}".format),
        }
    )


def accuracy_caption(found: pd.DataFrame) -> str:
    own, targets = found[found.network == "judge"], found[found.network != "judge"]
    best = targets.groupby(["profile", "dataset"]).test_accuracy.max().rename("best")
    own = own.join(best, on=["profile", "dataset"])
    ahead = own.dataset[own.test_accuracy >= own.best - verdicts.EQUAL]
    return (
        f"**The judge is at least as accurate as every target on: {_names(ahead)}.** Share of test images "
        "named rightly, with Wilson's 95 % interval (it speaks of new test images)."
    )


def _names(datasets: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(map(figures.title, datasets))) or "none"


# --- each set of images


def sources(found: pd.DataFrame, readings: Mapping[tuple, str], deceived: pd.Series) -> pd.DataFrame:
    """The table of sources as text, from a `summary`; `deceived`: A_target by (profile, dataset, target)."""
    lines = []
    for key, part in found.groupby(["profile", "dataset", "source", "target"], sort=False):
        profile, dataset, source, target = key
        value = part.set_index("measure").value
        told = {r.measure: pages.mean_and_span(r.value, r.low, r.high) for r in part.itertuples()}
        own = f"{value.target_confidence:.2f}" if "target_confidence" in value else "–"
        success = f"{deceived[profile, dataset, target]:.2f}" if source == "reconstruction" else "–"
        lines.append(
            {
                "data, scale": pages.place(profile, dataset),
                "images": " ".join(filter(None, (source, figures.KINDS.get(target)))),
                "reading": readings[key],
                "A_target": success,
                "target sure": own,
                "judge sure": f"{value.judge_confidence:.2f}",
                "called y": told["judge_accuracy"],
                "recognised": told["recognised"],
                "identified": told["identified"],
            }
        )
    return pd.DataFrame(lines)


def sources_caption(wide: pd.DataFrame) -> str:
    """What fools the judge most, and how to read the table; from a wide summary."""
    fooling = of_source(wide, "fooling noise")
    worst = fooling.judge_accuracy.idxmax()
    profile, dataset, target = worst
    return (
        f"**Up to {fooling.judge_accuracy[worst]:.0%} of fooling noise ({pages.place(profile, dataset)}, made for the "
        f"{figures.KINDS[target]}) is called y by a judge that was never attacked; of the same images "
        f"{fooling.recognised[worst]:.0%} are recognised.** Means over classes, each averaged over seeds, with 95 % "
        "bootstrap intervals that speak of new classes of these networks (no width: every class gave the same). "
        "A_target: chapter 4's score; sure: mean confidence in y, of the images' own target and of the judge, over "
        "20 images a class (reconstructions: those that are stored), as all that follows."
    )


def distances(wide: pd.DataFrame, scales: Sequence[Scale]) -> str:
    """Feature distances in multiples of a real test image's, scale by scale."""
    said = []
    for scale in scales:
        made, fooling = (both(multiples(wide, scale, what)) for what in ("reconstruction", "fooling noise"))
        said.append(f"{pages.place(*scale)}: {made}, fooling noise {fooling}")
    return "; ".join(said)


# --- leaks and pictures


def leaks(found: pd.DataFrame) -> pd.DataFrame:
    """The table of leaks as text."""

    def less(name: str) -> list[str]:
        tested = [found[f"{name}_{part}"] for part in ("difference", "low", "high", "p")]
        return [pages.difference(*test) for test in zip(*tested)]

    return pd.DataFrame(
        {
            "data, scale": pages.places(found),
            "reconstructions from": found.target.map(figures.KINDS),
            "leak": found.leak.map(pages.number),
            "less a test image's": less("test"),
            "less the class mean's": less("mean"),
            "leak seen": found.seen.map({True: "yes", False: "no"}),
        }
    )


def leaky(found: pd.DataFrame) -> str:
    """Where a leak is seen."""
    return where(found.set_index(["profile", "dataset", "target"]).seen)


def leaks_caption(found: pd.DataFrame) -> str:
    return (
        f"**A leak of training images is seen: {leaky(found)}.** Leak in the judge's features; paired "
        "differences over classes with 95 % bootstrap interval. Both columns negative, both p below 0.05: seen."
    )


def picture(scale: Scale, wide: pd.DataFrame, chance: float, *, missing: bool) -> str:
    """What stands below a grid of pictures; `missing`: the data set is not at hand."""
    identified = of_source(wide, "reconstruction").identified[scale]  # by target
    absent = " The data set is not on this machine, so its images are missing." if missing else ""
    return (
        f"**{pages.place(*scale)}: identified {both(identified, '{:.0%}')}, chance {chance:.1%}.** From above: mean "
        f"training image; the reconstruction and, below, the training image nearest to it, of each target.{absent}"
    )


# --- ANN against SNN


def _told(r: tuple | pd.Series) -> str:
    """A difference with its interval and p; without p where too few classes differ for a test to tell."""
    if not verdicts.can_tell(differing := int(r.differing)):
        differ = pages.words(differing, "class differs", "classes differ")
        return f"{pages.mean_and_span(r.difference, r.low, r.high, sign=True)}, {differ}"
    return pages.difference(r.difference, r.low, r.high, r.p)


def differences(found: pd.DataFrame) -> pd.DataFrame:
    """The table of differences as text."""
    rows = list(found.itertuples())
    return pd.DataFrame(
        {
            "data, scale": pages.places(found),
            "measure": found.measure.map(COMPARED),
            "ANN": found.ann.map(pages.number),
            "SNN": found.snn.map(pages.number),
            "SNN − ANN": [_told(r) for r in rows],
            "classes, networks": [f"{r.classes}, {r.seeds}" for r in rows],
            "verdict": found.verdict,
        }
    )


def _ruled(found: pd.DataFrame, measure: str) -> str:
    """What the rule says of one measure on the paper's data: "open on MNIST and AT&T faces"."""
    own = found[(found.measure == measure) & (found.verdict != verdicts.DEMONSTRATION)]
    said = [f"{verdict} on {_names(names)}" for verdict, names in own.groupby("verdict", sort=False).dataset]
    return ", ".join(said) or "not asked of the paper's data"


def two_questions(found: pd.DataFrame) -> str:
    """What became of the two questions, from their verdicts."""
    pictures, traces = (_ruled(found, measure) for measure in RULED)
    snn = these("snn", int(found.seeds.min())) if len(found) else "an SNN"
    return f"that fewer pictures get out of {snn} is {pictures}; that fewer traces do is {traces}"


def differences_caption(found: pd.DataFrame) -> str:
    said = two_questions(found)
    shut = found[(found.measure == "recognised") & verdicts.gate_shut(found.ann)]
    return (
        f"**{said[0].upper()}{said[1:]}.** Gate shut for pictures on: {_names(shut.dataset)}. Means over classes and "
        "networks, paired difference with 95 % bootstrap interval and p over classes, of these networks; where too few "
        "classes differ for any p below 0.05, their number."
    )


def exact(found: pd.DataFrame) -> pd.DataFrame:
    """The table of exact tests as text."""
    rows = list(found.itertuples())
    ranges = [(pages.p_value(r.mcnemar_low), pages.p_value(r.mcnemar_high)) for r in rows]
    return pd.DataFrame(
        {
            "data": found.dataset.map(figures.title),
            "score": found.score,
            "ANN": [f"{r.ann} of {r.n}" for r in rows],
            "SNN": [f"{r.snn} of {r.n}" for r in rows],
            "Fisher": found.fisher.map(pages.p_value),
            "Boschloo": found.boschloo.map(pages.p_value),
            "McNemar, from … to": [f"{low} … {high}" for low, high in ranges],
        }
    )


def exact_caption(found: pd.DataFrame) -> str:
    said = []
    for dataset, rows in found.groupby("dataset", sort=False):
        carries = verdicts.counts_differ(rows[["fisher", "boschloo", "mcnemar_high"]].to_numpy().ravel())
        said.append(f"{figures.title(dataset)}: {'yes' if carries else 'no'}")
    return f"**Whether the printed counts carry a difference by every test: {'; '.join(said)}.** Two-sided p."


# --- what follows


def landing(found: pd.DataFrame) -> dict[str, str]:
    """The landing page's cells: for each data set the verdicts on pictures and on traces, at its largest scale."""
    cells = {}
    for dataset in pages.LANDING:
        rows = found[found.dataset == dataset].set_index("measure")
        for name, measure in zip(("judge", "judge_trace"), RULED):
            verdict = text = "not run"
            if measure in rows.index:
                r = rows.loc[measure]
                verdict = r.verdict
                text = f"at {r.profile}: {_told(r)}; {measure}: ANN {r.ann:.0%}, SNN {r.snn:.0%}"
            cells[f"{name}_number_{dataset}"] = text
            cells[f"{name}_verdict_{dataset}"] = verdict
    return cells


def shown(part: pd.DataFrame, readings: Mapping[tuple, str]) -> str:
    """What the reconstructions of one scale show, said once where both targets' show the same."""
    keys = ((r.profile, r.dataset, "reconstruction", r.target) for r in part.itertuples())
    words = {key[-1]: WORDS[readings[key]] for key in keys}
    if "ann" in words and len(set(words.values())) == 1:
        return words["ann"]
    return both(words, "{}")


def headline(
    wide: pd.DataFrame, readings: Mapping[tuple, str], chance: Mapping[Scale, float], leaks: pd.DataFrame
) -> str:
    """The chapter's answer, on the paper's data where it is there: what reconstructions show, and where they leak."""
    made = of_source(wide, "reconstruction").reset_index()
    said: dict[str, list[str]] = {}  # what is shown -> where
    for scale, part in published.of_paper(made).groupby(["profile", "dataset"], sort=False):
        identified = f"{both(dict(zip(part.target, part.identified)), '{:.0%}')} identified by the class mean"
        share = f"{pages.place(*scale)}, {identified} (chance {chance[scale]:.1%})"
        said.setdefault(shown(part, readings), []).append(share)
    told = "; ".join(f"{show}: on {'; on '.join(shares)}" for show, shares in said.items())
    return f"They show {told}. Where training images are seen to leak: {leaky(leaks)}."


def waiting(scales: Sequence[Scale]) -> str:
    """Which stored scales are not yet judged; nothing where all are."""
    return f"Stored but not yet judged: {'; '.join(pages.place(*one) for one in scales)}." if scales else ""
