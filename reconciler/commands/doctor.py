"""Check the connection, the account and its CDN; changes nothing.

ASSET is an asset's ID; default: a few assets that have a cover and snapshots. Each line says ok, warning or failed,
and what to do. Nothing in it is secret, so that it can be pasted into an issue.

Exit codes: 0 no check failed, 1 one did.
"""

from __future__ import annotations

import click

from reconciler.commands.context import Run
from reconciler.commands.doctor_checks import (
    Diagnosis,
    check_cdn,
    check_covers,
    check_identity,
    check_quota,
    check_service,
    check_state,
)
from reconciler.commands.doctor_local import check_machine
from reconciler.commands.options import CONNECTION, OUTPUT
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.documents.diagnosis import doctor_document
from reconciler.errors import ReconcileError, UsageError
from reconciler.report import text_doctor
from reconciler.util.clock import SystemClock
from reconciler.util.ids import ID


@click.argument("asset", required=False)
async def doctor(run: Run, *, asset: str | None) -> Report:
    """
    Raises:
        UsageError: ASSET is not an ID.
    """
    if asset is not None and not ID.fullmatch(asset):
        raise UsageError("ASSET is not an asset ID", hint="An asset ID is 32 hexadecimal digits.")
    diagnosis = Diagnosis()
    diagnosis.findings += check_machine(run.options.connection.endpoint or "")
    try:
        settings = run.resolve_without_files()
        async with connect(run, settings) as connected:
            for check in (check_state, check_quota, check_identity, check_service):
                await diagnosis.make(check, connected)
            assets = await diagnosis.sample(connected, asset.lower() if asset else None)
            await diagnosis.make(check_covers, connected, assets)
            await diagnosis.make(check_cdn, connected, assets)
    except ReconcileError as error:
        diagnosis.fail("connection", error)
    document = doctor_document(diagnosis.findings, SystemClock().now())
    failed = [item for item in document.checks if item.status == "failed"]
    return run.report(document, text_doctor.render, exit_code(failed=failed))


command = Verb("doctor", __doc__, doctor, CONNECTION, OUTPUT)
