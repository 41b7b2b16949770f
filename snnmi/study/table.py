"""All runs at hand as one tidy table, read from the records themselves; which of its rows speak; means over networks.

Chapters filter and pivot it. `runs` is everything, `of` names rows by the variants that a question is about, `fair`
keeps those that may stand side by side, `speaking` those that answer; then `networks`, `over_networks`, `paired`.
"""

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from snnmi.files import place
from snnmi.measure.scores import METRICS
from snnmi.measure.statistics import holm, sign_flip_p, t_interval
from snnmi.store import Run, Store, digest
from snnmi.study import keys, names, profiles, published, verdicts
from snnmi.study.controls import Variant
from snnmi.study.experiment import Experiment
from snnmi.study.settings import said

SCORE = "surrogate_accuracy"  # the plan's primary outcome, of the last pair
OF_A_MACHINE = ("smoke", "quick")  # profiles whose results git does not keep
SEEN = {("people", 0)}  # networks looked at before the plan that speaks of their scale: shown, not counted
UNIT = ["scale", "seed", "attack_seed"]
WHO = "profile dataset data scale size classes kind variant who changed factor".split()
HOW = "seed attack_seed queries batches noise kept here counted folder settings".split()
LOSSES = ["M_global", "L_N", "L_G", "k", "batch"]
# What a page's own experiments call their runs, by folder: the variant, what was changed for all of them, and the
# scores (one attack may have been scored more than once).
Own = Mapping[str, tuple[Variant, str, Run]]


def runs(*experiments: Experiment, results: str | Path = "results") -> pd.DataFrame:
    """All finished attacks under `results`, and those of `experiments`, which compute what they lack, as one table.
    Raises FileNotFoundError where there are none, and none may be computed.

    One row a network, class and pair of players. Columns:
    profile, dataset; data, scale: where, in words (`names`); size: (height, width); classes: how many were attacked
    kind; variant, who, changed, factor: a `Variant`'s name, label, change alone and what that is; seed, attack_seed
    queries: of a class, as a share of the paper's; batches; noise
    kept: with the project, not on this machine alone; here: of `experiments`; counted: False of networks that were seen
    before their plan; folder; settings: what `of` compares
    label: the class; pair: "kept" or "last"; M_global, L_N, L_G, k, batch: at which the pair was found
    every score of METRICS, NaN where the run is older, each with <score>_floor and <score>_ceiling
    """
    own: Own = {}
    for one in experiments:
        for run in one.attacks():  # several variants may share it: the first names it
            own.setdefault(str(run.run.folder), (run.cell.variant, said(one.changes), run.scored))
    results = experiments[0].results if experiments else results
    found = [frame for store in stores(results) if len(frame := _read(store, own))]
    if experiments and not (found or any(one.compute for one in experiments)):
        raise FileNotFoundError(
            f"{place(results)} holds no finished run, and compute is False: leave that out, or name a folder with some"
        )
    scores = [key for key, metric in METRICS.items() if metric.score]
    first = [*WHO, *HOW, "label", "pair", *LOSSES, *scores]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=first)
    here = {*table.dataset[table.here.astype(bool)]}
    edited = table.dataset.map(names.base).isin(map(names.base, here)) & ~table.dataset.isin(here)
    table = table[~edited | table.kept.astype(bool)]  # a user's file as it was once is another data set
    return table.reindex(columns=[*dict.fromkeys([*first, *table])])


def stores(results: str | Path) -> list[Store]:
    """Of every profile that has one."""
    folders = [place(results) / name for name in profiles.PROFILES]
    return [Store(folder) for folder in folders if folder.is_dir()]


def _read(store: Store, own: Own) -> pd.DataFrame:
    attacks = {digest(run.settings): run for run in store.finished("attack-")}
    scored = scores(store)
    scored |= {key: own[str(run.folder)][2] for key, run in attacks.items() if str(run.folder) in own}
    both = [key for key in attacks if key in scored]
    if not both:
        return pd.DataFrame()
    losses = tables([attacks[key] for key in both], "losses")
    rows = losses.merge(tables([scored[key] for key in both], "scores"), on=["run", "label", "pair"])
    rows = rows.join(pd.DataFrame([_about(store.folder.name, attacks[key], own) for key in both]), on="run")
    later = {digest(run.settings): run.metrics["commonest_answer"] for run in store.finished("answers-")}
    found = [later.get(digest(keys.answers_key(attacks[key].settings))) for key in both]
    found = rows.run.map(dict(enumerate(found)))  # of older scores
    rows["commonest_answer"] = rows.get("commonest_answer", found).fillna(found)
    rows["batches"] = rows.groupby("folder").batch.transform("max")
    return rows.drop(columns="run")


