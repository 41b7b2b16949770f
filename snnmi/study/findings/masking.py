"""Chapter 10: the checklist for masked answers, a pair of numbers a question."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8

from snnmi.attack.blackbox import BlackBox
from snnmi.show import pages
from snnmi.study import profiles, published
from snnmi.study.controls import BASELINES, IN_RANGE
from snnmi.study.experiment import Experiment
from snnmi.study.findings.attackers import GAMIN, KNOWS
from snnmi.study.findings.controls import SCORE, UNIT
from snnmi.study.runs import AttackRun


def checklist(table: pd.DataFrame, budgets: pd.DataFrame, transfers: pd.DataFrame) -> pd.DataFrame:
    """One row a question, scale and target: two numbers to compare, `before` and `after`, of the same networks.

    budget: surrogate accuracy at the smallest and the largest budget (`budgets_table`). weights: the share recognised
    of the best attacker who asks, and of the best who holds the weights. surrogate: the same of GAMIN, and of
    evolution, which makes no copy. averaging: surrogate accuracy asked once, and asked 16 times at equal queries;
    again: the same at equal inputs. range: surrogate accuracy under the published noise, and under the best in [0, 1].
    transfer: the share of images that their own target accepts, and that another network of its kind does
    (`transfers_table`).
    """
    rows = []
    inside = tuple(f"{noise} noise" for noise in IN_RANGE)
    for (profile, dataset, kind), own in table.groupby(["profile", "dataset", "target"], sort=False):
        who, gamin = own.attacker, own[own.attacker == GAMIN]
        asks, holds = (own[own.knows == knows] for knows in KNOWS.values())
        pairs = {
            "weights": ("recognised", asks, holds),
            "surrogate": ("recognised", gamin, own[who == "evolution"]),
            "averaging": (SCORE, gamin, own[who.str.endswith("asked 16 times")]),
            "again": (
                SCORE,
                *(own[who.str.endswith(end)] for end in ("16th of the inputs, asked once", "asked 16 times")),
            ),
            "range": (SCORE, gamin, own[who.str.endswith(inside)]),
        }
        scale = pages.place(profile, dataset)
        rows += [(question, scale, kind, *_bests(*pair)) for question, pair in pairs.items()]
    rows += [("budget", r.scale, r.target, r.before, r.after) for r in budgets.itertuples()]
    rows += [("transfer", r.scale, r.target, r.own, r.other) for r in transfers.itertuples()]
    found = pd.DataFrame(rows, columns=["question", "scale", "target", "before", "after"])
    return found.dropna(subset=["before", "after"]).reset_index(drop=True)


def _bests(measure: str, *sides: pd.DataFrame) -> list[float]:
    """Of each side's attackers the best by this measure, both on the networks that both have; NaN without such.

    The best of those who were run on the most networks, or luck on one would win.
    """
    best = []
    for own in (own.dropna(subset=[measure]) for own in sides):
        networks = own.groupby("attacker").seed.transform("nunique")
        own = own[networks == networks.max()]
        mean = own.groupby("attacker")[measure].mean()
        best.append(
            own[own.attacker == mean.idxmax()].set_index(UNIT)[measure]
            if len(mean)
            else pd.Series(dtype=float)
        )
    both = best[0].index.intersection(best[1].index)
    return [float(one.loc[both].mean()) if len(both) else float("nan") for one in best]


def budgets_table(rows: pd.DataFrame, further: pd.DataFrame) -> pd.DataFrame:
    """One row a data set and target that has several budgets: the accuracy of the copy at the smallest and the largest.

    `rows`: of `networks_table`. Of the baselines alone, by seeds that have both, and by profiles that are attacked
    with the same settings, the learning rate among them: at a tenth of the queries and ten times the rate an attack
    comes as far. `further`: of `beyond`.
    """
    rows = rows[(rows["pair"] == "last") & rows.variant.isin({v.name for v in BASELINES.values()})]
    named = [profiles.get(name.partition(",")[0]) for name in rows.profile]
    rates = [
        p.settings(r.dataset, r.target).attack.lr_surrogate
        for p, r in zip(named, rows.itertuples(), strict=True)
    ]
    rows = rows.assign(calibrated=[profile.calibrated for profile in named], rate=rates)
    longer = further[further.measure == SCORE].rename(columns={"few": "small", "many": "large"})
    longer[["small", "large"]] /= published.QUERIES
    ends = ["small", "large", "before", "after"]
    found = longer.groupby(["scale", "target"], sort=False)[ends].mean().reset_index().to_dict("records")
    for (dataset, target), every in rows.groupby(["dataset", "target"], sort=False):
        largest = every.loc[every.queries.idxmax()]
        own = every[(every.calibrated == largest.calibrated) & (every.rate == largest.rate)]
        budgets = own.queries.min(), largest.queries
        small, large = (own[own.queries == budget].groupby(UNIT)[SCORE].mean() for budget in budgets)
        both = small.index.intersection(large.index)
        if own.queries.nunique() < 2 or not len(both):
            continue
        about = {"scale": pages.place(largest.profile, dataset), "target": target}
        about |= {"small": own.queries.min(), "large": largest.queries}
        found.append(about | {"before": small[both].mean(), "after": large[both].mean()})
    return pd.DataFrame(found, columns=["scale", "target", *ends])


def transfers_table(experiment: Experiment, runs: Sequence[AttackRun]) -> pd.DataFrame:
    """One row a target: of the images that were made for each network, the share that it gives their class, and the
    share that the other networks of its kind do. Needs the networks, so only what this scale may compute.
    """
    rows = []
    for dataset in experiment.datasets if experiment.compute else ():
        for variant in experiment.variants:
            own = [r for r in runs if (r.dataset, r.variant) == (experiment.name(dataset), variant.name)]
            cells = {c.seed: c for c in experiment.cells() if (c.dataset, c.variant) == (dataset, variant)}
            shares: dict[str, list[float]] = {"own": [], "other": []}
            for run in own:
                for seed, cell in cells.items():
                    box = BlackBox(experiment.model(cell), seed=seed, role="examiner's answers")
                    right = accepted(box, run.reconstructions, run.labels)
                    shares["own" if seed == run.seed else "other"].append(right)
            if shares["own"] and shares["other"]:
                means = {name: float(np.mean(values)) for name, values in shares.items()}
                scale = pages.place(experiment.scale, experiment.name(dataset))
                rows.append({"scale": scale, "target": variant.kind} | means)
    return pd.DataFrame(rows, columns=["scale", "target", "own", "other"])


def accepted(box: BlackBox, images: UInt8[np.ndarray, " classes n height width"], labels: list[int]) -> float:
    """The share of the images to which a network gives the class they were made for."""
    called = box(torch.from_numpy(images).float() / 255).argmax(-1)
    return float((called == torch.tensor(labels)[:, None]).float().mean())
