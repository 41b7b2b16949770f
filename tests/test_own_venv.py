"""`make env` with packages of a few bytes: its own environment whatever pip is told elsewhere, wherever it is moved."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.helpers import ROOT

TOOL = "import os, snnmi\ndef main(): print('made in', os.path.dirname(snnmi.__file__))\n"


def wheel(folder, name, needs=()):
    """A package of one module, whose script `name` says where the project's module lies."""
    about = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in needs)
    files = {
        f"{name}.py": TOOL,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{about}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for file, content in files.items():
            packed.writestr(file, content)
    return path


def clean(home, **more):
    """An environment in which a user has set nothing, but lives in `home`."""
    kept = {k: v for k, v in os.environ.items() if not re.match("PIP_|PYTHON|VIRTUAL_ENV|XDG_|MAKE", k)}
    return kept | {"HOME": str(home), "PYTHON": sys.executable} | more


def make_env(project, home, *words, **more):
    command = ["make", "-C", project, "env", *words]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, env=clean(home, **more), **piped)
    assert done.returncode == 0, done.stdout
    return done.stdout


def said(project, name, cwd):
    """What a script of the project's environment says, begun elsewhere."""
    script = project / ".venv/bin" / name
    return subprocess.run(
        [script], cwd=cwd, env=clean(cwd), capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A project as small as can be, whose wheels lie in a folder that pip's settings in `home` name."""
    place = tmp_path_factory.mktemp("own")
    project, home, wheels = (place / name for name in ("project", "home", "wheels"))
    for folder in (project / "snnmi/fast", home / ".config/pip", wheels):
        folder.mkdir(parents=True)
    for file in ("Makefile", "own_venv.py", "pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / file, project / file)
    (project / "snnmi/__init__.py").write_text("")
    (project / "snnmi/fast/events.py").write_text("def available(): pass\n")
    for name, needs in (("torch", ["tool"]), ("tool", []), ("other", [])):
        made = wheel(wheels, name, needs)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    (project / "requirements.txt").write_text("torch==1.0\nother==1.0\n")
    (project / "requirements.lock").write_text(f"other==1.0 \\\n    --hash=sha256:{digest}\n")
    (home / ".config/pip/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    make_env(project, home)
    return place


@pytest.fixture
def place(pristine, tmp_path):
    """The same for one test, though its environment was made elsewhere: project and home."""
    shutil.copytree(pristine, tmp_path / "place", symlinks=True)
    return tmp_path / "place/project", tmp_path / "place/home"


def test_what_is_installed_stays_where_nothing_was_moved(pristine):
    stamp = pristine / "project/.venv/.installed"
    before = stamp.stat().st_mtime_ns
    make_env(pristine / "project", pristine / "home")
    assert stamp.stat().st_mtime_ns == before
    assert said(pristine / "project", "other", pristine).strip() == f"made in {pristine}/project/snnmi"


def test_a_project_that_was_moved_is_put_right_without_its_packages_being_fetched(place, tmp_path):
    project, home = place
    moved = project.rename(tmp_path / "\N{LATIN SMALL LETTER U WITH DIAERESIS}ber a blank")
    (home / ".config/pip/pip.conf").write_text("[global]\nno-index = true\n")  # nothing can be had
    make_env(moved, home, LC_ALL="C")
    for script in ("tool", "other"):
        assert said(moved, script, tmp_path).strip() == f"made in {moved}/snnmi"
    activated = f"source '{moved}/.venv/bin/activate' && tool"
    shell = subprocess.run(["bash", "-c", activated], env=clean(home), capture_output=True, text=True)
    assert "made in" in shell.stdout, shell.stderr


def test_a_copy_is_a_project_of_its_own(place, pristine, tmp_path):
    project, home = place
    make_env(project, home)
    assert said(project, "tool", tmp_path).strip() == f"made in {project}/snnmi"
    assert said(pristine / "project", "tool", tmp_path).strip() == f"made in {pristine}/project/snnmi"
    again = shutil.copytree(project, tmp_path / "again", symlinks=True)
    make_env(again, home)
    assert said(again, "tool", tmp_path).strip() == f"made in {again}/snnmi"


def python_gone(venv):
    for python in (venv / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/opt/python3.11-that-was-removed")


def another_python(venv):
    """As after an upgrade of the system."""
    (own,) = (venv / "lib").glob("python3.*")
    own.rename(own.with_name("python3.10"))


@pytest.mark.parametrize("happens", [python_gone, another_python])
def test_an_environment_of_another_python_is_made_anew(place, tmp_path, happens):
    project, home = place
    happens(project / ".venv")
    make_env(project, home)
    assert said(project, "tool", tmp_path).strip() == f"made in {project}/snnmi"


def without_packages(project):
    for module in ("torch", "tool", "other"):
        for path in (project / ".venv/lib").rglob(f"{module}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def install(project, home, **more):
    command = [project / ".venv/bin/python", "-I", "own_venv.py", "install", "--quiet", "torch"]
    subprocess.run(command, cwd=project, env=clean(home, **more), check=True)
    found = {path.name for path in (project / ".venv/lib").rglob("to*.py")}
    assert found >= {"torch.py", "tool.py"} and not (home / "elsewhere").exists()
    assert not list((home / ".local").rglob("to*.py"))


HOSTILE = """user = yes\nrequire-hashes = true\ntarget = {home}/elsewhere\nprefix = {home}/elsewhere
root = {home}/elsewhere\nno-deps = true\nconstraint = {home}/constraint.txt\nno-binary = :all:\ndry-run = true
requirement = {home}/absent.txt\npython = /usr/bin/python3\nlog = {home}/absent/log\n"""


def test_settings_of_the_users_own_change_nothing(place):
    project, home = place
    (home / "constraint.txt").write_text("tool==0.5\n")
    with (home / ".config/pip/pip.conf").open("a") as file:
        file.write(f"{HOSTILE}[install]\n{HOSTILE}".format(home=home))
    without_packages(project)
    install(project, home)


def test_neither_do_those_in_the_environment_but_for_how_packages_are_reached(place):
    project, home = place
    (home / ".config/pip/pip.conf").rename(home / "mine.conf")
    names = ["USER", "REQUIRE_HASHES", "NO_DEPS", "DRY_RUN", "REQUIRE_VIRTUALENV"]
    hostile = {f"PIP_{name}": "1" for name in names} | {"PIP_TARGET": f"{home}/elsewhere"}
    without_packages(project)
    with pytest.raises(subprocess.CalledProcessError):
        install(project, home, PIP_NO_INDEX="1", **hostile)
    install(project, home, PIP_CONFIG_FILE=str(home / "mine.conf"), **hostile)
    without_packages(project)
    install(project, home, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(home.parent / "wheels"), **hostile)


def test_packages_on_the_users_path_do_not_stand_for_the_projects_own(place, tmp_path):
    project, home = place
    mine = tmp_path / "mine"
    for path in Path(project.parent / "wheels").iterdir():
        with zipfile.ZipFile(path) as packed:
            packed.extractall(mine)
    without_packages(project)
    install(project, home, PYTHONPATH=str(mine), PYTHONUSERBASE=str(mine))
