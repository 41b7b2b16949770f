"""The plan's outcomes in words; each verdict can be printed, and so can its opposite."""

import numpy as np
import pytest

from snnmi.study import plan
from snnmi.study.findings import plan as findings
from snnmi.study.sentences import plan as say
from tests.study.findings.test_plan import attacks, networks

ANN = np.linspace(0.5, 0.56, 7)
CLIP = np.full(7, 0.12) + 0.001 * np.arange(7)


def said(**cells):
    means = findings.network_means(networks({getattr(plan, name): values for name, values in cells.items()}))
    return say.answer(findings.contrasts(means), means)


@pytest.mark.parametrize(
    "cells, found",
    [
        (dict(ANN=ANN, CLIP=CLIP, SNN=CLIP + 0.01), "SNNs stand where the clipped ANNs do (+0.01"),
        (dict(ANN=ANN, CLIP=CLIP, SNN=CLIP + 0.2), "SNNs stand above the clipped ANNs (+0.20"),
        (dict(ANN=ANN, CLIP=CLIP, SNN=CLIP - 0.1), "SNNs stand below the clipped ANNs (−0.10"),
        (
            dict(ANN=ANN, CLIP=CLIP, SNN=CLIP + 0.2 * (-1) ** np.arange(7)),
            "whether SNNs stand elsewhere than the clipped ANNs is open",
        ),
        (
            dict(ANN=ANN, CLIP=ANN + 0.001 * (-1) ** np.arange(7), SNN=CLIP),
            "A clip takes nothing from the attack on an ANN (",
        ),
        (dict(ANN=CLIP - 0.1, CLIP=CLIP, SNN=CLIP), "A clip makes the attack on an ANN better (−0.10"),
        (dict(ANN=CLIP + 0.2 * (-1) ** np.arange(7), CLIP=CLIP, SNN=CLIP), "Whether a clip takes anything"),
        (dict(ANN=ANN[:6], CLIP=CLIP[:6], SNN=CLIP[:6]), "Seen with six networks of each, too few to test"),
        (dict(ANN=ANN[:2], CLIP=CLIP[:2], SNN=CLIP[:2]), "Seen with two networks of each, too few to test"),
        (dict(ANN=ANN, SNN=CLIP), "Open: not all cells"),
    ],
)
def test_the_answer_follows_from_the_contrasts(cells, found):
    assert found in said(**cells)


def test_the_answer_shows_every_cells_share():
    assert said(ANN=[0.49], CLIP=[0.13], SNN=[0.17], RAW=[0.58]).endswith(
        "49\u00a0% on the ANN, 13\u00a0% on the ANN behind a clip, 17\u00a0% on the SNN, "
        "58\u00a0% on the SNN without its encoder."
    )


def test_the_table_says_where_there_are_too_few_networks():
    means = findings.network_means(networks({plan.ANN: [0.5], plan.CLIP: [0.1], plan.SNN: [0.2]}))
    lines = say.contrast_lines(findings.contrasts(means))
    assert lines["verdict"].tolist() == ["too few networks"] * 2 and lines["95 % t-interval"].tolist() == [
        "–",
        "–",
    ]


def test_the_specification_curve_in_a_sentence():
    pairs = [*zip(plan.settings(plan.ANN), plan.settings(plan.CLIP))][:2]
    values = {v: [x] for pair, xs in zip(pairs, [(0.6, 0.1), (0.2, 0.3)]) for v, x in zip(pair, xs)}
    curve = findings.specification(attacks(values), pairs)
    assert "1 of 2 settings" in say.specification_said(curve) and "−0.10 to +0.50" in say.specification_said(
        curve
    )
    assert say.specification_said(curve[:0]).startswith("No setting")
