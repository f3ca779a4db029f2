"""Twenty covers chosen, reviewed and written by keyboard in a real browser, and the plan shows just those."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import Keys
from support.browser import Browser
from support.choosing import choosing
from support.command_line import Cloud, run, videos, write

from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]
BUSY = "return document.querySelector('#panel').getAttribute('aria-busy') === 'false'"
SHOWN = "return document.querySelector('#asset-id').textContent === '{}'"


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository() -> None:
    write({item.asset_id: str(item.shown) for item in videos(24) if item.set == "sample"})
    git("init", "--quiet")
    git("add", "-A")
    git("-c", "user.name=Editor", "-c", "user.email=e@example.com", "commit", "--quiet", "-m", "Covers")


def test_twenty_covers_by_keyboard(serve: Serve, repository: None, browser: Browser) -> None:
    found = serve(EmulatorOptions())
    items = [item for item in videos(24) if item.set == "sample"][:20]
    with choosing() as server:
        browser.visit(server.address)
        for item in items:
            browser.until(SHOWN.format(item.asset_id))
            browser.until(BUSY)
            step = Keys.ARROW_LEFT if item.shown == item.count - 1 else Keys.ARROW_RIGHT
            browser.press(step, Keys.ENTER, Keys.ARROW_DOWN)
        browser.until("return document.querySelector('#rows') !== null")
        assert browser.console() == []
        browser.press("r")
        browser.until("return document.querySelector('#items').children.length === 20")
        browser.press(Keys.TAB, Keys.ENTER)
        browser.until("return document.querySelector('#live').textContent.includes('Written')")
        assert browser.console() == []
        browser.visit("about:blank")
    changed = [line for line in git("diff", "--unified=0").splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert len(changed) == 20
    assert git("diff", "--stat").count("|") == 1
    planned = run("plan", "--json").document
    assert {change["asset_id"] for change in planned["changes"]} == {item.asset_id for item in items}
    assert found.puts == 0
    assert Path("desired/covers.yaml").read_text().count(": ") >= 20
