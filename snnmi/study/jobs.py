"""What `make grid` is asked for, looked at before any job begins (Snakefile)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from snnmi import checks
from snnmi.study.asked import parameters
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


class Jobs(NamedTuple):
    profile: str
    device: str
    datasets: dict[str, str]  # what results call each, and how it was named
    seeds: tuple[int, ...]
    targets: dict[str, str]  # what files call each variant, and its name
    needs: dict[str, int]  # of a job: "gpu", "mem_mb", "runtime"


def asked(config: Mapping[str, object]) -> Jobs:
    """The grid of Snakemake's settings: profile, device, and as `params` the rest, said as `make book` is told. Raises
    ValueError or FileNotFoundError for what cannot be meant.
    """
    settings = {name: value for name, value in config.items() if name != "params"}
    wanted = ASKED | settings | parameters(str(config.get("params") or ""))
    checks.known("the grid", wanted, ASKED)
    if not isinstance(wanted["controls"], bool):
        raise ValueError(f"controls is {wanted['controls']!r}, expected True or False")
    device, variants = device_name(wanted["device"]), CONTROLS if wanted["controls"] else FOUR
    lists = {name: wanted[name] for name in ("datasets", "seeds")}
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
