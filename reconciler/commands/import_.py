"""Write a desired file for the existing covers.

Assets that the desired files in PATH manage are left out; default: the folder desired, if FILE is in it. An asset
whose cover is none of its snapshots becomes `ignore: true`, with the reason as a comment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter

import click

from reconciler.commands.context import Run
from reconciler.commands.import_target import check_same_project, existing_beside, lock_file_beside
from reconciler.commands.options import CONNECTION, OUTPUT, SELECTION
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.desired.edit import with_entries
from reconciler.desired.files import unchanged
from reconciler.desired.lock_plan import LockPlan, with_lines
from reconciler.desired.lock_writing import check_unchanged, merge_notes, write_locks
from reconciler.desired.render import NewEntry, fresh_file
from reconciler.documents.imported import FailedDoc, ImportDoc, ImportSummary, LeftOut
from reconciler.errors import UsageError
from reconciler.model import DesiredState, LockLine, NoAnswer
from reconciler.planning.import_entries import entry_for
from reconciler.planning.locker import read_line
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.report import text_import
from reconciler.util import atomic_files
from reconciler.util.concurrency import for_each
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import shorten
from reconciler.vod.schemas import AssetSummary

_HEADER = ("Written by `reconcile import`: the covers as they were then. Compare with `reconcile plan`.",)
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@dataclass(slots=True)
class ImportedEntries:
    """What to write, and what could not be imported, both in order of ID once all is read."""

    entries: list[NewEntry] = field(default_factory=list)
    failed: list[FailedDoc] = field(default_factory=list)
    lines: list[LockLine] = field(default_factory=list)
    managed: int = 0

    def fail(self, asset: AssetSummary, why: NoAnswer) -> None:
        self.failed.append(
            FailedDoc(asset_id=asset.asset_id, title=asset.title, reason=why.reason, message=why.message)
        )


@click.option("--out", metavar="FILE", help="Write a new desired file; it must be missing or empty.")
@click.option("--update", metavar="FILE", help="Add what is missing to this desired file, and change nothing else.")
@click.option("--lock", "locked", is_flag=True, help="Also lock what is written: add its lines to covers.lock.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    help="Only assets with this status, for example PUBLISHED or THUMBNAIL_SUCCEED. Repeatable.",
)
@click.option("--created-after", type=_MOMENT, metavar="UTC", help="For example 2026-01-31, inclusive.")
@click.option(
    "--created-before",
    type=_MOMENT,
    metavar="UTC",
    help="For example 2026-01-31T12:00:00, inclusive. A date means its beginning, 00:00.",
)
async def import_covers(
    run: Run,
    *,
    out: str | None,
    update: str | None,
    locked: bool,
    statuses: tuple[str, ...],
    created_after: datetime | None,
    created_before: datetime | None,
) -> Report:
    """
    Raises:
        DesiredError: the existing files are invalid, or the file to add to has no place for entries.
        UsageError: the file cannot be written, or was written by others meanwhile; nothing was written then.
    """
    file = out or update
    if not file or (out and update):
        raise UsageError("Give either --out FILE, to write a new file, or --update FILE, to add to one")
    after, before = _utc(created_after), _utc(created_before)
    if after and before and after > before:
        raise UsageError("--created-after is later than --created-before")
    existing = existing_beside(file, run.options.paths, update=bool(update))
    lock = lock_file_beside(file) if locked else None
    settings = run.resolve(existing)
    check_same_project(settings, existing)
    found = ImportedEntries()
    async with connect(run, settings) as connected:
        wanted = frozenset(map(str.upper, statuses))
        missing = await _missing(connected, existing, found, wanted, after, before)
        await _read_all(connected, missing, found, locked=locked)
        document = _document(file, found, connected)
    new_lines = with_lines(lock, [(file, line) for line in found.lines]) if lock else LockPlan()
    check_unchanged(new_lines)
    _write(file, found, connected, existing)
    notes = merge_notes(write_locks(new_lines))
    return run.report(document, text_import.render, exit_code(failed=found.failed), notes)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


async def _missing(
    run: ConnectedRun,
    existing: DesiredState,
    found: ImportedEntries,
    wanted: frozenset[str],
    after: datetime | None,
    before: datetime | None,
) -> list[AssetSummary]:
    """The selected assets that no desired file manages, in order of ID. `wanted`: statuses; empty: all."""
    selection = Selection(run.options.targets, run.options.excludes)
    managed = {desired.asset_id for desired in existing.covers}
    missing: dict[str, AssetSummary] = {}
    statuses: set[str | None] = set()
    async for asset in run.session.client.list_assets(after, before):
        asset_id = asset.asset_id.lower()
        statuses |= _statuses(asset)
        if not _is_selected(asset, wanted, selection):
            continue
        if asset_id in managed:
            found.managed += 1
        elif LOWER_ID.fullmatch(asset_id):
            missing[asset_id] = asset.model_copy(update={"asset_id": asset_id})
        else:
            message = "The service lists it under an ID that is not 32 hexadecimal digits."
            found.fail(asset, NoAnswer("api_error", message))
    selection.check_all_matched()
    _check_statuses(wanted, statuses)
    return [missing[asset_id] for asset_id in sorted(missing)]


def _statuses(asset: AssetSummary) -> set[str | None]:
    return {asset.asset_status, asset.transcode_status, asset.thumbnail_status, asset.review_status}


def _check_statuses(wanted: frozenset[str], listed: set[str | None]) -> None:
    """
    Raises:
        UsageError: there are assets, but none with one of the statuses.
    """
    unmatched = sorted(wanted - listed) if listed else []
    if unmatched:
        named = ", ".join(f"--status {status!r}" for status in unmatched)
        known = ", ".join(shorten(status) for status in sorted(filter(None, listed)))
        raise UsageError(f"Nothing matches {named}", hint=f"The assets' statuses are: {known}.")


def _is_selected(asset: AssetSummary, statuses: frozenset[str], selection: Selection) -> bool:
    if statuses and not statuses & _statuses(asset):
        return False
    by_id = selection.by_id(asset.asset_id.lower())
    return selection.by_title(asset.asset_id.lower(), asset) if by_id is None else by_id


async def _read_all(
    run: ConnectedRun, missing: Sequence[AssetSummary], found: ImportedEntries, *, locked: bool
) -> None:
    planner = await run.make_planner()
    with run.terminal.progress("Reading", len(missing), run.settings.read_quota) as advance:

        async def work(asset: AssetSummary) -> None:
            await _read(planner, asset, found, locked=locked)
            advance()

        await for_each(missing, work, run.settings.parallelism)
    found.entries.sort(key=attrgetter("asset_id"))
    found.failed.sort(key=attrgetter("asset_id"))


async def _read(planner: Planner, asset: AssetSummary, found: ImportedEntries, *, locked: bool) -> None:
    observed = await planner.observe(asset.asset_id)
    if isinstance(observed, NoAnswer):
        if observed.reason != "asset_not_found":  # deleted since it was listed: nothing to manage
            found.fail(asset, observed)
        return
    entry = await entry_for(planner, observed)
    if isinstance(entry, FailedDoc):
        found.failed.append(entry)
        return
    if locked and entry.index is not None:
        line = await read_line(planner, observed, observed.in_set(entry.set)[entry.index])
        if isinstance(line, NoAnswer):
            found.fail(asset, line)
            return
        found.lines.append(line)
    found.entries.append(entry)


def _write(file: str, found: ImportedEntries, run: ConnectedRun, existing: DesiredState) -> None:
    """
    Raises:
        UsageError: the file was written by others meanwhile.
    """
    if file in existing.digests:
        if found.entries:
            data = unchanged(file, existing.digests[file])
            atomic_files.replace(file, with_entries(data, found.entries, file=file))
    elif found.entries or found.failed:
        # The region and project in the files beside it hold for all of them.
        region = run.session.region if existing.region is None else None
        project_id = run.session.project_id if existing.project_id is None else None
        atomic_files.create(file, fresh_file(found.entries, region, project_id, _HEADER))


def _document(file: str, found: ImportedEntries, run: ConnectedRun) -> ImportDoc:
    ignored = [entry for entry in found.entries if entry.index is None]
    return ImportDoc(
        **run.origin.head(),
        file=file,
        summary=ImportSummary(
            imported=len(found.entries) - len(ignored),
            ignored=len(ignored),
            failed=len(found.failed),
            managed=found.managed,
        ),
        ignored=tuple(LeftOut(asset_id=item.asset_id, title=item.title, reason=item.reason) for item in ignored),
        failed=tuple(found.failed),
    )


command = Verb("import", __doc__, import_covers, SELECTION, CONNECTION, OUTPUT)
