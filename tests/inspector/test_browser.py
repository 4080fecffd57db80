"""The inspector in real JupyterLab: headless Chromium runs notebook 16 and moves its sliders by keyboard.

Screenshots go into the folder $SSVH_SCREENSHOTS, or a temporary one. Skips where Chromium or Playwright is missing.
"""

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

import ssvh_lib

ROOT = Path(ssvh_lib.__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "16_grade_net_inspector.ipynb"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 120_000  # milliseconds for anything that is waited for; a hang ends there
# What JupyterLab writes on its console whatever is open in it, and why that is nothing to us.
NOISE = {
    r"\[jupyter-lsp\]": "no language server is installed",
    r"Failed to load resource.*/(translations|news|update)": "there is no network",
}
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser, and is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def lab(smoke, tmp_path_factory):
    """The address of a JupyterLab in a folder that holds notebook 16, as short as it can be trained."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells = _until_the_sliders(notebook.cells)
    nbformat.write(notebook, folder / NOTEBOOK.name)
    solutions = folder / "solutions"
    solutions.mkdir()
    shutil.copy(NOTEBOOK.parent / "solutions" / "exercises_16.py", solutions)
    settings = folder / "jupyter_config_dir" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}  # else it asks, in a corner of the screenshot
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    home = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    places = {"PYTHONPATH": str(ROOT), "SSVH_DATA": str(smoke.root.parent), "OMP_NUM_THREADS": "1"}
    where = ("--ip=127.0.0.1", "--no-browser", "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder}")
    command = [sys.executable, "-m", "jupyterlab", *where, *(["--allow-root"] if os.geteuid() == 0 else [])]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | home | places, cwd=folder, **pipes) as server:
        said = queue.Queue()
        reader = threading.Thread(target=lambda: [said.put(line) for line in server.stderr], daemon=True)
        reader.start()  # all that it says is read, so that it can go on
        yield _address(said)
        server.terminate()
        reader.join()  # before the pipe is closed


def _until_the_sliders(cells):
    """The cells up to the one that shows the widget, with a network of two epochs."""
    last = next(number for number, cell in enumerate(cells) if "display(shell.widget)" in cell.source)
    kept = cells[: last + 1]
    for cell in kept:
        cell.source = re.sub(r'"epochs": \d+', '"epochs": 2', cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return kept


def _address(said):
    """Where a JupyterLab that is starting says that it listens."""
    while True:
        line = said.get(timeout=PATIENCE / 1000)
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/lab", line):
            return f"http://127.0.0.1:{found.group(1)}"


@pytest.fixture(scope="module")
def page(lab, screenshots):
    """Notebook 16 in JupyterLab, all cells run, and what the console complained of."""
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to work for root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        opened = browser.new_page(viewport={"width": 1500, "height": 1250})
        opened.set_default_timeout(PATIENCE)
        opened.complaints = []
        opened.on("console", lambda line: opened.complaints.append(line.text) if line.type == "error" else None)
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.goto(f"{lab}/lab/tree/{NOTEBOOK.name}?token=secret&reset")
        opened.get_by_text("| Idle").wait_for()  # the kernel is there; before, nothing would run
        opened.get_by_role("menuitem", name="Run", exact=True).click()
        opened.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            opened.locator(".ssvh-inspector .reading").wait_for()
        except sync_api.TimeoutError:
            opened.screenshot(path=screenshots / "no-inspector.png")
            raise
        yield opened
        browser.close()


def picture(page):
    return page.locator(".ssvh-inspector .wide > svg").first.evaluate("drawing => drawing.outerHTML")


def settings(page):
    return page.locator(".ssvh-inspector .quiet").first.inner_text()


def press(page, slider, key):
    """Press a key on a slider, and wait until the page says something else."""
    before = settings(page)
    page.locator(f".ssvh-{slider} [role=slider]").press(key)
    page.wait_for_function(
        "before => document.querySelector('.ssvh-inspector .quiet').innerText !== before", arg=before
    )


@pytest.mark.parametrize(
    ("slider", "key", "says"),
    [
        ("noise", "Home", "noise 0 "),
        ("budget", "ArrowRight", "budget 13 of 25"),
        ("epoch", "Home", "epoch 0 "),
        ("temperature", "ArrowLeft", "temperature 0.2 "),
    ],
)
def test_a_slider_moved_by_keyboard_changes_picture_and_text(page, slider, key, says):
    before = picture(page)
    press(page, slider, key)
    assert says in settings(page)
    assert picture(page) != before


def test_without_noise_all_draws_are_read_from_the_same_picks(page):
    if "noise 0 " not in settings(page):
        press(page, "noise", "Home")
    notes = page.locator(".ssvh-inspector .wide svg text").all_text_contents()
    draws = [notes[notes.index(f"draw {number}") + 1] for number in (1, 2, 3, 4)]
    assert len(set(draws)) == 1
    assert re.fullmatch(r"drops \d+ informative, \d+ filler", draws[0])


def test_a_flipped_bit_moves_the_neighbours(page):
    found = page.locator(".ssvh-inspector .found")
    page.get_by_role("button", name="Flip the least certain bit").press("Enter")
    page.wait_for_function("() => /bits: [0-9]/.test(document.querySelector('.ssvh-inspector .found').innerText)")
    assert re.search(r"Flipped bits: \d+\. Bit \d+ is outlined", found.inner_text())
    assert page.locator(".ssvh-inspector .card").count() == 6


def test_screenshots_are_kept_and_the_console_is_silent(page, screenshots):  # after all that was done above
    page.locator(".ssvh-dataset").evaluate("control => control.scrollIntoView({block: 'start'})")
    page.screenshot(path=screenshots / "inspector-in-jupyterlab.png")
    loud = [line for line in page.complaints if not any(re.search(noise, line) for noise in NOISE)]
    assert loud == []
