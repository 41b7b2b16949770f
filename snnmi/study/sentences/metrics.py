"""Chapter 4: what it says of Table II, of the choice of the pair, and of the paper's claims."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from snnmi.measure.scores import METRICS
from snnmi.show import figures, pages
from snnmi.study import published
from snnmi.study.findings.metrics import GROUP
from snnmi.study.published import CLAIMS, Claim, is_share
from snnmi.study.verdicts import ALPHA

ONE_KIND = "one kind of target only: nothing to compare"

# --- Table II


def score(r: tuple) -> str:
    """A cell of Table II, shares in %: mean ± standard deviation, a † where it is apart, interval."""
    scale, digits = (100, 1) if is_share(r.score) else (1, 3)
    value, std, low, high = (scale * number for number in (r.value, r.std, r.low, r.high))
    mean = f"{value:.{digits}f} ± {std:.{digits}f}{' †' * r.apart}".replace(" ", "\u00a0")
    return f"{mean} {pages.span(low, high, digits)}"


def printed_score(dataset: str, target: str, name: str) -> str:
    """The same cell as the paper prints it.

    >>> printed_score("mnist", "snn", "surrogate_accuracy"), printed_score("mnist", "snn", "fidelity_mae")
    ('19.88 ± 4.7', '0.9541')
    """
    value, std = published.printed(dataset, target, name)
    scale = 100 if is_share(name) else 1
    return f"{scale * value:.5g}" + (f" ± {scale * std:.2g}" if std else "")


def table_2(scores: pd.DataFrame) -> pd.DataFrame:
    """Table II as text: of each target the paper's row, if it has one, and a row a scale."""
    lines = []
    for (dataset, target), group in scores.groupby(["dataset", "target"], sort=False):
        head = {"target": f"{figures.title(dataset)}, {figures.KINDS[target]}"}
        if (dataset, target) in published.TABLE_2:
            theirs = {m.name: printed_score(dataset, target, name) for name, m in METRICS.items() if m.paper}
            lines.append(head | {"scale": "published"} | theirs)
        for profile, one in group.groupby("profile", sort=False):
            lines.append(
                head | {"scale": profile} | {METRICS[r.score].name: score(r) for r in one.itertuples()}
            )
    return pd.DataFrame(lines).fillna("")


def table_2_caption(scores: pd.DataFrame) -> str:
    """How many numbers agree with the published ones, and how to read the table."""
    compared = scores[scores.published.notna()]
    finding = "No data set at hand is in the paper, so nothing here can be set against it."
    if len(compared):
        agree = int((~compared.apart).sum())
        finding = f"{agree} of {len(compared)} numbers cannot be told from the published ones."
    classes = scores.groupby(["dataset", "profile"], sort=False).n.first()
    who = "; ".join(
        f"{figures.title(dataset)} at scale {profile}: {pages.words(int(n), 'class', 'classes')}"
        for (dataset, profile), n in classes.items()
    )
    return (
        f"**{finding}** Kept pair; last three columns in %. ± is the standard deviation over classes, one attack a "
        f"class and seed ({who}; the paper ten and forty); brackets: 95 % bootstrap interval of the mean over "
        "classes. †: the two intervals share no point; for F, printed without a spread: the published value lies "
        "outside ours."
    )


def rescaled(fidelity: Mapping[str, float]) -> str:
    """Where F lies between floor and ceiling.

    >>> print(rescaled({"ann": -0.06, "snn": 0.12}))
    −6 % on ANNs and 12 % on SNNs
    """
    return " and ".join(
        f"{pages.number(100 * value, 0)} % on {figures.KINDS[kind]}s" for kind, value in fidelity.items()
    )


# --- the kept pair and the last one


def pairs(found: pd.DataFrame) -> pd.DataFrame:
    """A row a target, "kept → last" for each score; ‡ where they differ."""
    lines = []
    for (profile, dataset, target), rows in found.groupby(GROUP, sort=False):
        head = {"target": f"{figures.title(dataset)}, {figures.KINDS[target]}", "scale": profile}
        told = {
            METRICS[r.score].name: f"{r.kept:.3f} → {r.last:.3f}" + " ‡" * (r.p < ALPHA)
            for r in rows.itertuples()
        }
        lines.append(head | told)
    return pd.DataFrame(lines).fillna("")


