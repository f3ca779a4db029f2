"""Run plan, apply and plan on an emulator, without an account.

The emulator runs in this process, without network, with the example's desired files.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import reconciler
from reconciler.commands.apply import apply
from reconciler.commands.context import ApplyOptions, Run
from reconciler.commands.options import OUTPUT
from reconciler.commands.plan import plan
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.config import EMULATOR, ConnectionOptions
from reconciler.errors import UsageError


async def demo(run: Run) -> Report:
    """Returns the last plan's report; the first two reports are printed on the way."""
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as folder:
        store = Path(folder) / "emulator.sqlite"
        connection = ConnectionOptions(endpoint=f"{EMULATOR}:{store}", state_dir=Path(folder))
        changes = ApplyOptions(auto_approve=True)
        options = replace(run.options, paths=(example(),), connection=connection, changes=changes)
        run = replace(run, options=options)
        run.terminal.say("$ reconcile plan --endpoint emulator\n")
        first = await plan(run, detailed_exitcode=False, out=None)
        run.terminal.say(f"{first.text()}\n$ reconcile apply --endpoint emulator --auto-approve\n")
        second = await apply(run, plan_file=None)
        run.terminal.say(f"{second.text()}\n$ reconcile plan --endpoint emulator\n")
        return await plan(run, detailed_exitcode=False, out=None)


def example() -> str:
    """The example's folder: part of a wheel, `desired/` beside the package in a checkout.

    Raises:
        UsageError: neither exists.
    """
    package = Path(reconciler.__file__).parent
    for folder in (package / "example", package.parent / "desired"):
        if folder.is_dir():
            with suppress(OSError, ValueError):  # the working folder may have been deleted, or be another
                return str(folder.relative_to(Path.cwd()))
            return str(folder)
    raise UsageError("The example's desired files are missing from this installation", hint="Install it again.")


command = Verb("demo", __doc__, demo, OUTPUT)
