"""Chapter 10: which attacker comes how far."""

from collections.abc import Sequence

import pandas as pd

from snnmi.measure.intervals import t_interval
from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.findings.attackers import ANYTIME, GAMIN, KNOWS, LATER, missing, value
from snnmi.study.findings.controls import SCORE
from snnmi.study.judgements import ATTACKERS as WITHOUT_GAMIN
from snnmi.study.sentences.attacks import these
from snnmi.study.sentences.controls import from_none, risen, told


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The attackers as text, a row an attacker and scale, two columns a target."""
    lines = {}
    for r in found.drop_duplicates(["scale", "attacker", "target"]).itertuples():
        line = lines.setdefault(
            (r.scale, r.attacker), {"scale": r.scale, "attacker": r.attacker, "has": r.knows}
        )
        line["queries a class"] = f"{int(r.queries):,}" if r.queries else "none"
        for measure, name in ((SCORE, "copy"), ("recognised", "recognised"), ("identified", "identified")):
            one = value(found, r.scale, r.attacker, r.target, measure)
            line[f"{figures.KINDS[r.target]}: {name}"] = "–" if one != one else f"{one:.0%}"
        line[f"{figures.KINDS[r.target]}: networks"] = str(r.networks)
    frame = pd.DataFrame([*lines.values()] or [{"scale": "none"}]).fillna("–")
    return frame


def _leader(found: pd.DataFrame, scale: str, target: str, knows: str) -> pd.Series | None:
    """Whose images are identified most, among those who know so much; in doubt whose are recognised most."""
    own = found[(found.scale == scale) & (found.target == target) & (found.knows == knows)]
    seen = own[own.measure == "identified"].merge(
        own[own.measure == "recognised"][["attacker", "value"]], on="attacker", suffixes=("", "_recognised")
    )
    if seen.empty:
        return None
    return seen.sort_values(["value", "value_recognised"], ascending=False).iloc[0]


def answer(found: pd.DataFrame) -> str:
    """What the best who asks and the best who holds the weights draw of an SNN, beside GAMIN; of digits only where
    there is nothing else.
    """
    said = []
    real = found[found.dataset != "digits"]
    for scale in dict.fromkeys((real if len(real) else found).scale):
        asks, holds = (_leader(found, scale, "snn", who) for who in KNOWS.values())
        if asks is None:
            continue
        gamin = [value(found, scale, GAMIN, "snn", measure) for measure in ("identified", "recognised")]
        text = (
            f"at {scale}, of those who only ask, {asks.attacker} comes farthest against "
            f"{these('snn', int(asks.networks))}: {asks.value:.0%} of its images are identified and "
            f"{asks.value_recognised:.0%} recognised"
        )
        if asks.attacker != GAMIN and gamin[0] == gamin[0]:
            text += f", of those of GAMIN as published {gamin[0]:.0%} and {gamin[1]:.0%}"
        ann = [value(found, scale, asks.attacker, "ann", measure) for measure in ("identified", "recognised")]
        if ann[0] == ann[0]:
            text += f"; against ANNs the same attacker comes to {ann[0]:.0%} and {ann[1]:.0%}"
        if holds is not None:
            text += f"; who holds the weights comes to {holds.value:.0%} and {holds.value_recognised:.0%}"
            text += f" ({holds.attacker})"
        said.append(text)
    return _sentences(said) or "Not run at any scale."


def gained(rows: pd.DataFrame) -> str:
    """What playing otherwise does to the copy, where several networks were attacked so: the rise of each network."""
    said = []
    for (scale, attacker), own in rows[rows.networks > 1].groupby(["scale", "attacker"], sort=False):
        how = attacker.removeprefix("GAMIN, ")
        said.append(f"{how} takes the test images that the copy reads, at {scale}, {risen(own)}")
    return _sentences(said) or "Nobody who plays otherwise attacked several networks."


PRIORS = "GAMIN, convolutional players", "GAMIN, smoothness penalty"


def priors(rows: pd.DataFrame) -> str:
    """Whether a generator with an image prior draws what the judge recognises more of; `rows`: gains in that."""
    said = []
    for (scale, attacker), own in rows[rows.attacker.isin(PRIORS)].groupby(["scale", "attacker"], sort=False):
        parts = [
            f"of {these(r.target, int(r.networks))} {r.after:.0%} (as published {r.before:.0%})"
            for r in own.itertuples()
        ]
        how = attacker.removeprefix("GAMIN, ")
        said.append(f"at {scale}, with {how}, the judge recognises of the images {' and '.join(parts)}")
    return _sentences(said) or "No generator with an image prior was run."


def weaker(found: pd.DataFrame) -> str:
    """SNN against ANN under the attacker who makes no copy: shares identified and recognised, with their intervals."""
    said = []
    own = found[found.attacker == "evolution"].set_index(["scale", "target", "measure"])
    for scale in dict.fromkeys(found.scale):
        if not {(scale, kind, "identified") for kind in figures.KINDS} <= set(own.index):
            continue
        parts = []
        for kind in ("snn", "ann"):
            seen, near = (own.loc[(scale, kind, measure)] for measure in ("identified", "recognised"))
            shares = [told(r.value, r.low, r.high) for r in (seen, near)]
            parts.append(
                f"of {these(kind, int(seen.networks))} {shares[0]} is identified and {shares[1]} recognised"
            )
        said.append(f"of what evolution draws at {scale}, {'; '.join(parts)}")
    return _sentences(said) or "Evolution was not run on both kinds."


def perfect(found: pd.DataFrame) -> str:
    """GAMIN as published beside its generator with the target's own gradient, where both are of as many networks."""
    said = []
    both = found[found.attacker.isin([GAMIN, "generator descent"]) & (found.measure == "identified")]
    same = both.groupby(["scale", "target"]).networks.transform(lambda n: len(n) == 2 and n.nunique() == 1)
    own = both[same & (both.attacker != GAMIN)]
    for scale in dict.fromkeys(own.scale):
        parts = []
        for kind in (kind for kind in figures.KINDS if kind in set(own[own.scale == scale].target)):
            copied, true = (
                [value(found, scale, who, kind, measure) for measure in ("identified", "recognised")]
                for who in (GAMIN, "generator descent")
            )
            parts.append(
                f"of the {figures.KINDS[kind]}'s images {true[0]:.0%} are identified and {true[1]:.0%} recognised, of "
                f"GAMIN's {copied[0]:.0%} and {copied[1]:.0%}"
            )
        steps = WITHOUT_GAMIN["generator descent"].how["steps"]
        said.append(f"at {scale}, after {steps} steps, {'; '.join(parts)}")
    return _sentences(said) or "Not run on the same networks."


