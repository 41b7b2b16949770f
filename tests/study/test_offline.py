"""The offline kit: packed here, run elsewhere in slices, taken home verified."""

import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires

import pytest

from snnmi.store import Run
from snnmi.study import offline
from snnmi.study.experiment import Experiment
from tests.helpers import TOOLS, run, scores_of


@pytest.fixture(scope="module")
def there(results, tmp_path_factory):
    """A machine on which the smoke profile's ANN is attacked, and packed."""
    folder = tmp_path_factory.mktemp("there")
    shutil.copytree(results, folder / "results", ignore=shutil.ignore_patterns("*-snn-*", "boundary-*"))
    (half := folder / "results/smoke/attack-digits-snn-s0-0123456789").mkdir()
    (half / "scores.csv").write_text("label")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        offline.pack(folder / "results")
    return folder


def test_results_come_home_as_they_were(there, tmp_path):
    brought = offline.bring(there / "results.zip", tmp_path)
    assert sorted(path.name.split("-")[0] for path in brought) == ["attack", "originals", "scores", "target"]
    home = Experiment("smoke", targets=["ann"], results=tmp_path, compute=False)
    away = Experiment("smoke", targets=["ann"], results=there / "results", compute=False)
    assert scores_of(home).equals(scores_of(away)) and len(scores_of(home)) == 20
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 10  # no weights, no half of a run


def test_results_that_were_packed_anew_come_home_too(there, tmp_path):
    """Whoever unpacked them and whatever was put in (`places.members`)."""
    with zipfile.ZipFile(there / "results.zip") as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for one in old.namelist():
            new.writestr(f"home\\me\\run 7\\{one}".replace("/", "\\"), old.read(one))
        new.writestr("__MACOSX/home/me/run 7/smoke/._x", b"\0\5\x16\7")
    brought = offline.bring(tmp_path / "new.zip", tmp_path / "home")
    assert len(brought) == 4 and all(Run(folder).complete() for folder in brought)


OUTSIDE = """../smoke/../run.json /smoke/.again/run.json smoke/../run.json smoke/run/weights.safetensors
    smoke/run/model.pkl other/run/run.json smoke/run/deep/run.json run.json""".split()


def test_a_zip_cannot_write_elsewhere_or_anything_else(there, tmp_path):
    bad = shutil.copy(there / "results.zip", tmp_path / "bad.zip")
    with zipfile.ZipFile(bad, "a") as archive:
        for name in OUTSIDE:
            archive.writestr(name, "{}")
    assert len(offline.bring(bad, tmp_path / "results")) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip", "results"]
    with zipfile.ZipFile(there / "results.zip") as archive:
        written = (tmp_path / "results").rglob("*.*")
        found = sorted(path.relative_to(tmp_path / "results").as_posix() for path in written)
        assert found == sorted(archive.namelist())


@pytest.mark.parametrize("members, change", [
    ("*scores.csv", lambda content: content.replace(b"1", b"2", 1)),
    ("*/attack*/run.json", None),
])  # fmt: skip
def test_what_is_not_as_its_record_says_is_reported_and_no_run(there, tmp_path, members, change):
    with zipfile.ZipFile(there / "results.zip") as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in old.namelist():
            if change or not fnmatch(name, members):
                bad.writestr(name, change(old.read(name)) if fnmatch(name, members) else old.read(name))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        brought = offline.bring(tmp_path / "bad.zip", tmp_path / "results")
    assert len(brought) == 3 and bool(change) == any("is damaged" in str(one.message) for one in said)
    assert len(offline.bring(there / "results.zip", tmp_path / "results")) == 1  # a whole one takes its place


def test_a_run_that_is_complete_here_keeps_its_weights(there, tmp_path):
    shutil.copytree(there / "results", tmp_path / "results")
    before = {path: path.read_bytes() for path in sorted((tmp_path / "results").rglob("*")) if path.is_file()}
    assert offline.bring(there / "results.zip", tmp_path / "results") == []
    assert before == {path: path.read_bytes() for path in before}


