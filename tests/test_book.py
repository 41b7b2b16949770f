"""The book as a reader has it, read in a real browser, from disk and from a server: made of chapters that were executed
alone, as in `test_notebooks.py`; in `make test-long` by all of `make book`.
"""

import functools
import hashlib
import http.server
import os
import re
import shutil
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from snnmi.show.figures.style import SIZE, WIDTH
from tests.helpers import NOTEBOOKS, ROOT, clone, executed, run

WIDTHS = {"desktop": 1280, "phone": 390}
EXPLORER = "executed/06_reconstructions.html"


@pytest.fixture(scope="session")
def book(tmp_path_factory, shared) -> Path:
    """The folder of the rendered book, of a fresh clone."""
    folder = clone(tmp_path_factory.mktemp("book") / "clone")
    made = ["PROFILE=smoke", f"VENV={sys.prefix}", "-o", "env"]
    if os.environ.get("SNNMI_LONG"):
        run(["make", "book", *made], folder)
    else:
        for notebook in reversed(NOTEBOOKS):  # from behind: another worker may execute those in front
            alone = executed(notebook, shared) / "executed"
            shutil.copytree(alone, folder / "executed", dirs_exist_ok=True)
            page = nbformat.read(alone / notebook.name, as_version=4)
            page.cells = [cell for cell in page.cells if cell.id != "turning"]
            nbformat.write(page, folder / "executed" / notebook.name)
        run(["make", "html", *made, "-o", "notebooks"], folder)
    return folder / "_build" / "html"


@pytest.fixture(scope="session")
def pages(book) -> list[str]:
    """Every page but the front door, which only sends on to `book/index.html`."""
    found = [path for path in book.rglob("*.html") if not path.is_relative_to(book / "_static")]
    return sorted({path.relative_to(book).as_posix() for path in found} - {"index.html"})


@pytest.fixture(scope="session")
def soups(book, pages) -> dict[str, BeautifulSoup]:
    """What is written on them."""
    return {name: BeautifulSoup((book / name).read_text(), "html.parser") for name in pages}


@pytest.fixture(scope="session")
def server(book):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=book)) as httpd:
        httpd.handle_error = lambda *_: None  # a browser that goes on before a page is complete
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(scope="session")
def on_disk(book) -> str:
    """The book as it is opened without a server, which can do less: where it works, a served one does."""
    return book.as_uri()


@contextmanager
def reading(browser, address: str, width: str = "desktop"):
    """A browser page; requests elsewhere, failed ones, console errors and exceptions fail at its end."""
    problems = []

    def inside(url: str) -> bool:
        return url.startswith((address, "data:", "blob:"))

    page = browser.new_page(viewport={"width": WIDTHS[width], "height": 900}, reduced_motion="reduce")
    page.set_default_timeout(60_000)  # a busy machine: another worker runs the notebooks
    page.add_init_script("localStorage.setItem('mode', 'light'); localStorage.setItem('theme', 'light');")
    page.route(lambda url: not inside(url), lambda route: route.abort())
    page.on("request", lambda r: inside(r.url) or problems.append(f"request to {r.url}"))
    page.on("response", lambda r: r.status < 400 or problems.append(f"{r.status} for {r.url}"))
    page.on("console", lambda m: m.type != "error" or problems.append(f"console on {page.url}: {m.text}"))
    page.on("pageerror", lambda error: problems.append(f"exception on {page.url}: {error}"))
    try:
        yield page
    finally:
        page.close()
    assert not problems, "\n".join(problems)


def visit(page, url: str) -> None:
    """Open a page and wait until its equations and widgets are drawn."""
    page.goto(url, wait_until="load")
    if page.locator(".math").count():
        page.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")
    if page.locator("script[type='application/vnd.jupyter.widget-view+json']").count():
        page.wait_for_selector(".jupyter-widgets")


def test_front_door_leads_to_the_landing_page(browser, on_disk):
    with reading(browser, on_disk) as page:
        page.goto(f"{on_disk}/index.html", wait_until="commit")
        page.wait_for_url(f"{on_disk}/book/index.html")
        assert page.locator("article h1").is_visible()


def whole(page, name: str) -> None:
    """Nothing is wider than the page, no picture, equation or widget is broken."""
    too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    assert page.title() and not page.evaluate(too_wide) and not page.evaluate(broken), name
    assert not page.locator("mjx-merror, .jupyter-widgets-error-widget, .problematic").count(), name


