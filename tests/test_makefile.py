"""The Makefile: what it says and where it stops, with any make."""

import json
import re
import subprocess
from shlex import quote

import pytest

from tests.helpers import NOTEBOOKS, ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
LOCKS = "requirements.lock", "requirements-grid.lock"
FOUND = [("02", "03"), ("02", "07"), ("02", "11"), ("03", "04"), ("03", "14"), ("07", "09"), ("09", "10")]


def make(folder, *words):
    """make with its own tools in `folder`, in which it looks first, and where what it writes lies, too; exit status and
    what was said.
    """
    at = folder if folder.exists() else ROOT
    if at == folder:
        (folder / ".installed").touch()
        for name in ("Makefile", "book", "snnmi", "own_venv.py", "requirements.txt", *LOCKS):
            (folder / name).symlink_to(ROOT / name)
    words = ["make", "-C", str(at), f"VENV={folder}", *words]
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def tool(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["3.10.12", "3.15.0"])
def test_a_python_for_which_the_pins_are_not_built_is_refused_at_once(tmp_path, version):
    info = version.replace(".", ", ")
    pretend = f"import sys; sys.version_info = ({info}); sys.version = '{version} (main)'; exec(sys.argv[1])"
    python = tool(tmp_path / "python", f'exec python3 -c "{pretend}" "$2"')
    status, said = make(tmp_path / "venv", "env", f"PYTHON={python}")
    wanted = "Python 3.11 to 3.14 is needed, for which what is pinned is built"
    assert status and f"{wanted}; this is {version}" in said
    assert not (tmp_path / "venv").exists()


FAILS = 'case "$*" in *02_targets*) exit 3;; esac; echo "ran $#"'


def test_no_notebook_is_begun_after_one_that_failed_which_is_named(tmp_path):
    """Without .ONESHELL and .SHELLFLAGS, which make 3.81 does not know; though two run at a time."""
    assert ".ONESHELL" not in MAKEFILE and ".SHELLFLAGS" not in MAKEFILE
    tool(tmp_path / "bin/papermill", FAILS)
    status, said = make(tmp_path, "notebooks")
    assert status and re.search(r"make.*executed/02_targets.ipynb. Error 3", said)
    assert {*re.findall("== book/(..)", said)} == {"01", "02"}, said


LATE = """if [ ! -e late ]; then touch late; echo "RuntimeError: Kernel didn't respond in 60 seconds"; exit 1; fi
echo "begun"; sleep 0.1; echo "ended"
"""


def test_every_notebook_is_run_and_each_after_those_whose_runs_it_finds(tmp_path):
    """Once more, where another process took a port that was found for its kernel."""
    tool(tmp_path / "bin/papermill", LATE.replace("late", str(tmp_path / "late")))
    status, said = make(tmp_path, "notebooks")
    lines = [line for line in said.splitlines() if line.endswith(("begun", "ended"))]
    assert not status and len(lines) == 2 * len(NOTEBOOKS)
    for name in (path.stem for path in NOTEBOOKS):
        assert lines.index(f"{name}: begun") < lines.index(f"{name}: ended")
    ended = [line[:2] for line in lines if line.endswith("ended")]
    assert all(ended.index(first) < ended.index(then) for first, then in FOUND)


def test_parameters_reach_the_chapters_that_have_them_blanks_quotes_and_all(tmp_path):
    tool(tmp_path / "bin/papermill", 'while [ "$1" != -f ]; do shift; done; cat "$2"; echo')
    name = "my 'own' \"file\" $x.npz"
    status, said = make(
        tmp_path, "notebooks", f"PARAMS=-p noise strokes -p datasets {quote(name).replace('$', '$$')}"
    )
    given = [json.loads(line.partition(": ")[2]) for line in said.splitlines() if ": {" in line]
    assert not status and len(given) == len(NOTEBOOKS)
    assert {own.get("datasets") for own in given} == {name, None}
    assert {own.get("noise") for own in given} == {"strokes", None}


@pytest.mark.parametrize(
    "asked, fails, expected",
    [
        ("PARAMS=-p seeds '[0, 1]' -p minutes 9", False, "got <params=-p seeds '[0, 1]' -p minutes 9 -y {}>"),
        ("CONFIG=seeds=[0,1]", True, 'say PARAMS="-p seeds 0,1'),  # as it once was
    ],
)
def test_what_a_grid_is_asked_for_reaches_snakemake_as_one_word(tmp_path, asked, fails, expected):
    for name in (".installed", ".grid"):
        (tmp_path / name).write_text("")
    tool(tmp_path / "bin/snakemake", 'for word; do echo "got <$word>"; done')
    status, said = make(tmp_path, "grid", asked)
    assert bool(status) is fails and expected in said and ("got" in said) is not fails


def test_a_parameter_of_no_chapter_is_refused_before_any_runs(tmp_path):
    tool(tmp_path / "bin/papermill", "echo ran")
    status, said = make(tmp_path, "notebooks", "PARAMS=-p nosie strokes")
    lines = [line for line in said.splitlines() if not line.startswith("make")]
    assert status and len(lines) == 1 and "nosie is no parameter of any chapter" in lines[0]


@pytest.mark.parametrize(
    "name", ["results (1).zip", "results [2].zip", 'it\'s "mine" & yours.zip', "a;b.zip"]
)
def test_results_are_taken_home_whatever_their_file_is_called(tmp_path, name):
    tool(tmp_path / "bin/python", '[ "$1" = -I ] || echo "got <$4>"')
    status, said = make(tmp_path, "import-results", f"FROM={name}")
    assert not status and f"got <{name}>" in said
