"""What names a run: what differs from FROZEN, the defaults of the day on which names were settled, and digests of code
and data that are not the project's own. So a new field orphans no stored run, and a changed encoder or data set is
never answered by an old one.
"""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from snnmi.measure.scores import METRICS
from snnmi.models.targets import TARGETS
from snnmi.study import extensions
from snnmi.study.attacks import ATTACKS
from snnmi.study.settings import Changes, Settings

PACKAGE = Path(__file__).parents[1]
FROZEN = {
    "data": {"shrink": 1},
    "network": {"hidden": 3000, "width": 1.0},
    "neuron": {
        "num_steps": 25, "beta": 0.7, "threshold": 1.0, "slope": 40.0, "reset": "delayed",
        "encoder": "rate", "decoder": "membrane",
    },
    "training": {"epochs": 10, "batch_size": 100, "lr": 5e-5, "clip_norm": 1.0, "match_accuracy": False},
    "query": {
        "encoder": None, "num_steps": None, "decoder": None, "temperature": 1.0, "match_entropy": False,
        "precision": "float32",
    },
    "attack": {
        "batches": 20_000, "batch_size": 64, "gamma": 0.5, "lam": 0.001, "k0": 0.001, "lr_surrogate": 1e-5,
        "lr_generator": 1e-5, "generator_steps": 2, "family": "mlp", "hidden": 256, "z_dim": 100,
        "noise": "normal", "keep_window": 1, "log_points": 400,
    },
    "evaluation": {"noise": 1000, "generated": 100, "shown": 8, "resolution": 41, "paths": 50},
    "judge": {
        "channels": 16, "features": 128, "updates": 1500, "epochs": 6, "batch_size": 64, "lr": 2e-3,
        "dropout": 0.2, "warp": 0.1, "noise": 0.1,
    },
}  # never edited: names hold what differs from it  # fmt: skip


def difference(own: object, frozen: Mapping[str, object]) -> dict[str, object]:
    """What differs from the frozen defaults; a field younger than those, from its own default."""
    old = {field.name: field.default for field in fields(own)} | dict(frozen)
    return {name: value for name in old if (value := getattr(own, name)) != old[name]}


def differences(settings: Settings, *sections: str) -> dict[str, dict[str, object]]:
    """`difference` section by section; equal ones are left out."""
    found = {section: difference(getattr(settings, section), FROZEN[section]) for section in sections}
    return {section: changed for section, changed in found.items() if changed}


def target_key(settings: Settings, dataset: str, seed: int) -> dict:
    """What names a trained target."""
    key = {"dataset": dataset, "kind": settings.kind, "seed": seed}
    if settings.kind in TARGETS:
        return key | differences(settings, "data") | code(kind=("target", settings.kind))
    if settings.kind != "snn":
        return key | differences(settings, "data", "network", "training")
    own = code(encoder=("encoder", settings.neuron.encoder), decoder=("decoder", settings.neuron.decoder))
    return key | differences(settings, "data", "network", "neuron", "training") | own


def originals_key(settings: Settings, dataset: str) -> dict:
    """What names the images of a data set that are stored with results."""
    return {"dataset": dataset} | differences(settings, "data")


def attack_key(settings: Settings, dataset: str, seed: int, attack_seed: int) -> dict:
    """What names an attack."""
    query, attack = settings.query, settings.attack
    entry = ATTACKS[attack.attacker]
    own = code(
        encoder=("encoder", query.encoder),
        decoder=("decoder", query.decoder),
        noise=("noise", attack.noise),
        family=("family", attack.family),
        attacker=("attack", attack.attacker),
    )
    how = {"how": dict(entry.how)} if entry.how else {}
    sections = ["query", "attack"] + ["evaluation"] * (not entry.pairs)  # by which its copy is asked at once
    target = target_key(settings, dataset, seed)
    return {"target": target, "seed": attack_seed} | differences(settings, *sections) | how | own


def answers_key(attack: dict) -> dict:
    """Of what names an attack what names its target's answers to its noise: all but how the attacker learns."""
    asked = {name: attack.get("attack", {}).get(name) for name in ("noise", "as_events")}
    own = {name: attack[name] for name in ("query", "code") if name in attack}
    return {"target": attack["target"], "seed": attack["seed"]} | own | {k: v for k, v in asked.items() if v}


def scores_key(settings: Settings, attack: dict) -> dict:
    """What names the scores of an attack: metrics of one's own among it."""
    boundaries_alone = {name: FROZEN["evaluation"][name] for name in ("resolution", "paths")}
    settings = replace(settings, evaluation=replace(settings.evaluation, **boundaries_alone))
    evaluation = differences(settings, "evaluation")
    return {"attack": attack} | evaluation | code(**{key: ("metric", key) for key in METRICS})


def boundary_key(settings: Settings, attack: dict) -> dict | None:
    """What names the boundaries of an attack's target and first copy; None where that copy is gone."""
    found = {"attack": attack, "label": 0} | differences(settings, "evaluation")
    return found if ATTACKS[settings.attack.attacker].pairs else None


def code(**entries: tuple[str, str | None]) -> dict:
    """{"code": {role: digest}} of entries, each by its table and name, that are not the project's own; nothing if all
    are. One that is made of the project's functions alone is named by the file that registered it.
    """
    found = {}
    for role, (what, name) in entries.items():
        thing = extensions.own(what, name)
        if thing is not None and (digest := foreign(extensions.piece(thing)) or extensions.latest()):
            found[role] = digest
    return {"code": found} if found else {}


def foreign(thing: object) -> str | None:
    """The digest of the file that a function or class is written in; None where that is the project's.

    A user's own code counts as it was when it was run, whatever its file holds by now; what it imports is not covered.
    What carries a `digest`, a network that was read from a file, is named by that.
    """
    if digest := getattr(thing, "digest", None):
        return digest
    thing = inspect.unwrap(thing)
    if digest := extensions.loaded(thing):
        return digest
    try:
        path = Path(inspect.getsourcefile(thing) or "")
        if path.is_relative_to(PACKAGE):
            return None
        content = path.read_bytes() if path.is_file() else inspect.getsource(thing).encode()
    except (TypeError, OSError):
        raise ValueError(
            f"{thing!r} has no source to be named by, expected a function written in a file"
        ) from None
    return hashlib.sha256(content).hexdigest()[:10]


def concerning(changes: Changes, key: dict) -> Changes:
    """Those changes that a key holds: an attack's noise does not concern its target."""
    text = json.dumps(key)
    return {
        section: {field: value for field, value in values.items() if f'"{field}":' in text}
        for section, values in changes.items()
    }