DRAWN = "article figure img[src$='.png']:visible:not(.jupyter-widgets img)"
SEEN = "images => images.map(i => [i.clientWidth, getComputedStyle(i).backgroundColor, i.src])"
DARK = "document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'dark'"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize(("width", "home"), [("desktop", "on_disk"), ("phone", "server")])
def test_every_page_is_whole_and_accessible_from_disk_and_served_and_in_the_dark(
    browser, request, pages, width, home
):
    address = request.getfixturevalue(home)
    found, options = [], {"preload": False, "resultTypes": ["violations"]}
    colours = options | {"runOnly": ["color-contrast"]}
    if width == "phone":  # there are fewer things there, of the same colours
        options = options | {"rules": {"color-contrast": {"enabled": False}}}
    with reading(browser, address, width) as page:
        for name in pages:
            visit(page, f"{address}/{name}")
            whole(page, name)
            violations = Axe().run(page, options=options).response["violations"]
            page.evaluate(DARK)
            assert page.evaluate(GROUND) != "rgb(255, 255, 255)", "dark"
            for pixels, ground, source in page.locator(DRAWN).evaluate_all(SEEN):
                assert SIZE / (72 * WIDTH) * pixels >= 9, f"{name}: the letters of {source}"
                assert ground == "rgba(0, 0, 0, 0)", f"{name}: the card under {source}"
            if width == "desktop":
                violations += Axe().run(page, options=colours).response["violations"]
            for violation in violations:
                nodes = [f"{node['target'][0]} {node['failureSummary']}" for node in violation["nodes"][:3]]
                found.append(f"{name}: {violation['id']} ({violation['impact']}): {'; '.join(nodes)}")
    assert not found, "\n".join(found)


