"""Run lock, plan, apply and plan on an emulator, without an account.

The emulator runs in this process, without network, with the example's desired files.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import reconciler
from reconciler.commands.apply import apply
from reconciler.commands.context import ApplyOptions, Run
from reconciler.commands.lock import lock
from reconciler.commands.options import OUTPUT
from reconciler.commands.plan import plan
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.config import EMULATOR, ConnectionOptions
from reconciler.desired.lock_file import NAME
from reconciler.errors import UsageError


async def demo(run: Run) -> Report:
    """Returns the last plan's report; the first three reports are printed on the way."""
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as folder:
        # A copy, since lock writes beside the files.
        shutil.copytree(example(), f"{folder}/desired", ignore=shutil.ignore_patterns(NAME))
        connection = ConnectionOptions(endpoint=f"{EMULATOR}:{folder}/emulator.sqlite", state_dir=Path(folder))
        changes = ApplyOptions(auto_approve=True)
        options = replace(run.options, paths=("desired",), connection=connection, changes=changes)
        run = replace(run, options=options)
        with _inside(folder):
            run.terminal.say("$ reconcile lock --endpoint emulator --quiet\n")
            locked = await lock(replace(run, options=replace(options, quiet=True)), upgrade=False, check=False)
            run.terminal.say(f"{locked.text()}\n$ reconcile plan --endpoint emulator\n")
            first = await plan(run, detailed_exitcode=False, out=None)
            run.terminal.say(f"{first.text()}\n$ reconcile apply --endpoint emulator --auto-approve\n")
            second = await apply(run, plan_file=None)
            run.terminal.say(f"{second.text()}\n$ reconcile plan --endpoint emulator\n")
            return await plan(run, detailed_exitcode=False, out=None)


@contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Makes this the working folder for a time. The one from before may have been deleted, so it has no name."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)


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