def test_half_of_a_download_is_not_read_as_one_of_the_archives_in_it(there, tmp_path):
    """Arrays are zips, too, and a zip is read from its end."""
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="not a readable zip .* expected a results.zip"):
        offline.bring(tmp_path / "no.zip", tmp_path)
    content = (there / "results.zip").read_bytes()
    for share in (0.3, 0.5, 0.8, 0.95):
        (tmp_path / "results.zip").write_bytes(content[: int(share * len(content))])
        with pytest.raises(ValueError, match="holds no run|not a readable zip"):
            offline.bring(tmp_path / "results.zip", tmp_path / "home")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ValueError, match="holds no run"):
        offline.bring(tmp_path / "empty.zip", tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_the_work_comes_in_the_order_of_its_value(monkeypatch, tmp_path):
    done = []

    class Recorded:
        def __init__(self, profile, **given):
            self.given = given

        def attacks(self):
            done.append(self.given)

        def boundaries(self):
            done[-1]["also"] = ["boundaries"]

    monkeypatch.setattr(offline, "Experiment", Recorded)
    monkeypatch.setattr(offline, "judgements", lambda one: one.given["also"].append("judgements"))
    offline.chain("paper", "cpu", (0, 1), tmp_path)
    first = [(["mnist"], [0]), (["faces"], [0]), (["mnist"], [1]), (["faces"], [1])]
    assert [(one["datasets"], one["seeds"]) for one in done] == first + first[:2]
    assert [one.get("also") for one in done] == [["boundaries", "judgements"]] * 4 + [None] * 2
    assert [bool(one["variants"]) for one in done] == [False] * 4 + [True] * 2


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """One, but for the downloads; what the wheels hold is here already."""
    ran = subprocess.run

    def process(command, **options):
        if "download" not in command:
            return ran(command, **options)
        folder = command[command.index("--dest") + 1]
        folder.mkdir(exist_ok=True)
        (folder / "numpy-2.4.6-cp312.whl").touch()
        # else pip would bring torch, too
        assert "--no-deps" in command or not {*offline.ON_TORCH} & {*command}

    monkeypatch.setattr(offline.subprocess, "run", process)
    offline.kit("3.12", ("digits",), tmp_path / "kit")
    (tmp_path / "kit/site").mkdir()
    return tmp_path / "kit"


def test_the_kit_holds_source_wheels_data_and_a_script(kit):
    assert [path.name for path in (kit / "wheels").iterdir()] == ["numpy-2.4.6-cp312.whl"]
    assert (kit / "run.sh").stat().st_mode & 0o100 and (kit / "COMMIT").read_text().strip()
    there, here = ({p.relative_to(f) for p in (f / "snnmi").rglob("*.py")} for f in (kit, offline.ROOT))
    assert there == here
    assert "usage: bench.py" in run(["./run.sh", "bench", "--help"], kit)  # all that it imports is there


@pytest.mark.parametrize("code, said", [(0, "All is done"), (124, "Not all is done: run it again"), (1, "")])
def test_a_slice_says_how_it_ended_and_packs_what_is_finished(kit, tmp_path, code, said):
    python = tmp_path / "python"  # whose chain ends so
    python.write_text(f'#!/bin/sh\n[ "$3" = chain ] && exit {code}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["./run.sh", "0.5"], cwd=kit, env=TOOLS | {"PYTHON": str(python)}, capture_output=True
    )
    assert said in done.stdout.decode() and done.returncode == (code if code == 1 else 0)
    assert zipfile.is_zipfile(kit / "results.zip")


def test_there_the_wheels_are_unpacked_whatever_pip_is_told(kit, tmp_path, monkeypatch):
    (kit / "site").rmdir()
    (kit / "wheels/numpy-2.4.6-cp312.whl").unlink()
    with zipfile.ZipFile(kit / "wheels/tiny-1.0-py3-none-any.whl", "w") as wheel:
        about = {"METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n", "RECORD": ""}
        about["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for name, content in about.items():
            wheel.writestr(f"tiny-1.0.dist-info/{name}", content)
        wheel.writestr("tiny.py", "")
    (kit / "bench.py").write_text("import tiny; print('unpacked')")
    (tmp_path / "pip.conf").write_text("[global]\nuser = yes\nrequire-hashes = yes\n")
    monkeypatch.setitem(TOOLS, "PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setitem(TOOLS, "PIP_PREFIX", str(tmp_path / "elsewhere"))
    assert "unpacked" in run(["./run.sh", "bench"], kit)


def test_what_a_machine_runs_imports_nothing_that_the_kit_leaves_out():
    """Everything else that is installed here is hidden (the book's own libraries once were in the way)."""
    taken, ahead = {"snnmi"}, {*offline.PACKAGES, *offline.ON_TORCH, "torch"}
    while ahead:
        taken |= ahead
        needs = (need for name in ahead for need in requires(name) or () if "extra ==" not in need)
        names = {re.match(r"[\w.-]+", need)[0].lower().replace("_", "-") for need in needs}
        ahead = {name for name in names - taken if installed(name)}
    modules = packages_distributions().items()
    hidden = [m for m, owners in modules if not {o.lower().replace("_", "-") for o in owners} & taken]
    first = "import torch._dynamo  # which looks for what it would do without\n"
    code = first + HIDE.format(hidden=hidden) + "import bench, snnmi.study.offline as offline\n"
    code += "offline.data.vision.torchvision_datasets()"
    assert "matplotlib" in hidden and "pandas" not in hidden
    run([sys.executable, "-c", code], offline.ROOT)


HIDE = """
import sys

class Hidden:
    def find_spec(name, *rest):
        if name in {hidden}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Hidden)
"""


def installed(name):
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False


def test_data_sets_are_taken_along_by_the_files_they_are_read_from(data_folder, tmp_path, monkeypatch):
    found = offline.data.files(["digits", "mnist", "faces"])
    mnist = [f"MNIST/raw/{name}.gz" for name in offline.data.vision.MNIST.files]
    assert [place for _, place in found] == [*mnist, "att_faces.zip"]
    for source, place in found:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, tmp_path / place)
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path))
    assert len(offline.data.load("faces", download=False).x_test) == 80  # as it will be read there


def test_a_file_of_ones_own_is_not_taken_along(tmp_path, monkeypatch):
    monkeypatch.setattr(offline.data, "load", lambda name: None)
    with pytest.raises(ValueError, match="of your own: copy it yourself"):
        offline.data.files(["mine.npz"])
