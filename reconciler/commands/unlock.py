"""Free the shared state of a run that died.

RUN is the run that the error names. A run that is alive stops before its next change.
"""

from __future__ import annotations

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.errors import UsageError
from reconciler.util.sanitize import clean, shorten


@click.argument("run_id", metavar="RUN")
async def unlock(run: Run, *, run_id: str) -> Report:
    """
    Raises:
        UsageError: no state is shared, or no such run holds its lock.
        StoreError: the store does not answer.
    """
    if not run.options.connection.shared_state:
        raise UsageError(
            "No state is shared, so there is nothing to unlock: a lock in a folder ends with its process",
            hint="Set --state or RECONCILE_STATE.",
        )
    async with connect(run, run.resolve_without_files()) as connected:
        shared = connected.session.state.shared
        claims = (await shared.claims()).living if shared is not None else ()
        found = next((claim for claim in claims if claim.run == run_id), None)
        if shared is None or found is None:
            others = "; ".join(claim.holder for claim in claims) or "it is free"
            raise UsageError(f"The run {shorten(run_id)!r} holds no lock", hint=f"Now: {clean(others)}.")
        await shared.unlock(run_id)
    document = {"format_version": "1.0", "kind": "unlock", "run": run_id}
    return Report(lambda: document, lambda: f"Unlocked: {clean(found.holder)}.\n", 0)


command = Verb("unlock", __doc__, unlock, CONNECTION, OUTPUT)
