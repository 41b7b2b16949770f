"""What the README, and the page on what is one's own, tell people to write works as it stands there."""

import re
import shlex
import sys

import pandas as pd
import pytest

from tests.helpers import ROOT, clone, run

README, OWN = ((ROOT / name).read_text() for name in ("README.md", "book/your_own.md"))
TONIGHT, SCRIPT, MINE, DRAWS, COPIES = re.findall(r"```python\n(.*?)```", OWN, re.S)
AUDIT, SHELL, ATTACKS = re.findall(r"```bash\n(papermill .*?)```", OWN, re.S)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("readme") / "clone")
    (folder / "mine.py").write_text(MINE + DRAWS + COPIES)
    return folder


def test_an_snn_trained_in_snntorch_is_written_read_and_attacked(project):
    (project / "tonight.py").write_text(TONIGHT)
    run([sys.executable, "tonight.py"], project)
    run([*shlex.split(AUDIT), "-p", "profile", "smoke", "-p", "tables", "rules"], project)
    rules = pd.read_csv(project / "rules" / "audit_rules.csv")
    assert rules.set_index("reset").test_accuracy["delayed"] > 0.9  # as it was trained; other rules read less


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


CHOSEN = """
import shlex, sys
from pathlib import Path
from snnmi.study import asked, chapter
from snnmi.study.experiment import Experiment
for command in sys.argv[1:]:
    _, page, _, *words = shlex.split(command, comments=True)
    given = asked.parameters(shlex.join([*words, "-p", "profile", "smoke"]))
    assert asked.handed(given, [Path(page)]) == {Path(page).stem: given}
    one = Experiment(**{"targets": "snn"} | chapter.given(given))
    print(*[attack.scored.folder.name for attack in one.attacks()])
"""


def test_everything_of_ones_own_is_chosen_by_parameters(project):
    """As papermill hands them to a chapter, each other runs; what is chosen at once by papermill itself."""
    *commands, last = SHELL.splitlines()
    commands.append(ATTACKS.splitlines()[0])  # with `-p attack`
    said = run([sys.executable, "-c", CHOSEN, "papermill book/03_attack.ipynb out.ipynb", *commands], project)
    runs = [line for line in said.splitlines() if line.startswith("scores-")]
    assert len({*runs}) == len(runs) == 1 + len(commands)
    run([*shlex.split(last), "-p", "profile", "smoke"], project)
