"""Chapter 4: what it says of Table II, of the choice of the pair, and of the paper's claims."""

import numpy as np
import pandas as pd

from snnmi.measure.scores import METRICS
from snnmi.show import figures, pages
from snnmi.study import published, verdicts
from snnmi.study.findings.metrics import ABOVE, GROUP
from snnmi.study.published import CLAIMS, Claim, is_share
from snnmi.study.sentences.attacks import largest_places, these
from snnmi.study.verdicts import ALPHA

ONE_KIND = "one kind of target only: nothing to compare"
ENOUGH = pages.words(verdicts.NETWORKS)

# --- Table II


def name(score: str) -> str:
    """A score as pages write it."""
    return "L_N − H(T)" if score == ABOVE else METRICS[score].name if score in METRICS else score


def score(r: tuple) -> str:
    """A cell of Table II, shares in %: mean ± standard deviation, a † where it is apart, a ¶ where a class is lost,
    interval.
    """
    scale, digits = (100, 1) if is_share(r.score) else (1, 3)
    value, std, low, high = (scale * number for number in (r.value, r.std, r.low, r.high))
    mean = f"{value:.{digits}f} ± {std:.{digits}f}{' †' * r.apart}{' ¶' * bool(r.lost)}"
    mean = mean.replace(" ", "\u00a0")
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
            theirs = {name(key): printed_score(dataset, target, key) for key in published.SCORES}
            lines.append(head | {"scale": "published"} | theirs)
        for profile, one in group.groupby("profile", sort=False):
            about = {"scale": profile, "networks": f"{one.networks.iloc[0]}"}
            lines.append(head | about | {name(r.score): score(r) for r in one.itertuples()})
    there = [
        key for key in ("M_global", ABOVE, *METRICS) if key in {*scores.score} or key in published.SCORES
    ]
    columns = ["target", "scale", "networks", *dict.fromkeys(map(name, there))]
    return pd.DataFrame(lines, columns=columns).fillna("")


def table_2_caption(scores: pd.DataFrame) -> str:
    """How many numbers agree with the published ones, and how to read the table."""
    compared = scores[scores.published.notna()]
    finding = "No data set at hand is in the paper, so nothing here can be set against it."
    if len(compared):
        agree = int((~compared.apart).sum())
        finding = f"{agree} of {len(compared)} numbers cannot be told from the published ones."
    return (
        f"**{finding}** Last pair; shares in %. ± is the standard deviation over classes; brackets: 95 % interval of "
        f"the mean over classes (bootstrap), over networks where there are {ENOUGH} or more (Student's). †: the two "
        "intervals, as printed, share no point; for F, printed without a spread: the published value lies outside ours."
        + (f" {lost(scores)}" if scores.lost.any() else "")
    )


def lost(scores: pd.DataFrame) -> str:
    """Which classes no mean has, from `findings.score_table`; nothing where all have numbers."""
    rows = scores[scores.lost != ""].drop_duplicates(["profile", "dataset", "target", "lost"])
    said = [
        f"{r.lost} ({pages.place(r.profile, r.dataset)}, {figures.KINDS[r.target]})"
        for r in rows.itertuples()
    ]
    return f"¶: without classes whose answers or images are no numbers: {'; '.join(said)}." if said else ""


def rescaled(found: pd.DataFrame) -> str:
    """Where F lies between floor and ceiling, from `findings.rescaled_fidelity`.

    >>> line = {"dataset": "mnist", "profile": "paper", "networks": 1, "target": "ann", "rescaled": -0.06}
    >>> print(rescaled(pd.DataFrame([line, line | {"target": "snn", "rescaled": 0.12}])))
    −6 % on this ANN and 12 % on this SNN (MNIST, paper)
    """
    said = []
    for (profile, dataset), rows in found.groupby(["profile", "dataset"], sort=False):
        shares = [
            f"{pages.number(100 * r.rescaled, 0)} % on {these(r.target, int(r.networks))}"
            for r in rows.itertuples()
        ]
        said.append(f"{' and '.join(shares)} ({pages.place(profile, dataset)})")
    return "; ".join(said)


# --- the kept pair and the last one


def pairs(found: pd.DataFrame) -> pd.DataFrame:
    """A row a target, "kept → last" for each score; ‡ where they differ."""
    lines = []
    for (profile, dataset, target), rows in found.groupby(GROUP, sort=False):
        head = {"target": f"{figures.title(dataset)}, {figures.KINDS[target]}", "scale": profile}
        told = {
            name(r.score): f"{r.kept:.3f} → {r.last:.3f}" + " ‡" * (r.p < ALPHA) for r in rows.itertuples()
        }
        lines.append(head | told)
    return pd.DataFrame(lines).fillna("")


def pairs_caption(found: pd.DataFrame) -> str:
    changed = int((found.p < ALPHA).sum())
    return (
        f"**In {changed} of {len(found)} comparisons the choice of the pair changes the score.** Mean over classes, "
        "kept → last; ‡: exact sign-flip test over the same units as the claims', p < 0.05."
    )


# --- the claims


def panel(key: str) -> str:
    """What a claim's panel of the figure is called."""
    return "spread of M_global" if key == "unstable" else name(CLAIMS[key].score)


