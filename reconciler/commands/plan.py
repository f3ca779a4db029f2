"""Show what apply would change, without changing anything.

PATH is a desired file, or a folder with desired files; default: desired. Credentials come from the environment:
HUAWEICLOUD_SDK_AK and _SK, or HW_AUTH_TOKEN, or HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME.

Exit codes: 0 done, 1 an error or an unknown asset, 2 drift (with --detailed-exitcode).
"""

from __future__ import annotations

from functools import partial
from shlex import quote

import click

from reconciler.commands.changed_since import CHANGED_SINCE, load
from reconciler.commands.context import Run
from reconciler.commands.options import CLOUD, PLANNED_SNAPSHOTS
from reconciler.commands.reports import images_of_plan, make_report
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.documents.dump import as_json, redacted
from reconciler.documents.write import plan_document
from reconciler.report import text
from reconciler.util import atomic_files
from reconciler.util.sanitize import clean, json_text


@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there is drift.")
@click.option("--out", metavar="FILE", help="Save the plan to FILE, for apply --plan.")
@click.option("--locked", is_flag=True, help="Refuse to run unless every entry has a current line in covers.lock.")
@CHANGED_SINCE
async def plan(
    run: Run,
    *,
    detailed_exitcode: bool,
    out: str | None,
    locked: bool = False,
    changed_since: str | None = None,
) -> Report:
    """Reads the covers, compares them with the desired state, and reports."""
    if out is not None:
        atomic_files.check_writable(out)
    scope = load(run, changed_since, locked=locked)
    async with connect(run, run.resolve(scope.state)) as connected:
        planner = await connected.make_planner(scope.state)
        found = await connected.make_plan(planner, scope.covers, scope.left_out)
        images = await images_of_plan(connected, found)
        takes = run.options.changes.take_snapshots
        document = scope.noted_in(plan_document(found, connected.origin, takes=takes))
        document = redacted(document, run.terminal.redact)
        del found  # as large as the document
    notes = list(run.safety_warnings(document))
    if out is not None:
        atomic_files.write(out, json_text(as_json(document)) + "\n", private=True)
        flags = (" --take-snapshots" if document.summary.take else "") + (" --force" if notes else "")
        command = clean(f"reconcile apply --plan {quote(out)}{flags}")
        notes.append(f"Saved the plan to {clean(out)}. To execute exactly this plan: {command}\n")
    notes += (*run.snapshot_warnings(document), *run.failure_notes(document.unknown))
    render = partial(text.render, document, run.render_options)
    code = exit_code(failed=run.failing(document.unknown), drift=detailed_exitcode and document.changes)
    return make_report(run, document, render, code, notes, images=images)


command = Verb("plan", __doc__, plan, PLANNED_SNAPSHOTS, *CLOUD)
