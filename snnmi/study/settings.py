"""One set of defaults and changes to it: profiles, controls and a chapter's parameters all come this road.

A run is named by what differs from FROZEN, the defaults of the day on which names were settled, and by digests of
code and data that are not the project's own. So a new field orphans no stored run, and a changed encoder or data
set is never answered by an old one.
"""

import hashlib
import inspect
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from snnmi.attack.noises import NOISES
from snnmi.attack.players import FAMILIES, GaminConfig
from snnmi.checks import at_least, one_of
from snnmi.measure.scores import METRICS, Evaluation
from snnmi.models.coding import DECODERS, ENCODERS, is_constant
from snnmi.models.targets import TARGETS, Network, Neuron, Query
from snnmi.models.training import Training
from snnmi.study import extensions
from snnmi.study.attacks import ATTACKS

PACKAGE = Path(__file__).parents[1]
Changes = Mapping[str, object]  # section -> field -> value; `checked` looks


@dataclass(frozen=True)
class Data:
    shrink: int = 1  # pixels averaged a side

    def __post_init__(self):
        at_least(self, shrink=1)


@dataclass(frozen=True)
class Settings:
    """All that an attack on a target of this kind hangs on, but data set and seeds."""

    kind: str  # "ann", "snn" or one of TARGETS
    data: Data = Data()
    network: Network = Network()
    neuron: Neuron = Neuron()  # of no use to others than an SNN, and not in their names
    training: Training = Training()
    query: Query = Query()
    attack: GaminConfig = GaminConfig()
    evaluation: Evaluation = Evaluation()

    def __post_init__(self):
        one_of(self.attack, attacker=ATTACKS)

    def changed(self, changes: Changes) -> "Settings":
        """These settings with some fields replaced; `training` may name fields of network and neuron too."""
        new = {}
        for section, values in checked(changes).items():
            for field, value in values.items():
                name = home(section, field)
                new[name] = replace(new.get(name, getattr(self, name)), **{field: value})
        return replace(self, **new)

    def resolved(self) -> "Settings":
        """The same in one way of saying it, so that equal runs have equal names."""
        network = replace(self.network, hidden=self.network.neurons, width=1.0)
        query = self.query
        if self.kind == "ann" and query.encoder and not is_constant(query.encoder):
            query = replace(query, num_steps=query.num_steps or self.neuron.num_steps)
        return replace(self, network=network, query=query)


SECTIONS = {field.name: field.type for field in fields(Settings) if field.name != "kind"}
TARGET = ("network", "neuron", "training")  # what "training" stands for in changes
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


def checked(changes: object) -> Changes:
    """Raises ValueError where a section or field does not exist, or one that is true or false is something else."""
    if not isinstance(changes, Mapping) or not all(
        isinstance(values, Mapping) for values in changes.values()
    ):
        raise ValueError(
            f"changes is {changes!r}, expected sections of fields such as {{'attack': {{'batches': 500}}}}"
        )
    for section, values in changes.items():
        if section not in SECTIONS:
            raise ValueError(f"changes names {section!r}, expected some of {list(SECTIONS)}")
        for field, value in values.items():
            usual = getattr(
                SECTIONS[home(section, field)], field, None
            )  # a field's default; None: it has none
            if isinstance(usual, bool) and not isinstance(value, bool):
                raise ValueError(f"{field} is {value!r}, expected true or false")
    return changes


def home(section: str, field: str) -> str:
    """The section that holds this field."""
    places = TARGET if section == "training" else (section,)
    names = {place: [f.name for f in fields(SECTIONS[place])] for place in places}
    for place, known in names.items():
        if field in known:
            return place
    raise ValueError(
        f"changes: {section} has no {field!r}, expected some of {sorted(sum(names.values(), []))}"
    )


def merged(*all_changes: object) -> dict[str, dict[str, object]]:
    """Several changes as one; of the same field the last counts."""
    one: dict[str, dict[str, object]] = {}
    for changes in all_changes:
        for section, values in checked(changes).items():
            one.setdefault(section, {}).update(values)
    return one


def said(changes: Changes) -> str:
    """Changes in words: "noise = clipped, batches = 10"; nothing for none."""
    return ", ".join(f"{field} = {value}" for values in changes.values() for field, value in values.items())


def file_name(name: str, changes: Changes) -> str:
    """A name with what was changed, as files may be called."""
    slug = re.sub(r"[^A-Za-z0-9_=.]+", "-", said(changes).replace(" = ", "="))[:60].strip("-.")
    return f"{name}-{slug}" if slug else name


def concerning(changes: Changes, key: dict) -> Changes:
    """Those changes that a key holds: an attack's noise does not concern its target."""
    text = json.dumps(key)
    return {
        section: {field: value for field, value in values.items() if f'"{field}":' in text}
        for section, values in changes.items()
    }


# --- names


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
        return key | differences(settings, "data") | code(kind=TARGETS[settings.kind])
    if settings.kind != "snn":
        return key | differences(settings, "data", "network", "training")
    own = code(encoder=ENCODERS[settings.neuron.encoder], decoder=DECODERS[settings.neuron.decoder])
    return key | differences(settings, "data", "network", "neuron", "training") | own


def originals_key(settings: Settings, dataset: str) -> dict:
    """What names the images of a data set that are stored with results."""
    return {"dataset": dataset} | differences(settings, "data")


def attack_key(settings: Settings, dataset: str, seed: int, attack_seed: int) -> dict:
    """What names an attack."""
    query, attack = settings.query, settings.attack
    entry = ATTACKS[attack.attacker]
    own = code(
        encoder=ENCODERS.get(query.encoder),
        decoder=DECODERS.get(query.decoder),
        noise=NOISES.get(attack.noise),
        family=FAMILIES[attack.family],
        attacker=entry.invert,
    )
    how = {"how": dict(entry.how)} if entry.how else {}
    asked = (
        ("query", "attack") if entry.pairs else ("query", "attack", "evaluation")
    )  # what its copy is asked then
    target = target_key(settings, dataset, seed)
    return {"target": target, "seed": attack_seed} | differences(settings, *asked) | how | own


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
    return {"attack": attack} | evaluation | code(**{key: metric.score for key, metric in METRICS.items()})


def boundary_key(settings: Settings, attack: dict) -> dict | None:
    """What names the boundaries of an attack's target and first copy; None where that copy is gone."""
    found = {"attack": attack, "label": 0} | differences(settings, "evaluation")
    return found if ATTACKS[settings.attack.attacker].pairs else None


def code(**things: object) -> dict:
    """{"code": {name: digest}} of what is not the project's own; nothing if all of it is."""
    found = {name: digest for name, thing in things.items() if thing and (digest := foreign(thing))}
    return {"code": found} if found else {}


def foreign(thing: object) -> str | None:
    """The digest of the file that a function or class is written in; None for the project's own and PyTorch's.

    A user's own code counts as it was when it was run, whatever its file holds by now; what it imports is not covered.
    What carries a `digest`, a network that was read from a file, is named by that.
    """
    if digest := getattr(thing, "digest", None):
        return digest
    thing = inspect.unwrap(thing)
    if digest := extensions.loaded(thing):
        return digest
    if str(getattr(getattr(thing, "__code__", None), "co_filename", "")).startswith(f"{PACKAGE}{os.sep}"):
        return None  # most are, and `inspect` takes its time
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
