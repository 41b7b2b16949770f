"""Chapter 14: what recordings change."""

import pandas as pd

from snnmi.show import pages
from snnmi.study import verdicts
from snnmi.study.findings.events import MEASURES, NAMES, value


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The cells as text, a row a scale and cell."""
    lines: dict[tuple, dict] = {}
    for r in found.itertuples():
        line = lines.setdefault((r.scale, r.cell), {"scale": r.scale, "cell": r.cell, "networks": r.networks})
        text = pages.mean_and_span(r.value, r.low, r.high) if r.low == r.low else pages.number(r.value)
        line[MEASURES[r.measure]] = text
    return pd.DataFrame([*lines.values()] or [{"scale": "none"}])


def caption(found: pd.DataFrame) -> str:
    floor = f"; guessing gives {found.floor.mean():.2f}" if len(found) else ""
    return (
        "**The four cells on recordings.** Last pair; the target's accuracy, and that of the attacker's copy, on test "
        "recordings; the share of classes of which the target takes most generated recordings. Means over networks, "
        f"with Student's 95 % interval where there are several{floor}."
    )


def finding(found: pd.DataFrame) -> str:
    """What clip and neurons do to the copy, scale by scale."""
    said = []
    for scale in dict.fromkeys(found.scale):
        ann, clip, raw, snn = (value(found, scale, cell) for cell in NAMES.values())
        networks = int(found[found.scale == scale].networks.min())
        rest = "no more and no less" if verdicts.same(snn - clip) else ("less" if snn < clip else "more")
        said.append(
            f"at {scale} ({pages.words(networks, 'network')} of each kind) the copy of an ANN reads {ann:.0%} of the "
            f"test recordings, behind a clip {clip:.0%}; that of an SNN reads {snn:.0%}, {rest} than behind the clip, "
            f"and without its draws and clip {raw:.0%}"
        )
    return _sentence(said)


def _sentence(said: list[str]) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in said) or "Not run at any scale."


def film_caption(scale: str, label: int) -> str:
    return f"**Class {label}, bin by bin.** {scale}; the first network, the first image: none is picked."
