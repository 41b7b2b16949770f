"""Chapter 7: what it says of the suspects, the six cells, the adapted attacker, each control and time."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.controls import (
    CELLS,
    CONTROLS,
    ENTROPY,
    INPUTS,
    OTHER,
    OTHERS,
    TIME,
    Variant,
)
from snnmi.study.findings.controls import PUBLISHED_NOISE, SCORES
from snnmi.study.runs import AttackRun
from snnmi.study.settings import Settings

# --- the suspects


def suspects(config: Mapping[str, Settings], accuracy: Mapping[str, str], outside: float) -> pd.DataFrame:
    """What differs between the paper's two targets, and the controls for each.

    `config`, `accuracy`: of each kind. `outside`: share of the attacker's noise outside [0, 1].
    """

    def found(*factors: str) -> str:
        return "; ".join(control.label for control in CONTROLS if control.factor in factors)

    ann, snn = (config[kind].network for kind in ("ann", "snn"))
    neuron = config["snn"].neuron
    times = "; SNN, T = " + ", ".join(str(control.changes["training"]["num_steps"]) for control in TIME)
    draws = f"a Bernoulli draw a pixel and step, new for each query, T = {neuron.num_steps}"
    clips = f"clips to [0, 1]: {outside:.0%} of the noise's pixels"
    rows = [
        ("input range", "answers any value", clips, found("input range")),
        ("chance in the encoder", "none", draws, found("encoder") + times),
        ("neuron", "sigmoid", f"leaky integrate-and-fire, beta = {neuron.beta:g}", found("leak", "reset")),
        ("decoder", "softmax", "mean over time of softmax(membrane)", found("decoder")),
        ("accuracy reached", accuracy.get("ann", "–"), accuracy.get("snn", "–"), found("accuracy")),
        ("width", f"{ann.neurons}", f"{snn.neurons}", found("width")),
        (
            "the attacker's questions",
            "N(0, 1), taken as they are",
            "N(0, 1), most of it clipped",
            found("attacker's noise"),
        ),
        (
            "trained weights",
            "by back-propagation",
            "by a surrogate gradient, on spikes",
            "none here: part of the neuron below",
        ),
    ]
    return pd.DataFrame(rows, columns=["what differs", "ANN", "SNN", "controls"])


def suspects_caption(count: int, scale: str) -> str:
    return (
        f"**{pages.words(count, 'thing').capitalize()} that differ between the two targets, and the control for "
        f"each.** Numbers as at {scale}."
    )


# --- the six cells


def told(r: tuple) -> str:
    """A mean with its interval, where it has one."""
    return pages.mean_and_span(r.value, r.low, r.high) if r.low == r.low else pages.number(r.value)


def lacking(scale: str, missing: Sequence[Variant]) -> str:
    """Which cells a scale lacks; from three on, how many.

    >>> lacking("MNIST, laptop", [CELLS["ann", "clip"], CELLS["ann", "rate"]])
    'MNIST, laptop: ANN, clipped input, ANN, Bernoulli input'
    """
    if len(missing) < 3:
        return f"{scale}: " + ", ".join(control.label for control in missing)
    return f"{scale}: {pages.words(len(missing))} of {pages.words(len(CELLS))}"


def cells(scores: pd.DataFrame, places: Mapping[str, int]) -> pd.DataFrame:
    """The table of the six cells as text; `places`: the scales' order."""

    def place(cell: tuple) -> tuple:
        (scale, neuron, source), _ = cell
        return places[scale], neuron, INPUTS.index(source)

    lines = []
    for (scale, neuron, source), rows in sorted(scores.groupby(["scale", "neuron", "input"]), key=place):
        head = {"scale": scale, "weights": figures.KINDS[neuron], "input": source}
        head["target's own acc."] = f"{rows.own.iloc[0]:.3f}"
        means = {SCORES[r.score].name: told(r) for r in rows.itertuples()}
        lines.append(head | means | {"still moving": f"{rows.moving.iloc[0]:.0%}"})
    return pd.DataFrame(lines)