def pairs_caption(found: pd.DataFrame) -> str:
    changed = int((found.p < ALPHA).sum())
    return (
        f"**In {changed} of {len(found)} comparisons the choice of the pair changes the score.** Mean over classes, "
        "kept → last; ‡: paired permutation test over classes, p < 0.05."
    )


# --- the claims


def panel(key: str) -> str:
    """What a claim's panel of the figure is called."""
    score = CLAIMS[key].score
    return "spread of M_global" if key == "unstable" else METRICS[score].name if score in METRICS else key


def stalled(claims: pd.DataFrame) -> str:
    """Where the gate is shut: "Digits (8×8), smoke"."""
    shut = claims[~claims.works.astype(bool)].groupby(["dataset", "profile"]).size()
    return "; ".join(pages.place(profile, dataset) for dataset, profile in shut.index) or "none"


def number(r: tuple | pd.Series) -> str:
    """A claim's difference with interval and p."""
    return pages.difference(r.difference, r.low, r.high, r.p, int(r.decimals))


def paper_number(difference: float, decimals: int) -> str:
    return "–" if np.isnan(difference) else pages.number(difference, decimals, sign=True)


def paper_numbers(claim: Claim) -> str:
    """The paper's differences on its two data sets.

    >>> print(paper_numbers(CLAIMS["a_comb"]))
    −0.30; −0.55
    """
    found = [published.difference(dataset, claim.score, claim.statistic) for dataset in published.CLASSES]
    if np.isnan(found).any():
        return "no number"
    return "; ".join(pages.number(value, claim.decimals, sign=True) for value in found)


def claims(found: pd.DataFrame) -> pd.DataFrame:
    """The table of verdicts as text."""
    rows = list(found.itertuples())
    return pd.DataFrame(
        {
            "claim: on SNNs …": found.claim,
            "run": [pages.place(r.profile, r.dataset) for r in rows],
            "SNN − ANN": [number(r) for r in rows],
            "paper": [paper_number(r.published, r.decimals) for r in rows],
            "classes": found.n,
            "verdict": "**" + found.verdict + "**",
            "with the last pair": found.verdict_last.fillna("–"),
        }
    )


def claims_caption(found: pd.DataFrame) -> str:
    said = pages.verdict_counts(found.verdict)
    other = int((found.verdict_last.notna() & (found.verdict_last != found.verdict)).sum())
    return (
        f"**{said[0].upper()}{said[1:]}; verdicts that change with the last pair: {other}.** Difference SNN minus "
        "ANN, its 95 % interval, and p of the paired permutation test, by the rules above. Scales at which the gate "
        f"is shut: {stalled(found)}."
    )


def landing(found: pd.DataFrame, shares: pd.Series) -> dict[str, str]:
    """The landing page's cells: for each data set its largest scale, and each claim's verdict and number there.

    `shares`: of the paper's queries, by (profile, dataset).
    """
    cells = {f"claim_{key}_paper": paper_numbers(claim) for key, claim in CLAIMS.items()}
    largest = pages.largest_scale(found)
    for dataset in pages.LANDING:
        rows = largest[largest.dataset == dataset].set_index("key")
        verdict, text, scale = "not run", "at any scale", "not run"
        if len(rows):
            profile = rows.profile.iloc[0]
            verdict, text, scale = (
                "open",
                "data set not at hand",
                pages.scale(profile, shares[profile, dataset]),
            )
        cells[f"metrics_scale_{dataset}"] = scale
        for key in CLAIMS:
            there = key in rows.index
            cells[f"verdict_{key}_{dataset}"] = rows.verdict[key] if there else verdict
            cells[f"number_{key}_{dataset}"] = number(rows.loc[key]) if there else text
    return cells


def headline(found: pd.DataFrame) -> str:
    """The chapter's answer: the verdicts at the largest scale of each data set."""
    largest = pages.largest_scale(found)
    if largest.empty:
        return "Only one kind of target was attacked, so nothing can be compared."
    scales = dict(zip(largest.dataset, largest.profile))
    where = ", ".join(f"{figures.title(dataset)} at scale {profile}" for dataset, profile in scales.items())
    return (
        f"At the largest scale at hand ({where}), {len(largest)} tests of the paper's claims were made: "
        f"{pages.verdict_counts(largest.verdict)}."
    )
