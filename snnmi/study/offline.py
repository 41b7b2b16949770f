"""A machine with a GPU and no network: `kit` packs what it lacks, the kit's run.sh works there in slices, `bring` takes
results.zip home. What is brought is looked at as every stored run is, when it is loaded.
"""

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from tqdm import tqdm

from snnmi import data, places
from snnmi.files import atomic_write
from snnmi.own_data import UNREADABLE, in_a_line
from snnmi.provenance import commit
from snnmi.store import Run
from snnmi.study import controls, profiles
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements

ROOT = Path(__file__).parents[2]
# What the chain and the bench import; the book is made at home. What these need, pip finds.
PACKAGES = "numpy pandas scipy scikit-learn scikit-image safetensors jaxtyping tqdm".split()
ON_TORCH = "snntorch torchvision".split()  # and torch itself must be there
PLATFORMS = [f"--platform=manylinux{which}_x86_64" for which in ("_2_28", "_2_27", "_2_17", "2014", "1")]
NAMES = "|".join(profiles.PROFILES)  # of files that come home, whatever folders they were packed into
KEPT = re.compile(
    rf"(?:^|/)((?:{NAMES})/[A-Za-z0-9][\w.=-]*)/(run\.json|arrays\.npz|[a-z_]+\.csv)$", re.ASCII
)


def kit(
    python: str, datasets: Sequence[str] = ("mnist", "faces"), folder: Path = Path("build/offline-kit")
) -> None:
    """Source, wheels for that Python, data sets and run.sh in a folder, made anew."""
    files = [(ROOT / "bench.py", "bench.py"), (ROOT / "grid/offline/run.sh", "run.sh")]
    files += [(path, f"data/{name}") for path, name in data.files(datasets)]
    shutil.rmtree(folder, ignore_errors=True)
    pip = [sys.executable, "-I", ROOT / "own_venv.py", "download"]  # whatever a user's settings say
    pip += ["--quiet", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *PLATFORMS]
    pip += ["--dest", folder / "wheels", "--constraint", ROOT / "requirements.txt"]
    shutil.copytree(ROOT / "snnmi", folder / "snnmi", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *ON_TORCH], check=True)
    for source, place in files:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / place)
    (folder / "COMMIT").write_text(commit() + "\n")


def chain(profile: str, device: str, seeds: Sequence[int], results: Path) -> None:
    """All there is to do, in the order of its value: the profile's runs, further seeds, the controls."""
    given = {"device": device, "results": results}
    for variants, wanted in ((None, seeds), (controls.CONTROLS, seeds[:1])):
        for seed, dataset in product(wanted, profiles.get(profile).datasets):
            experiment = Experiment(profile, datasets=[dataset], seeds=[seed], variants=variants, **given)
            experiment.attacks()
            if variants is None:
                experiment.boundaries()
                judgements(experiment)


def pack(results: Path) -> None:
    """results.zip: what a repository keeps of finished runs."""
    with zipfile.ZipFile("results.zip", "w", zipfile.ZIP_DEFLATED) as home:
        for record in sorted(results.glob("*/*/run.json")):
            for path in sorted(record.parent.iterdir()):
                if KEPT.fullmatch(name := path.relative_to(results).as_posix()):
                    home.write(path, name)


def bring(archive: Path, results: Path) -> list[Path]:
    """Unpack a results.zip, or a folder that it was unpacked into; the folders of the runs that are whole. A whole run
    that is here stays as it is; of another the store says what is wrong with it.
    """
    members = places.members(archive, "", "a results.zip")
    found = {name: match for name in members if (match := KEPT.search(name))}
    if not found:
        raise ValueError(f"{archive} holds no run, expected a results.zip: is it all there?")
    new = {folder: not Run(results / folder).complete() for folder in {match[1] for match in found.values()}}
    for name in sorted(found, key=lambda name: name.endswith("run.json")):  # until then a run is not complete
        if new[found[name][1]]:
            try:
                atomic_write(results / found[name][1] / found[name][2], members[name]())
            except UNREADABLE as error:
                raise ValueError(f"{archive}: {name} cannot be read ({in_a_line(error)})") from None
    return sorted(results / folder for folder in new if new[folder] and Run(results / folder).complete())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("kit").add_argument("--python", default="3.12", help="Python of that machine")
    one = commands.add_parser("chain")
    one.add_argument("--profile", default="paper")
    one.add_argument("--device", default="cuda")
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    commands.add_parser("bring").add_argument("archive", type=Path)
    for name in ("chain", "bring", "pack"):
        one = commands.choices.get(name) or commands.add_parser(name)
        one.add_argument("--results", type=Path, default=Path("results"))
    given = vars(parser.parse_args())
    found = {"kit": kit, "chain": chain, "pack": pack, "bring": bring}[given.pop("command")](**given)
    if found is not None:
        tqdm.write(f"{len(found)} finished runs are in {given['results']}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
