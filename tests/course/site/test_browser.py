"""The site of this course in headless Chromium, opened as files, on a desktop and on a phone.

Screenshots go into the folder $SSVH_SCREENSHOTS, or a temporary one. Skips where Chromium or Playwright is missing.
"""

import os
import shutil

import pytest

from ssvh_lib.course import site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = (1280, 900), (390, 844)  # pixels
LARGEST = 1_500_000  # bytes of a page
NOTEBOOK = "notebooks/08_autossvh.html"
EVIL = '<img src=x onerror="document.title=1"><b>'
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser, and is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of this checkout, and what building it told."""
    return site.build(tmp_path_factory.mktemp("out") / "site")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to work for root
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield opened
        opened.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def size(request):
    return request.param


@pytest.fixture
def page(browser, size):
    """An empty page that in the end must have asked for nothing but files, and complained of nothing."""
    width, height = size
    opened = browser.new_page(viewport={"width": width, "height": height})
    asked, complaints = [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert asked
    assert [url for url in asked if not url.startswith(("file://", "data:", "about:"))] == []
    assert complaints == []


def visit(page, built, address="index.html"):
    page.goto(f"{built.landing.parent.as_uri()}/{address}")


def is_wider_than_the_screen(page):
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def search(page, words):
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.locator("#found > *").first.wait_for()


def test_every_page_fits_its_screen_and_is_of_a_size_to_be_read(page, built, size):
    assert built.largest <= LARGEST
    folder = built.landing.parent
    for path in sorted(folder.rglob("*.html")):
        visit(page, built, path.relative_to(folder).as_posix())
        assert not is_wider_than_the_screen(page), path


def test_search_is_reached_by_a_key_and_leads_to_the_notebook(page, built, screenshots, size):
    visit(page, built)
    search(page, "Gumbel")
    page.screenshot(path=screenshots / f"site-search-{size[0]}.png")
    assert not is_wider_than_the_screen(page)
    assert page.locator("#found mark").first.inner_text().lower() == "gumbel"
    page.keyboard.press("Enter")
    page.wait_for_url("**/notebooks/08_autossvh.html*")
    assert "Gumbel" in page.locator("article").inner_text()


def test_results_are_walked_through_by_arrows_and_left_by_escape(page, built):
    visit(page, built, NOTEBOOK)
    search(page, "hash centres")
    assert page.locator("#found a").count() > 2
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("#found a").nth(1)
    assert second.evaluate("link => link === document.activeElement")
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()
    assert page.locator("#query").evaluate("box => box === document.activeElement")


@pytest.mark.parametrize("words", [EVIL, "\\", "(.*)", "zzzz"])
def test_what_is_typed_stays_a_text(page, built, words):
    visit(page, built)
    title = page.title()
    search(page, words)
    said = page.locator("#found").inner_text()
    assert page.locator("#found img, #found b").count() == 0
    assert page.title() == title
    assert words in said or page.locator("#found mark").count()


def test_the_course_is_at_the_side_or_in_a_drawer(page, built, size, screenshots):
    visit(page, built, NOTEBOOK)
    menu, button = page.locator("#menu"), page.locator(".menu-button")
    assert menu.is_visible() == (size == DESKTOP)
    if size == PHONE:
        button.click()
        page.screenshot(path=screenshots / "site-menu-390.png")
        assert menu.is_visible()
        page.keyboard.press("Escape")
        assert menu.is_hidden()
        button.click()
    menu.get_by_role("link", name="S5VH").click()
    page.wait_for_url("**/notebooks/07_s5vh.html")


def test_code_is_copied(browser, page, built):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, built, NOTEBOOK)
    block = page.locator(".cell .highlight").first
    block.hover()
    block.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("pre").inner_text().strip()


def test_formulas_are_drawn(page, built):
    visit(page, built, "notebooks/07_s5vh.html")
    heights = page.locator(".formula math").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert heights
    assert min(heights) > 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_looks_by_day_and_by_night(page, built, screenshots, size, scheme):
    page.emulate_media(color_scheme=scheme)
    for name, address in {"landing": "index.html", "notebook": "notebooks/07_s5vh.html"}.items():
        visit(page, built, address)
        page.screenshot(path=screenshots / f"site-{name}-{size[0]}-{scheme}.png")
        red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (min(red, green, blue) > 200) == (scheme == "light")