def collapse(found: pd.DataFrame) -> str:
    """How alike the images of one class are under GAMIN as published, and under who plays with several generators."""
    said = []
    own = found[found.measure == "alike"]
    for scale in dict.fromkeys(own.scale):
        several = [
            name
            for name in dict.fromkeys(own[own.scale == scale].attacker)
            if name.endswith(("restarts", "generators"))
        ]
        parts = []
        for name in (GAMIN, *several):
            of = own[(own.scale == scale) & (own.attacker == name)].set_index("target")
            numbers = [
                f"{figures.KINDS[kind]} {of.value[kind]:.2f} ({pages.words(int(of.networks[kind]), 'network')})"
                for kind in figures.KINDS
                if kind in of.index
            ]
            parts.append(f"of {name} {', '.join(numbers)}")
        if several:
            said.append(f"at {scale}, images of one class correlate with each other: {'; '.join(parts)}")
    return _sentences(said) or "Nobody with several generators was run."


def anytime(rows: pd.DataFrame) -> str:
    """What the last stretch of an attack's queries added, for each kind: means over networks, and the rise network by
    network.
    """
    if rows.empty:
        return "No attack with stored moments."
    before, after = sorted(rows.queries.unique())[-2:]
    said = []
    for measure, name in ANYTIME.items():
        parts = []
        for kind in (kind for kind in figures.KINDS if kind in set(rows.target)):
            by = rows[rows.target == kind].pivot(index="seed", columns="queries", values=measure)
            rise = by[after] - by[before]
            low, high = t_interval(rise)
            parts.append(
                f"{by[before].mean():.0%} to {by[after].mean():.0%} with {these(kind, len(by))} (rise "
                f"{told(rise.mean(), low, high, sign=True)}, {from_none(low, high)})"
            )
        said.append(f"{name}: {', '.join(parts)}")
    return f"At {rows.scale.iloc[0]}, from {before:,} to {after:,} queries a class, {'; '.join(said)}."


def beyond(rows: pd.DataFrame) -> pd.DataFrame:
    """What twice the paper's queries bring, as text: a row a network, a column a measure."""
    lines: dict[tuple, dict] = {}
    for r in rows.itertuples():
        about = {
            "scale": r.scale,
            "target": figures.KINDS[r.target],
            "network": str(r.seed),
            "classes": r.classes,
        }
        line = lines.setdefault((r.scale, r.target, r.seed), about)
        line[LATER[r.measure]] = f"{r.before:.2f} → {r.after:.2f}"
    return pd.DataFrame([*lines.values()] or [{"scale": "none"}])


def beyond_caption(rows: pd.DataFrame) -> str:
    """The rises and falls of more than the plan's margin, and of how many networks they are."""
    if rows.empty:
        return "**No attack past a scale's budget is stored.**"
    said = []
    for kind, own in rows.groupby("target", sort=False):
        moved = own[[not verdicts.same(r.after - r.before) for r in own.itertuples()]]
        parts = [f"{LATER[r.measure]} {r.before:.2f} to {r.after:.2f}" for r in moved.itertuples()]
        said.append(
            f"{these(kind, own.seed.nunique())}: {', '.join(parts) or f'nothing by over {verdicts.SAME}'}"
        )
    few, many = rows.few.max(), rows.many.max()
    return (
        f"**From {few:,} to {many:,} queries a class, {'; '.join(said)}.** Last pairs, before → after, means over the "
        f"classes that the longer attack was run for. Its draws are others than the shorter one's, so a change of few "
        "networks may be luck."
    )


def _sentences(said: Sequence[str]) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in said)


def several(found: pd.DataFrame) -> str:
    """Where there are several networks, and so intervals."""
    return "; ".join(dict.fromkeys(found[found.networks > 1].scale)) or "nowhere"


def table_caption(found: pd.DataFrame) -> str:
    count = found.attacker.nunique()
    left = "; ".join(
        f"{scale}: {', '.join(name.removeprefix('GAMIN, ') for name in names)}"
        for scale, names in missing(found).items()
        if names
    )
    return (
        f"**The same in numbers: {pages.words(count, 'attacker')}.** Copy: test images that it reads, last pair; "
        "of several starts the mean; recognised and identified: by the honest judge. Queries: a class. –: not run, or "
        "nothing of the kind. Rows of one network do not compare with rows of several. Not run at all: "
        f"{left or 'none'}."
    )


def pictures_caption(scale: str) -> str:
    """Which pictures stand here."""
    return f"**The first image of every class, by attacker.** {scale}, the first network of each kind: none is picked."
