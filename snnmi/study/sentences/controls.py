"""Chapter 7's tables and captions: the cells, the attacker in the range, each control, time."""

from collections.abc import Mapping, Sequence

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.controls import INPUTS, Variant
from snnmi.study.findings.controls import CLIPPED, PUBLISHED_NOISE
from snnmi.study.sentences.attacks import these, whose


def told(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """A number with its interval, where it has one."""
    return pages.mean_and_span(value, low, high, sign=sign) if low == low else pages.number(value, sign=sign)


def from_none(low: float, high: float) -> str:
    """Whether a difference is told from none, by its interval over networks."""
    if low != low:
        return "one network, so no interval"
    return "told from none" if verdicts.lies_off(low, high) else "not told from none"


def risen(rows: pd.DataFrame) -> str:
    """How far the copies of each kind of target rose, a row a kind: "of these two SNNs from 10% to 20% (rise ...)"."""
    parts = [
        f"of {these(r.target, int(r.networks))} from {r.before:.0%} to {r.after:.0%} (rise "
        f"{told(r.value, r.low, r.high, sign=True)}, {from_none(r.low, r.high)})"
        for r in rows.itertuples()
    ]
    return " and ".join(parts)


def measured(found: pd.DataFrame, what: str, measures: Mapping[str, str]) -> pd.DataFrame:
    """A table as text, scale by scale a row a `name`, a column a measure. `found`: scale, name, measure, value, low,
    high, networks. `what` heads the column of names.
    """
    lines: dict[tuple, dict] = {}
    for r in found.itertuples():
        line = lines.setdefault((r.scale, r.name), {"scale": r.scale, what: r.name, "networks": r.networks})
        line[measures[r.measure]] = told(r.value, r.low, r.high)
    scales = [*dict.fromkeys(found.scale)]
    in_order = sorted(lines.values(), key=lambda line: scales.index(line["scale"]))
    return pd.DataFrame(in_order or [{"scale": "none"}])


def guessing(found: pd.DataFrame) -> str:
    """What guessing gives, for the end of a caption: "; guessing gives 0.11 (MNIST, plan)"."""
    floors = found.groupby("scale", sort=False).floor.mean()
    said = ", ".join(f"{floor:.2f} ({scale})" for scale, floor in floors.items())
    return f"; guessing gives {said}" if said else ""


def beside(r: tuple, value: float, *, sign: bool = False) -> str:
    """The last pair's number, the kept pair's in brackets."""
    return f"{told(value, r.low, r.high, sign=sign)} (kept {pages.number(r.kept, sign=sign)})"


def lacking(missing: Sequence[Variant]) -> str:
    """Which of the four cells a scale lacks: "ANN, clipped input; SNN, raw current"."""
    return "; ".join(control.label for control in missing)


# --- the cells


def cells(found: pd.DataFrame) -> pd.DataFrame:
    """The grid as text, a row a scale and set of weights, a column an input."""
    lines = {}
    for r in found.itertuples():
        line = lines.setdefault((r.scale, r.neuron), {"scale": r.scale})
        line["weights"] = f"{figures.KINDS[r.neuron]}, {pages.words(r.networks, 'network')}"
        line[r.input] = beside(r, r.value) + f", takes {r.taken:.3g} of {r.classes}"
    scales = [*found.scale.unique()]
    order = sorted(lines, key=lambda place: (scales.index(place[0]), place[1]))
    columns = ["scale", "weights", *INPUTS]
    return pd.DataFrame([lines[place] for place in order], columns=columns).fillna("–")


def cells_finding(found: pd.DataFrame, scales: Sequence[str]) -> str:
    """What clip and raw numbers do to the copy, at the first of the scales that decide."""
    if not scales:
        return "No scale has all four cells."
    rows = found[found.scale == scales[0]].set_index(["neuron", "input"])
    value, n = rows.value, int(rows.networks.max())
    return (
        f"At {scales[0]} a clip takes the accuracy of {whose('ann', n)} copy from {value['ann', 'current']:.2f} to "
        f"{value['ann', 'clip']:.2f}; raw numbers take that of {whose('snn', n)} from {value['snn', 'rate']:.2f} to "
        f"{value['snn', 'current']:.2f}."
    )


def cells_caption(
    found: pd.DataFrame, scales: Sequence[str], missing: Mapping[str, Sequence[Variant]]
) -> str:
    left = "; ".join(f"{scale}: {lacking(lacks)}" for scale, lacks in missing.items() if lacks) or "none"
    return (
        f"**{cells_finding(found, scales)}** Accuracy of the surrogate, the attacker's copy, on test images: last "
        "pair, in brackets the kept one. Mean over classes and networks, with Student's 95 % interval over networks "
        "where there are two or more; then of how many classes the target takes most generated images. All cells of a "
        f"scale are of the same networks. Of the four that the analysis plan asks for, not run: {left}."
    )


# --- an attacker who stays in the range


def noise(found: pd.DataFrame) -> pd.DataFrame:
    """The table of noises as text."""
    lines = [
        {
            "scale": r.scale,
            "noise": r.noise,
            "ANN": f"{r.ann:.2f}, takes {r.ann_taken:.3g} of {r.classes}",
            "SNN": f"{r.snn:.2f}, takes {r.snn_taken:.3g} of {r.classes}",
            "SNN − ANN": beside(r, r.value, sign=True),
            "kept at batch": f"{int(r.first):,} to {int(r.latest):,} of {int(r.batches):,}",
        }
        for r in found.itertuples()
    ]
    return pd.DataFrame(lines or [{"scale": "none"}])


def noise_finding(found: pd.DataFrame) -> str:
    """What clipped noise does to the copies, scale by scale."""
    before = found[found.noise == PUBLISHED_NOISE].set_index("scale")
    said = []
    for r in found[found.noise == CLIPPED].itertuples():
        was = before.loc[r.scale]
        said.append(
            f"at {r.scale} from {pages.number(was.snn)} to {pages.number(r.snn)} on {these('snn', r.networks)}, "
            f"from {pages.number(was.ann)} to {pages.number(r.ann)} on {these('ann', r.networks)}"
        )
    if not said:
        return "Not run with other noise."
    return f"With clipped noise the copy's accuracy goes {'; '.join(said)}."


def in_range(found: pd.DataFrame) -> str:
    """Whether an attacker who never leaves [0, 1] does as well: the noise that serves best against the SNN."""
    before = found[found.noise == PUBLISHED_NOISE].set_index("scale")
    inside = found[found.noise != PUBLISHED_NOISE]
    said = []
    for scale, rows in inside.groupby("scale", sort=False):
        if len(rows) < 2:
            continue
        best, outside = rows.loc[rows.snn.idxmax()], before.loc[scale]
        said.append(
            f"At {scale}, of {pages.words(len(rows), 'noise')} within [0, 1] {best.noise} serves best against "
            f"{these('snn', int(best.networks))}: its copies read {best.snn:.0%} of the test images, those of "
            f"{these('ann', int(best.networks))} {best.ann:.0%} (noise as published: {outside.snn:.0%} and "
            f"{outside.ann:.0%})."
        )
    return " ".join(said) or "Not run with several noises within [0, 1]."


def noise_caption(found: pd.DataFrame) -> str:
    return (
        f"**{noise_finding(found)}** Accuracy of the surrogate on test images and classes taken, last pair; SNN − ANN "
        "with the kept pairs' in brackets; last column: at which batches the kept pairs were found (early: by players "
        "that had hardly been trained). All rows of a scale are of the same networks."
    )


# --- one change at a time


def largest(changes: pd.DataFrame) -> str:
    """The control that moves the copy's accuracy most: "SNN, raw current (MNIST, laptop), +0.41"."""
    if changes.empty:
        return "none, for it is not run"
    r = changes.loc[changes.difference.abs().idxmax()]
    by = told(r.difference, r.low, r.high, sign=True)
    return f"{figures.KINDS[r.target]}, {r['name']} ({r.scale}), {by}"


def changes(found: pd.DataFrame) -> pd.DataFrame:
    """The table of controls as text, a row a control and scale."""
    lines = [
        {
            "control": f"{figures.KINDS[r.target]}: {r.name}",
            "scale": r.scale,
            "networks": r.networks,
            "target's own acc.": f"{r.own:.3f}",
            "surrogate acc., control − baseline": beside(r, r.difference, sign=True),
        }
        for r in found.rename_axis(None).itertuples(index=False)
    ]
    return pd.DataFrame(lines or [{"scale": "none"}])


def changes_caption(found: pd.DataFrame, same: Sequence[tuple[Variant, str, int]]) -> str:
    """`same`: controls that load their baseline's own run."""
    count = len(found.drop_duplicates(["scale", "factor", "target", "name"]))
    seeds: dict[tuple[str, str], list[int]] = {}
    for control, scale, seed in same:
        seeds.setdefault((control.label, scale), []).append(seed)
    nothing = "; ".join(
        f"{label} ({scale}, {'seed' if len(own) == 1 else 'seeds'} {', '.join(map(str, own))})"
        for (label, scale), own in seeds.items()
    )
    return (
        f"**The same in numbers: {pages.words(count, 'control')}.** Control minus its own baseline on the same "
        "networks, last pair, the kept one in brackets; Student's 95 % interval over networks where there are two or "
        "more."
        + (f" Nothing to compare, for control and baseline are one run: {nothing}." if nothing else "")
    )


# --- time steps


def over_time(curves: pd.DataFrame) -> str:
    """The copy's accuracy at the fewest and the most time steps, scale by scale, and whether it rose."""
    snn = curves[(curves.score == "surrogate_accuracy") & (curves.target == "snn")].sort_values("num_steps")
    said = []
    for scale, rows in snn.groupby("scale", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        rise = last.value - first.value
        word = "as expected" if rise > 0 else "the other way"
        if verdicts.same(rise):
            word = f"no such growth, the same within {verdicts.SAME}"
        said.append(
            f"At {scale} it goes from {pages.number(first.value)} at T = {int(first.num_steps)} to "
            f"{pages.number(last.value)} at T = {int(last.num_steps)}: {word}."
        )
    return " ".join(said) or "Not run at any scale."


def shorter(batches: int, usual: int) -> str:
    """That this chapter's attacks are shorter than the profile's, if they are."""
    if batches >= usual:
        return ""
    return (
        f"Every attack here, the baselines too, has {batches / usual:.0%} of the batches that it has in Chapter 3, so "
        "that all controls fit; numbers there and here differ for that reason."
    )