def scores(store: Store) -> dict[str, Run]:
    """Of every attack, by its digest, its scores; of several those that the profile itself would have computed."""
    found: dict[str, Run] = {}
    for run in store.finished("scores-"):
        key, attack = digest(run.settings["attack"]), run.settings["attack"]
        if key in found:
            dataset, kind = (attack["target"][name] for name in ("dataset", "kind"))
            usual = profiles.get(store.folder.name).settings(names.base(dataset), kind).resolved()
            if run.settings != keys.scores_key(usual, attack):
                continue
        found[key] = run
    return found


def tables(runs: list[Run], name: str) -> pd.DataFrame:
    """That table of every run, read as one; "run": the run's place. Runs of one age have equal columns."""
    bodies: dict[str, list[str]] = {}
    for i, run in enumerate(runs):
        head, *lines = (run.folder / f"{name}.csv").read_text().splitlines()
        bodies.setdefault(head, []).extend(f"{i},{line}" for line in lines)
    texts = ["\n".join([f"run,{head}", *lines]) for head, lines in bodies.items()]
    read = [pd.read_csv(io.StringIO(text), float_precision="round_trip") for text in texts]
    return pd.concat(read, ignore_index=True)


def _about(profile: str, run: Run, own: Own) -> dict[str, object]:
    """What the columns of `WHO` and `HOW` say of one attack."""
    key, found = run.settings, run.metrics
    dataset, kind, seed = (key["target"][name] for name in ("dataset", "kind", "seed"))
    size, attacked = tuple(found["image_shape"]), len(found["labels"])
    text, variant = names.variant(profile, key)
    changed = ""
    if mine := own.get(str(run.folder)):
        variant, changed, _ = mine
        text = names.of_variant(profile, dataset, variant)
    data = names.panel(dataset, size, attacked, found["num_classes"])
    share = found["queries_per_class"] / published.QUERIES
    return {
        "profile": profile, "dataset": dataset, "data": data, "size": size, "classes": attacked, "kind": kind,
        "scale": ", ".join(filter(None, [names.scale(data, share), changed])), **who(variant), "seed": seed,
        "attack_seed": key["seed"], "queries": share,
        "noise": found.get("noise", key.get("attack", {}).get("noise", "normal")),
        "kept": profile not in OF_A_MACHINE, "here": mine is not None, "counted": (profile, seed) not in SEEN,
        "folder": f"{profile}/{run.folder.name}", "settings": text,
    }  # fmt: skip


def who(variant: Variant) -> dict[str, str]:
    """The columns that name a variant."""
    named = {"variant": variant.name, "who": variant.label, "changed": variant.changed()}
    return named | {"factor": variant.factor}


# --- which rows speak


def of(rows: pd.DataFrame, variants: Collection[Variant]) -> pd.DataFrame:
    """The rows of these variants, named by them: "who" is a category in their order, those that nobody ran among it.

    A variant that changes nothing at some scale has no rows there: they would be its baseline's own.
    """
    found = [rows[:0]]
    for (profile, dataset), own in rows.groupby(["profile", "dataset"], sort=False):
        for variant in variants:
            text = names.of_variant(profile, dataset, variant)
            usual = names.of_variant(profile, dataset, Variant(variant.kind))
            mine, attack = own[own.settings == text], variant.changes.get("attack", {})
            budget = {name: attack[name] for name in names.BUDGET if name in attack}
            for name, value in budget.items():
                mine = mine[mine[name] == value]
            if len(mine) and (budget or text != usual or not variant.changes):
                found.append(mine.assign(**who(variant)))
    named = pd.concat(found)
    labels = [*dict.fromkeys(variant.label for variant in variants)]
    return named.assign(who=pd.Categorical(named.who, labels))


def fair(rows: pd.DataFrame, variants: Collection[Variant]) -> pd.DataFrame:
    """The rows that may stand side by side: at each scale those of the networks that have all these variants.

    Sizes and budgets are never mixed (a scale has one of each), all means are over the same networks, and none is
    compared with itself.
    """
    own = of(rows, variants)
    units = own.groupby(UNIT, sort=False)
    whole = units.variant.transform("nunique") == len(variants)
    return own[whole & (units.folder.transform("nunique") == len(variants))]


def speaking(rows: pd.DataFrame, variants: Collection[Variant]) -> pd.DataFrame:
    """Of `fair` rows those that answer, by the book's one rule: of each panel of data the largest evidence kept with
    the project, the scale with most networks; of two with as many the one with more queries.
    """
    own = fair(rows, variants)
    own = own[own.kept.astype(bool)]
    size = own.groupby(["data", "scale"], sort=False).agg(n=("seed", "nunique"), q=("queries", "max"))
    best = size.sort_values(["n", "q"], kind="stable").groupby("data").tail(1)
    return own[own.scale.isin(best.index.get_level_values("scale"))]


