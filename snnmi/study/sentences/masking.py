"""Chapter 10: what the checklist for masked answers says."""

from typing import NamedTuple

import pandas as pd

from snnmi.show import figures
from snnmi.study import verdicts


class Question(NamedTuple):
    asked: str
    measure: str
    sign: str  # the answer that masked answers would give
    shown: str  # that answer in words


QUESTIONS = {
    "range": Question(
        "Does noise within [0, 1] help?",
        "copy's accuracy, published noise and the best within",
        "yes",
        "noise within [0, 1] helps",
    ),
    "averaging": Question(
        "Does averaging help, at equal queries?",
        "copy's accuracy, inputs asked once and a 16th of them 16 times",
        "yes",
        "averaging helps at equal queries",
    ),
    "again": Question(
        "Does averaging help, at equal inputs?",
        "copy's accuracy, a 16th of the inputs asked once and 16 times",
        "yes",
        "averaging helps at equal inputs",
    ),
    "budget": Question(
        "Does a larger budget help?",
        "copy's accuracy, smallest and largest budget at one learning rate",
        "no",
        "a larger budget does not help",
    ),
    "surrogate": Question(
        "Does it help to make no copy?",
        "recognised of GAMIN's images and of evolution's",
        "yes",
        "making no copy helps",
    ),
    "weights": Question(
        "Do the weights help?",
        "recognised of the best who asks and the best who holds them",
        "no",
        "the weights do not help",
    ),
    "transfer": Question(
        "Are images taken by other networks too?",
        "taken by the own network and by another of its kind",
        "no",
        "other networks do not take its images",
    ),
}


def reading(before: float, after: float) -> str:
    """`yes`, `no` or `it harms`, by the plan's margin.

    >>> reading(0.2, 0.4), reading(0.2, 0.22), reading(0.4, 0.2)
    ('yes', 'no', 'it harms')
    """
    if verdicts.same(after - before):
        return "no"
    return "yes" if after > before else "it harms"


def transferred(before: float, after: float) -> str:
    """Whether another network takes what the own network takes: `yes`, by the margin, else `less`."""
    return "yes" if after > before or verdicts.same(after - before) else "less"


def checklist(rows: pd.DataFrame) -> pd.DataFrame:
    """The checklist as text, a row a question and scale."""
    lines: dict[tuple, dict] = {}
    for name, question in QUESTIONS.items():
        for r in rows[rows.question == name].itertuples():
            line = lines.setdefault((name, r.scale), {"question": question.asked, "scale": r.scale})
            word = (transferred if name == "transfer" else reading)(r.before, r.after)
            line[figures.KINDS[r.target]] = f"{word}: {r.before:.2f} → {r.after:.2f}"
            line["numbers"] = question.measure
            line["masked answers would say"] = question.sign
    columns = ["question", "scale", "ANN", "SNN", "numbers", "masked answers would say"]
    return pd.DataFrame([*lines.values()], columns=columns).fillna("–")


def masked(rows: pd.DataFrame) -> str:
    """Which signs of masked answers each kind of target shows, scale by scale."""
    said = []
    for scale, here in rows.groupby("scale", sort=False):
        kinds = []
        for kind, own in here.groupby("target"):
            shown = [
                QUESTIONS[r.question].shown for r in own.itertuples() if _shows(r.question, r.before, r.after)
            ]
            kinds.append(f"{figures.KINDS[kind]}: {', '.join(shown) or 'none'}")
        said.append(f"at {scale} ({'; '.join(kinds)})")
    return ", ".join(said) or "nowhere"


def _shows(question: str, before: float, after: float) -> bool:
    word = (transferred if question == "transfer" else reading)(before, after)
    return (word == "yes") == (QUESTIONS[question].sign == "yes")


def checklist_caption(rows: pd.DataFrame) -> str:
    return (
        f"**Signs of masked answers: {masked(rows)}.** The numbers before and after; *yes*: more by over "
        f"{verdicts.SAME}. Each is of the networks of its row alone and rests on few, so it points, and proves nothing."
    )