def cells_finding(factorial: pd.DataFrame, places: Mapping[str, int]) -> str:
    """What clip and draw do to the surrogate, at the largest scale that has all six cells."""
    if factorial.empty:
        return "No scale has all six cells."
    rows = pages.largest_scale(factorial)
    where = max(rows.scale.unique(), key=places.get)
    was = rows[rows.scale == where].groupby("variant").surrogate_accuracy.mean()
    ann, clipped, raw, snn = (
        was[CELLS[cell].name]
        for cell in (("ann", "current"), ("ann", "clip"), ("snn", "current"), ("snn", "rate"))
    )
    return (
        f"At {where} a clip alone takes the accuracy of the ANN's surrogate from {ann:.2f} to {clipped:.2f}; without "
        f"clip and draw that of the SNN's is {raw:.2f} instead of {snn:.2f}."
    )


def cells_caption(
    factorial: pd.DataFrame, places: Mapping[str, int], missing: Mapping[str, Sequence[Variant]]
) -> str:
    left = "; ".join(lacking(scale, controls) for scale, controls in missing.items() if controls) or "none"
    return (
        f"**{cells_finding(factorial, places)}** Kept pair; mean over classes and seeds with 95 % bootstrap interval, "
        "both resampled. Own accuracy: the target's on test images, asked in this way. Still moving: share of "
        f"attacks whose M_global changed by more than 5 % over the last tenth. Cells not run: {left}."
    )


# --- an attacker who adapts


def noise(found: pd.DataFrame) -> pd.DataFrame:
    """The table of noises as text."""
    lines = []
    for r in found.itertuples():
        change = pages.mean_and_span(r.change, r.change_low, r.change_high, sign=True)
        lines.append(
            {
                "scale": r.scale,
                "score": SCORES[r.score].name,
                "noise": r.noise,
                "ANN": pages.number(r.ann),
                "SNN": pages.number(r.snn),
                "SNN − ANN": pages.difference(r.difference, r.low, r.high, r.p_classes),
                "change of this gap": "–" if r.noise == PUBLISHED_NOISE else change,
            }
        )
    return pd.DataFrame(lines or [{"scale": "none"}])


def noise_finding(found: pd.DataFrame) -> str:
    """What clipped noise does to the surrogates, scale by scale."""
    accuracy = found[found.score == "surrogate_accuracy"]
    before = accuracy[accuracy.noise == PUBLISHED_NOISE].set_index("scale")
    said = []
    for r in accuracy[accuracy.noise == "Gaussian, clipped"].itertuples():
        was = before.loc[r.scale]
        said.append(
            f"at {r.scale} from {pages.number(was.snn)} to {pages.number(r.snn)} on the SNN, "
            f"from {pages.number(was.ann)} to {pages.number(r.ann)} on the ANN"
        )
    if not said:
        return "Not run with other noise."
    return "With clipped noise the surrogate's accuracy goes " + "; ".join(said) + "."


def noise_caption(found: pd.DataFrame) -> str:
    return (
        f"**{noise_finding(found)}** Kept pair, mean over classes; difference SNN − ANN with 95 % bootstrap interval "
        "and p of the paired permutation test over classes; last column: how the gap differs from that under the "
        "published noise (as large as that gap and of the other sign: it is closed)."
    )


# --- one change at a time


def moved(changes: pd.DataFrame) -> str:
    """How many controls move a score by more than chance: "6 of 19"."""
    return f"{verdicts.lies_off(changes.low, changes.high).sum()} of {len(changes)}"


def largest(changes: pd.DataFrame) -> str:
    """The control that moves a score most: "SNN, raw current (MNIST, laptop), +0.41 [0.36, 0.46]"."""
    if changes.empty:
        return "none, for it is not run"
    r = changes.loc[changes.difference.abs().idxmax()]
    by = pages.mean_and_span(r.difference, r.low, r.high, sign=True)
    return f"{figures.KINDS[r.target]}, {r['name']} ({r.scale}), {by}"


