"""Chapter 7's answer: which of the paper's two explanations carries the gap, and what that answer hangs on."""

from collections.abc import Mapping, Sequence

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import published, verdicts
from snnmi.study.controls import Variant
from snnmi.study.findings.controls import CLIPPED, PUBLISHED_NOISE, SCORE
from snnmi.study.sentences.attacks import these
from snnmi.study.sentences.controls import lacking, told

EXPLANATIONS = {  # the paper's two, and which part of the gap each says it is
    "neuron": "irregular decision boundaries, so through the spiking neuron",
    "encoding": "encoding and decoding as a layer of obfuscation",
}
OPENING = {  # what carries the gap by the rule, and what only seems to
    "encoding": (
        "what protects is the encoder, which clips its input, and not the spiking neuron",
        "to the encoder's clip",
    ),
    "neuron": (
        "what protects is the spiking neuron, and not the encoder that clips its input",
        "to the spiking neuron",
    ),
}

# --- what carries the gap


def parts(found: pd.DataFrame) -> pd.DataFrame:
    """The table of the gap's two parts as text, a row a scale."""
    lines = []
    for scale, rows in found.groupby("scale", sort=False):
        line = {"scale": scale, "networks of each kind": str(rows.networks.iloc[0])}
        for r in rows.itertuples():
            both = f", {pages.number(r.smallest, sign=True)} and {pages.number(r.largest, sign=True)}"
            ways = "" if r.factor == "gap" else both
            name = figures.FACTORS[r.factor][1]
            effect = told(r.effect, r.low, r.high, sign=True)
            line[name] = f"{effect} (kept {pages.number(r.kept, sign=True)}{ways})"
        lines.append(line)
    return pd.DataFrame(lines or [{"scale": "none has all four cells"}])


def explanations(found: pd.DataFrame) -> pd.DataFrame:
    """The paper's two explanations and what became of them on its data, a row each and scale."""
    found = found[found.verdict != verdicts.DEMONSTRATION]
    lines = [
        {"the paper's explanation": name, "scale": r.scale, "verdict": f"**{r.verdict}**", "why": r.reason}
        for part, name in EXPLANATIONS.items()
        for r in found[found.part == part].itertuples()
    ]
    return pd.DataFrame(lines or [{"scale": "none of the paper's data has all four cells"}])


def landing(
    explained: pd.DataFrame, missing: Mapping[str, Sequence[Variant]], shares: pd.Series
) -> dict[str, str]:
    """The landing page's cells: for each data set the verdicts on both explanations, their reasons and the scale.

    `explained`: at the scales that decide; `missing`: the cells that each scale lacks; `shares`: of the paper's
    queries, by (profile, dataset).
    """
    cells = {}
    for dataset in pages.LANDING:
        rows = explained[explained.dataset == dataset].set_index("part")
        scales = [where for where in shares.index if where[1] == dataset]
        for part, name in (("neuron", "why"), ("encoding", "why_encoding")):
            verdict, reason, scale = "not run", "data set not at hand", "not run"
            if part in rows.index:
                r = rows.loc[part]
                verdict, reason = r.verdict, r.reason
                scale = pages.scale(r.profile, shares[r.profile, dataset])
            elif dataset not in published.CLASSES and scales:
                verdict, reason = verdicts.DEMONSTRATION, "The paper does not use this data set."
                scale = ", ".join(profile for profile, _ in scales)
            elif scales:
                places = [pages.place(*where) for where in scales]
                left = "; ".join(f"{place}: {lacking(missing[place])}" for place in places)
                verdict, reason = "open", f"The four cells are not complete; not run: {left}."
                scale = ", ".join(profile for profile, _ in scales)
            for what, text in (("verdict", verdict), ("reason", reason), ("scale", scale)):
                cells[f"{name}_{what}_{dataset}"] = text
    return cells


# --- the answer


def _seen(cells: pd.DataFrame) -> str:
    """The four cells of one scale, in one sentence."""
    rows = cells.set_index(["neuron", "input"])
    value, n = rows.value, int(rows.networks.max())
    return (
        f"copies of {these('ann', n)} read {value['ann', 'current']:.0%} of the test images rightly and copies of "
        f"{these('snn', n)} {value['snn', 'rate']:.0%}; put {these('ann', n)} behind the same clip and it is "
        f"{value['ann', 'clip']:.0%}, feed {these('snn', n)} raw numbers and it is {value['snn', 'current']:.0%}"
    )


def _opening(parts: pd.DataFrame, verdict: pd.Series) -> str:
    """What one scale says; `verdict` on either explanation."""
    own = parts.set_index("factor")
    gap, networks = own.loc["gap"], pages.words(int(parts.networks.min()), "network")
    if verdicts.same(gap.effect):
        return "there is no gap to explain"
    # what the page's verdicts call nothing to explain is not explained here
    if pd.notna(gap.low) and not verdicts.lies_off(gap.low, gap.high):
        return f"no gap can be told from zero with {networks} of each kind, so there is none to explain"
    lead = "encoding" if own.share["encoding"] >= verdicts.HALF else "neuron"
    settled, seen = OPENING[lead]
    if verdict[lead] == "supported":
        return settled
    return f"it is not settled with {networks} of each kind, but what was seen points {seen}"


def headline(parts: pd.DataFrame, explained: pd.DataFrame, cells: pd.DataFrame) -> str:
    """The chapter's answer, a sentence for each of the scales that decide: `parts`, `explained` as there, `cells`."""
    if parts.empty:
        return "Open: no scale has all four cells yet."
    said = []
    for scale, own in parts.groupby("scale", sort=False):
        verdict = explained[explained.scale == scale].set_index("part").verdict
        dataset, _, profile = scale.partition(", ")
        where = f"On {dataset} ({profile})"
        said.append(f"{where} {_opening(own, verdict)}: {_seen(cells[cells.scale == scale])}.")
    return " ".join(said)


GUESS = "It rests on a guess: that the attacker's noise is not clipped to the range of images. The paper does not say."
RAW = "with clipped noise the rebuilt gap is gone and the published one is there, so unclipped is the better guess"


def noise_guess(noises: pd.DataFrame) -> str:
    """The assumption under the answer, unclipped noise, and what speaks for it; `noises`: a `noise_table`."""
    said = [GUESS]
    gaps = noises[noises.dataset.isin(published.CLASSES)].set_index(["dataset", "scale", "noise"]).value
    for dataset, scale in [(d, s) for d, s, noise in gaps.index if noise == CLIPPED]:
        printed = published.difference(dataset, SCORE)
        ours = [gaps[dataset, scale, noise] for noise in (PUBLISHED_NOISE, CLIPPED)]
        raw, clipped, paper = (pages.number(gap, sign=True) for gap in (*ours, printed))
        told_apart = verdicts.noise_was_raw(*ours, printed)
        said.append(
            f"At {scale} the gap in the copy's accuracy is {raw} with noise as it is and {clipped} with clipped noise, "
            f"and the paper prints {paper}: {RAW if told_apart else 'that does not tell which it was'}."
        )
    return " ".join(said if len(said) > 1 else [*said, "Clipped noise is not run on its data."])


def endings(ends: Mapping[str, Mapping[str, int]]) -> str:
    """How many attacks on the four cells settled, and in how many the adversarial term was off at the end."""
    return " ".join(
        f"At {scale} {n['settled']} of the {n['classes']} attacks on the four cells have settled, and in {n['off']} "
        f"kₜ ends below {verdicts.OFF}: GAMIN's adversarial term is off, and the copy learns from noise alone."
        for scale, n in ends.items()
    )
