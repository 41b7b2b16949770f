"""Chapter 5: are the SNN's boundaries more fragmented, and what is a surrogate's agreement worth?"""

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.findings.boundaries import PATHS
from snnmi.study.sentences.attacks import these, whose

INPUTS = {"noise": "random", "generated": "generated", "test": "test images"}
WAYS = {
    "between": "between two classes",
    "within": "within one class",
    "noise": "from an image out to noise, where the attack asks",
}
OPENING = {"supported": "Yes.", "contradicted": "No.", "open": "Open."}


def _where(row) -> str:
    return pages.place(row.profile, row.dataset)


def largest(frame: pd.DataFrame) -> pd.DataFrame:
    """What is said first: the largest profile of each data set, the largest of them first."""
    return pages.largest_first(pages.largest_scale(frame))


def answer(compared: pd.DataFrame) -> str:
    """The chapter's answer, from `findings.compared`: at the paper's data sets, path by path."""
    shown = largest(compared[compared.verdict != verdicts.DEMONSTRATION])
    if shown.empty:
        return "Not compared here: that takes both kinds of target, on the paper's data."
    said: dict[str, list[str]] = {}  # what is found -> the kinds of path on which it is
    for kind, rows in shown.groupby("kind", sort=False):
        by_verdict = rows.groupby("verdict", sort=False).dataset
        found = [f"{verdict} on {' and '.join(map(figures.title, names))}" for verdict, names in by_verdict]
        said.setdefault(", ".join(found), []).append(WAYS[kind])
    told = "; ".join(f"{' and '.join(ways)}, {found}" for found, ways in said.items())
    return (
        f"{OPENING[verdicts.agreed(shown.verdict)]} With the encoder's noise voted away, that the boundaries of "
        f"{these('snn', int(shown.networks.min()))} are crossed more often is, {told}."
    )


def pieces(measured: pd.DataFrame, plane: str) -> str:
    """Connected pieces of one place's slices: "ANN 3 for 3 classes; SNN 5.5 for 3 classes"."""
    means = measured.groupby("target")[[f"{plane}_target_regions", f"{plane}_target_classes"]].mean().round(1)
    return "; ".join(
        f"{figures.KINDS[kind]} {n:g} for {classes:g} classes" for kind, n, classes in means.itertuples()
    )


def _gone(share: float) -> str:
    """`_gone(0.8)` -> "at least 80%": the share is a lower bound."""
    return "all" if share > 1 - verdicts.EQUAL else f"at least {share:.0%}"


def noise_finding(compared: pd.DataFrame) -> str:
    """What is encoder noise among the flips that an attacker sees, at the largest place."""
    if compared.empty:
        return "Nothing to compare."
    shown = largest(compared)
    rows = shown[(shown.profile == shown.profile.iloc[0]) & (shown.dataset == shown.dataset.iloc[0])]
    said = [f"{_gone(r.noise_share)} {WAYS[r.kind]}" for r in rows.dropna(subset="noise_share").itertuples()]
    where = _where(rows.iloc[0])
    if not said:
        return f"{where}: single answers of the SNN flip no more often than the ANN's."
    return (
        f"{where}: of the flips that the SNN's single answers have beyond the ANN's, encoder noise are "
        f"{'; '.join(said)}."
    )


def verdict_lines(compared: pd.DataFrame) -> pd.DataFrame:
    """Flips along paths and the rule applied, as they are printed."""

    def more(mean: float, low: float, high: float) -> str:
        return pages.mean_and_span(mean, low, high, sign=True)

    rows = [*compared.itertuples()]
    return pd.DataFrame(
        {
            "run": [_where(row) for row in rows],
            "path": compared.kind.map(PATHS),
            "ANN": compared.ann.map("{:.2f}".format),
            "SNN, no encoder noise": [f"{row.snn_low:.2f} to {row.snn_high:.2f}" for row in rows],
            "SNN, single answers": compared.snn_single.map("{:.2f}".format),
            "more flips, low count": [more(row.low_mean, row.low_from, row.low_to) for row in rows],
            "more flips, high count": [more(row.high_mean, row.high_from, row.high_to) for row in rows],
            "conjecture": compared.verdict,
        }
    )


