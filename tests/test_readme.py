"""What the README, and the page on what is one's own, tell people to write works as it stands there."""

import re
import shlex
import sys

import pandas as pd
import pytest

from tests.helpers import ROOT, clone, run

README, OWN = ((ROOT / name).read_text() for name in ("README.md", "book/your_own.md"))
TONIGHT, SCRIPT, MINE = re.findall(r"```python\n(.*?)```", OWN, re.S)
AUDIT, SHELL = re.findall(r"```bash\n(papermill .*?)```", OWN, re.S)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("readme") / "clone")
    (folder / "mine.py").write_text(MINE)
    return folder


def test_an_snn_trained_in_snntorch_is_written_read_and_attacked(project):
    (project / "tonight.py").write_text(TONIGHT)
    run([sys.executable, "tonight.py"], project)
    run([*shlex.split(AUDIT), "-p", "profile", "smoke", "-p", "tables", "rules"], project)
    rules = pd.read_csv(project / "rules" / "audit_rules.csv")
    assert rules.test_accuracy.min() > 0.9  # as it was trained


def test_what_the_readme_says_of_one_chapter_is_a_parameter_of_it():
    for command in re.findall(r"^papermill .*", README, re.M):
        words = shlex.split(command)
        source = (ROOT / words[1]).read_text()
        for name in (words[i + 1] for i, word in enumerate(words) if word == "-p"):
            assert f'"{name} = ' in source, f"{words[1]} has no {name}"


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
