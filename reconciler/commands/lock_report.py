"""Renders what lock did, with the pictures that an upgrade accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from reconciler.commands.context import Run
from reconciler.commands.formats import FORMATS
from reconciler.commands.reports import fetch_images, saved_image
from reconciler.commands.result import Report, ReportFile
from reconciler.commands.session import ConnectedRun
from reconciler.desired.lock_plan import LockChange, LockPlan
from reconciler.documents.dump import as_json, redacted
from reconciler.documents.images import EmbeddedImage, ImagesByAsset
from reconciler.documents.locked import LockDoc
from reconciler.observe.report_images import ImageRequest
from reconciler.report import text_lock
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean


async def images_of_upgrades(run: ConnectedRun, plan: LockPlan) -> ImagesByAsset:
    """The old and the new picture of each upgrade, if the report shows pictures."""
    upgrades = [change for change in plan.changes if change.action == "upgraded"]
    wanted = [ImageRequest(change.asset_id, change.old_url, change.new_url, (), None) for change in upgrades]
    found = dict(await fetch_images(run, wanted))
    for change in upgrades:
        if change.asset_id in found and not change.old_url:
            found[change.asset_id] = replace(found[change.asset_id], before=await _saved(change))
    return found


async def _saved(change: LockChange) -> EmbeddedImage:
    if not change.saved:
        return EmbeddedImage("", why="Neither the cover nor a saved file has it.")
    return await saved_image(Path(change.saved))


def make_lock_report(
    run: Run, document: LockDoc, exit_code: int, notes: Sequence[str], images: ImagesByAsset
) -> Report:
    document = redacted(document, run.terminal.redact)
    unshown = document.not_locked if run.options.quiet else ()
    notes = [*(f"{item.asset_id}: {item.reason}: {clean(item.message)}\n" for item in unshown), *notes]
    options = RenderOptions(images=images, report_url=run.options.reports.report_url)

    def page(name: str) -> str:
        return FORMATS[name].render(document, options)

    return Report(
        partial(as_json, document),
        partial(text_lock.render, document, run.render_options),
        exit_code,
        tuple(notes),
        pages={name: partial(page, name) for name in ("markdown", "html")},
        files=tuple(ReportFile(file, partial(page, name)) for name, file in run.options.reports.files.items()),
    )