def shown(rows: pd.DataFrame, variants: Collection[Variant]) -> pd.DataFrame:
    """`fair` rows for a table or figure: the scales that speak, then others kept with the project, then those of this
    page's own runs; what other pages have left on this machine is not among them.
    """
    own = fair(rows, variants)
    here = own.scale.isin(own.scale[own.here.astype(bool)])
    which = [own.scale.isin(speaking(rows, variants).scale), own.kept.astype(bool), here]
    own = own.assign(rank=np.select(which, range(3), 3))
    return own.query("rank < 3").sort_values("rank", kind="stable").drop(columns="rank")


# --- over networks


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the networks that were seen before their plan, wherever there are others."""
    new = rows.counted.astype(bool)
    return rows[new | ~new.groupby(rows.scale).transform("any")]


def networks(
    rows: pd.DataFrame, score: str = SCORE, *, pair: str = "last", uncounted: bool = False
) -> pd.DataFrame:
    """A score as a row a network (index: scale, seed) and a column each `who`: the mean over its classes, and over
    attacks where it had several. Missing ones are NaN. `uncounted`: networks that were seen before their plan too.
    """
    own = rows[rows["pair"] == pair]
    own = own if uncounted else counted(own)
    wide = own.pivot_table(score, ["scale", "seed"], "who", sort=False, observed=True)
    known = own.who.cat.categories if isinstance(own.who.dtype, pd.CategoricalDtype) else wide.columns
    return wide.reindex(columns=pd.Index([*known], name="who"))


def over_networks(wide: pd.DataFrame, *, share: bool = False) -> pd.DataFrame:
    """Of a row a network one row a scale and column that has any: scale, what, value (mean over networks), low, high
    (Student's 95 % interval: new networks; NaN of one), networks. `share`: no interval leaves [0, 1].
    """
    found = []
    for scale, own in wide.groupby("scale", sort=False):
        for what, values in own.items():
            if len(values := values.dropna()):
                ends = t_interval(values)
                ends = pd.Series(ends).clip(0, 1) if share else ends
                found.append((scale, what, values.mean(), *ends, len(values)))
    return pd.DataFrame(found, columns=["scale", "what", "value", "low", "high", "networks"])


def paired(wide: pd.DataFrame, contrasts: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """`over_networks` of first minus second, network by network, for every contrast; p: exact, of flipping signs, and
    p_holm: Holm's over all contrasts; NaN where networks are too few for a test to tell.
    """
    differences = pd.DataFrame(
        {name: wide[first] - wide[second] for name, (first, second) in contrasts.items()}
    )
    found = over_networks(differences)
    for scale, own in found.groupby("scale", sort=False):
        known = [differences.loc[scale, what].dropna() for what in own.what]
        if all(verdicts.can_tell(len(values), tests=len(known)) for values in known):
            p = [sign_flip_p(values) for values in known]
            found.loc[own.index, "p"], found.loc[own.index, "p_holm"] = p, holm(p)
    return found.reindex(columns=[*found.columns[:6], "p", "p_holm"])


def boundaries(rows: pd.DataFrame, experiment: Experiment) -> list[SimpleNamespace]:
    """The boundary measurements (`boundaries.measure`) of the attacks among `rows`; the `experiment` computes what it
    lacks. Of each: scale, target (its kind), seed, label (the class whose copy it is), folder (the attack's), metrics,
    arrays.
    """
    experiment.boundaries()
    first = rows.drop_duplicates("folder").itertuples()
    attacks, found = {(r.profile, r.folder[-10:]): r for r in first}, []
    for store in stores(experiment.results):
        for run in store.finished("boundary-"):
            if of := attacks.get((store.folder.name, digest(run.settings["attack"]))):
                about = {"scale": of.scale, "target": of.kind, "seed": of.seed, "folder": of.folder}
                about |= {"label": run.settings["label"], "metrics": run.metrics, "arrays": run.arrays()}
                found.append(SimpleNamespace(**about))
    return found


def endings(rows: pd.DataFrame, results: str | Path = "results") -> pd.DataFrame:
    """One row an attack and class: folder, label, settled (`verdicts.settled`), off (GAMIN's adversarial term is)."""
    found = []
    for folder in rows.folder.unique():
        run = Run(place(results) / folder)
        curves = run.arrays()
        if "M_global" not in curves:  # of who plays no game
            continue
        ends = {"settled": verdicts.settled(curves["M_global"]), "off": verdicts.adversary_off(curves["k"])}
        found.append(pd.DataFrame({"folder": folder, "label": run.metrics["labels"]} | ends))
    nothing = pd.DataFrame(columns=["folder", "label", "settled", "off"])
    return pd.concat(found, ignore_index=True) if found else nothing
