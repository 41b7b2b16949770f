"""Chapter 7's answer, is it the spikes: what it says of the gaps, of what carries them, and of all together."""

from collections.abc import Mapping, Sequence

import pandas as pd

from snnmi.show import pages
from snnmi.study import verdicts
from snnmi.study.controls import Variant
from snnmi.study.findings.controls import gaps, neurons_shares
from snnmi.study.sentences.controls import lacking

# --- what carries the gap


def gaps_told_apart(effects: pd.DataFrame) -> str:
    """How many gaps differ from zero: "5 of 8"."""
    rows = gaps(effects)
    return f"{verdicts.lies_off(rows.low, rows.high).sum()} of {len(rows)}"


def neuron_carries(effects: pd.DataFrame) -> str:
    """ "the spiking neuron carries half or more in two": of the gaps that differ from zero."""
    halves = sum(verdicts.carries_half(share) for share in neurons_shares(effects))
    return f"the spiking neuron carries half or more in {pages.words(halves) if halves else 'none'}"


def _effect(r: tuple | pd.Series) -> str:
    return pages.mean_and_span(r.effect, r.low, r.high, sign=True)


def effects(found: pd.DataFrame) -> pd.DataFrame:
    """The table of effects as text, a row a score and scale."""
    lines = []
    for (scale, metric), rows in found.groupby(["scale", "metric"], sort=False):
        part = rows.set_index("factor")
        gap, neuron = part.loc["gap"], part.loc["neuron"]
        low, high = (pages.number(value, sign=True) for value in (neuron.smallest, neuron.largest))
        lines.append(
            {
                "score and scale": f"{metric}: {scale}",
                "SNN − ANN": f"{_effect(gap)}, {pages.p_value(gap.p_classes)}",
                "range": _effect(part.loc["range"]),
                "draw": _effect(part.loc["encoder"]),
                "neuron": _effect(neuron),
                "neuron, over orders": f"{low} to\u00a0{high}",
                "it is the spikes": f"**{gap.verdict}**",
            }
        )
    return pd.DataFrame(lines or [{"scale": "none has all six cells"}])


def effects_caption(found: pd.DataFrame) -> str:
    return (
        f'**"It is the spikes": {pages.verdict_counts(gaps(found).verdict)}.** Effects with 95 % bootstrap interval '
        "over classes and seeds; p: paired permutation test of the gap over classes; last but one: smallest and "
        "largest effect of the neuron over the orders. Shares in 0..1, M_global in nats."
    )


def what_follows(found: pd.DataFrame) -> str:
    """A line for each gap with its verdict and the reason; where every class gave the same there is none."""
    lines = [
        f"- {r.scale}, {r.metric}: *{r.verdict}*. {r.reason}"
        for r in gaps(found).itertuples()
        if not (r.effect == r.low == r.high == 0)
    ]
    return "**What follows.**\n\n" + "\n".join(lines)


# --- what follows


def landing(
    deciding: Mapping[str, pd.DataFrame],
    inside: pd.DataFrame,
    missing: Mapping[str, Sequence[Variant]],
    shares: pd.Series,
) -> dict[str, str]:
    """The landing page's cells: for each data set the verdict on "it is the spikes", its reason and its scale.

    `inside`: the rows of the six cells; `shares`: of the paper's queries, by (profile, dataset).
    """
    cells = {}
    for dataset in pages.LANDING:
        rows = inside[inside.dataset == dataset]
        verdict, reason, scale = "not run", "data set not at hand", "not run"
        if dataset in deciding:
            r = deciding[dataset].iloc[0]
            verdict, reason = r.verdict, f"{r.metric}: {r.reason}"
            scale = pages.scale(r.profile, shares[r.profile, dataset])
        elif len(rows):
            left = "; ".join(lacking(scale, missing[scale]) for scale in rows.scale.unique())
            verdict, reason = "open", f"The six cells are not complete; not run: {left}."
            scale = ", ".join(rows.profile.unique())
        for name, text in (("verdict", verdict), ("reason", reason), ("scale", scale)):
            cells[f"why_{name}_{dataset}"] = text
    return cells


def carried(rows: pd.DataFrame) -> str:
    """One gap and its three parts, in half a sentence; from the rows of one `effects_table`."""
    parts = rows.set_index("factor")
    gap, scale = parts.loc["gap"], rows.scale.iloc[0]
    if not verdicts.lies_off(gap.low, gap.high):
        return f"at {scale} there is no gap to explain"
    by = {name: pages.number(parts.effect[name], sign=True) for name in ("range", "encoder", "neuron")}
    return (
        f"of the SNN − ANN gap in {rows.metric.iloc[0]} at {scale}, {_effect(gap)}, the input range carries "
        f"{by['range']}, the encoder's draw {by['encoder']} and the spiking neuron {by['neuron']}"
    )


def _opening(deciding: Mapping[str, pd.DataFrame]) -> str:
    return verdicts.opening([rows.verdict.iloc[0] for rows in deciding.values()])


def headline(deciding: Mapping[str, pd.DataFrame]) -> str:
    """The chapter's answer, from `findings.deciding`."""
    said = "; ".join(carried(rows) for rows in deciding.values())
    return f"{_opening(deciding)}: {said or 'no scale has all six cells yet'}."


def conclusion(deciding: Mapping[str, pd.DataFrame]) -> str:
    if _opening(deciding) != verdicts.NOT_THE_SPIKES:
        return "No single cause follows from these runs."
    return (
        "What resists the attack is then a model that clips its input, asked about noise that lies mostly outside; "
        "that it spikes carries the smaller part wherever the intervals allow a verdict."
    )


def torn(found: pd.DataFrame) -> str:
    """The gaps on which bootstrap and exact test disagree."""
    rows = gaps(found)
    said = [
        f"{r.metric} at {r.scale}, {pages.p_value(r.p_classes)}"
        for r in rows[verdicts.torn(rows)].itertuples()
    ]
    return "; ".join(said) or "none here"


def seeds(inside: pd.DataFrame) -> str:
    """How many seeds each scale has of the six cells."""
    counts = inside.groupby("scale", sort=False).seed.nunique()
    return "; ".join(f"{scale}: {pages.words(n, 'seed')}" for scale, n in counts.items())


def queries(shares: pd.Series) -> str:
    """Each scale's share of the paper's queries."""
    return "; ".join(
        f"{pages.place(profile, dataset)}: {share:.1%}" for (profile, dataset), share in shares.items()
    )
