"""The grid on a real cluster, SLURM's daemons on one node: a cancelled job and a killed worker cost only themselves."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.helpers import ROOT, TOOLS, clone, run

WANTED = [f"digits-s0-attack-{target}.ipynb" for target in ("ann", "snn")]
JOBS = 2 + len(WANTED)  # their two targets, too


@pytest.fixture
def cluster(tmp_path):
    if not os.environ.keys() & {"CI", "SNNMI_LONG"}:
        pytest.skip("three minutes: in `make test-long`")
    if not shutil.which("slurmctld") or os.geteuid():
        pytest.skip("no SLURM here, or no root to start it (Debian's slurmctld, slurmd, slurm-client, munge)")
    script, place = str(ROOT / "tests/slurm.sh"), tempfile.mkdtemp()  # munge wants no private folder above
    try:
        begun = subprocess.run([script, "start", place], capture_output=True, text=True)
        if begun.returncode:  # which says something of the machine, and nothing of the grid
            pytest.skip(f"SLURM's daemons do not start on this machine: {begun.stderr[-300:]}")
        yield TOOLS | {"SLURM_CONF": f"{place}/slurm.conf", "OMP_NUM_THREADS": "1"}
    finally:
        run([script, "stop", place], ROOT)
        shutil.rmtree(place, ignore_errors=True)  # a daemon's last file may go while this looks


def grid(folder, env, more=""):
    """`make grid` on the cluster, begun."""
    command = ["make", "grid", "ON=slurm", "PROFILE=smoke", "JOBS=2", f"VENV={ROOT / '.venv'}"]
    files = " ".join(f"executed/grid/smoke/{name}" for name in WANTED)
    command += [f"OPTIONS=--seconds-between-status-checks 2 {more} -- {files}"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=env | {"PYTHONPATH": str(folder)}, **piped)


def workers():
    """The processes that execute attacks, by the target they attack."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        log = [part for part in command if "-attack-" in part and part.endswith(".log.ipynb")]
        if log and any(part.endswith("/papermill") for part in command):
            found[re.search(r"-attack-(.+?)\.log", log[0])[1]] = int(place.name)
    return found


def finished(folder):
    """What is complete, and when it was."""
    places = [*folder.glob("executed/grid/smoke/*.ipynb"), *folder.glob("results/smoke/*/run.json")]
    return {path: path.stat().st_mtime_ns for path in places if not path.name.endswith(".log.ipynb")}


def test_what_was_cancelled_or_killed_is_finished_later_and_nothing_twice(cluster, tmp_path):
    folder = clone(tmp_path / "clone")
    shutil.rmtree(folder / "results")  # the larger scales, which chapters would read
    first = grid(folder, cluster, "--retries 0")
    while len(now := workers()) < 2:
        assert first.poll() is None, first.communicate()[0][-3000:]
        time.sleep(0.05)
    (cancelled, one), (killed, other) = now.items()
    job = re.search(rb"SLURM_JOB_ID=(\d+)", Path(f"/proc/{one}/environ").read_bytes())[1].decode()
    subprocess.run(["scancel", job], env=cluster, check=True)
    os.kill(other, signal.SIGKILL)
    said = first.communicate(timeout=600)[0]
    assert first.returncode != 0, said[-3000:]
    before = finished(folder)
    outputs = {path.name for path in before if path.suffix == ".ipynb"}
    assert not outputs & {f"digits-s0-attack-{target}.ipynb" for target in (cancelled, killed)}
    assert len(outputs) == JOBS - 2, said[-3000:]
    second = grid(folder, cluster)
    said = second.communicate(timeout=600)[0]
    assert second.returncode == 0, said[-3000:]
    after = finished(folder)
    assert before.items() <= after.items(), "what was complete was made again"
    assert sum(path.suffix == ".ipynb" for path in after) == JOBS
