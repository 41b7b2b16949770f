"""A user's own code: run when it is named, known by its content, and good for every step of the chain."""

import os
import sys

import torch

from snnmi.models.coding import ENCODERS
from snnmi.study import extensions, settings
from snnmi.study.settings import Settings, target_key

ENCODER = """
from snnmi.models.coding import ENCODERS
def mine(x, num_steps, *, generator):
    return x.clamp(0, {high}).expand(num_steps, *x.shape)
ENCODERS["mine"] = mine
"""


def write(path, text):
    """An edit within the same moment: nothing but the content tells it."""
    path.write_text(text)
    os.utime(path, (1e9, 1e9))


def key():
    return target_key(Settings("snn").changed({"training": {"encoder": "mine"}}), "digits", 0)["code"]


def top():
    """What the registered encoder makes of a bright pixel."""
    return float(ENCODERS["mine"](torch.full((1, 1), 9.0), 1, generator=None).max())


def test_nothing_is_run_unless_it_is_named(mine):
    mine.write_text("1 / 0")
    assert extensions.load(None) is None


def test_an_edit_is_run_and_undone_again(mine):
    """The file as it was an hour ago is not the one in between, in the tables as in the names."""
    found = []
    for high in (1, 2, 1):
        write(mine, ENCODER.format(high=high))
        assert extensions.load(mine) == mine.resolve()
        found.append((top(), key()["encoder"]))
    assert [value for value, _ in found] == [1, 2, 1]
    assert found[0] == found[2] and found[0][1] != found[1][1]


def test_of_two_files_the_one_named_last_counts(mine):
    other = mine.with_name("other.py")
    write(mine, ENCODER.format(high=1))
    write(other, ENCODER.format(high=2))
    for path, high in ((mine, 1), (other, 2), (mine, 1)):
        extensions.load(path)
        assert top() == high


def test_the_same_file_is_run_once(mine):
    write(mine, "from snnmi.models.coding import ENCODERS\nENCODERS[f'run {len(ENCODERS)}'] = None")
    before = len(ENCODERS)
    for _ in range(3):
        extensions.load(str(mine))
    assert len(ENCODERS) == before + 1


def test_a_name_is_of_the_code_that_runs_not_of_a_later_edit(mine):
    write(mine, ENCODER.format(high=1))
    extensions.load(mine)
    before = key()
    write(mine, ENCODER.format(high=2))
    assert key() == before and top() == 1
    mine.unlink()
    assert key() == before


def test_a_name_is_the_same_in_every_process(mine):
    write(mine, "def score(answers, i):\n    return 0.0\n")
    extensions.load(mine)
    module = sys.modules[extensions._latest[0]]
    assert settings.foreign(module.score) == "77bb7161d5"  # as sha256sum says of the file
    assert extensions.loaded(write) is None and extensions.loaded(max) is None


def test_classes_and_what_is_decorated_are_known_too(mine):
    write(
        mine,
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport torch\n"
        "@dataclass\nclass Latency:\n    gain: float = 1.0\n"
        "    def __call__(self, x, num_steps, *, generator):\n        return x.expand(num_steps, *x.shape)\n"
        "from snnmi.models.coding import ENCODERS, encoder\nENCODERS['mine'] = Latency()\n"
        "@encoder(binary=True)\n@torch.no_grad()\ndef own(x, num_steps, *, generator):\n    return x\n"
        "ENCODERS['own'] = own\n",
    )
    extensions.load(mine)
    digests = {settings.foreign(ENCODERS[name]) for name in ("mine", "own")}
    assert len(digests) == 1 and None not in digests
