"""What `make grid` is asked for, looked at before any job begins (Snakefile)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from snnmi import checks
from snnmi.study.controls import CONTROLS, FOUR
from snnmi.study.experiment import Experiment
from snnmi.study.given import device_name

# What may be asked for, and what is where it is not; None: the profile's own.
ASKED = {
    "profile": "quick",
    "device": "cpu",
    "datasets": None,
    "seeds": None,
    "controls": False,  # all of them in place of the four cells
    "mem_mb": 4000,  # of a job
    "minutes": 240,  # that a job may take
}
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
ENTRY = re.compile(r"""\s*(\w+)\s*=(\s*"[^"]*"|\s*'[^']*'|.*?)(?=\s+\w+\s*=|\s*$)""", re.DOTALL)


class Jobs(NamedTuple):
    profile: str
    device: str
    datasets: dict[str, str]  # what results call each, and how it was named
    seeds: tuple[int, ...]
    targets: dict[str, str]  # what files call each variant, and its name
    needs: dict[str, int]  # of a job: "gpu", "mem_mb", "runtime"


def asked(config: Mapping[str, object]) -> Jobs:
    """The grid of Snakemake's settings; `config` in there is text such as "seeds=[0, 1] controls=true", blanks as they
    come. Raises ValueError or FileNotFoundError for what cannot be meant.
    """
    settings = {name: value for name, value in config.items() if name != "config"}
    wanted = ASKED | settings | _entries(str(config.get("config") or ""))
    for name in ("datasets", "seeds"):  # Snakemake reads a list of numbers as one of texts
        if isinstance(wanted[name], list):
            wanted[name] = ", ".join(map(str, wanted[name]))
    checks.known("the grid", wanted, ASKED)
    device = device_name(wanted["device"])
    variants = CONTROLS if _switch("controls", wanted["controls"]) else FOUR
    own = {"datasets": wanted["datasets"], "seeds": wanted["seeds"], "variants": variants}
    grid = Experiment(wanted["profile"], **own)
    numbers = {name: checks.number(wanted[name]) for name in ("mem_mb", "minutes")}
    for name, value in numbers.items():
        checks.whole(name, value, 1)
    return Jobs(
        grid.profile.name,
        device,
        {grid.name(dataset): dataset for dataset in grid.datasets},
        grid.seeds,
        {re.sub("[^a-z0-9.]+", "-", one.name): one.name for one in variants},
        {"gpu": int(device != "cpu"), "mem_mb": numbers["mem_mb"], "runtime": numbers["minutes"]},
    )


def _entries(text: str) -> dict[str, str]:
    found = [(entry[1], entry[2].strip().strip("\"'")) for entry in ENTRY.finditer(text)]
    if ENTRY.sub("", text).strip():
        raise ValueError(f"CONFIG is {text!r}, expected entries such as seeds=[0,1] controls=true")
    if len(dict(found)) < len(found):
        raise ValueError(f"CONFIG is {text!r}, expected each setting once")
    return dict(found)


def _switch(name: str, given: object) -> bool:
    if (word := str(given).lower()) not in YES + NO:
        raise ValueError(f"{name} is {given!r}, expected true or false")
    return word in YES
