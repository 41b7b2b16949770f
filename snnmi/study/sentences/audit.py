"""The audit: its one sentence, what was assumed of the reader's file, and the tables as text."""

import pandas as pd

from snnmi.measure.scores import METRICS
from snnmi.models.foreign import KNOWN, Assumed
from snnmi.show import pages
from snnmi.study.audit import KIND, Own
from snnmi.study.findings.audit import Outcome
from snnmi.study.published import is_share

NAMES = {KIND: "the network", "ann": "ANN of its size", "snn": "SNN of its size"}
WHO = {False: "your network", True: "this book's SNN"}  # whether it is this book's own
KINDS_RUN = ", ".join(sorted(KNOWN - {"Input", "Output"}))
SEES = {
    "image": "images of the classes",
    "trace": "traces of the classes, but no images of them",
    "nothing": "nothing of the classes",
}
CAUSES = (
    "likely it was trained on images of another scale than 0 for black to 1 for white, or its classes stand in another "
    "order, or it was left in training mode"
)
AFTER_A_SPIKE = {
    "zero": "goes to the file's reset potential",
    "delayed": "falls by the threshold, one step later",
    "before_decay": "falls by the threshold at once",
}


def answer(found: Outcome, *, own: Own, book: bool) -> str:
    """What the attack gets out of it, in one sentence, and what makes that doubtful; `book`: the network is this book's
    own.
    """
    return " ".join(filter(None, [_gets(found, own, book), own.unsteady]))


def _gets(found: Outcome, own: Own, book: bool) -> str:
    who, c = WHO[book] + ", read from a file" * book, found.copies
    if not found.works:
        why = "what was assumed about it is wrong" if own.assumed else CAUSES
        return (
            f"As {who} is read here it is right on {found.accuracy:.0%} of the test images, and whoever always says "
            f"the commonest class on {found.guess:.0%}: {why}, so nothing below counts."
        )
    it, ann, snn = ((c[kind], c[f"{kind}, clipped noise"]) for kind in (KIND, "ann", "snn"))
    copy = "a copy of" if found.copied else "no copy better than always saying the commonest class of"
    return (
        f"In {found.queries:,} queries a class the attack gets {copy} {who}: right on {it[0]:.0%} of the test images, "
        f"on {it[1]:.0%} if all its questions lie in the range of images (for an ANN of its size {ann[0]:.0%} and "
        f"{ann[1]:.0%}, for an SNN {snn[0]:.0%} and {snn[1]:.0%}); in its pictures an independent judge sees "
        f"{SEES[found.reading]}."
    )


def assumed(own: Own) -> str:
    """What was taken for granted about the network."""
    if (a := own.assumed) is None:
        doubt = f". {own.unsteady}" if own.unsteady else ": nothing had to be assumed."
        return "It is the reader's own code, asked as it stands" + doubt
    return (
        f"It is asked for {a.num_steps} steps of {a.dt:g} s through the encoder “{a.encoder}” and answers by the "
        f"decoder “{a.decoder}”; the membrane of a neuron that spikes {AFTER_A_SPIKE[a.reset]}; at the start of every "
        "query all are at rest."
    )


def rules(found: pd.DataFrame) -> pd.DataFrame:
    """The table of reset rules as text."""
    return pd.DataFrame(
        {
            "after a spike the membrane": found.reset.map(AFTER_A_SPIKE),
            "reset": found.reset,
            "test accuracy": found.test_accuracy.map("{:.1%}".format),
            "here": found.assumed.map({True: "assumed", False: "–"}),
        }
    )


def rules_caption(found: pd.DataFrame) -> str:
    least, most = found.test_accuracy.min(), found.test_accuracy.max()
    finding = f"From {least:.1%} to {most:.1%}, by what is assumed to follow a spike."
    if least == most:
        finding = "What follows a spike makes no difference to its accuracy here."
    return (
        f"**{finding}** The same file under each rule, on the first test images. If you know your network's accuracy, "
        f"this tells whether it is read as it was trained; snntorch's own import takes “{Assumed.reset}”."
    )


