"""What `make grid` is asked for, looked at before any job begins (Snakefile)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import yaml

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
    checks.known("the grid", wanted, ASKED)
    lists = {name: wanted[name] for name in ("datasets", "seeds")}
    for name, given in lists.items():  # Snakemake reads a list of numbers as one of texts
        lists[name] = ", ".join(map(str, given)) if isinstance(given, list) else given
    if (controls := yaml.safe_load(str(wanted["controls"]).lower())) not in (True, False):
        raise ValueError(f"controls is {wanted['controls']!r}, expected true or false")
    device, variants = device_name(wanted["device"]), CONTROLS if controls else FOUR
    grid = Experiment(wanted["profile"], variants=variants, **lists)
    mem_mb, minutes = (checks.whole(name, checks.number(wanted[name]), 1) for name in ("mem_mb", "minutes"))
    return Jobs(
        grid.profile.name,
        device,
        {grid.name(dataset): dataset for dataset in grid.datasets},
        grid.seeds,
        {re.sub("[^a-z0-9.]+", "-", one.name): one.name for one in variants},
        {"gpu": int(device != "cpu"), "mem_mb": mem_mb, "runtime": minutes},
    )


def _entries(text: str) -> dict[str, str]:
    found = [(entry[1], entry[2].strip().strip("\"'")) for entry in ENTRY.finditer(text)]
    if ENTRY.sub("", text).strip():
        raise ValueError(f"CONFIG is {text!r}, expected entries such as seeds=[0,1] controls=true")
    if len(dict(found)) < len(found):
        raise ValueError(f"CONFIG is {text!r}, expected each setting once")
    return dict(found)
