"""What a stored run is, in words that people understand: its scale, and what was changed in it.

A record holds settings and no names. So a run is told by what differs from its profile's own settings, seeds and budget
left out: equal to what a named variant changes, it is that variant; else the differences are said.
"""

import json
import re
from collections.abc import Mapping
from functools import cache

import pandas as pd

from snnmi.data import is_own
from snnmi.models.targets import MODELS
from snnmi.show import prose
from snnmi.show.figures.style import title
from snnmi.study import controls, keys, plan, profiles
from snnmi.study.controls import BASELINES, Variant

FULL_SIZE = {"faces": (112, 92)}
SHARES = {2.0: "twice the", 1.0: "all the", 0.5: "half the", 0.25: "a quarter of the", 0.1: "a tenth of the"}
BUDGET = ("batches", "classes")  # of an attack: a row's own columns


# --- scales


def panel(dataset: str, shape: tuple[int, int], attacked: int, classes: int) -> str:
    """A data set with its size and classes: "MNIST", "ten faces at full size", "forty small faces"."""
    count = {40: "forty"}.get(attacked, prose.words(attacked))
    if dataset in FULL_SIZE:
        return f"{count} faces at full size" if shape == FULL_SIZE[dataset] else f"{count} small faces"
    # A user's file may be called as one of the project's sets, and is another.
    name = title(dataset if is_own(base(dataset)) else base(dataset))
    return name if attacked == classes else f"{count} classes of {name}"


def scale(about: str, share: float) -> str:
    """All that must be equal where attacks are compared: a panel, and queries a class, as a share of the paper's."""
    return f"{about}, {SHARES.get(round(share, 6)) or f'{100 * share:.2g} % of the'} queries"


def networks(scale: str, count: int) -> str:
    """A scale with its networks of each kind: "MNIST, a tenth of the queries, seven networks"."""
    return f"{scale}, {prose.words(count, 'network')}"


def base(dataset: str) -> str:
    """A data set without the digest of what it holds."""
    return re.sub(r"-[0-9a-f]{8}$", "", dataset)


# --- what was changed


def plain(key: dict) -> dict:
    """An attack's settings without data set, seeds and budget."""
    own = {"target": _without(key["target"], "dataset", "seed")}
    return _without(key, "seed") | own | {"attack": _without(key.get("attack", {}), *BUDGET)}


def _without(settings: Mapping, *those: str) -> dict:
    return {name: value for name, value in settings.items() if name not in those}


def said(key: dict) -> str:
    """Settings as one text, equal where they are."""
    return json.dumps(key, sort_keys=True)


@cache
def of_variant(profile: str, dataset: str, variant: Variant) -> str | None:
    """The settings of a variant at a scale, as `said` says a row's; None where its changes cannot be made."""
    try:
        config = profiles.get(profile).settings(base(dataset), variant.kind).changed(variant.changes)
    except ValueError:
        return None
    key = plain(keys.attack_key(config.resolved(), dataset, 0, 0))
    return said(_matched(key) if config.training.match_accuracy else key)


def _matched(own: dict) -> dict:
    """Settings as those of a target that is trained to another's accuracy, whose epochs are found."""
    training = _without(own["target"].get("training", {}), "epochs") | {"match_accuracy": True}
    return own | {"target": own["target"] | {"training": training}}


@cache
def known(profile: str, dataset: str, kind: str) -> Mapping[str, Variant]:
    """The named variants of a kind by their settings; of two that do the same the first."""
    attackers = controls.attackers(profiles.get(profile).settings(base(dataset), kind).attack)
    codes = *controls.CODES.values(), *controls.SCRIBBLED.values()
    recorded = *controls.RECORDED, *controls.SENT, *controls.BETTER_SENT
    named = [*BASELINES.values(), *controls.NAMED.values(), *codes, *recorded, controls.HALVED, *attackers]
    if profile == "plan":
        named += [one for cell in controls.FOUR for one in (*plan.settings(cell), *plan.guesses(cell))]
    found: dict[str, Variant] = {}
    for variant in named:
        if variant.kind == kind:
            found.setdefault(of_variant(profile, dataset, variant), variant)
    return found


def variant(profile: str, key: dict) -> tuple[str, Variant]:
    """Which variant a record's settings are: its settings as text, and a variant of that name; one that has none is
    called by its differences: "z_dim = 10, noise = sparse".
    """
    dataset, kind, own = key["target"]["dataset"], key["target"]["kind"], plain(key)
    if kind not in MODELS:
        return said(own), Variant(kind)
    named = known(profile, dataset, kind)
    for text in (said(own), said(_matched(own))):
        if text in named:
            return text, named[text]
    usual = json.loads(of_variant(profile, dataset, BASELINES[kind]))
    mine, theirs = (pd.json_normalize(one).to_dict("records")[0] for one in (own, usual))
    other = [name for name in theirs | mine if mine.get(name) != theirs.get(name)]
    changed = [name for name in other if not name.startswith(("evaluation.", "code."))]
    words = ", ".join(f"{name.rpartition('.')[2]} = {mine.get(name, 'default')}" for name in changed)
    return said(own), Variant(kind, words.replace("{", "(").replace("}", ")"), "settings")
