"""Debian's Chromium without a window: for the tests of pages, and for README's pictures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
PATIENCE = 45.0
"""Seconds that anything may take on a busy machine."""
# Each text with its contrast to the nearest background that is painted behind it, as WCAG 2 counts it.
CONTRASTS = """
const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const rgba = (css) => { const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
const light = (c) => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor);
    if (c.a === 1) return c;
    if (c.a !== 0) throw new Error("translucent background: " + e.className);
  }
  throw new Error("nothing is painted behind " + element.tagName);
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode()); ) {
  const text = node.textContent.trim(), element = node.parentElement;
  if (!text || !element.checkVisibility()) continue;
  const ink = rgba(getComputedStyle(element).color);
  if (ink.a !== 1) throw new Error("translucent text: " + text);
  const [bright, dark] = [light(ink), light(behind(element))].sort((a, b) => b - a);
  found.push([text, (bright + 0.05) / (dark + 0.05)]);
}
return found;
"""
# What axe-core objects to: the rule, and the elements that break it.
OBJECTIONS = """
return axe.run(document, {resultTypes: ["violations"]}).then(({violations}) =>
  violations.map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`));
"""


class Browser:
    """One Chromium; each page is opened with an empty log."""

    def __init__(self, driver: Chrome, folder: Path) -> None:
        self.driver = driver
        self._file = folder / "report.html"

    def open(self, page: str, *, scheme: str = "light", width: int = 1280, scale: float = 1) -> None:
        """
        Args:
            width: of the window, in CSS pixels.
            scale: device pixels for each of them.
        """
        self._file.write_text(page, encoding="utf-8")
        self.visit(self._file.as_uri(), scheme=scheme, width=width, scale=scale)

    def visit(self, url: str, *, scheme: str = "light", width: int = 1280, scale: float = 1) -> None:
        """Opens an address; the arguments are those of `open`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        size = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")  # the page before asks its server until it is left
        self.console()
        self.requests()
        self.driver.get(url)

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def until(self, script: str) -> Any:
        """Waits for what `script` returns to be true or the like, and returns it."""
        return WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: self.run(script), f"never true: {script}")

    def press(self, *keys: str) -> None:
        """Types into whatever has the focus; keys that write nothing are those of `selenium`'s `Keys`."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def hover(self, element: WebElement) -> None:
        """Moves the pointer there."""
        ActionChains(self.driver).move_to_element(element).perform()

    def contrasts(self) -> list[tuple[str, float]]:
        """Each text that is shown, and its contrast to the nearest background behind it, as WCAG 2 counts it."""
        found: list[list[Any]] = self.run(CONTRASTS)
        return [(text, contrast) for text, contrast in found]

    def objections(self) -> list[str]:
        """What axe-core finds wrong with the page as it is now."""
        if not self.run("return 'axe' in window"):
            self.run(AXE.read_text(encoding="utf-8"))
        found: list[str] = self.run(OBJECTIONS)
        return found

    def _log(self, name: str) -> list[dict[str, Any]]:
        """What was logged since the last look."""
        lines: list[dict[str, Any]] = self.driver.execute("getLog", {"type": name})["value"]
        return lines

    def console(self) -> list[str]:
        return [line["message"] for line in self._log("browser")]

    def requests(self) -> list[str]:
        """What the page asked for, but itself and what it holds."""
        events = [json.loads(line["message"])["message"] for line in self._log("performance")]
        asked = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if url != self._file.as_uri() and not url.startswith("data:")]


def installed() -> bool:
    """Whether this machine has Debian's `chromium` and `chromium-driver`."""
    return None not in (shutil.which("chromium"), shutil.which("chromedriver"))


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """The browser, if it is `installed()`; its profile and its page are kept in `folder`."""
    options = ChromeOptions()
    # Both paths are given, so that nothing is looked for, let alone downloaded.
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # The driver listens on loopback: no proxy of this machine has to do with it.
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        with Chrome(options=options, service=Service(shutil.which("chromedriver"))) as driver:
            yield Browser(driver, folder)
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before
