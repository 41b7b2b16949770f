"""A machine with a GPU and no network: `kit` packs what it lacks, the kit's run.sh works there in slices, `bring`
takes results home.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from snnmi import data, places
from snnmi.files import atomic_write
from snnmi.own_data import UNREADABLE, in_a_line
from snnmi.provenance import commit
from snnmi.store import Run, digest, unsealed
from snnmi.study import controls, profiles
from snnmi.study.experiment import SEEDS, Experiment
from snnmi.study.judgements import judgements_table
from snnmi.study.tables import attacks_table

ROOT = Path(__file__).parents[2]
# What the chain and the bench import; the book is made at home. What these need, pip finds.
PACKAGES = (
    "numpy pandas scipy scikit-learn scikit-image safetensors jaxtyping tqdm snntorch torchvision".split()
)
PLATFORMS = [f"manylinux{which}_x86_64" for which in ("_2_28", "_2_27", "_2_17", "2014", "1")]
KEPT = re.compile(
    r"(?P<profile>[a-z]+)/(?P<run>[A-Za-z0-9._=-]+)/(?P<file>run\.json|arrays\.npz|[a-z_]+\.csv)"
)
LIST = "runs.json"  # what a results.zip should hold
LARGEST = 64 << 20  # bytes of one file taken home

RUN_SH = """#!/bin/bash
# ./run.sh bench: how fast the code is there.
# ./run.sh [MINUTES] [further options of "python -m snnmi.study.offline run", as --device cpu]: one slice of the work.
# Call it again until it says that all is done; then take results.zip home. On a machine that starts bare each time,
# take state.zip (weights, checkpoints) too, and unpack it here before the next slice.
set -eu
cd "$(dirname "$0")"
PYTHON="${PYTHON:-python3}"
export PIP_CONFIG_FILE=/dev/null
[ -d site ] || "$PYTHON" -m pip --isolated install --quiet --no-index --no-deps --no-compile --target site wheels/*.whl
export PYTHONPATH="$PWD:$PWD/site" SNNMI_DATA="$PWD/data"
[ "${1:-}" != bench ] || exec "$PYTHON" bench.py --device cuda "${@:2}"
exec "$PYTHON" -m snnmi.study.offline run --minutes "${1:-9}" "${@:2}"
"""


def kit(folder: Path, *, python: str, datasets: Sequence[str], has: Sequence[str]) -> None:
    """Pack source, wheels for that Python, data sets and run.sh into `folder`, made anew. torch must be there, as
    must what it `has`.
    """
    files = data.files(datasets)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pinned = [
        line.strip()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.split("==")[0] in PACKAGES
    ]
    options = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    options += ["--dest", folder / "wheels", "--constraint", ROOT / "requirements.txt"]
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    pip = [sys.executable, "-I", ROOT / "own_venv.py"]  # whatever a user's settings say
    download = [*pip, "download", "--quiet", *options, *platforms]
    needs_torch = [one for one in pinned if one.startswith("torch")]
    subprocess.run([*download, *(one for one in pinned if one not in needs_torch)], check=True)
    subprocess.run([*download, "--no-deps", *needs_torch], check=True)
    for wheel in (folder / "wheels").iterdir():
        if wheel.name.split("-")[0].replace("_", "-").lower() in has:
            wheel.unlink()
    shutil.copytree(ROOT / "snnmi", folder / "snnmi", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "bench.py", folder / "bench.py")
    for source, place in files:
        (folder / "data" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / "data" / place)
    (folder / "COMMIT").write_text(commit() + "\n")
    (folder / "run.sh").write_text(RUN_SH)
    (folder / "run.sh").chmod(0o755)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    tqdm.write(f"{folder}: {size / 2**20:.0f} MiB of commit {commit()}, for Python {python} with PyTorch")


def work(profile: str, *, seeds: Sequence[int], **given: object) -> Iterator[Experiment]:
    """What there is to do, in the order of its value: the profile's runs, further seeds, the controls."""
    for variants, wanted in ((None, seeds), (controls.CONTROLS, seeds[:1])):
        for seed in wanted:
            for dataset in profiles.get(profile).datasets:
                yield Experiment(profile, datasets=[dataset], seeds=[seed], variants=variants, **given)


def chain(profile: str, *, seeds: Sequence[int], **given: object) -> None:
    """All of it, from wherever the last slice stopped; `given`: device and results."""
    for experiment in work(profile, seeds=seeds, **given):
        experiment.attacks()
        if experiment.variants == tuple(controls.BASELINES.values()):
            experiment.boundaries()
            judgements_table([experiment])


def run(profile: str, *, minutes: float, device: str, seeds: Sequence[int], results: Path) -> bool:
    """One slice: the chain in a process of its own, killed when time is up (it checkpoints), then pack; whether all
    is done.
    """
    begun = time.monotonic()
    command = [sys.executable, "-m", "snnmi.study.offline", "chain", "--profile", profile]
    command += ["--device", device, "--results", str(results), "--seeds", *map(str, seeds)]
    try:
        subprocess.run(command, timeout=60 * minutes, check=True)
        done = True
    except subprocess.TimeoutExpired:
        done = False
    finally:  # what is finished goes home, whatever became of the rest
        pack(results, profile)
    tqdm.write(
        f"{'All is done' if done else 'Not all is done: run it again'} ({(time.monotonic() - begun) / 60:.1f} minutes)"
    )
    return done


def pack(results: Path, profile: str) -> None:
    """results.zip, what a repository keeps of finished runs and a list of them, and state.zip, what the next slice
    needs on a bare machine; each is there whole or as it was before.
    """
    finished = {path.parent for path in (results / profile).glob("*/run.json")}
    with (
        zipfile.ZipFile(".results.zip", "w", zipfile.ZIP_DEFLATED) as home,
        zipfile.ZipFile(".state.zip", "w") as state,
    ):
        home.writestr(LIST, json.dumps(sorted(path.relative_to(results).as_posix() for path in finished)))
        for path in sorted((results / profile).glob("*/*")):
            name = path.relative_to(results).as_posix()
            if path.parent in finished and KEPT.fullmatch(name):
                home.write(path, name)
            if path.is_file() and not path.name.startswith("."):
                state.write(path, f"{results.name}/{name}")
    for name in ("results.zip", "state.zip"):
        os.replace(f".{name}", name)


