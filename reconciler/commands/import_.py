"""import: a desired file for the covers that are there; or what an existing one lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reconciler import compare, files
from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.decide.verdict import choose
from reconciler.desired.edit import with_entries
from reconciler.desired.fresh import NewEntry, fresh_file
from reconciler.desired.load import load
from reconciler.documents.imported import FailedDoc, ImportDoc, ImportSummary, LeftOut
from reconciler.documents.write import as_json
from reconciler.errors import UsageError
from reconciler.model import SNAPSHOTS_IN_PROGRESS, Desired, DesiredState, NoAnswer, Observed
from reconciler.report import imported
from reconciler.safe import hide
from reconciler.selection import Selection
from reconciler.session import Session, open_session
from reconciler.survey import Surveyor
from reconciler.vod import wire
from reconciler.workers import for_each

_ID = re.compile(r"[0-9a-f]{32}")
_DEFAULT = Path("desired")


@dataclass(frozen=True, slots=True)
class Choices:
    """import's own flags.

    Attributes:
        file: to be written, or with `update` to be added to.
        beside: desired files whose assets are left out; empty: the default folder, where `file` lies in it.
        statuses: in upper case; empty: all.
        created_after, created_before: UTC, inclusive.
    """

    file: str
    update: bool
    beside: tuple[str, ...]
    statuses: frozenset[str]
    created_after: datetime | None
    created_before: datetime | None


@dataclass(slots=True)
class _Found:
    """What is to be written, and what can't be."""

    entries: list[NewEntry] = field(default_factory=list)
    ignored: list[LeftOut] = field(default_factory=list)
    failed: list[FailedDoc] = field(default_factory=list)
    managed: int = 0


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    files.check_writable(choices.file)
    if not choices.update:
        _check_new(choices.file)
    there = _there(choices)
    settings = common.connect(options, there.region, there.project_id)
    found = _Found()
    async with open_session(settings) as session:
        with common.surveyor(options, session) as surveyor:
            missing = await _missing(options, choices, session, there, found)
            with terminal.progress("Reading", len(missing), settings.read_rate) as advance:

                async def work(asset: wire.AssetSummary) -> None:
                    await _read(surveyor, asset, found)
                    advance()

                await for_each(missing, work, settings.parallelism)
        document = _document(choices.file, found, session)
    _write(choices, found, session)
    text = partial(imported.text, document, quiet=options.quiet)
    return Report(partial(as_json, document), text, 1 if found.failed else 0)


def _check_new(file: str) -> None:
    """
    Raises:
        UsageError: the file holds something; nobody's work is overwritten.
    """
    path = Path(file)
    if path.is_file() and path.stat().st_size:
        raise UsageError(
            f"{file} is there already", hint=f"Add what is missing with --update {file}, or name another file."
        )


def _there(choices: Choices) -> DesiredState:
    """What is managed already: by the file itself, and by those beside it.

    Raises:
        DesiredError: they are not usable.
    """
    paths = list(choices.beside)
    inside = Path(choices.file).resolve().is_relative_to(_DEFAULT.resolve())
    if not paths and inside and any(_DEFAULT.rglob("*.y*ml")):
        paths.append(str(_DEFAULT))
    if choices.update:
        paths.append(choices.file)
    return load(tuple(paths)) if paths else DesiredState(covers=(), files=())


async def _missing(
    options: Options, choices: Choices, session: Session, there: DesiredState, found: _Found
) -> list[wire.AssetSummary]:
    """The assets that are meant and that no desired file manages, in order of ID."""
    selection = Selection(options.targets, options.excludes)
    managed = {desired.asset_id for desired in there.covers}
    missing: dict[str, wire.AssetSummary] = {}
    times = (_utc(choices.created_after), _utc(choices.created_before))
    async for asset in session.client.list_assets(*times):
        asset_id = asset.asset_id.lower()
        if not _meant(asset, choices.statuses, selection):
            continue
        if asset_id in managed:
            found.managed += 1
        elif _ID.fullmatch(asset_id):
            missing[asset_id] = asset.model_copy(update={"asset_id": asset_id})
        else:
            told = "The service lists it under an ID that is not 32 hexadecimal digits."
            found.failed.append(
                FailedDoc(asset_id=asset.asset_id, title=hide(asset.title), reason="api_error", message=told)
            )
    selection.check_all_matched()
    return [missing[asset_id] for asset_id in sorted(missing)]


def _utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given is not None else None


def _meant(asset: wire.AssetSummary, statuses: frozenset[str], selection: Selection) -> bool:
    shown = {asset.asset_status, asset.transcode_status, asset.thumbnail_status, asset.review_status}
    if statuses and not statuses & shown:
        return False
    by_id = selection.by_id(asset.asset_id.lower())
    return selection.by_title(asset.asset_id.lower(), asset) if by_id is None else by_id


async def _read(surveyor: Surveyor, asset: wire.AssetSummary, found: _Found) -> None:
    seen = await surveyor.observe(asset.asset_id)
    if isinstance(seen, NoAnswer):
        if seen.reason != "asset_not_found":  # deleted since it was listed: nothing to manage
            found.failed.append(
                FailedDoc(
                    asset_id=asset.asset_id,
                    title=hide(asset.title),
                    reason=seen.reason,
                    message=hide(seen.message),
                )
            )
        return
    entry = await _entry(surveyor, seen)
    found.entries.append(entry)
    if entry.index is None:
        found.ignored.append(LeftOut(asset_id=seen.asset_id, title=hide(seen.title), reason=entry.reason))


async def _entry(surveyor: Surveyor, seen: Observed) -> NewEntry:
    """The entry that is in sync with what the asset shows, or `ignore: true` with the reason."""
    title = hide(seen.title)

    def ignored(reason: str) -> NewEntry:
        return NewEntry(seen.asset_id, None, title=title, reason=reason)

    if not seen.cover_url:
        return ignored("it has no cover")
    if seen.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
        return ignored("its snapshots are being taken")
    if not seen.snapshots:
        return ignored("it has no snapshots")
    cover = await compare.identify_cover(seen, surveyor.pictures, surveyor.memory)
    if cover.snapshot is None:
        unread = "its cover can't be read, so it may be any of its snapshots or none"
        return ignored("its cover is none of its snapshots, byte for byte" if cover.content else unread)
    wanted = Desired(seen.asset_id, "", 0, 0, cover.snapshot.set, cover.snapshot.index)
    unusable = choose(wanted, seen)
    if isinstance(unusable, NoAnswer):
        return ignored(hide(unusable.message))
    return NewEntry(seen.asset_id, cover.snapshot.index, cover.snapshot.set, title)


def _write(choices: Choices, found: _Found, session: Session) -> None:
    entries = sorted(found.entries, key=lambda entry: entry.asset_id)
    if not choices.update:
        files.write(choices.file, fresh_file(entries, session.region, session.project_id, _HEADER))
    elif entries:
        files.replace(choices.file, with_entries(Path(choices.file).read_bytes(), entries))


_HEADER = ("Written by `reconcile import`: the covers as they were then. Compare with `reconcile plan`.",)


def _document(file: str, found: _Found, session: Session) -> ImportDoc:
    def by_id(item: LeftOut | FailedDoc) -> str:
        return item.asset_id

    return ImportDoc(
        **common.origin(session).head(),
        file=file,
        summary=ImportSummary(
            imported=len(found.entries) - len(found.ignored),
            ignored=len(found.ignored),
            failed=len(found.failed),
            managed=found.managed,
        ),
        ignored=sorted(found.ignored, key=by_id),
        failed=sorted(found.failed, key=by_id),
    )
