"""A storm of SIGKILLs over the chain leaves what an undisturbed one leaves; `make test-long` has fifty of them."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np

from tests.helpers import ROOT, TOOLS

KILLS = 50 if os.environ.get("SNNMI_LONG") else 1
CHAIN = """
from functools import partial
from snnmi.checkpoint import Checkpoint
Checkpoint.__init__.__defaults__ = (0.02,)  # saved all the time
from snnmi.measure import judges
judges.JudgeConfig = partial(judges.JudgeConfig, updates=100, epochs=1)
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements
one = Experiment("smoke", targets=["snn"], results={results!r}, changes={{"attack": {{"batches": 300}}}})
print("begun", flush=True)
one.attacks(), one.boundaries(), judgements(one)
print("done", flush=True)
"""


def begin(results):
    """The chain in a process of its own, at the moment when its work begins."""
    command = [sys.executable, "-c", CHAIN.format(results=str(results))]
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, env=TOOLS | {"OMP_NUM_THREADS": "1"}, **quiet)
    assert process.stdout.readline() == "begun\n"
    return process


def wait_for(folder, pattern):
    """What is there of such a name, once it is."""
    while not (found := [*folder.glob(pattern)]):
        time.sleep(0.01)
    return found


def kept(results):
    """Everything that a finished run says of itself, but for where and when; arrays by their content."""
    found = {}
    for path in sorted(results.rglob("*")):
        if path.name == "run.json":
            record = json.loads(path.read_text())
            found[path.parent.name] = record["settings"], record["metrics"], sorted(record["files"])
        elif path.suffix == ".npz":
            with np.load(path) as file:
                found[path.relative_to(results)] = {name: file[name].tobytes() for name in file.files}
        elif path.suffix in (".csv", ".safetensors"):
            found[path.relative_to(results)] = path.read_bytes()
    return found


def test_a_storm_of_kills_changes_nothing(tmp_path):
    chance = random.Random(0)
    assert begin(tmp_path / "calm").communicate()[0] == "done\n"
    for kill in range(KILLS):
        process = begin(tmp_path / "storm")
        if kill == 0:  # in the midst of the attack, a state of which is there to go on from
            (half,) = wait_for(tmp_path / "storm", "smoke/attack-*/checkpoint")
        else:
            time.sleep(chance.uniform(0.1, 2.5))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert kill or half.exists() and not half.with_name("run.json").exists()
    assert begin(tmp_path / "storm").communicate()[0] == "done\n"
    calm, storm = kept(tmp_path / "calm"), kept(tmp_path / "storm")
    assert len(calm) > 12 and calm == storm
    assert not list((tmp_path / "storm").rglob("checkpoint")), "a finished run needs none"