def test_without_scripts_formulas_are_read_and_widgets_show_how_they_begin(browser, book, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(60_000)
    found = []
    for name in pages:
        page.goto(f"{book.as_uri()}/{name}")
        read = page.locator(".math:visible").all_inner_texts()
        assert not [text for text in read if "\\" in text or not text.strip()], name
        assert page.locator(".math:visible math:visible").count() == len(read), name
        numbers = page.locator("div.math:visible .eqno").all_inner_texts()
        assert not [number for number in numbers if not re.match(r"\(\d+\)", number)], name
        views = page.locator("noscript:has(img, svg)")
        assert views.count() == page.locator("script[type$='widget-view+json']").count(), name
        pictures = page.locator("noscript img:visible")
        assert all("JavaScript" in view for view in views.all_inner_texts()), name
        assert page.locator("noscript img:not([alt])").count() == 0, name
        found.append((len(read), len(numbers), pictures.count()))
    context.close()
    assert all(sum(numbers) for numbers in zip(*found)), "no formula, number or picture in the whole book"


def test_with_scripts_formulas_and_widgets_stand_there_once(browser, server, pages):
    with reading(browser, server) as page:
        for name in ("executed/01_preliminaries.html", "executed/04_metrics.html", EXPLORER):
            visit(page, f"{server}/{name}")
            assert page.locator(".math mjx-container").count() == page.locator(".math").count() > 0, name
            assert not page.locator("noscript:visible, noscript :visible").count(), name


def test_no_link_or_anchor_is_broken(book, soups):
    broken = []
    for name, soup in soups.items():
        links = [(tag.get("href") or tag.get("src"), tag.name) for tag in soup.select("[href], [src]")]
        for link, tag in links:
            scheme = urlsplit(link).scheme
            if scheme and not (scheme == "data" or (tag == "a" and scheme in ("https", "http", "mailto"))):
                broken.append(f"{name}: {tag} needs {link}")
            if scheme or link.startswith("//"):
                continue
            path, anchor = urldefrag(link)
            path = unquote(urlsplit(path).path)
            goal = (book / name).parent.joinpath(path).resolve() if path else book / name
            if not goal.is_file():
                broken.append(f"{name}: {link} is not there")
            elif anchor and goal.suffix == ".html":
                target = soups[goal.relative_to(book.resolve()).as_posix()]
                if not target.find(id=unquote(anchor)) and not target.find(attrs={"name": unquote(anchor)}):
                    broken.append(f"{name}: {link} has no such place")
    assert not broken, "\n".join(broken)
    inner = "article a[href*='executed/'], article a.internal"
    chapters = [link for soup in soups.values() for link in soup.select(inner)]
    assert all(link.get("title") for link in chapters if re.fullmatch(r"Chapter \d+", link.get_text()))


def test_every_figure_says_what_it_shows(soups):
    silent = []
    for name, soup in soups.items():
        for image in soup.select("article img, main img"):
            alt = image.get("alt", "").strip()
            if len(alt) < 15 or "_images/" in alt:
                silent.append(f"{name}: {image.get('src', '')[-40:]} alt={alt!r}")
        figures = [figure for figure in soup.select("article figure") if not figure.find("figcaption")]
        silent += [f"{name}: a figure without a caption" for _ in figures]
        drawings = [svg for svg in soup.select("article svg[viewBox]") if svg.get("role") == "img"]
        silent_ones = [svg for svg in drawings if not (svg.get("aria-label") or svg.find("title"))]
        silent += [f"{name}: a drawing without a label" for _ in silent_ones]
    assert not silent, "\n".join(silent)


def test_a_claims_mark_opens_the_code_that_checks_it(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/executed/07_controls.html")
        mark = page.locator("[data-claim=controls_headline] > .claim-mark")
        code = page.locator(".highlight", has_text="def controls_headline")
        assert not code.is_visible() and mark.get_attribute("aria-expanded") == "false"
        mark.focus()
        page.keyboard.press("Enter")
        assert code.is_visible() and mark.get_attribute("aria-expanded") == "true"
        mark.click()
        assert not code.is_visible()


def test_a_mark_on_the_first_page_leads_to_the_code_that_checks_it(browser, on_disk):
    with reading(browser, on_disk) as page:
        for claim in ("first_page_answer", "first_page_explanation"):
            visit(page, f"{on_disk}/book/index.html")
            page.locator(f"[data-claim={claim}] a").click()
            page.locator(".highlight", has_text=f"def {claim}").wait_for(state="visible")


def test_every_chapter_is_in_the_sidebar_in_order(browser, server):
    chapters = [f"executed/{notebook.stem}.html" for notebook in NOTEBOOKS]
    with reading(browser, server, "phone") as page:
        visit(page, f"{server}/book/reproduce.html")
        sidebar = page.locator(".bd-sidebar-primary")
        assert not sidebar.get_by_role("link").last.is_visible()
        page.locator("button.primary-toggle:visible").first.click()
        links = page.locator(".bd-sidebar-primary nav a, #pst-primary-sidebar-modal nav a")
        links.last.wait_for(state="visible")
        hrefs = [link.get_attribute("href") or "" for link in links.all() if link.is_visible()]
        shown = [href.removeprefix("../") for href in hrefs if "executed/" in href]
        assert shown == chapters


def test_what_a_page_was_made_with_stands_in_the_fold_of_its_settings(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/executed/04_metrics.html")
        fold = page.locator(".cell.tag_parameters details")
        assert not fold.get_by_text('profile = "smoke"').is_visible(), "folded"
        fold.locator("summary").click()
        assert fold.locator(".tag_injected-parameters").is_visible()
        assert 'profile = "smoke"' in fold.inner_text()


@pytest.mark.parametrize("notebook", NOTEBOOKS[::7], ids=lambda path: path.stem)
def test_what_is_open_on_a_page_is_copied_with_what_it_needs(browser, book, on_disk, notebook):
    cells = nbformat.read(book.parents[1] / "executed" / notebook.name, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code" and "claim" not in c.metadata.get("tags", ())]
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/executed/{notebook.stem}.html")
        # What the button copies of each cell that is open, one after the other.
        copied = page.eval_on_selector_all(
            ".cell_input pre", "all => all.filter(one => !one.closest('details')).map(one => one.textContent)"
        )
    every, pasted = ("\n".join(part).split() for part in (code, copied))
    assert pasted and pasted == every[: len(pasted)]  # below the last there may be folds


def test_explorer_answers_without_a_kernel(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/{EXPLORER}")
        menus = page.locator(".jupyter-widgets select:visible")
        menus.first.wait_for()

        def picture():
            return page.evaluate(
                "[...document.querySelectorAll('.jupyter-widgets :is(img, svg, canvas)')]"
                ".filter(i => i.getClientRects().length).map(i => i.src ?? i.outerHTML).join()"
            )

        changed = []
        assert picture()
        for index in range(menus.count()):
            menu = page.locator(".jupyter-widgets select:visible").nth(index)
            options = menu.locator("option").count()
            if options < 2:
                continue
            before = picture()
            menu.select_option(index=options - 1)
            page.wait_for_timeout(300)
            changed.append(picture() != before)
        assert changed and all(changed), "a menu that changes nothing"


def test_explorer_goes_by_arrow_keys_by_link_and_through_the_attack(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/{EXPLORER}#digits-8-8-0-15-of-the-queries/gamin-its-own-noise/7")
        label = page.locator(".snnmi-class select:visible")
        page.wait_for_function("document.querySelector('.snnmi-class select')?.value === '7'")
        page.locator(".snnmi-explorer").scroll_into_view_if_needed()

        def words():
            return page.locator(".snnmi-explorer .words:visible").first.inner_text()

        assert "class 7" in words()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**/*#digits-8-8-0-15-of-the-queries/gamin-its-own-noise/8")
        assert label.input_value() == "8" and "class 8" in words()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/*#digits-8-8-0-15-of-the-queries/gamin-its-own-noise/5")
        assert "class 5" in words()
        moment = page.locator(".snnmi-explorer .cells:visible", has_text="batch")
        last = moment.inner_text()
        page.locator(".snnmi-explorer .noUi-handle:visible").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(300)
        assert "batch 30" in last and "batch 21" in moment.inner_text() and label.input_value() == "5"
        page.locator(".picks button:visible").nth(2).click()
        page.wait_for_url("**/*#digits-8-8-0-15-of-the-queries/gamin-its-own-noise/2")
        assert page.locator(".picks button[aria-pressed=true]:visible").count() == 1


def test_whose_drawing_it_is_can_be_guessed_by_keyboard(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/{EXPLORER}")
        said = page.locator(".snnmi-guess [role=status]")
        page.locator(".snnmi-guess .faces button").nth(3).focus()
        page.keyboard.press("Enter")
        assert re.search("You [01], the machine [01] of 1", said.inner_text())
        page.keyboard.press("Enter")  # the next one
        assert "You" not in said.inner_text()
        assert page.locator(".snnmi-guess [data-is]:visible").count() == 1


def test_the_first_pages_faces_are_blurred_by_a_slider_and_from_the_start(browser, on_disk):
    blur = "getComputedStyle(document.querySelector('.snnmi-squint .drawn img')).filter"
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/book/index.html")
        before = page.evaluate(blur)
        page.get_by_label("Blur").focus()
        page.keyboard.press("Home")
        assert re.match(r"blur\([1-9.]+px\) contrast", before), "as without a script"
        assert page.evaluate(blur).startswith("blur(0px)")


def test_films_play_and_pause_without_a_kernel(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/executed/12_events.html")
        button = page.locator(".snnmi-play")
        button.wait_for()
        shown = page.locator(".snnmi-player p:visible")
        shown.wait_for()
        assert shown.all_inner_texts() == ["Bin 1 of 6"] and button.inner_text() == "Play"
        button.click()
        for one in ("Bin 6 of 6", "Bin 1 of 6"):  # to the end, and again
            page.locator(".snnmi-player p:visible", has_text=one).wait_for()
        button.click()
        held = shown.all_inner_texts()
        page.wait_for_timeout(1000)
        assert shown.all_inner_texts() == held and button.inner_text() == "Play"


def test_search_finds_what_people_call_it_and_quotes_the_page(browser, on_disk):
    with reading(browser, on_disk) as page:
        visit(page, f"{on_disk}/book/index.html")
        page.locator("button.search-button-field:visible, button.search-button:visible").first.click()
        page.keyboard.type("surrogate generator")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=*")
        page.locator("#search-results a[href*='executed/03_attack']").first.wait_for()  # they come one by one
        for words, chapter in {"event camera": "12_events", "model extraction": "03_attack"}.items():
            page.goto(f"{on_disk}/search.html?q={words}")
            found = page.locator(f"#search-results li:has(a[href*='{chapter}'])").first
            found.locator("p.context").wait_for()
            assert len(found.locator("p.context").inner_text()) > 40, words


def test_every_notebook_can_be_downloaded(book, soups):
    for notebook in NOTEBOOKS:
        links = soups[f"executed/{notebook.stem}.html"].select("a.btn-download-source-button")
        assert links, f"{notebook.stem} has no download button"
        got = nbformat.read((book / "executed" / links[0]["href"]).resolve(), as_version=4)
        both = (got, nbformat.read(notebook, as_version=4))
        text, wanted = ([c.source for c in nb.cells if c.cell_type == "markdown"] for nb in both)
        assert text == wanted


def test_every_numbered_table_comes_with_its_csv(book, soups):
    linked = set()
    for name, soup in soups.items():
        linked |= {(book / name).parent.joinpath(a["href"]).resolve() for a in soup.select("a[href$='.csv']")}
    written = {path.name for path in (book.parent.parent / "executed" / "tables").glob("*.csv")}
    assert written and {path.name for path in linked} == written
    assert all(len(pd.read_csv(path)) for path in linked)


def test_vendored_scripts_are_what_was_published():
    folder = ROOT / "book" / "_static" / "vendor"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split(maxsplit=1)) for line in lines)
    assert {path.name for path in folder.iterdir() if path.suffix in (".js", ".woff2")} == set(sums)
    for name, sha256 in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256, name


def test_the_readmes_picture_is_the_one_that_chapter_8_draws(book):
    drawn = plt.imread(book.parents[1] / "executed/tables/questions.png")
    kept = plt.imread(ROOT / "book/_static/answer.png")
    todo = "copy executed/tables/questions.png to book/_static/answer.png"
    assert drawn.shape == kept.shape and np.abs(drawn - kept).mean() < 0.001, todo
