"""The offline kit: packed here, run elsewhere in slices, taken home verified."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires
from pathlib import Path

import pytest

from snnmi.store import Run, sealed
from snnmi.study import offline
from snnmi.study.experiment import Experiment
from snnmi.study.tables import attacks_table
from tests.helpers import TOOLS, run


@pytest.fixture(scope="module")
def there(results, tmp_path_factory):
    """A machine on which the smoke profile's ANN is attacked, and packed."""
    folder = tmp_path_factory.mktemp("there")
    shutil.copytree(results, folder / "results", ignore=shutil.ignore_patterns("*-snn-*", "boundary-*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        offline.pack(folder / "results", "smoke")
    return folder


def test_results_come_home_as_they_were(there, tmp_path):
    brought = offline.bring(there / "results.zip", tmp_path)
    assert sorted(path.name.split("-")[0] for path in brought) == ["attack", "originals", "scores", "target"]
    home = Experiment("smoke", targets=["ann"], results=tmp_path, compute=False)
    away = Experiment("smoke", targets=["ann"], results=there / "results", compute=False)
    assert attacks_table([home]).equals(attacks_table([away])) and len(attacks_table([home])) == 20
    assert not list(tmp_path.glob("**/*.safetensors"))  # weights stay where they are


def test_results_zip_holds_finished_runs_only_and_state_zip_all(there, tmp_path, monkeypatch):
    shutil.copytree(there / "results", tmp_path / "results")
    (half := tmp_path / "results/smoke/attack-digits-snn-s0-0123456789").mkdir()
    (half / "checkpoint").write_bytes(b"half")
    (half / "scores.csv").write_text("label")
    monkeypatch.chdir(tmp_path)
    offline.pack(tmp_path / "results", "smoke")
    home, state = (zipfile.ZipFile(tmp_path / name).namelist() for name in ("results.zip", "state.zip"))
    assert len(home) == 11 and home[0] == "runs.json" and not any("snn" in name for name in home)
    assert not any(name.endswith((".safetensors", "checkpoint")) for name in home)
    assert {f"results/{name}" for name in home[1:]} < set(state)
    assert len([name for name in state if name.endswith(".safetensors")]) == 2
    assert "results/smoke/attack-digits-snn-s0-0123456789/checkpoint" in state


def packed_anew(archive, name=lambda name: name, extra=()):
    """The same members under other names, and more."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(archive.with_name("results (1).zip"), "w") as new:
        for one in old.namelist():
            new.writestr(name(one), old.read(one))
        for one in extra:
            new.mkdir(one) if one[-1] == "/" else new.writestr(one, b"\0\5\x16\7")
    return Path(new.filename)


PACKED = {  # by whom
    "a Mac": (lambda name: f"results/{name}", ("results/", "results/smoke/", "__MACOSX/results/smoke/._x",
                                               "results/.DS_Store")),
    "Windows": (lambda name: f"results\\{name}".replace("/", "\\"), ()),
    "Linux, in a folder": (lambda name: f"home/me/run 7/{name}", ("home/", "home/me/run 7/smoke/.nfs0001")),
    "a NAS": (lambda name: name, ("@eaDir/smoke/x@SynoEAStream", "#recycle/smoke/y")),
}  # fmt: skip


@pytest.mark.parametrize("name, extra", PACKED.values(), ids=PACKED)
def test_results_that_were_packed_anew_come_home_too(there, tmp_path, name, extra):
    archive = packed_anew(Path(shutil.copy(there / "results.zip", tmp_path)), name, extra)
    brought = offline.bring(archive, tmp_path / "home")
    assert len(brought) == 4 and all(Run(folder).complete() for folder in brought)


def test_results_that_were_unpacked_on_the_way_come_home_too(there, tmp_path):
    with zipfile.ZipFile(there / "results.zip") as packed:
        packed.extractall(tmp_path / "Downloads/results")
    (tmp_path / "Downloads/results/.DS_Store").write_bytes(b"")
    assert len(offline.bring(tmp_path / "Downloads", tmp_path / "home")) == 4


def test_a_file_that_is_too_large_is_not_taken_home(there, tmp_path, monkeypatch):
    monkeypatch.setattr(offline, "LARGEST", 2000)
    with pytest.raises(ValueError, match="has more than 2000 bytes, expected at most those"):
        offline.bring(there / "results.zip", tmp_path)


OUTSIDE = """../smoke/run/run.json /smoke/run/run.json smoke/../run.json smoke/run/weights.safetensors
    smoke/run/model.pkl other/run/run.json smoke/run/deep/run.json run.json""".split()


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_zip_cannot_write_elsewhere_or_anything_else(there, tmp_path, name):
    bad = shutil.copy(there / "results.zip", tmp_path / "bad.zip")
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(name, "{}")
    with pytest.raises(ValueError, match="expected <profile>/<run>/<file> of a finished run"):
        offline.bring(bad, tmp_path / "results")
    assert not (tmp_path / "results").exists() and sorted(p.name for p in tmp_path.iterdir()) == ["bad.zip"]


def another_seed(content):
    record = json.loads(content)
    record["settings"]["seed"] = 5
    return json.dumps(sealed({k: v for k, v in record.items() if k != "sha256"})).encode()


NOT_WHOLE = {  # members, what becomes of each, what is said
    "another number": ("*", lambda c: c.replace(b'"test_accuracy": 0.', b'"test_accuracy": 7.'), "not as it was"),
    "no list": ("runs.json", None, "is not whole"),
    "no run that is listed": ("smoke/target*", None, "is not whole"),
    "another score": ("*scores.csv", lambda c: c.replace(b"1", b"2", 1), "scores.csv is not the file"),
    "no arrays": ("*arrays.npz", None, "arrays.npz is not the file"),
    "no record": ("*run.json", None, "no readable run.json"),
    "half a record": ("*run.json", lambda content: content[:20], "no readable run.json"),
    "another seed": ("*run.json", another_seed, "has settings whose hash is"),
}  # fmt: skip


@pytest.mark.parametrize("members, change, said", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_runs_that_are_not_what_they_say_are_refused_whole(there, tmp_path, members, change, said):
    with zipfile.ZipFile(there / "results.zip") as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in old.namelist():
            if not fnmatch(name, members):
                bad.writestr(name, old.read(name))
            elif change:
                bad.writestr(name, change(old.read(name)))
    with pytest.raises(ValueError, match=said):
        offline.bring(tmp_path / "bad.zip", tmp_path / "results")
    assert not list(tmp_path.glob("results/**/*.*"))


def test_a_run_that_is_complete_here_keeps_its_weights(there, tmp_path):
    shutil.copytree(there / "results", tmp_path / "results")
    before = {path: path.read_bytes() for path in sorted((tmp_path / "results").rglob("*")) if path.is_file()}
    assert offline.bring(there / "results.zip", tmp_path / "results") == []
    assert before == {path: path.read_bytes() for path in before}
    (weights,) = (tmp_path / "results/smoke").glob("target-*/weights.safetensors")
    weights.write_bytes(b"damaged")  # then the one from elsewhere is better than none
    with pytest.warns(UserWarning, match="is damaged"):
        (brought,) = offline.bring(there / "results.zip", tmp_path / "results")
    assert brought.name.startswith("target-")


def test_what_is_finished_is_packed_though_the_chain_dies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    asked = dict(minutes=1.0, device="no such device", seeds=(0,), results=tmp_path / "results")
    with pytest.raises(subprocess.CalledProcessError):
        offline.run("smoke", **asked)
    assert (tmp_path / "results.zip").exists() and not list(tmp_path.glob(".*.zip"))


def test_what_is_no_zip_is_said_in_one_sentence(tmp_path):
    (tmp_path / "results.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="not a readable zip .* expected a results.zip"):
        offline.bring(tmp_path / "results.zip", tmp_path)


def test_the_table_for_readers_has_a_row_a_class_and_pair(there, tmp_path, monkeypatch):
    monkeypatch.setattr(offline, "SEEDS", 1)  # so many are looked for
    offline.bring(there / "results.zip", tmp_path)
    header, *rows = offline.export(tmp_path, "smoke").read_text().splitlines()
    assert len(rows) == 20
    wanted = "dataset target variant seed label pair queries M_global A_target".split()
    assert set(wanted) <= set(header.split(","))


def test_a_slice_ends_in_time_and_the_next_goes_on(tmp_path, monkeypatch):
    calls = []

    def process(command, *, timeout, check):
        calls.append(timeout)
        if len(calls) == 1:
            raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(offline.subprocess, "run", process)
    monkeypatch.chdir(tmp_path)
    given = dict(minutes=0.5, device="cpu", seeds=(0,), results=tmp_path / "results")
    assert [offline.run("smoke", **given) for _ in range(2)] == [False, True]
    assert calls == [30.0, 30.0] and zipfile.is_zipfile("results.zip")


def test_the_work_comes_in_the_order_of_its_value(tmp_path):
    work = list(offline.work("paper", device="cpu", seeds=(0, 1), results=tmp_path))
    first = [(d, seed) for seed in (0, 1) for d in ("mnist", "faces")]
    assert [(e.datasets, e.seeds) for e in work[:4]] == [((d,), (seed,)) for d, seed in first]
    assert [len(e.variants) for e in work[:4]] == [2] * 4 and all(len(e.variants) > 10 for e in work[4:])


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """What packs a kit, but for the downloads."""
    ran = subprocess.run

    def process(command, **options):
        if "download" not in command:
            return ran(command, **options)
        folder = command[command.index("--dest") + 1]
        folder.mkdir(exist_ok=True)
        for wheel in ("numpy-2.4.6-cp312.whl", "scikit_image-0.26.0-cp312.whl"):
            (folder / wheel).touch()
        needs_torch = [part for part in command if str(part).startswith("torch")]
        assert not needs_torch or "--no-deps" in command  # else pip would bring torch, too

    def pack():
        monkeypatch.setattr(offline.subprocess, "run", process)
        offline.kit(tmp_path / "kit", python="3.12", datasets=("digits",), has=("scikit-image",))
        return tmp_path / "kit"

    return pack


def test_the_kit_holds_source_wheels_data_and_a_script(packed):
    kit = packed()
    assert [path.name for path in (kit / "wheels").iterdir()] == ["numpy-2.4.6-cp312.whl"]
    assert (kit / "run.sh").stat().st_mode & 0o100 and (kit / "COMMIT").read_text().strip()
    there, here = ({p.relative_to(f) for p in (f / "snnmi").rglob("*.py")} for f in (kit, offline.ROOT))
    assert there == here
    (kit / "site").mkdir()  # what the wheels hold is here already
    said = run(["./run.sh", "bench", "--device", "cpu", "--quick"], kit)
    assert "snn_query_640" in said and (kit / "build/bench.json").exists()


@pytest.mark.parametrize("git", [None, "echo 'fatal: detected dubious ownership' >&2; exit 128"])
def test_a_kit_is_packed_where_git_is_absent_or_does_not_answer(packed, tmp_path, monkeypatch, git):
    (tmp_path / "bin").mkdir()
    if git:
        (tmp_path / "bin/git").write_text(f"#!/bin/sh\n{git}\n")
        (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    offline.commit.cache_clear()
    try:
        assert (packed() / "COMMIT").read_text() == "unknown\n"
    finally:
        offline.commit.cache_clear()


def test_there_the_wheels_are_unpacked_whatever_pip_is_told(packed, tmp_path, monkeypatch):
    kit = packed()
    shutil.rmtree(kit / "wheels")
    (kit / "wheels").mkdir()
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
    taken, ahead = {"snnmi"}, {*offline.PACKAGES, "torch"}
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