def agreement_lines(agreement: pd.DataFrame) -> pd.DataFrame:
    """Agreement of surrogate and target as it is printed, from `findings.boundaries.agreement_table`."""
    return pd.DataFrame(
        {
            "run": _where(row),
            "target, inputs": f"{figures.KINDS[row.target]}, {INPUTS[row.inputs]}",
            "n": row.n,
            "agree": f"{row.top:.2f}" + (f" {pages.span(row.low, row.high)}" if row.n > 2 else ""),
            "best constant": f"{row.top_floor:.2f}",
            "classes in use": f"{row.classes:.1f}",
            "same query twice": f"{row.differ:.1%}",
            "1 − MAE (uniform)": f"{row.mae:.3f} ({row.mae_floor:.3f})",
        }
        for row in agreement.itertuples()
    )


def repeat(agreement: pd.DataFrame) -> str:
    """How often two answers of the SNN to one query differ, at the largest place."""
    shown = largest(agreement[agreement.target == "snn"]).head(len(INPUTS))
    if shown.empty:
        return "No SNN was run."
    shares = "; ".join(f"{INPUTS[row.inputs]} {row.differ:.1%}" for row in shown.itertuples())
    return f"Two answers of the SNN differ ({_where(shown.iloc[0])}): {shares}."


def _pattern(where: str, ann: pd.DataFrame, snn: pd.DataFrame) -> str:
    """Is it as in the paper, and what is the agreement on noise worth? Both frames by inputs."""
    noise, test = ({"ann": ann.top[inputs], "snn": snn.top[inputs]} for inputs in ("noise", "test"))
    seen = "seen" if verdicts.papers_pattern(noise, test) else "not seen"
    constant, networks = snn.top_floor["noise"], int(snn.n.min())
    worth = f"{noise['snn'] - constant:.2f} above what a constant answer gets"
    if verdicts.agreement_is_cheap(noise["snn"], constant):
        worth = "**hardly evidence of a mimicked boundary**"
    return (
        f"- *{where}*: the paper's pattern is **{seen}**: agreement with {these('snn', networks)} on noise "
        f"{noise['snn']:.2f} (ANN {noise['ann']:.2f}), on test images {test['snn']:.2f} (ANN {test['ann']:.2f}). "
        f"Always naming {whose('snn', networks)} commonest answer would agree on {constant:.2f} of the noise, so the "
        f"surrogate's agreement there is {worth}."
    )


def patterns(agreement: pd.DataFrame) -> str:
    """A list item for each place with both kinds of target."""
    items = []
    by_kind = agreement.set_index(["target", "inputs"])
    for place, group in by_kind.groupby(["profile", "dataset"], sort=False):
        if {"ann", "snn"} <= set(group.index.get_level_values(0)):
            items.append(_pattern(pages.place(*place), group.loc["ann"], group.loc["snn"]))
    return "\n".join(items) or "One kind of target only: nothing to compare."


def conclusion(compared: pd.DataFrame, overall: pd.Series) -> str:
    """A list item for each place: its verdict, and what its kinds of path say."""
    items = []
    for (profile, dataset), verdict in overall.items():
        rows = compared[(compared.profile == profile) & (compared.dataset == dataset)]
        by_kind = "; ".join(f"{PATHS[row.kind]}: {row.verdict}" for row in rows.itertuples())
        if verdict != "not compared":
            items.append(f"- *{pages.place(profile, dataset)}*: **{verdict}** ({by_kind}).")
    return "\n".join(items) or "Nothing to conclude: one kind of target only, or not the paper's data."
