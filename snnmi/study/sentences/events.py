"""Chapter 12: what recordings change."""

import pandas as pd

from snnmi.show import pages
from snnmi.study.controls import EVENTS
from snnmi.study.findings.events import MEASURES, NAMES, value
from snnmi.study.sentences.attacks import these
from snnmi.study.sentences.controls import from_none, guessing, measured, risen, told


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The cells as text, a row a scale and cell."""
    return measured(found.assign(name=found.cell), "cell", MEASURES)


def caption(found: pd.DataFrame) -> str:
    return (
        "**The four cells on recordings.** Last pair; the target's accuracy, and that of the attacker's copy, on test "
        "recordings; the share of classes of which the target takes most generated recordings. Means over networks, "
        f"with Student's 95 % interval where there are several{guessing(found)}."
    )


def finding(found: pd.DataFrame, rest: pd.DataFrame, sent: pd.DataFrame) -> str:
    """What clip and neurons do to the copy, and what events do, scale by scale; `rest`: of `against_clip`, `sent`: of
    `sent_table`.
    """
    said = []
    for r in rest.itertuples():
        ann, clip, raw, snn = (value(found, r.scale, cell) for cell in NAMES.values())
        floor = found[found.scale == r.scale].floor.mean()
        said.append(
            f"At {r.scale} ({pages.words(int(r.networks), 'network')} of each kind) the copy of an ANN reads {ann:.0%} "
            f"of the test recordings, behind a clip {clip:.0%}; that of an SNN reads {snn:.0%}, and fed raw numbers, "
            f"with neither draws nor clip, {raw:.0%}; guessing gives {floor:.0%}. SNN less clipped ANN: "
            f"{told(r.value, r.low, r.high, sign=True)}, {from_none(r.low, r.high)}."
        )
        sparse, events = (
            [f"{e.after:.0%} ({these(e.target, int(e.networks))})" for e in own.itertuples()]
            for own in (sent[(sent.scale == r.scale) & (sent.sent == way)] for way in EVENTS)
        )
        if events:
            said.append(
                f"Asked with sparse noise, copies read {' and '.join(sparse)}; with the same sent as zeros and ones, "
                f"{' and '.join(events)}."
            )
    return " ".join(said) or "Not run at any scale."


def rest(rows: pd.DataFrame) -> str:
    """What the spikes keep that the clip alone does not, scale by scale; `rows`: of `against_clip`."""
    said = [
        f"{told(r.value, r.low, r.high, sign=True)} at {r.scale} ({from_none(r.low, r.high)})"
        for r in rows.itertuples()
    ]
    return (
        f"Copies of an SNN less those of an ANN behind a clip: {'; '.join(said) or 'not run at any scale'}."
    )


def sent(rows: pd.DataFrame) -> str:
    """What sparse noise, and sending events in place of numbers, do to the copies, scale by scale."""
    said = []
    for (scale, way), own in rows.groupby(["scale", "sent"], sort=False):
        how = f"The same, {way.partition(', ')[2]}," if "," in way else f"At {scale}, {way}"
        said.append(f"{how} takes the test recordings that the copy reads {risen(own)}.")
    return " ".join(said) or "Nobody sent anything but the published noise."


def judged(found: pd.DataFrame) -> str:
    """What an honest judge makes of what was drawn, scale by scale."""
    said = []
    for scale, own in found.groupby("scale", sort=False):
        recognised, identified = (own[own.measure == measure] for measure in ("recognised", "identified"))
        most = recognised.loc[recognised.value.idxmax()]
        seen = f"at most {most.value:.1%} of what was drawn ({most.cell})"
        shares = ", ".join(f"{told(r.value, r.low, r.high)} ({r.cell})" for r in identified.itertuples())
        said.append(
            f"At {scale} a judge that recognises {own.real.iloc[0]:.0%} of real test recordings recognises "
            f"{seen if most.value else 'nothing of what was drawn'}; most like the mean recording of its own class is, "
            f"of each cell's, {shares}."
        )
    return " ".join(said) or "No judge of recordings is stored."
