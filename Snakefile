"""The grid on many machines: the book's own notebooks, each with the parameters of one job. `make grid` calls it.

The store makes jobs idempotent: what one has finished, another loads. Afterwards `make book` shows what they stored.
"""

import json
import sys

from snnmi.study import jobs
from snnmi.study.controls import KINDS

try:
    ASKED = jobs.asked(config)
except (ValueError, FileNotFoundError) as error:
    sys.exit(str(error))
JOB = "executed/grid/" + ASKED.profile + "/{dataset}-s{seed}"
RUN = (  # a papermill that fails writes its notebook, too: there it stays a log, and its last line is shown
    "papermill --cwd . --no-progress-bar -k python3 -y {params.given:q} book/{params.chapter}.ipynb {log} 2> {log}.txt"
    " && cp {log} {output} || {{ tail -n 1 {log}.txt >&2; false; }}"
)


def given(wildcards):
    """A job's parameters: one target, or the two that are compared."""
    target = wildcards.get("kind") or wildcards.get("target")
    targets = [ASKED.targets.get(target, target)] if target else [*KINDS]
    about = {"datasets": [ASKED.datasets[wildcards.dataset]], "seeds": [int(wildcards.seed)], "targets": targets}
    return json.dumps({"profile": ASKED.profile, "device": ASKED.device} | about)


wildcard_constraints:
    dataset="[^/]+",
    kind="|".join(KINDS),
    seed=r"\d+",


rule all:
    input:
        expand(JOB + "-attack-{target}.ipynb", dataset=ASKED.datasets, seed=ASKED.seeds, target=ASKED.targets),
        expand(JOB + "-{what}.ipynb", dataset=ASKED.datasets, seed=ASKED.seeds, what=["boundaries", "judges"]),


for name, chapter, own, after in (
    ("train", "02_targets", "-train-{kind}", []),
    ("attack", "03_attack", "-attack-{target}", [f"-train-{kind}" for kind in KINDS]),
    ("boundaries", "05_boundaries", "-boundaries", [f"-attack-{kind}" for kind in KINDS]),
    ("judges", "09_judges", "-judges", [f"-attack-{kind}" for kind in KINDS]),
):
    rule:
        name: name
        input: [JOB + one + ".ipynb" for one in after]
        output: JOB + own + ".ipynb"
        log: JOB + own + ".log.ipynb"
        params: given=given, chapter=chapter
        resources: **ASKED.needs
        shell: RUN