def same(confidences: float | None, apart: pd.Series) -> str:
    """Whether file and SNN agree: the largest difference of a confidence, and of each score of their attacks."""
    if confidences is None:
        return "Whether the network is read as it was trained, only its accuracy can tell."
    return (
        f"The numbers agree: asked by the same draws, the SNN and its file differ by at most {confidences:.1g} "
        f"in a confidence, and the attacks on them below by at most {apart.max():.3f} in every score."
    )


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """The table of scores as text: a row a score and attacker, a column a network."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for r in found.itertuples():
        scale, digits = (100, 1) if is_share(r.score) else (1, 3)
        value, low, high, floor, ceiling = (scale * v for v in (r.value, r.low, r.high, r.floor, r.ceiling))
        cell = f"{pages.mean_and_span(value, low, high, digits)}; {pages.number(floor, digits)} … "
        cell += pages.number(ceiling, digits)
        rows.setdefault((METRICS[r.score].name, asks(r.variant)), {})[NAMES[r.target]] = cell
    return pd.DataFrame(
        [{"score": score, "attacker asks": who} | cells for (score, who), cells in rows.items()]
    )


def asks(variant: str) -> str:
    """What an attacker asks about, by the name of the attack's variant."""
    return "in the range" if "," in variant else "anything"


def scores_finding(found: pd.DataFrame) -> str:
    """What the network itself says of the pictures."""
    own = found[(found.target == KIND) & (found.score == "A_target")].set_index("variant").value
    return (
        f"The network takes {own[KIND]:.0%} of the pictures for the class that was attacked, and "
        f"{own[f'{KIND}, clipped noise']:.0%} where the attacker kept to the range."
    )


def scores_caption(found: pd.DataFrame) -> str:
    own = found[(found.target == KIND) & (found.score == "surrogate_accuracy")]
    best = own.loc[own.value.idxmax()]
    return (
        f"**The best copy of {NAMES[KIND]} is right on {best.value:.0%} of the test images; the network itself on "
        f"{best.ceiling:.0%}.** Mean over classes with 95 % bootstrap interval (it speaks of other classes), then "
        f"floor … ceiling; last pair, {best.queries:,} queries a class; surrogate accuracy, A_comb and A_target in %. "
        "M_global: lower is better for the attacker."
    )


def judged(found: pd.DataFrame) -> pd.DataFrame:
    """The judge's table as text."""

    def told(measure: str) -> list[str]:
        spans = zip(found[measure], found[f"{measure}_low"], found[f"{measure}_high"])
        return [f"{value:.0%} {pages.span(100 * low, 100 * high, 0)}" for value, low, high in spans]

    return pd.DataFrame(
        {
            "pictures": [picture(name) for name in found.images],
            "reading": found.reading,
            "recognised": told("recognised"),
            "identified": told("identified"),
        }
    )


def picture(name: str) -> str:
    """Where pictures come from.

    >>> picture("yours, clipped noise"), picture("noise")
    ('the network, asked in the range', 'noise')
    """
    kind, clipped, _ = name.partition(",")
    return NAMES.get(kind, kind) + (", asked in the range" if clipped else "")


def line(name: str) -> str:
    """The same in few words, beside a line of pictures.

    >>> line("snn, clipped noise"), line("class mean")
    ('SNN in\\xa0range', 'class mean')
    """
    kind, clipped, _ = name.partition(",")
    short = {KIND: "network", "ann": "ANN", "snn": "SNN"}
    return short.get(kind, kind) + (" in\u00a0range" if clipped else "")


def judged_caption(found: pd.DataFrame) -> str:
    own = found[found.images.str.partition(",")[0] == KIND]
    return (
        f"**Of the pictures drawn from {NAMES[KIND]}, at most {own.recognised.max():.0%} are recognised and "
        f"{own.identified.max():.0%} identified.** Recognised: a network that no attack saw calls the picture its "
        "class, and it lies as near to training images as real images do. Identified: it correlates most with its own "
        f"class's mean; chance {found.chance.iloc[0]:.0%}. Brackets: 95 % bootstrap interval over classes."
    )