def bring(archive: Path, results: Path) -> list[Path]:
    """Take the finished runs of a results.zip home, packed anew or unpacked, too; returns their folders. Nothing is
    unpacked by its own path, nothing kept that is not as its run.json says (files by SHA-256, the folder's name by the
    hash of the settings), and a run that is complete here stays as it is. Raises ValueError for the rest.
    """
    runs: dict[tuple[str, str], dict[str, bytes]] = {}
    listed: list[str] = []
    members = places.members(archive, "", LARGEST + 1, "a results.zip")
    lists = [name for name in members if name.split("/")[-1] == LIST]
    top = min(lists, key=len).removesuffix(LIST) if lists else ""  # a folder around it all
    for name, content in members.items():
        inside = name.removeprefix(top)
        if inside == LIST:
            listed = _runs_listed(_read(archive, name, content))
            continue
        if not (match := KEPT.fullmatch(inside)) or ".." in name or match["profile"] not in profiles.PROFILES:
            raise ValueError(
                f"{archive} holds {name[:100]!r}, expected <profile>/<run>/<file> of a finished run"
            )
        runs.setdefault((match["profile"], match["run"]), {})[match["file"]] = _read(archive, name, content)
    there = {f"{profile}/{name}" for profile, name in runs}
    if there != set(listed):
        wrong = sorted(there ^ set(listed))[0]
        raise ValueError(
            f"{archive} is not whole: {wrong} is in its list or among its files, expected in both"
        )
    for (profile, name), files in runs.items():  # look at everything before anything is written
        _check(f"{profile}/{name} in {archive}", name, files)
    runs = {place: files for place, files in runs.items() if not _is_here(results / "/".join(place), files)}
    for (profile, name), files in runs.items():
        for file in sorted(files, key="run.json".__eq__):  # run.json last: until then the run is not complete
            atomic_write(results / profile / name / file, files[file])
    return [results / profile / name for profile, name in runs]


def _read(archive: Path, name: str, content: Callable[[], bytes]) -> bytes:
    try:
        found = content()
    except UNREADABLE as error:
        raise ValueError(f"{archive} cannot be read as a results.zip ({in_a_line(error)})") from None
    if len(found) > LARGEST:
        raise ValueError(f"{name} in {archive} has more than {LARGEST} bytes, expected at most those")
    return found


def _runs_listed(content: bytes) -> list[str]:
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return listed if isinstance(listed, list) and all(isinstance(one, str) for one in listed) else []


def _is_here(folder: Path, files: dict[str, bytes]) -> bool:
    """Whether the run is complete here, weights perhaps among it: another machine's would not go with them."""
    return Run(folder, json.loads(files["run.json"])["settings"]).complete()


def _check(what: str, name: str, files: dict[str, bytes]) -> None:
    try:
        record = unsealed(json.loads(files["run.json"]))
        listed = {n: digest for n, digest in record["files"].items() if n != "weights.safetensors"}
        found = {n: hashlib.sha256(content).hexdigest() for n, content in files.items() if n != "run.json"}
        expected = digest(record["settings"])
    except UNREADABLE as error:
        said = f"{type(error).__name__}: {in_a_line(error)}"
        raise ValueError(f"{what} has no readable run.json ({said})") from None
    if found != listed:
        wrong = sorted(n for n in found.keys() | listed.keys() if found.get(n) != listed.get(n))
        raise ValueError(f"{what}: {wrong[0]} is not the file that run.json lists")
    if name.rpartition("-")[2] != expected:
        raise ValueError(f"{what} has settings whose hash is {expected}")


def export(results: Path, profile: str) -> Path:
    """attacks.csv of a profile's folder: one row a class and pair, for those who read numbers and run nothing."""
    stored = {"seeds": list(range(SEEDS)), "results": results, "compute": False}
    found = attacks_table([Experiment(profile, variants=controls.CONTROLS, **stored)])
    path = results / profile / "attacks.csv"
    atomic_write(path, found.to_csv(index=False).encode())
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("kit")
    one.add_argument("--folder", type=Path, default=Path("build/offline-kit"))
    one.add_argument("--python", default="3.12", help="Python of that machine")
    one.add_argument("--datasets", nargs="*", default=["mnist", "faces"])
    one.add_argument("--has", nargs="*", default=[], help="packages that it has, to be left out")
    for name in ("run", "chain"):
        one = commands.add_parser(name)
        one.add_argument("--profile", default="paper")
        one.add_argument("--device", default="cuda")
        one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
        one.add_argument("--results", type=Path, default=Path("results"))
        if name == "run":
            one.add_argument("--minutes", type=float, default=9.0)
    one = commands.add_parser("bring")
    one.add_argument("archive", type=Path)
    one.add_argument("--results", type=Path, default=Path("results"))
    given = vars(parser.parse_args())
    match given.pop("command"):
        case "kit":
            kit(**given)
        case "run":
            run(**given)
        case "chain":
            chain(**given)
        case "bring":
            brought = bring(**given)
            for profile in sorted({folder.parent.name for folder in brought}):
                export(given["results"], profile)
            tqdm.write(f"{len(brought)} finished runs are in {given['results']}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
