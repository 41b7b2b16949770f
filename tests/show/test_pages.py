"""Numbers as a page says them, and tables with their CSV."""

import pandas as pd
import pytest

from snnmi.show import pages


@pytest.mark.parametrize(
    "said, expected",
    [
        (pages.words(10, "class", "classes"), "ten classes"),
        (pages.words(1, "class", "classes"), "one class"),
        (pages.words(0, "seed"), "no seeds"),
        (pages.words(1280, "query", "queries"), "1,280 queries"),
        (pages.number(-0.126), "−0.13"),
        (pages.number(-0.001), "0.00"),
        (pages.number(0.5, 1, sign=True), "+0.5"),
        (pages.number(0.0, sign=True), "0.00"),
        (pages.span(-0.21, 0.04), "[−0.21,\u00a00.04]"),
        (pages.p_value(0.002), "p\u00a0=\u00a00.002"),
        (pages.p_value(0.0002), "p\u00a0<\u00a00.001"),
    ],
)
def test_numbers_are_said_as_people_write_them(said, expected):
    assert said == expected


def test_the_largest_scale_is_taken_for_each_data_set():
    rows = [
        ("smoke", "digits"),
        ("quick", "digits"),
        ("laptop", "mnist"),
        ("paper", "mnist"),
        ("own", "mnist"),
    ]
    found = pages.largest_scale(pd.DataFrame(rows, columns=["profile", "dataset"]))
    assert found.profile.tolist() == ["quick", "paper"]


def test_a_table_is_numbered_and_its_csv_holds_the_plain_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = pd.DataFrame({"share": [0.12345]})
    table = pages.table(pd.DataFrame({"share": ["0.12"]}), "shares", "**A share.**", csv=plain).data
    assert ":::{table} **A share.** {download}`CSV <tables/shares.csv>`" in table
    assert ":name: tab_shares" in table and "0.12 " in table
    assert pd.read_csv("executed/tables/shares.csv").equals(plain)
