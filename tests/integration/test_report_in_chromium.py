"""The HTML report in a real browser: what it loads, how it looks, and what it is to those who can't see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.by import By
from support.browser import Browser
from support.reports import apply_doc, audit_doc, blank_images, images, many, plan_doc, show_doc

from reconciler.report.html import render as html
from reconciler.report.options import RenderOptions

pytestmark = pytest.mark.integration

SCHEMES, WIDTHS = ("light", "dark"), (390, 1280)
PAGES: dict[str, Callable[[], str]] = {
    "plan": lambda: html(plan_doc(), RenderOptions(images=images())),
    "audit": lambda: html(audit_doc(), RenderOptions(images=images())),
    "apply": lambda: html(apply_doc(), RenderOptions(images=images())),
    "show": lambda: html(show_doc(), RenderOptions(images=images())),
    "blank": lambda: html(plan_doc(), RenderOptions(images=blank_images())),
    "blank to choose from": lambda: html(show_doc(), RenderOptions(images=blank_images())),
    "long": lambda: html(many(40, unknown=10)),
}
PICTURES = """
return Promise.all([...document.images].map((image) =>
  image.decode().then(() => [image.alt, image.naturalWidth, image.clientWidth])));
"""
# What the browser made of the first two pictures, pixel by pixel.
PIXELS = """
return [...document.images].slice(0, 2).map((image) => {
  const canvas = new OffscreenCanvas(32, 18).getContext("2d");
  canvas.drawImage(image, 0, 0, 32, 18);
  return [...canvas.getImageData(0, 0, 32, 18).data];
});
"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_easy_to_read(browser: Browser, name: str, scheme: str, width: int) -> None:
    browser.open(PAGES[name](), scheme=scheme, width=width)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.console() == []
    assert browser.requests() == []
    assert browser.run(f"return matchMedia('(prefers-color-scheme: {scheme})').matches")
    scrolled, seen = browser.run("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
    assert scrolled <= seen <= width
    pictures = browser.run(PICTURES)
    assert len(pictures) == browser.run("return document.images.length")
    assert all(alt and natural == 320 and 0 < shown < width for alt, natural, shown in pictures)
    contrasts = browser.contrasts()
    assert len(contrasts) > 15
    assert [(text, contrast) for text, contrast in contrasts if contrast < 4.5] == []


def test_the_two_colour_schemes_differ(browser: Browser) -> None:
    page, papers = PAGES["plan"](), set()
    for scheme in SCHEMES:
        browser.open(page, scheme=scheme)
        papers.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_before_and_after_stand_side_by_side_and_differ(browser: Browser, width: int) -> None:
    browser.open(PAGES["plan"](), width=width)
    pairs = browser.driver.find_elements(By.CSS_SELECTOR, ".pair")
    assert len(pairs) == 3
    before, after = pairs[0].find_elements(By.TAG_NAME, "img")
    assert before.accessible_name == "Cover now: sample[0] at 0:00"
    assert after.accessible_name == "Wanted: sample[3] at 0:15"
    assert before.location["y"] == after.location["y"]
    assert before.location["x"] + before.size["width"] < after.location["x"]
    shown, wanted = browser.run(PIXELS)
    assert len(shown) == len(wanted) == 4 * 32 * 18
    assert shown != wanted


def test_landmarks_and_names(browser: Browser) -> None:
    browser.open(PAGES["audit"]())
    body = browser.driver.find_element(By.TAG_NAME, "body")
    assert [child.aria_role for child in body.find_elements(By.XPATH, "*")] == ["banner", "main", "contentinfo"]
    regions = browser.driver.find_elements(By.TAG_NAME, "section")
    names = [region.accessible_name for region in regions]
    assert names == ["Summary", "Changes", "Unknown", "Pending", "Managed by no file", "Nothing to do"]
    assert {region.aria_role for region in regions} == {"region"}
    lists = browser.driver.find_elements(By.CSS_SELECTOR, ".snapshots")
    assert {(one.aria_role, one.accessible_name) for one in lists} == {("list", "Snapshots of this asset")}


def test_the_keyboards_focus_is_seen(browser: Browser) -> None:
    browser.open(PAGES["plan"]())
    browser.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Tab", "code": "Tab"})
    shape = browser.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
    assert browser.driver.switch_to.active_element.text.split() == ["5", "to", "change"]
    assert shape == ["solid", "3px"]


def test_what_this_file_would_see_of_a_page_that_is_not_harmless(browser: Browser) -> None:
    """The policy stops it, and the checks above would tell."""
    evil = '<script>document.title = "ran"</script><img src="http://127.0.0.1:9/x.png" alt="x" style="width: 2000px">'
    page = PAGES["plan"]().replace("</main>", f"{evil}</main>")
    browser.open(page)
    told = " ".join(browser.console())
    assert told.count("Content Security Policy") >= 3
    assert browser.driver.title.startswith("Plan")
    faint = page.replace("default-src 'none'", "default-src *").replace("img-src data:", "img-src *")
    browser.open(faint)
    assert browser.requests() == ["http://127.0.0.1:9/x.png"]
