"""Numbers in words, and what the book's pages share."""

from html import escape, unescape

import numpy as np
import pandas as pd
import pytest
import torch

from snnmi.show import pages
from tests.helpers import plain


@pytest.fixture(autouse=True)
def the_books_own_settings():
    pages.own_settings({})
    yield
    pages.own_settings({})
    pages.write_tables(None)


def test_counts_are_words_up_to_twelve():
    said = [pages.words(n, "run") for n in (0, 1, 12, 1300)]
    assert said == ["no runs", "one run", "twelve runs", "1,300 runs"] and pages.words(2) == "two"


def test_minus_is_a_minus_and_zero_has_no_sign():
    assert [pages.number(v) for v in (-0.21, -0.001, 0.5)] == ["−0.21", "0.00", "0.50"]
    assert [pages.number(v, 1, sign=True) for v in (0.5, -0.5, 0.01)] == ["+0.5", "−0.5", "0.0"]


def test_an_interval_does_not_break():
    assert pages.span(-0.21, 0.04) == "[−0.21,\u00a00.04]"
    assert pages.mean_and_span(0.123, -0.21, 0.04, 1, sign=True) == "+0.1 [−0.2,\u00a00.0]"
    assert [pages.p_value(p) for p in (0.0004, 0.002)] == ["p\u00a0<\u00a00.001", "p\u00a0=\u00a00.002"]


@pytest.fixture
def shown(monkeypatch) -> dict:
    """What is glued, by name."""
    glued = {}
    monkeypatch.setattr("myst_nb.glue", lambda name, value, display: glued.update({name: (value, display)}))
    monkeypatch.setattr(pages, "CLAIMS", {})
    return glued


@pytest.mark.parametrize("value", [np.float64(0.5), np.array(2), torch.tensor(0.5), "text", 3, None])
def test_glued_numbers_are_pythons_own(value, shown):
    pages.glue(key=value)
    assert type(shown["key"][0]) in (float, int, str, type(None)) and shown["key"][1] is False


PLAIN = pd.DataFrame({"share": [0.12345]})


def shares() -> str:
    shown = pages.table(pd.DataFrame({"share": ["0.12"]}), "shares", "**A share.**", csv=PLAIN)
    return shown._repr_markdown_()


@pytest.mark.parametrize("changed, file", [("", "shares"), ("noise=clipped", "shares-noise=clipped")])
def test_a_table_is_numbered_and_its_csv_holds_the_plain_numbers(tmp_path, changed, file):
    pages.write_tables(str(tmp_path / "tables"), changed)
    table = shares()
    assert f":::{{table}} **A share.** {{download}}`CSV <tables/{file}.csv>`" in table
    assert ":name: tab_shares" in table and "0.12 " in table
    assert pd.read_csv(tmp_path / f"tables/{file}.csv").equals(PLAIN)


def test_a_page_run_by_itself_writes_no_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "download" not in shares() and not [*tmp_path.iterdir()]


def test_a_picture_for_another_page_lies_among_the_tables(tmp_path):
    figure = pages.blank("nothing")
    pages.write_tables(tmp_path / "out")
    assert pages.picture(figure, "seen") is figure
    pages.write_tables(None)
    pages.picture(figure, "unseen")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["seen.png"]


def test_a_table_of_nothing_is_still_a_table_that_can_be_read(tmp_path):
    pages.write_tables(tmp_path)
    pages.table(pd.DataFrame(columns=["not run yet"]), "nothing", "Nothing.", csv=pd.DataFrame())
    assert pd.read_csv(tmp_path / "nothing.csv").columns.tolist() == ["not run yet"]


def test_a_bar_in_a_name_ends_no_cell():
    bars = pd.DataFrame({"|T - S|": ["a|b"], r"\|": [1]})
    text = pages.table(bars, "bars", "Bars.")._repr_markdown_()
    assert r"\|T - S\|" in text and r"a\|b" in text and r"\\|" not in text


def test_a_table_can_be_read_where_a_notebook_is_opened_elsewhere():
    frame = pd.DataFrame({"$k_t$": ["**off**", "<0.05", "{doc}`Chapter 3 </executed/03_attack>`"]})
    shown = pages.table(frame, "k", "**A weight.** See {numref}`tab_k`.")
    html, text = shown._repr_html_(), repr(shown)
    assert r"\(k_t\)</span></th>" in html and "<p><strong>A weight.</strong> See tab_k.</p>" in html
    assert "<td><strong>off</strong></td>" in html and "&lt;0.05" in html and "<td>Chapter 3</td>" in html
    assert "<0.05" in text and ":::" not in html + text


