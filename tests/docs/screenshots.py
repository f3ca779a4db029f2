"""README.md's pictures, of a plan on a fresh emulator: the terminal, and the HTML report in light and in dark.

It needs Debian's chromium and chromium-driver; with fonts-noto-core and fonts-noto-mono the pictures are prettier.
Run: make screenshots
"""

from __future__ import annotations

import base64
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# The tests' helpers lie one folder up; pytest gets there through tests/conftest.py.
sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from selenium.webdriver.common.keys import Keys
from support.browser import Browser, chromium, installed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLAN = ("plan", "--endpoint", "emulator")
COLUMNS = 90
SCALE = 1.5
CORNER = "const { right, bottom } = document.querySelector('pre').getBoundingClientRect(); return [right, bottom]"
CUT = "return document.querySelectorAll('.card .snapshots')[1].getBoundingClientRect().top"
"""Where the report's picture ends: after the second change's covers, before its snapshots."""
THEME = TerminalTheme(
    (22, 24, 29),
    (216, 218, 223),
    [(60, 64, 72), (255, 123, 114), (126, 211, 133), (232, 190, 98), (121, 184, 255), (210, 168, 255),
     (118, 208, 214), (216, 218, 223)],
    [(139, 145, 156), (255, 161, 152), (160, 230, 166), (245, 211, 130), (165, 208, 255), (226, 197, 255),
     (160, 226, 231), (255, 255, 255)],
)  # fmt: skip
WINDOW = """<!doctype html><html lang="en"><meta charset="utf-8"><title>reconcile</title><style>
body {{ margin: 0; background: {background}; color: {foreground}; }}
pre {{ margin: 0; padding: 20px 24px; width: fit-content;
  font: 15px/1.45 "Noto Sans Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace; }}
a {{ color: inherit; text-decoration: none; }}
</style><pre>{code}</pre></html>"""


def environment(state: Path) -> dict[str, str]:
    """For a command in this checkout: without settings of this machine's."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "RECONCILE_STATE_DIR": str(state),
        "TERM": "xterm-256color",
    }


def on_terminal(command: Sequence[str], env: dict[str, str]) -> str:
    """What it prints on a terminal, escape sequences and all. Progress goes elsewhere: none of it would stay."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        said = bytearray()
        try:
            while part := os.read(ours, 65_536):
                said += part
        except OSError:
            pass  # Linux's way to say that the other end is closed.
        finally:
            os.close(ours)
        problem = process.stderr.read().decode() if process.stderr else ""
    if process.returncode:
        raise SystemExit(problem)
    return said.decode().replace("\r\n", "\n")


def terminal_page(said: str) -> str:
    """A terminal's text as HTML, below the command that brought it about."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bright_black"), (" ".join(("reconcile", *PLAN)), "bold")))
    console.print(Text.from_ansi(said.rstrip("\n")))
    return console.export_html(theme=THEME, inline_styles=True, code_format=WINDOW)


def shoot(browser: Browser, name: str, width: float, height: float) -> None:
    """The page's upper left corner, `width` by `height` CSS pixels, as a small PNG."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    asked = {"format": "png", "clip": clip, "captureBeyondViewport": True}
    data = browser.driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    # A palette makes the file a quarter as large; k-means keeps the colours of small texts.
    small = picture.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    small.save(HERE / name, optimize=True)
    print(f"{HERE / name}: {picture.width} x {picture.height}, {(HERE / name).stat().st_size // 1000} kB")


@contextmanager
def choosing(env: dict[str, str]) -> Iterator[str]:
    """The address of the page to choose on."""
    command = [sys.executable, "-m", "reconciler", "choose", "--no-open", "--endpoint", "emulator"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            yield re.findall(r"http://\S+", said)[0]
        finally:
            process.terminate()


def choose_some(browser: Browser) -> None:
    """A few keys, as a user would press them."""
    for key in (Keys.ARROW_RIGHT, Keys.ENTER, Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER):
        time.sleep(1)
        browser.driver.switch_to.active_element.send_keys(key)
    time.sleep(2)


def main() -> None:
    if not installed():
        raise SystemExit("The pictures are taken by Debian's chromium: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="reconcile-screenshots-") as name:
        folder = Path(name)
        page = folder / "plan.html"
        command = [sys.executable, "-m", "reconciler", *PLAN, "--html", str(page)]
        said = on_terminal(command, environment(folder / "state"))
        with chromium(folder) as browser:
            browser.open(terminal_page(said), scale=SCALE)
            shoot(browser, "terminal.png", *browser.run(CORNER))
            for scheme, file in (("light", "report.png"), ("dark", "report-dark.png")):
                browser.open(page.read_text(encoding="utf-8"), scheme=scheme, scale=SCALE)
                shoot(browser, file, 1280, browser.run(CUT))
            with choosing(environment(folder / "choices")) as address:
                browser.visit(address)
                choose_some(browser)
                shoot(browser, "choose.png", 1280, 720)


if __name__ == "__main__":
    main()
