"""Chapter 05: are the SNN's boundaries more fragmented, and what is a surrogate's agreement worth?"""

import pandas as pd

from snnmi.show import figures, pages
from snnmi.study import verdicts
from snnmi.study.findings.boundaries import PATHS

INPUTS = {"noise": "random", "generated": "generated", "test": "test images"}
OPENING = {
    "supported": "Yes, by the {rule}: the SNN's boundaries are crossed more often than the ANN's even with the "
    "encoder's noise voted away.",
    "contradicted": "No, by the {rule}: with the encoder's noise voted away, the SNN's boundaries are crossed about as "
    "often as the ANN's, or less.",
    "open": "Open: the runs at hand do not settle it by the {rule}.",
}


def _where(row) -> str:
    return pages.place(row.profile, row.dataset)


def largest(frame: pd.DataFrame) -> pd.DataFrame:
    """What is said first: the largest profile of each data set, the largest of them first."""
    return pages.largest_first(pages.largest_scale(frame))


def answer(compared: pd.DataFrame, rule: str) -> str:
    """The chapter's answer, from `findings.compared`; `rule`: what the rule is called here, as "rule below"."""
    if compared.empty:
        return "Not compared here: this run holds one kind of target only, or its test set allows no paths."
    shown = largest(compared)
    names = shown.groupby("verdict").dataset.agg(lambda names: ", ".join(map(figures.title, names)))
    opening = "; ".join(f"{verdict} on {where}" for verdict, where in names.items())
    opening = f"The data sets differ, by the {rule}: {opening}."
    if len(names) == 1:
        opening = OPENING[names.index[0]].format(rule=rule)
    row = shown.iloc[0]
    return (
        f"{opening} On {figures.title(row.dataset)} ({row.profile} profile) the label changes along a straight path "
        f"between two test images {row.snn_low:.2f} to {row.snn_high:.2f} times for the SNN without that noise, "
        f"{row.ann:.2f} times for the ANN, and {row.snn_single:.2f} times in single answers of the SNN (means over "
        f"{row.paths} paths)."
    )


def pieces(measured: pd.DataFrame, plane: str) -> str:
    """Connected pieces of one place's slices: "ANN 3.0 for 3.0 classes; SNN 5.5 for 3.0 classes"."""
    means = measured.groupby("target")[[f"{plane}_target_regions", f"{plane}_target_classes"]].mean()
    return "; ".join(
        f"{figures.KINDS[kind]} {n:.1f} for {classes:.1f} classes" for kind, n, classes in means.itertuples()
    )


def flip_lines(counted: pd.DataFrame) -> pd.DataFrame:
    """Flips along paths as they are printed, from `findings.boundaries.counted`."""
    rows = [*counted.itertuples()]
    return pd.DataFrame(
        {
            "run": [_where(row) for row in rows],
            "path": counted.kind.map(PATHS),
            "n": counted.n,
            "ANN": counted.ann.map("{:.2f}".format),
            "SNN, no encoder noise": [f"{row.snn_low:.2f} to {row.snn_high:.2f}" for row in rows],
            "SNN, single answers": counted.snn_single.map("{:.2f}".format),
            "surrogate of ANN, of SNN": [f"{row.ann_surrogate:.2f}, {row.snn_surrogate:.2f}" for row in rows],
        }
    )


def _gone(share: float) -> str:
    """`_gone(0.8)` -> "at least 80%": the share is a lower bound."""
    return "all" if share == 1 else f"at least {share:.0%}"


def noise_finding(compared: pd.DataFrame) -> str:
    """What is encoder noise among the flips that an attacker sees, at the largest place."""
    if compared.empty:
        return "Nothing to compare."
    row = largest(compared).iloc[0]
    if pd.isna(row.noise_share):
        return f"{_where(row)}: single answers of the SNN flip no more often than the ANN's."
    return (
        f"{_where(row)}: of the flips that the SNN's single answers have beyond the ANN's, {_gone(row.noise_share)} "
        "are encoder noise."
    )


def verdict_lines(compared: pd.DataFrame) -> pd.DataFrame:
    """The rule applied, as it is printed."""

    def more(mean: float, low: float, high: float) -> str:
        return f"{mean:+.2f} {pages.span(low, high)}".replace("-", "−")

    rows = [*compared.itertuples()]
    return pd.DataFrame(
        {
            "run": [_where(row) for row in rows],
            "paths": compared.paths,
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
    constant = snn.top_floor["noise"]
    worth = f"{noise['snn'] - constant:.2f} above what a constant answer gets"
    if verdicts.agreement_is_cheap(noise["snn"], constant):
        worth = "**hardly evidence of a mimicked boundary**"
    return (
        f"- *{where}*: the paper's pattern is **{seen}**: agreement with the SNN on noise {noise['snn']:.2f} "
        f"(ANN {noise['ann']:.2f}), on test images {test['snn']:.2f} (ANN {test['ann']:.2f}). On noise the SNN uses "
        f"{snn.classes['noise']:.1f} classes in effect and the ANN {ann.classes['noise']:.1f}. Always naming the "
        f"commonest would agree with the SNN on {constant:.2f} of the noise, so the surrogate's agreement there is "
        f"{worth}. The SNN agrees with its own second answer on {snn.top_ceiling['noise']:.2f} of the noise and "
        f"{snn.top_ceiling['test']:.2f} of the test images."
    )


def patterns(agreement: pd.DataFrame) -> str:
    """A list item for each place with both kinds of target."""
    items = []
    by_kind = agreement.set_index(["target", "inputs"])
    for place, group in by_kind.groupby(["profile", "dataset"], sort=False):
        if {"ann", "snn"} <= set(group.index.get_level_values(0)):
            items.append(_pattern(pages.place(*place), group.loc["ann"], group.loc["snn"]))
    return "\n".join(items) or "One kind of target only: nothing to compare."


def _conclude(row) -> str:
    text = (
        f"- *{_where(row)}*: **{row.verdict}**. Flips per path between test images: ANN {row.ann:.2f}; "
        f"SNN {row.snn_low:.2f} to {row.snn_high:.2f} without encoder noise, {row.snn_single:.2f} in single answers. "
    )
    if row.snn_single <= row.ann:
        return text + "Even single answers flip no more often than the ANN's."
    excess = f"Of the {row.snn_single - row.ann:.2f} flips that single answers have beyond the ANN's"
    return f"{text}{excess}, {_gone(row.noise_share)} are gone with the noise."


def conclusion(compared: pd.DataFrame) -> str:
    """A list item for each place: its verdict, and what of the SNN's flips is noise."""
    items = [_conclude(row) for row in compared.itertuples()]
    return "\n".join(items) or "Nothing to conclude: one kind of target only."
