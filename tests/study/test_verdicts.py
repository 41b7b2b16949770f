"""Every rule by which numbers become words, on numbers whose verdict is known."""

import pandas as pd
import pytest

from snnmi.measure.effects import effects_table
from snnmi.measure.statistics import PairedTest
from snnmi.study import verdicts
from tests.helpers import factorial


@pytest.mark.parametrize(
    "difference, low, high, p, n, expected",
    [
        (-0.4, -0.6, -0.2, 0.001, 10, "reproduced"),
        (0.4, 0.2, 0.6, 0.001, 10, "not reproduced"),
        (-0.01, -0.05, 0.05, 0.8, 10, "not reproduced"),  # ends far short of the published -0.5
        (-0.2, -0.45, 0.05, 0.2, 10, "open"),
        (-0.01, -0.05, 0.05, 0.8, 3, "open"),  # too few classes
    ],
)
def test_verdict_follows_its_rule(difference, low, high, p, n, expected):
    test = PairedTest(difference, low, high, p, n)
    assert verdicts.verdict(test, published=-0.5, sign=-1) == expected


def effects(neuron, rest, gap) -> pd.DataFrame:
    """An effects table of (effect, low, high) each."""
    rows = {"neuron": neuron, "range + encoder": rest, "gap": gap}
    table = pd.DataFrame.from_dict(rows, "index", columns=["effect", "low", "high"])
    return table.assign(share=table.effect / gap[0]).rename_axis("factor").reset_index()


NAN = float("nan")
GAP = (-0.5, -0.6, -0.4)


@pytest.mark.parametrize(
    "neuron, rest, gap, expected, why",
    [
        ((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), GAP, "reproduced", "at least half"),
        ((-0.1, -0.2, -0.01), (-0.4, -0.5, -0.3), GAP, "not reproduced", "the neuron less than half"),
        ((0.1, 0.05, 0.2), (-0.6, -0.8, -0.4), GAP, "not reproduced", "against the claim"),
        ((-0.2, -0.3, -0.1), (-0.3, -0.4, -0.2), GAP, "open", "leave open"),  # -0.25 is the neuron's too
        ((-0.1, -0.2, 0.0), (-0.2, -0.3, -0.1), GAP, "open", "leave open"),  # a third factor has the most
        ((-0.3, -0.7, 0.1), (-0.2, -0.6, 0.2), GAP, "open", "leave open"),
        ((-0.1, -0.2, 0.0), (-0.4, -0.9, 0.1), GAP, "open", "leave open"),
        ((-0.4, -0.5, -0.3), (0.35, 0.2, 0.5), (-0.05, -0.2, 0.1), "open", "nothing to explain"),
        ((-0.4, NAN, NAN), (-0.1, NAN, NAN), (-0.5, NAN, NAN), "open", "nothing to explain"),  # one unit
    ],
)
def test_why_verdict_follows_its_rule(neuron, rest, gap, expected, why):
    verdict, reason = verdicts.why_verdict(effects(neuron, rest, gap), sign=-1)
    assert verdict == expected and why in reason and reason.endswith(".")
    mirrored = effects(*((-e, -high, -low) for e, low, high in (neuron, rest, gap)))
    assert verdicts.why_verdict(mirrored, sign=1)[0] == expected


def test_why_verdict_says_its_numbers():
    _, reason = verdicts.why_verdict(effects((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), GAP), sign=-1)
    assert reason.replace("\u00a0", " ") == (
        "The spiking neuron carries at least half: of the gap, −0.50 [−0.60, −0.40], "
        "the neuron carries −0.40 [−0.50, −0.30] and range + encoder −0.10 [−0.20, 0.00]."
    )


@pytest.mark.parametrize("high, expected", [("current", "not reproduced"), ("ann", "reproduced")])
def test_why_verdict_reads_an_effects_table(high, expected):
    """Three classes, high in the cells of one input, or of one neuron, and low in all others."""
    cells = [(neuron, source) for neuron in ("ann", "snn") for source in ("current", "clip", "rate")]
    values = {cell: (0.9, 0.8, 0.85) if high in cell else (0.3, 0.2, 0.25) for cell in cells}
    table = effects_table(factorial(values), "value", seed=0)
    assert verdicts.why_verdict(table, sign=-1)[0] == expected
