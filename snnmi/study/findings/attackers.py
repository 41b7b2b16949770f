"""Chapter 10: attackers of the same targets side by side."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from snnmi.measure import metrics
from snnmi.show import pages
from snnmi.study import published
from snnmi.study.controls import (
    ATTACKERS,
    BASELINES,
    BEYOND,
    NOISE,
    RESTARTS,
    attackers,
    restarts,
)
from snnmi.study.experiment import Experiment
from snnmi.study.findings.attacks import alike
from snnmi.study.findings.controls import (
    OVER_NETWORKS,
    SCORE,
    UNIT,
    networks_table,
    over_networks,
    share_over_networks,
)
from snnmi.study.judgements import ATTACKERS as WITHOUT_GAMIN
from snnmi.study.judgements import judgements
from snnmi.study.runs import AttackRun

GAMIN = "GAMIN, as published"
KNOWS = {"answers": "answers", "weights": "weights"}
OF_JUDGE = {"judge_accuracy": "called", "recognised": "recognised", "identified": "identified"}
MEASURES = (SCORE, *OF_JUDGE.values(), "alike")
PLACE = ["profile", "dataset", "target", "attacker"]


def named(variant: str) -> str:
    """An attacker of a baseline by the name of its variant: "snn" -> "GAMIN, as published"."""
    change = variant.partition(", ")[2]
    return f"GAMIN, {change}" if change else GAMIN


def everybody(stored: Experiment) -> list[Experiment]:
    """Of a stored scale, read only: the baselines under every attacker of `controls`, at the scale's own batches."""
    same, attack = _same(stored), stored.settings(stored.datasets[0], BASELINES["snn"]).attack
    again = Experiment(**same, variants=restarts(attack), attack_seeds=[*range(RESTARTS)])
    found = [Experiment(**same, variants=[*BASELINES.values(), *attackers(attack)]), again]
    return [one for one in found if one.attacks()]


def _same(stored: Experiment) -> dict:
    """What another experiment needs to be given to read the same scale."""
    same = {name: getattr(stored, name) for name in ("results", "changes", "code", "datasets", "seeds")}
    return same | {"profile": stored.profile.name, "compute": False}


def is_restarted(attacker: str) -> bool:
    return attacker.endswith("restarts")


def alike_table(runs: Iterable[AttackRun]) -> pd.DataFrame:
    """One row an attacker and network: how alike its images of a class are, mean over classes (`attacks.alike`)."""
    images: dict[tuple, list[np.ndarray]] = {}
    for r in runs:
        images.setdefault((r.profile, r.dataset, r.target, named(r.variant), r.seed), []).append(
            r.reconstructions
        )
    rows = [(*key, alike(np.concatenate(own, axis=1)).mean()) for key, own in images.items()]
    return pd.DataFrame(rows, columns=[*PLACE, "seed", "alike"])


def attackers_table(runs: Iterable[AttackRun], judged: pd.DataFrame) -> pd.DataFrame:
    """One row an attacker, target and network: what it knows, its queries a class, the accuracy of its copy (last
    pair), and what the judge says of its images (means over classes).

    judged: of `judgements_table`. Whoever makes no copy has no accuracy; whoever holds the weights asks nothing. What
    stands side by side is of the same networks, where these attackers have several. Who starts several times shows of
    each class the images that the target is surest of; its copies' accuracy is their mean. alike: mean correlation of
    GAMIN's images of one class, of all restarts together.
    """
    runs = [*runs]
    last = networks_table(runs)
    last = last[last["pair"] == "last"].assign(attacker=lambda rows: rows.variant.map(named))
    last["queries"] = (last.queries * published.QUERIES).round()
    last = last[[*PLACE, *UNIT, "queries", SCORE]].drop_duplicates([*PLACE, *UNIT])
    again = last.attacker.map(is_restarted)
    all_starts = last[again].groupby([*PLACE, "seed"], as_index=False).agg({"queries": "sum", SCORE: "mean"})
    last = pd.concat([last[~again], all_starts.assign(attack_seed=all_starts.seed)])
    last = last.merge(alike_table(runs), on=[*PLACE, "seed"])

    seen = judged[judged.source.isin({"reconstruction", *WITHOUT_GAMIN})].rename(columns=OF_JUDGE)
    own = seen.source.where(seen.source != "reconstruction", seen.variant.map(named))
    seen = seen.assign(attacker=own, attack_seed=seen.attack_seed.fillna(seen.seed)).astype(
        {"attack_seed": int}
    )
    again = seen.attacker.map(is_restarted)
    surest = seen[again].groupby([*PLACE, "seed", "label"]).target_confidence.idxmax()
    seen = pd.concat([seen[~again], seen.loc[surest].assign(attack_seed=seen.seed)])
    seen = seen.groupby([*PLACE, *UNIT], sort=False)[[*OF_JUDGE.values()]].mean().reset_index()

    found = last.merge(seen, on=[*PLACE, *UNIT], how="outer")
    for name, attacker in WITHOUT_GAMIN.items():
        how, mine = attacker.how, found.attacker == name
        asked = 2 * how["pairs"] * how["steps"] * how["per_class"] if "pairs" in how else 0
        found.loc[mine, "queries"] = asked
    found = _same_networks(found)
    found["knows"] = np.where(found.queries > 0, KNOWS["answers"], KNOWS["weights"])
    return found


