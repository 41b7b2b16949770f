"""Chapter 11: what other codes give away, and which predictions failed."""

import pandas as pd

from snnmi.show import pages
from snnmi.study import verdicts
from snnmi.study.controls import LABELS
from snnmi.study.findings.codes import CLIPPED, JUDGED, MEASURES
from snnmi.study.sentences.controls import from_none, guessing, measured, told

PREDICTED = {
    "alike": "A code that clips gives the copy what the clipped current gives it",
    "above": "The raw current gives it more than any code that clips",
    "lifted": "Sparse noise within [0, 1] lifts the copy of a code that clips",
    "between": "The population code gives it more than the clipped current, less than the raw one",
}


EXPLORED = " (exploratory: the attack was shortened after a first look, and with more batches other codes were alike)."
CALLED = LABELS | {"clip": "clipped current", "current": "raw current"}  # within a sentence
SHORT = {
    "alike": "like the clipped current",
    "above": "above all that clip",
    "lifted": "lifted by sparse noise",
    "between": "between the clipped and the raw current",
}


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The codes as text, a row a scale and code."""
    own = found[found.measure.isin(MEASURES)]
    return measured(own.assign(name=own.label), "code", MEASURES)


def caption(found: pd.DataFrame) -> str:
    return (
        "**The codes in numbers.** Accuracy on test images of the target and of the attacker's copy (last pair), under "
        "the published noise N(0, 1) and under sparse noise within [0, 1]; Student's 95 % interval over networks where "
        f"there are several{guessing(found)}."
    )


def judged(found: pd.DataFrame) -> pd.DataFrame:
    """What the judge says of them as text, a row a scale and code."""
    own = found[found.measure.isin(JUDGED)]
    return measured(own.assign(name=own.label), "code", JUDGED)


def judged_caption(found: pd.DataFrame, real: pd.DataFrame) -> str:
    """How many of the images are recognised at most, whatever the code and noise; `real`: the judge on test images."""
    of_real = real.assign(scale=pages.places(real)).groupby("scale").recognised.mean() if len(real) else {}
    said = []
    for scale, own in found[found.measure.str.startswith("recognised")].groupby("scale", sort=False):
        best = own.loc[own.value.idxmax()]
        noise = JUDGED[best.measure].partition(", ")[2]
        text = f"at {scale} at most {pages.number(best.value)} ({best.label}, {noise})"
        real_too = f", of real test images {pages.number(of_real[scale])}" if scale in of_real else ""
        said.append(text + real_too)
    return (
        f"**Recognised by the judge: {'; '.join(said) or 'not asked'}.** Shares of the images of each network's kept "
        "pair under either noise: identified, most like the mean of its class; recognised, called its class and as "
        "near to training images as real ones."
    )


def predictions(rows: pd.DataFrame) -> pd.DataFrame:
    """Each prediction as text: where it held and where not."""
    lines = []
    for (scale, name), own in rows.groupby(["scale", "prediction"], sort=False):
        numbers = "; ".join(f"{LABELS[r.code]} {r.mark:.2f} → {r.found:.2f}" for r in own.itertuples())
        lines.append(
            {
                "scale": scale,
                "predicted": PREDICTED[name],
                "held": f"{int(own.held.sum())} of {len(own)}",
                "numbers": numbers,
                "failed": ", ".join(LABELS[code] for code in own.code[~own.held.astype(bool)]) or "none",
            }
        )
    return pd.DataFrame(lines or [{"scale": "none"}])


def predictions_caption(rows: pd.DataFrame) -> str:
    return (
        f"**{held(rows)}** *Alike*: within {verdicts.SAME} of the clipped current's; *more*: by over {verdicts.SAME}. "
        "Numbers: what it is set against → what was found."
    )


def held(rows: pd.DataFrame) -> str:
    """Of which codes each prediction held and of which not, scale by scale."""
    said = []
    for scale, here in rows.groupby("scale", sort=False):
        parts = []
        for name, own in here.groupby("prediction", sort=False):
            came, failed = (
                _listed([CALLED[c] for c in own.code[own.held.astype(bool) == held]])
                for held in (True, False)
            )
            parts.append(f"{SHORT[name]}: {', '.join(filter(None, (came, failed and f'not {failed}')))}")
        said.append(f"At {scale}, {'; '.join(parts)}.")
    return " ".join(said) or "No code was run."


def apart(rows: pd.DataFrame) -> str:
    """Where several networks have a code and the clipped current: the difference and whether it is told from none."""
    said = []
    for scale, own in rows[rows.networks > 1].groupby("scale", sort=False):
        parts = [
            f"of {LABELS[r.code]} {told(r.value, r.low, r.high, sign=True)} ({from_none(r.low, r.high)}, "
            f"{pages.words(int(r.networks), 'network')})"
            for r in own.itertuples()
        ]
        said.append(f"At {scale} the copy reads, beside that of the clipped current, {_listed(parts)}.")
    return " ".join(said) or "No two codes were run on several networks."


def answer(found: pd.DataFrame, rows: pd.DataFrame) -> str:
    """What other codes change, by the predictions."""
    said = []
    for scale, own in rows.groupby("scale", sort=False):
        here = found[(found.scale == scale) & (found.measure == "normal")].set_index("code").value
        clipped = here[here.index.isin(CLIPPED)]
        low, high = clipped.min(), clipped.max()
        networks = int(found[found.scale == scale].networks.min())
        text = f"At {scale}, with {pages.words(networks, 'network')} a code, copies of SNNs whose code clips read "
        text += f"{low:.0%} to {high:.0%} of the test images"
        for code, name in (("population", "coded by populations"), ("current", "fed raw numbers")):
            if code in here:
                text += f", of the one {name} {here[code]:.0%}"
        tried = own[own.prediction == "alike"]
        alike, others = (
            [LABELS[code] for code in tried.code[tried.held.astype(bool) == held]] for held in (True, False)
        )
        if alike and others:
            text += f": the clip alone gives what {_listed(alike)} {'gives' if len(alike) == 1 else 'give'}, and not "
            text += f"what {_listed(others)} {'does' if len(others) == 1 else 'do'}"
        elif alike:
            text += ": all clipping codes are alike, so the clip explains them too"
        elif others:
            text += ": none gives what the clip alone gives, so more than the clip is at work"
        said.append(text + (EXPLORED if scale.startswith(pages.title("digits")) else "."))
    return " ".join(said) or "No code was run."


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
