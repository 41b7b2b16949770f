"""The registry of attacks: the page's own examples are stored, scored and shown as the project's are."""

import re
from functools import partial

import numpy as np
import pytest
import torch

from snnmi.measure import judges
from snnmi.models.targets import ANN
from snnmi.show import explorer
from snnmi.study import attacks, judged, table
from snnmi.study.attacks import ATTACKS, WEIGHTS, Attack, draw
from snnmi.study.experiment import Experiment
from tests.helpers import ROOT, small

OWN = (ROOT / "book/your_own.md").read_text()
EXAMPLES = [block for block in re.findall(r"```python\n(.*?)```", OWN, re.S) if "ATTACKS[" in block]


@pytest.fixture
def by(mine, copied):
    """The smoke profile, attacked by another; the file is the page's two examples."""
    mine.write_text("\n".join(EXAMPLES))
    return lambda name, **given: Experiment(
        "smoke", code=mine, results=copied, changes={"attack": {"attacker": name}}, **given
    )


def test_an_example_is_at_most_fifteen_lines():
    assert len(EXAMPLES) == 2
    assert max(len([line for line in one.splitlines() if line]) for one in EXAMPLES) <= 15


def test_what_an_attack_of_ones_own_draws_is_stored_scored_judged_and_shown(by, monkeypatch):
    monkeypatch.setattr(judges, "JudgeConfig", partial(judges.JudgeConfig, updates=20, epochs=1))
    exp = by("surest", seeds=0)
    attack, _ = found = exp.attacks()
    assert attack.reconstructions.shape == (10, 1, 8, 8) and attack.queries_per_class == 1000 // 10
    assert attack.run.settings["code"].keys() == {"attacker"}
    assert attack.target_confidences[range(10), 0, range(10)].mean() > 0.12  # than which a guess is no surer
    rows = table.runs(exp)
    rows = rows[rows.here.astype(bool)]
    assert {*rows.who} == {"ANN", "SNN"} and rows.scale.str.contains("attacker = surest").all()
    assert rows.A_target.notna().all() and rows.surrogate_accuracy.isna().all()
    said = judged.everything(rows, exp, sources=("reconstruction",))
    assert said[said.attack.isin(rows.folder)].identified.notna().all()
    means = judged.originals("digits", (8, 8), exp.results)
    shown = explorer.class_panel("Digits", {one.target: explorer.of(exp, one, means) for one in found}, 0)
    assert "nan" not in shown and "copy:" not in shown and "network:" in shown
    assert exp.boundaries() == [] and table.endings(rows, exp.results).empty
    with pytest.raises(FileNotFoundError, match="keeps no generator"):
        explorer.new_samples(exp, attack)


def test_its_copy_is_scored_as_gamins_is(by, digits):
    exp = by("linear", targets="ann")
    (attack,) = exp.attacks()
    target = exp.model(exp.cells()[0])
    x = torch.rand(1000, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = torch.linalg.lstsq(x.flatten(1), target(x).detach().clamp(1e-6).log()).solution
    right = ((digits.x_test.flatten(1) @ weights).argmax(1) == digits.y_test).float().mean()
    assert attack.scores.surrogate_accuracy.unique() == pytest.approx([float(right)], abs=0.01)
    assert attack.scores[["A_comb", "fidelity_mae", "fidelity_top"]].notna().all(axis=None)
    assert len(by("linear", targets="ann", compute=False).attacks()) == 1


def test_a_copy_that_is_needed_again_is_made_again(by):
    (attack,) = by("linear", targets="ann").attacks()
    (attack.run.folder / "weights.safetensors").unlink()
    (attack.scored.folder / "run.json").unlink()
    (again,) = by("linear", targets="ann").attacks()
    assert again.scores.surrogate_accuracy.equals(attack.scores.surrogate_accuracy)


def test_one_that_needs_more_than_the_budget_is_refused_before_it_asks(by):
    with pytest.raises(ValueError, match="evolution asks 16,000 queries a class, and they pay for 1,920"):
        by("evolution", targets="ann").attacks()
    with pytest.raises(ValueError, match="attacker is 'BrainLeaks v1', which cannot attack ANN"):
        by("BrainLeaks v1", targets="ann").attacks()


def test_whoever_knows_the_weights_is_handed_the_network():
    def look(target, labels, image_shape, *, seed):
        assert isinstance(target, ANN)
        return torch.zeros(len(labels), 3, *image_shape)

    drawn = draw(Attack(look, knows=WEIGHTS), small("ann"), [4, 2], (8, 8), seed=0)
    assert drawn.images.shape == (2, 3, 8, 8) and drawn.confidences.shape == (2, 3)
    assert drawn.queries == 0 and drawn.copy is None


@pytest.mark.parametrize(
    "drawn, sentence",
    [
        (torch.zeros(2, 8, 8), r"draws an array \(2, 8, 8\), expected images \(2, n, 8, 8\)"),
        (np.full((2, 1, 8, 8), 1.5), r"values in \[1.5, 1.5\]"),
        (np.full((2, 1, 8, 8), np.nan), "values in"),
        (np.zeros((2, 0, 8, 8)), r"draws an array \(2, 0, 8, 8\), expected images"),
        (None, "returns a NoneType, expected images"),
        ([[1], [1, 2]], "returns a list, expected images"),
    ],
)
def test_what_cannot_be_images_is_refused(drawn, sentence):
    attack = Attack(lambda box, labels, image_shape, *, seed: drawn)
    with pytest.raises(ValueError, match=sentence):
        draw(attack, small("ann"), [0, 1], (8, 8), seed=0)


def test_what_is_no_attack_is_refused():
    with pytest.raises(ValueError, match="knows is 'all', expected one of"):
        Attack(len, knows="all")
    with pytest.raises(ValueError, match="pairs is True, which GAMIN's game alone is"):
        Attack(len, pairs=True)
    with pytest.raises(ValueError, match="returns a Tensor, expected images .*, and its copy"):
        copies = Attack(lambda box, labels, image_shape, *, seed: torch.zeros(3, 1, 8, 8), copies=True)
        draw(copies, small("ann"), [0, 1, 2], (8, 8), seed=0)


def test_the_table_says_of_every_attack_what_it_knows_and_asks():
    assert [name for name, one in ATTACKS.items() if one.pairs] == ["GAMIN"] and attacks.own() == {}
    asked = {name: one.queries(one.how) for name, one in ATTACKS.items()}
    assert {name for name, count in asked.items() if count} == {"evolution", "evolution from grey"}
    assert asked["evolution"] == 16_000
    assert {one.knows for name, one in ATTACKS.items() if "descent" in name or "Leaks" in name} == {WEIGHTS}
