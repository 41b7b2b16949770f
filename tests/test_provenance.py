"""A number says at which commit it was made."""

import re
import subprocess
import tomllib

import pytest

import snnmi
from snnmi import provenance
from tests.helpers import ROOT


def test_a_kit_says_at_which_commit_it_was_packed(monkeypatch, tmp_path):
    (tmp_path / "snnmi").mkdir()
    (tmp_path / "COMMIT").write_text("0123456789ab\n")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "snnmi/provenance.py"))
    assert provenance.commit.__wrapped__() == "0123456789ab"


@pytest.fixture
def unpacked(tmp_path, monkeypatch):
    """This module in a folder that somebody unpacked, inside a repository with one commit; and how git is asked."""

    def git(*words, at=tmp_path):
        command = ["git", "-C", at, "-c", "user.name=x", "-c", "user.email=x@x", *words]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    (tmp_path / "zip/snnmi").mkdir(parents=True)
    (tmp_path / "zip/snnmi/provenance.py").write_text("")
    (tmp_path / "theirs.txt").write_text("")
    git("init"), git("add", "theirs.txt"), git("commit", "-m", "theirs")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "zip/snnmi/provenance.py"))
    return git


def test_what_was_unpacked_inside_somebodys_repository_has_no_commit(unpacked, tmp_path):
    assert provenance.commit.__wrapped__() == "unknown"
    unpacked("add", "."), unpacked("commit", "-m", "with a copy of ours")
    assert provenance.commit.__wrapped__() == "unknown"


def test_a_checkout_says_its_commit_and_whether_it_was_changed(unpacked, tmp_path):
    ours = tmp_path / "zip"
    unpacked("init", at=ours)
    assert provenance.commit.__wrapped__() == "unknown", "a repository that does not hold us"
    unpacked("add", ".", at=ours), unpacked("commit", "-m", "ours", at=ours)
    commit = unpacked("rev-parse", "--short=12", "HEAD", at=ours).strip()
    assert provenance.commit.__wrapped__() == commit
    (ours / "results").mkdir(), (ours / "results/run.json").write_text("{}")
    unpacked("add", "results", at=ours)
    assert provenance.commit.__wrapped__() == commit, "a record is no change of the code"
    (ours / "snnmi/provenance.py").write_text("changed")
    assert provenance.commit.__wrapped__() == f"{commit}-dirty"


def broken(ours):
    (ours / ".git").rename(ours / "elsewhere")
    (ours / ".git").write_text("gitdir: /gone/.git/worktrees/ours\n")  # a copied worktree or submodule


NO_ANSWER = {
    "somebody else's": lambda ours, patch: patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"),
    "no git": lambda ours, patch: patch.setenv("PATH", str(ours)),
    "a worktree that was copied": lambda ours, patch: broken(ours),
    "damaged": lambda ours, patch: (ours / ".git/HEAD").write_text("ref: \0"),
}


@pytest.mark.parametrize("happens", NO_ANSWER.values(), ids=NO_ANSWER)
def test_where_git_does_not_answer_the_commit_is_unknown(unpacked, tmp_path, monkeypatch, happens):
    ours = tmp_path / "zip"
    unpacked("init", at=ours), unpacked("add", ".", at=ours), unpacked("commit", "-m", "ours", at=ours)
    assert provenance.commit.__wrapped__() != "unknown"
    happens(ours, monkeypatch)
    assert provenance.commit.__wrapped__() == "unknown"


def test_the_version_stands_in_one_place():
    """In a citation, which is a file of another format, it is held to that."""
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1]
    assert cited == snnmi.__version__ == provenance.provenance()["snnmi"]
    assert f"\n## {cited}\n" in (ROOT / "CHANGELOG.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "snnmi.__version__"}