def matched(trained: pd.DataFrame) -> str:
    """Where each training stops that is to end at the other kind's accuracy; from a `targets_table`."""
    runs = trained.drop_duplicates(["dataset", "variant", "seed"])
    reached = runs.set_index(["dataset", "variant", "seed"]).test_accuracy
    said = []
    for control in OTHERS:
        if control.factor != "accuracy":
            continue
        own, other = control.kind, OTHER[control.kind]
        for r in trained[trained.variant == control.name].itertuples():
            said.append(
                f"{figures.title(r.dataset)}, the {figures.KINDS[own]} stops after "
                f"{pages.words(int(r.epochs), 'epoch')} at {r.test_accuracy:.1%} "
                f"(the {figures.KINDS[other]}: {reached[r.dataset, other, r.seed]:.1%})"
            )
    return "; ".join(said) or "not run at this scale"


def temperature(runs: Iterable[AttackRun]) -> str:
    """At which temperature the SNN's answers are as sure as the ANN's: "0.54 (MNIST, laptop)"."""
    said = [
        f"{run.metrics['temperature']:.2f} ({pages.place(run.profile, run.dataset)})"
        for run in runs
        if run.variant == ENTROPY.name
    ]
    return "; ".join(said) or "not run"


def changes(found: pd.DataFrame) -> pd.DataFrame:
    """The table of controls as text, a row a control and scale."""
    lines = []
    for (scale, _, target, name), rows in found.groupby(["scale", "factor", "target", "name"], sort=False):
        head = {"control": f"{figures.KINDS[target]}: {name}", "scale": scale}
        head["own acc."] = f"{rows.own.iloc[0]:.3f}"
        told = {
            SCORES[r.score].name: pages.mean_and_span(r.difference, r.low, r.high, sign=True)
            for r in rows.itertuples()
            if r.score != "A_comb"
        }
        lines.append(head | told)
    return pd.DataFrame(lines or [{"scale": "none"}])


def changes_caption(found: pd.DataFrame) -> str:
    count = found.groupby(["scale", "factor", "target", "name"]).ngroups
    return (
        f"**The same in numbers: {pages.words(count, 'control')}.** Control minus its baseline, mean over classes "
        "with 95 % bootstrap interval. Own accuracy: the changed target's on test images. The CSV has A_comb too, "
        "p over classes, and the share of attacks that still moved at the end."
    )


# --- time steps


def over_time(curves: pd.DataFrame) -> str:
    """The surrogate's accuracy at the least, the best and the most time steps, scale by scale."""
    snn = curves[(curves.score == "surrogate_accuracy") & (curves.target == "snn")].sort_values("num_steps")
    said = []
    for scale, rows in snn.groupby("scale", sort=False):
        first, best, last = rows.iloc[0], rows.loc[rows.value.idxmax()], rows.iloc[-1]
        at = [f"{pages.number(r.value)} at T = {int(r.num_steps)}" for r in (first, best, last)]
        said.append(f"{at[0]}, {at[1]} and {at[2]} ({scale})")
    return "; ".join(said) or "not run"


def time_steps(curves: pd.DataFrame) -> pd.DataFrame:
    """The table over time steps as text."""
    by = ["scale", "target", "num_steps"]
    lines = []
    for (scale, target, steps), rows in curves.sort_values(by).groupby(by, sort=False, dropna=False):
        head = {"scale": scale, "target": "ANN" if target == "ann" else f"SNN, T = {int(steps)}"}
        lines.append(head | {r.metric: told(r) for r in rows.itertuples()})
    return pd.DataFrame(lines or [{"scale": "none"}])


TIME_CAPTION = (
    "**The same in numbers.** Mean over classes with 95 % bootstrap interval; one seed. The target's own accuracy is "
    "one number a target, so it has no interval."
)
