"""demo: plan, apply, plan against a fresh emulator in this process, with the example that comes along."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import reconciler
from reconciler.commands import apply, plan
from reconciler.commands.context import Options
from reconciler.commands.result import Report, Terminal
from reconciler.config import EMULATOR
from reconciler.errors import UsageError


async def run(options: Options, terminal: Terminal) -> Report:
    """The last plan's report; the first two are said on the way."""
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as folder:
        store = Path(folder) / "emulator.sqlite"
        flags = replace(options.flags, endpoint=f"{EMULATOR}:{store}", state_dir=folder)
        options = replace(options, paths=(example(),), flags=flags)
        terminal.say("$ reconcile plan --endpoint emulator\n")
        first = await plan.run(options, terminal, detailed=False, out=None)
        terminal.say(f"{first.text()}\n$ reconcile apply --endpoint emulator --auto-approve\n")
        choices = apply.Choices(auto_approve=True, plan_file=None, force=False, wait=None)
        second = await apply.run(options, choices, terminal)
        terminal.say(f"{second.text()}\n$ reconcile plan --endpoint emulator\n")
        return await plan.run(options, terminal, detailed=False, out=None)


def example() -> str:
    """The example's folder: packaged in a wheel, `desired/` beside the package in a checkout.

    Raises:
        UsageError: neither is there.
    """
    package = Path(reconciler.__file__).parent
    for folder in (package / "example", package.parent / "desired"):
        if folder.is_dir():
            inside = folder.is_relative_to(Path.cwd())
            return str(folder.relative_to(Path.cwd()) if inside else folder)
    raise UsageError("The example's desired files are missing from this installation", hint="Install it again.")