def test_a_table_leads_to_the_runs_behind_it(tmp_path):
    rows = pd.DataFrame({"scale": "MNIST", "who": [*"aabb"], "seed": 0, "attack_seed": 0, "pair": "last"})
    rows = rows.assign(folder=[*"ppqq"], surrogate_accuracy=[0.1, 0.3, 0.5, 0.7])
    pages.write_tables(tmp_path)
    shown = pages.table(PLAIN, "shares", "**A share.**", rows=rows)
    assert pd.read_csv(tmp_path / "shares_runs.csv").surrogate_accuracy.tolist() == pytest.approx([0.2, 0.6])
    for text in (shown._repr_markdown_(), shown._repr_html_(), repr(shown)):
        assert "two runs behind this" in text and "0.20" in text and "A share" in text
    assert "<details><summary>" in shown._repr_html_() and "{dropdown}" in shown._repr_markdown_()


def test_means_over_networks_stand_in_a_grid_and_what_is_missing_is_a_dash():
    found = pd.DataFrame({"scale": ["b", "b", "a"], "what": ["y", "x", "y"], "value": [0.5, -0.1, 1.0]})
    found = found.assign(low=[0.4, float("nan"), 0.9], high=[0.6, float("nan"), 1.1], networks=[7, 1, 3])
    told = pages.grid(found)
    assert told.columns.tolist() == ["scale", "y", "x", "networks"]
    assert told.y.map(plain).tolist() == ["0.50 [0.40, 0.60]", "1.00 [0.90, 1.10]"]
    assert told.x.tolist() == ["−0.10", "–"] and told.networks.tolist() == [7, 3]


# --- claims


@pytest.mark.parametrize("holds, mark", [(True, "✓"), (np.bool_(False), "✗")])
def test_a_claim_shows_its_sentence_and_a_mark_that_explains_itself(shown, holds, mark):
    @pages.claim
    def spikes_help():
        return "Of *SNNs* it reads < 5 % where $k_t = 0$.", holds

    said, displayed = shown["spikes_help"]
    assert displayed and str(said).startswith("Of *SNNs* it reads < 5 % where $k_t = 0$. " + mark)
    html, meaning = said._repr_html_(), pages.MARKS[bool(holds)][1]
    assert "<em>SNNs</em> it reads &lt; 5 %" in html and r"\(k_t = 0\)" in html and f">{mark}" in html
    assert f'title="{meaning}"' in html and f'aria-label="{meaning}"' in html and 'tabindex="0"' in html
    assert pages.CLAIMS == {"spikes_help": spikes_help}


@pytest.mark.parametrize(
    "check",
    [
        lambda: (f"{PLAIN['other'].iloc[0]}", True),
        lambda: (f"{max(PLAIN.share[PLAIN.share > 1])}", True),
        lambda: (f"It reads {PLAIN.share[PLAIN.share > 1].mean():.0%}.", False),
        lambda: (f"Of {int(PLAIN.share[PLAIN.share > 1].mean())}.", True),
        lambda: ("No number.", float("nan")),
    ],
)
def test_a_claim_without_its_rows_is_not_told(check):
    check.__name__ = "spikes_help"
    said = pages.told(check)
    assert said.holds is None and said.mark == "–" and "Spikes help" in repr(said) and "nan" not in repr(said)


def test_where_a_column_was_misspelt_the_mark_names_it():
    said = pages.told(lambda: ("It reads less.", bool(PLAIN["shaer"].min() < 1)))
    assert said.holds is None and "KeyError: 'shaer'" in unescape(said._repr_html_())


@pytest.mark.parametrize("error", [TypeError("empty"), ZeroDivisionError(), ValueError("holm got 3")])
def test_a_claim_hides_no_other_error(error):
    def wrong():
        raise error

    with pytest.raises(type(error)):
        pages.told(wrong)


def test_a_word_that_holds_nan_is_no_number():
    assert pages.told(lambda: ("Nanometres and a financial finance.", True)).holds


def test_beside_a_users_own_runs_a_claim_says_that_it_does_not_speak_of_them():
    plain = pages.told(lambda: ("All is well.", True))
    pages.own_settings({"noise": "strokes"})
    beside = pages.told(lambda: ("All is well.", True))
    assert plain.mark == "✓" and beside.mark != plain.mark
    kept = escape(pages.KEPT)
    assert kept in beside._repr_html_() and kept not in plain._repr_html_()
