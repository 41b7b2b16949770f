"""What the README tells people to write works as it stands there."""

import re
import shlex
import sys

import pytest

from tests.helpers import ROOT, clone, run

README = (ROOT / "README.md").read_text()
SCRIPT, MINE = re.findall(r"```python\n(.*?)```", README, re.S)
(SHELL,) = re.findall(r"```bash\n(papermill \S+ out.ipynb -p code mine.py.*?)```", README, re.S)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("readme") / "clone")
    (folder / "mine.py").write_text(MINE)
    return folder


def test_twelve_lines_attack_a_forest(project):
    (project / "script.py").write_text(SCRIPT)
    assert len([line for line in SCRIPT.splitlines() if line]) <= 15
    said = run([sys.executable, "script.py"], project)
    assert "38,400 queries" in said  # 300 batches of 64, two classes


@pytest.mark.parametrize(
    "command", SHELL.splitlines(), ids=lambda command: command.split("mine.py")[1].strip()[:40]
)
def test_everything_of_ones_own_is_chosen_by_parameters(project, command):
    words = shlex.split(command, comments=True)
    words[3:3] = ["-p", "profile", "smoke"]
    run(words, project)


def test_an_edited_file_is_another_run(project):
    def stored():
        return {path.name for path in (project / "results/smoke").glob("attack-*-noise=dots-??????????")}

    given = "-p profile smoke -p code mine.py -p noise dots"
    command = f"papermill book/03_attack.ipynb out.ipynb {given}".split()
    run(command, project)
    before = stored()
    run(command, project)
    assert stored() == before and len(before) == 2  # one a target
    (project / "mine.py").write_text(MINE.replace("< 0.1", "< 0.2"))
    run(command, project)
    assert len(stored()) == 4
