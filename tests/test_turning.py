"""The test that turns a claim's numbers, itself: what it must find and what it must let pass."""

import pandas as pd
import pytest

from snnmi.show import pages
from tests import turning

FOUR = pd.DataFrame({"ann": [0.5, 0.6], "snn": [0.2, 0.1], "off": [True, True]})


def less() -> tuple[str, bool]:
    return "An SNN's copy reads less.", gap() < 0


def gap() -> float:
    return FOUR.snn.mean() - FOUR.ann.mean()


def all_off() -> tuple[str, bool]:
    return "In all of them it is off.", FOUR.off.all()


def about_alike() -> tuple[str, bool]:
    return "Two networks are alike.", abs(FOUR.ann[0] - FOUR.ann[1]) < 0.2


def unchecked() -> tuple[str, bool]:
    return f"An SNN's copy reads {FOUR.snn.mean():.0%}, which is little.", True


@pytest.mark.parametrize(
    "check, found", [(less, []), (all_off, []), (about_alike, []), (unchecked, ["unchecked"])]
)
def test_a_claim_that_holds_whatever_its_numbers_say_is_found(check, found, monkeypatch):
    monkeypatch.setattr(pages, "CLAIMS", {check.__name__: check})
    before = FOUR.copy()
    assert turning.steadfast() == found and FOUR.equals(before)


def test_what_a_claim_reads_through_a_function_of_its_page_is_turned_too():
    assert turning.read(less) >= {"gap", "FOUR"}
