"""The book knows its repository as soon as CITATION.cff does."""

from types import SimpleNamespace

import finding
import pytest


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("", {}),
        (
            'repository-code: "https://example.org/us/snnmi"\n',
            {"repository_url": "https://example.org/us/snnmi", "use_repository_button": True},
        ),
    ],
)
def test_an_address_in_the_citation_becomes_a_button_on_every_page(tmp_path, line, known):
    (tmp_path / "CITATION.cff").write_text(f"cff-version: 1.2.0\n{line}license: MIT\n")
    config = SimpleNamespace(html_theme_options={"home_page_in_toc": True})
    finding.repository(SimpleNamespace(confdir=tmp_path), config)
    assert config.html_theme_options == {"home_page_in_toc": True} | known
