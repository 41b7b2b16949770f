"""One set of defaults and changes to it: profiles, controls and a chapter's parameters all come this road. Each default
stands at its field, in the dataclasses that `Settings` holds.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import get_args

from snnmi.attack.players import GaminConfig
from snnmi.checks import at_least, number, one_of
from snnmi.measure.scores import Evaluation
from snnmi.models.coding import is_constant
from snnmi.models.targets import Network, Neuron, Query
from snnmi.models.training import Training
from snnmi.study.attacks import ATTACKS

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
        new: dict[str, dict[str, object]] = {}
        for section, values in checked(changes).items():
            for field, value in values.items():
                new.setdefault(home(section, field)[0], {})[field] = value
        return replace(self, **{name: replace(getattr(self, name), **own) for name, own in new.items()})

    def resolved(self) -> "Settings":
        """The same in one way of saying it, so that equal runs have equal names."""
        network = replace(self.network, hidden=self.network.neurons, width=1.0)
        query = self.query
        if self.kind == "ann" and query.encoder and not is_constant(query.encoder):
            query = replace(query, num_steps=query.num_steps or self.neuron.num_steps)
        return replace(self, network=network, query=query)


SECTIONS = {field.name: field.type for field in fields(Settings) if field.name != "kind"}
HOMES = {"training": ("network", "neuron", "training")}  # which sections one stands for in changes


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
            if home(section, field)[1] == (bool,) and not isinstance(value, bool):
                raise ValueError(f"{field} is {value!r}, expected true or false")
    return changes


def home(section: str, field: str) -> tuple[str, tuple]:
    """The section that holds this field, and the types of what it may hold."""
    homes = {
        f.name: (place, f.type) for place in HOMES.get(section, [section]) for f in fields(SECTIONS[place])
    }
    if field not in homes:
        raise ValueError(f"changes: {section} has no {field!r}, expected some of {sorted(homes)}")
    place, held = homes[field]
    return place, get_args(held) or (held,)


def merged(*all_changes: object) -> dict[str, dict[str, object]]:
    """Several changes as one; of the same field the last counts. Numbers are as their fields hold them: 1e1 and "1e1"
    are 10 batches, a threshold of 1 is 1.0.
    """
    one: dict[str, dict[str, object]] = {}
    for changes in all_changes:
        for section, values in checked(changes).items():
            for field, value in values.items():
                _, types = home(section, field)
                if int in types or float in types:
                    value = number(value)
                if float in types and type(value) is int:
                    value = float(value)
                one.setdefault(section, {})[field] = value
    return one


def said(changes: Changes) -> str:
    """Changes in words: "noise = clipped, batches = 10"; nothing for none."""
    return ", ".join(f"{field} = {value}" for values in changes.values() for field, value in values.items())


def file_name(name: str, changes: Changes) -> str:
    """A name with what was changed, as files may be called."""
    slug = re.sub(r"[^A-Za-z0-9_=.]+", "-", said(changes).replace(" = ", "="))
    if len(slug) > 60:  # two that differ behind that are two
        slug = f"{slug[:50]}-{hashlib.sha256(slug.encode()).hexdigest()[:8]}"
    slug = slug.strip("-.")
    return f"{name}-{slug}" if slug else name