def stalled(claims: pd.DataFrame) -> str:
    """Where the gate is shut: "Digits (8×8), smoke"."""
    shut = claims[~claims.works.astype(bool)].groupby(["dataset", "profile"]).size()
    return "; ".join(pages.place(profile, dataset) for dataset, profile in shut.index) or "none"


def number(r: tuple | pd.Series) -> str:
    """A claim's number: the difference, with interval and p where a test was run; counts of classes where it has them,
    and these alone where no test was run.
    """
    digits, said = int(r.decimals), []
    if counted := CLAIMS[r.key].score in ("A_comb", "A_target"):
        said.append(f"ANN {r.won_ann} of {r.attacks}, SNN {r.won_snn} of {r.attacks}{',' * bool(r.tested)}")
    if r.judged == ABOVE:
        said.append(f"{pages.number(r.printed, digits, sign=True)}; L_N − H(T)")
    if r.tested:
        error = f" ± {r.p_error:.4f}" if r.p_error > 0 else ""
        said.append(pages.difference(r.difference, r.low, r.high, r.p, digits) + error)
    elif not counted:
        said.append(pages.number(r.difference, digits, sign=True))
    return " ".join(said)


def paper_number(difference: float, decimals: int) -> str:
    return "–" if np.isnan(difference) else pages.number(difference, decimals, sign=True)


def paper_numbers(claim: Claim) -> str:
    """The paper's differences on its two data sets.

    >>> print(paper_numbers(CLAIMS["a_comb"]))
    −0.30; −0.55
    """
    found = [published.difference(dataset, claim.score) for dataset in published.CLASSES]
    if np.isnan(found).any():
        return "no number"
    return "; ".join(pages.number(value, claim.decimals, sign=True) for value in found)


def claims(found: pd.DataFrame) -> pd.DataFrame:
    """The claims with their verdicts as text."""
    rows = list(found.itertuples())
    return pd.DataFrame(
        {
            "claim: on SNNs …": found.claim,
            "run": pages.places(found),
            "networks of each kind": found.networks,
            "SNN − ANN": [number(r) for r in rows],
            "paper": [paper_number(r.published, r.decimals) for r in rows],
            "verdict": "**" + found.verdict + "**",
            "with the kept pair": found.verdict_kept.fillna("–"),
        }
    )


def claims_finding(found: pd.DataFrame) -> str:
    """Which claims are supported, which contradicted, on the paper's data sets at their largest scale."""
    said = []
    shown = pages.largest_scale(found[found.dataset.isin(published.CLASSES)])
    for (profile, dataset), rows in shown.groupby(["profile", "dataset"], sort=False):
        names = rows.key.map(panel).groupby(rows.verdict, sort=False).agg(", ".join)
        told = [f"{word} by {names[word]}" for word in ("supported", "contradicted", "open") if word in names]
        said.append(f"{pages.place(profile, dataset)}: {'; '.join(told)}.")
    return " ".join(said) or "None of the paper's data sets is at hand: a demonstration, without verdicts."


def claims_caption(found: pd.DataFrame) -> str:
    return (
        f"**{claims_finding(found)}** Last pair; SNN minus ANN with its 95 % interval and exact p, over classes, or "
        f"over networks where there are {ENOUGH} or more of each kind. A_comb and A_target: in how many attacks, each "
        "on one class of one network, more than half of the pictures are accepted; where too few classes differ no "
        f"test is run. Scales at which the gate is shut: {stalled(found)}."
    )


def landing(found: pd.DataFrame, shares: pd.Series) -> dict[str, str]:
    """The landing page's cells: for each data set its largest scale, and each claim's verdict and number there.

    `shares`: of the paper's queries, by (profile, dataset).
    """
    cells = {f"claim_{key}_paper": paper_numbers(claim) for key, claim in CLAIMS.items()}
    shown = pages.largest_scale(found)
    for dataset in pages.LANDING:
        rows = shown[shown.dataset == dataset].set_index("key", drop=False)
        verdict, text, scale = "not run", "at any scale", "not run"
        if len(rows):
            profile, networks = rows.profile.iloc[0], pages.words(int(rows.networks.iloc[0]), "network")
            scale = f"{pages.scale(profile, shares[profile, dataset])}, {networks} of each kind"
            verdict, text = "open", "not measured"
        cells[f"metrics_scale_{dataset}"] = scale
        for key in CLAIMS:
            there = key in rows.index
            cells[f"verdict_{key}_{dataset}"] = rows.verdict[key] if there else verdict
            cells[f"number_{key}_{dataset}"] = number(rows.loc[key]) if there else text
    return cells


def headline(found: pd.DataFrame) -> str:
    """The chapter's answer: what copies and targets do at the largest scale of the paper's data sets, else others'."""
    said = []
    for place, rows in largest_places(found):
        copies, target = (rows.set_index("key").loc[key] for key in ("surrogate", "a_target"))
        ann, snn = (these(kind, int(copies.networks)) for kind in figures.KINDS)
        said.append(
            f"On {place}, copies of {ann} read {copies.ann:.0%} of the test images, copies of "
            f"{snn} {copies.snn:.0%} ({copies.verdict}); {ann} accepted the pictures in {target.won_ann} of "
            f"{target.attacks} attacks, {snn} in {target.won_snn} ({target.verdict})."
        )
    return " ".join(said) or "Only one kind of target was attacked, so nothing can be compared."