def _same_networks(found: pd.DataFrame) -> pd.DataFrame:
    """Of GAMIN as published those networks alone that others, who make no copy, attacked too, where there are such."""
    others = found[found.attacker.isin(WITHOUT_GAMIN)][[*PLACE[:3], "seed"]].drop_duplicates()
    both = found[PLACE[:3]].apply(tuple, axis=1).isin(others[PLACE[:3]].apply(tuple, axis=1))
    there = found[[*PLACE[:3], "seed"]].apply(tuple, axis=1).isin(others.apply(tuple, axis=1))
    return found[(found.attacker != GAMIN) | ~both | there].reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row an attacker, target and measure: mean over networks with Student's interval where there are several.

    Scale by scale, digits last: attackers in the order of the share identified, means over both targets, the best
    first.
    """
    rows = []
    for key, own in table.groupby(["profile", "dataset", "attacker", "target"], sort=False):
        for measure in MEASURES:
            if len(known := own.dropna(subset=[measure])):
                about = dict(zip(["profile", "dataset", "attacker", "target"], key))
                about |= {"knows": own.knows.iloc[0], "queries": own.queries.iloc[0], "measure": measure}
                mean = over_networks if measure == "alike" else share_over_networks
                rows.append(about | mean(known.set_index(UNIT)[measure]))
    columns = ["profile", "dataset", "attacker", "target", "knows", "queries", "measure"]
    found = pd.DataFrame(rows, columns=[*columns, *OVER_NETWORKS])
    found["scale"] = pages.places(found)
    best = found[found.measure == "identified"].groupby(["scale", "attacker"]).value.mean()
    order = [-best.get((r.scale, r.attacker), 0.0) for r in found.itertuples()]
    found = found.assign(order=order, toy=found.dataset == "digits")
    return found.sort_values(["toy", "scale", "order"], kind="stable").drop(columns=["order", "toy"])


def gains(table: pd.DataFrame, measure: str = SCORE) -> pd.DataFrame:
    """One row a way of playing GAMIN otherwise: a measure as published (before) and so (after), means over the networks
    that were attacked both ways, and the rise network by network with its interval.
    """
    rows = []
    for (profile, dataset, target), own in table.groupby(["profile", "dataset", "target"], sort=False):
        played = own[own.attacker.str.startswith("GAMIN")].dropna(subset=[measure])
        by = played.pivot_table(index="seed", columns="attacker", values=measure)
        for name in by.columns.drop(GAMIN) if GAMIN in by else ():
            if len(both := by[[GAMIN, name]].dropna()):
                ends = dict(zip(["before", "after"], both.mean()))
                about = {"scale": pages.place(profile, dataset), "target": target, "attacker": name}
                rows.append(about | ends | over_networks(both[name] - both[GAMIN]))
    return pd.DataFrame(rows, columns=["scale", "target", "attacker", "before", "after", *OVER_NETWORKS])


def missing(found: pd.DataFrame) -> dict[str, list[str]]:
    """Of each scale of a `summary` the ways of playing GAMIN otherwise that were not run on any network."""
    every = dict.fromkeys(named(v.name) for v in (*NOISE, *ATTACKERS))
    return {
        scale: [name for name in every if name not in set(own.attacker)]
        for scale, own in found.groupby("scale", sort=False)
    }


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """Of each data set the largest scale that has an attacker other than the published one."""
    seen = found[found.measure == "identified"]
    several = seen[seen.groupby("scale").attacker.transform("nunique") > 1]
    return found[found.scale.isin(pages.largest_scale(several).scale)]


def at_scales(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The networks behind a `summary`, of its scales alone."""
    return table.merge(found[["profile", "dataset"]].drop_duplicates())


