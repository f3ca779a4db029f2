"""Debian's Chromium without a window: for the tests of pages, and for README's pictures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

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
        self.console()
        self.requests()
        self.driver.get(url)

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

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
