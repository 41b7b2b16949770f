"""The explorer in a real JupyterLab, whose kernel starts in book/."""

import json
import os
import re
import subprocess

import pytest

from tests.helpers import TOOLS, clone

NAME = "06_reconstructions.ipynb"


PIPED = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


@pytest.fixture
def lab(tmp_path):
    """A clone whose explorer is at the size of `smoke`, and the address of a JupyterLab in it."""
    folder = clone(tmp_path / "clone")
    path = folder / "book" / NAME
    path.write_text(path.read_text().replace('profile = \\"quick\\"', 'profile = \\"smoke\\"'))
    assert any("smoke" in "".join(cell["source"])[:20] for cell in json.loads(path.read_text())["cells"])
    options = "--no-browser --allow-root --port=0 --IdentityProvider.token="
    options += " --ServerApp.disable_check_xsrf=True"
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    env = TOOLS | own | {"PYTHONPATH": str(folder)}
    command = ["jupyter", "lab", *options.split(), f"--ServerApp.root_dir={folder}"]
    server = subprocess.Popen(command, cwd=folder, env=env, **PIPED)
    try:
        for line in server.stdout:
            if found := re.search(r"http://(localhost|127\.0\.0\.1):\d+", line):
                yield folder, found.group().replace("localhost", "127.0.0.1")
                break
        else:
            pytest.fail("JupyterLab did not start", pytrace=False)
    finally:
        server.terminate()
        server.wait(20)


def test_new_samples_are_drawn_in_jupyterlab_and_runs_lie_in_the_project(browser, lab):
    folder, address = lab
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(240_000)
    try:
        page.goto(f"{address}/lab/tree/book/{NAME}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).last.click()
        button = page.get_by_role("button", name="Draw new samples").first
        button.wait_for()
        menu = page.locator(".snnmi-data select")
        menu.select_option(index=menu.locator("option").count() - 1)  # its own, whose weights are here
        page.locator(".snnmi-explorer .words", has_text="Digits").first.wait_for()
        pictures = page.locator(".snnmi-explorer img:visible")
        before = pictures.count()
        button.click()
        page.wait_for_function(
            "(before) => [...document.querySelectorAll('.snnmi-explorer img')]"
            ".filter(one => one.getClientRects().length).length > before",
            arg=before,
        )
        assert before > 2
    finally:
        page.close()
    assert (folder / "results" / "smoke").is_dir() and not (folder / "book" / "results").exists()
    assert "results" not in os.listdir(folder / "book")