def value(found: pd.DataFrame, scale: str, attacker: str, target: str, measure: str) -> float:
    """One mean of a `summary`; NaN where it was not measured."""
    row = found[
        (found.scale == scale)
        & (found.attacker == attacker)
        & (found.target == target)
        & (found.measure == measure)
    ]
    return float(row.value.iloc[0]) if len(row) else float("nan")


ANYTIME = {"identified": "images identified", "sure": "target's confidence in the class"}


def anytime(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """One row a moment of an attack on a baseline: queries a class so far, the share of its classes whose image of that
    moment is most like the mean of its own class (identified), and the target's mean confidence in them (sure).

    Of the scale with the most queries that has both kinds; empty where no class means are stored.
    """
    rows = []
    for one in experiments:
        for run in one.attacks():
            if run.variant not in BASELINES or not run.moments:
                continue
            means = one.originals(run.dataset).get("class mean")
            about = {"scale": pages.place(one.scale, run.dataset), "target": run.target, "seed": run.seed}
            for i, batch in enumerate(run.moments["batch"] if means is not None else ()):
                images, sure = run.moments["image"][i], run.moments["target"][i]
                right = [metrics.identified(x[None], means, y) for x, y in zip(images, run.labels)]
                now = {"queries": int(batch) * run.config.attack.batch_size, "identified": np.mean(right)}
                rows.append(about | now | {"sure": sure[range(len(sure)), run.labels].mean()})
    found = pd.DataFrame(rows, columns=["scale", "target", "seed", "queries", *ANYTIME])
    both = found[found.groupby("scale").target.transform("nunique") == len(BASELINES)]
    return both[both.scale == both.scale[both.queries.idxmax()]] if len(both) else both


LATER = {"identified": "images identified", "A_target": "images taken", SCORE: "copy's accuracy"}


def beyond(stored: Iterable[Experiment]) -> pd.DataFrame:
    """One row a network that was attacked past its scale's budget (`controls.BEYOND`) and measure of `LATER`: before,
    at that budget, and after, both of the last pair, means over the classes of the longer attack.
    """
    rows = []
    for one in stored:
        usual = {(r.dataset, r.variant, r.seed): r for r in one.attacks()}
        for run in Experiment(**_same(one), variants=[*BASELINES.values()], budget=BEYOND).attacks():
            if (first := usual.get((run.dataset, run.variant, run.seed))) is None:
                continue
            about = {"scale": pages.place(one.scale, run.dataset), "target": run.target, "seed": run.seed}
            about |= {
                "classes": len(run.labels),
                "few": first.queries_per_class,
                "many": run.queries_per_class,
            }
            before, after = (r.scores[r.scores["pair"] == "last"].set_index("label") for r in (first, run))
            for name in LATER:
                ends = {"before": before[name][run.labels].mean(), "after": after[name].mean()}
                rows.append(about | {"measure": name} | ends)
    columns = ["scale", "target", "seed", "classes", "few", "many", "measure", "before", "after"]
    return pd.DataFrame(rows, columns=columns)


Gallery = tuple[str, list[int], dict[str, list[np.ndarray]]]  # scale in words, labels, lines of pictures


def galleries(experiments: Iterable[Experiment]) -> Iterator[Gallery]:
    """For `figures.reconstructions`, where attackers without GAMIN are stored: the first image of every class by GAMIN
    of each target, then by everybody else; of the first network.
    """
    for one in experiments:
        for name in (one.name(dataset) for dataset in one.datasets):
            made = [j for j in judgements(one, tuple(WITHOUT_GAMIN)) if j.keys["dataset"] == name]
            runs = [r for r in one.attacks() if r.dataset == name and r.variant in BASELINES]
            if not made or not runs:
                continue
            seed = min(j.keys["seed"] for j in made)
            lines = {f"{r.target.upper()} GAMIN": [*r.reconstructions[:, 0]] for r in runs if r.seed == seed}
            for j in (j for j in made if j.keys["seed"] == seed):
                lines[f"{j.keys['target'].upper()} {j.keys['source']}"] = [*j.first]
            yield pages.place(one.scale, name), runs[0].labels, lines
