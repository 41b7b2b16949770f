"""What `make grid` is asked for, looked at before any job begins (Snakefile)."""

import re
from collections.abc import Mapping
from types import SimpleNamespace

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


def asked(config: Mapping[str, object]) -> SimpleNamespace:
    """The grid of Snakemake's settings: profile, device, and as `params` the rest, said as `make book` is told. Raises
    ValueError or FileNotFoundError for what cannot be meant.

    profile, device, seeds
    datasets, targets: what results and files call each, and how it is named
    needs: of a job, "gpu", "mem_mb" and "runtime"
    """
    settings = {name: value for name, value in config.items() if name != "params"}
    wanted = ASKED | settings | parameters(str(config.get("params") or ""))
    checks.known("the grid", wanted, ASKED)
    if not isinstance(wanted["controls"], bool):
        raise ValueError(f"controls is {wanted['controls']!r}, expected True or False")
    device, variants = device_name(wanted["device"]), CONTROLS if wanted["controls"] else FOUR
    grid = Experiment(
        wanted["profile"], variants=variants, datasets=wanted["datasets"], seeds=wanted["seeds"]
    )
    mem_mb, minutes = (checks.whole(name, checks.number(wanted[name]), 1) for name in ("mem_mb", "minutes"))
    return SimpleNamespace(
        profile=grid.profile.name,
        device=device,
        seeds=grid.seeds,
        datasets={grid.name(dataset): dataset for dataset in grid.datasets},
        targets={re.sub("[^a-z0-9.]+", "-", one.name): one.name for one in variants},
        needs={"gpu": int(device != "cpu"), "mem_mb": mem_mb, "runtime": minutes},
    )
