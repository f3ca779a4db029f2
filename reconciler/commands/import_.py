"""import: a desired file for the covers that are there; or what an existing one lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from reconciler.commands import context as common
from reconciler.commands.context import Options
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import Session, open_session
from reconciler.config import Settings
from reconciler.desired.edit import with_entries
from reconciler.desired.files import find, unchanged
from reconciler.desired.load import load_with_digests
from reconciler.desired.problems import Problems
from reconciler.desired.render import NewEntry, fresh_file
from reconciler.documents.imported import FailedDoc, ImportDoc, ImportSummary, LeftOut
from reconciler.documents.write import as_json
from reconciler.errors import UsageError
from reconciler.model import DesiredState, NoAnswer
from reconciler.planning.import_entries import NotImportable, entry_for
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.report import text_import
from reconciler.report.options import RenderOptions
from reconciler.util import atomic_files as files
from reconciler.util.concurrency import for_each
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import hide, shorten
from reconciler.vod import schemas as wire

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


@dataclass(frozen=True, slots=True)
class _There:
    """What the desired files say before anything is read: the one to be added to, and those beside it.

    Attributes:
        digest: of the file to be added to, as it was loaded.
    """

    state: DesiredState
    digest: bytes | None


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    """
    Raises:
        DesiredError: the files there are not usable, or the file to be added to leaves no place.
        UsageError: the file can't be written, or somebody else wrote it meanwhile; nothing was written then.
    """
    there = _there(choices)
    settings = common.connect(options, there.state.region, there.state.project_id)
    _check_same_project(settings, there.state)
    found = _Found()
    async with open_session(settings) as session:
        with common.planner(options, session) as planner:
            missing = await _missing(options, choices, session, there.state, found)
            with terminal.progress("Reading", len(missing), settings.read_rate) as advance:

                async def work(asset: wire.AssetSummary) -> None:
                    await _read(planner, asset, found)
                    advance()

                await for_each(missing, work, settings.parallelism)
        document = _document(choices.file, found, session)
    _write(choices, found, session, there)
    text = partial(text_import.render, document, RenderOptions(quiet=options.quiet))
    return Report(partial(as_json, document), text, 1 if found.failed else 0)


def _there(choices: Choices) -> _There:
    """
    Raises:
        DesiredError: the files are not usable, or the one to be added to leaves no place.
        UsageError: the file can't be written.
    """
    if choices.update:
        files.check_replaceable(choices.file)
    else:
        _check_new(choices.file)
    problems = Problems()
    beside = [file for file in find(choices.beside, problems) if not _is_same(file, choices.file)]
    inside = Path(choices.file).resolve().is_relative_to(_DEFAULT.resolve())
    if not choices.beside and inside:  # where it is no mistake that the folder holds nothing else
        beside = [file for file in find((str(_DEFAULT),), Problems()) if not _is_same(file, choices.file)]
    problems.raise_any()
    paths = [choices.file, *beside] if choices.update else beside
    if not paths:
        return _There(DesiredState(covers=(), files=()), None)
    state, digests = load_with_digests(paths)
    if choices.update:
        with_entries(unchanged(choices.file, digests[choices.file]), (), file=choices.file)
    return _There(state, digests.get(choices.file))


def _check_new(file: str) -> None:
    """
    Raises:
        UsageError: the file holds something; nobody's work is overwritten.
    """
    files.check_writable(file)
    path = Path(file)
    if path.is_file() and path.stat().st_size:
        raise UsageError(
            f"{file} is there already", hint=f"Add what is missing with --update {file}, or name another file."
        )


def _is_same(one: str, other: str) -> bool:
    return Path(other).exists() and Path(one).exists() and Path(one).samefile(other)


def _check_same_project(settings: Settings, there: DesiredState) -> None:
    """
    Raises:
        UsageError: the desired files speak of another project than the one that would be read.
    """
    pairs = (("region", there.region, settings.region), ("project ID", there.project_id, settings.project_id))
    for what, said, asked in pairs:
        if said is not None and said != asked and not settings.emulated:
            raise UsageError(
                f"The desired files say {what} {said}, but {asked} is asked for",
                hint="Covers of several projects can't stand side by side: name a file elsewhere.",
            )


async def _missing(
    options: Options, choices: Choices, session: Session, there: DesiredState, found: _Found
) -> list[wire.AssetSummary]:
    """The assets that are meant and that no desired file manages, in order of ID."""
    selection = Selection(options.targets, options.excludes)
    managed = {desired.asset_id for desired in there.covers}
    missing: dict[str, wire.AssetSummary] = {}
    statuses: set[str | None] = set()
    times = (_utc(choices.created_after), _utc(choices.created_before))
    async for asset in session.client.list_assets(*times):
        asset_id = asset.asset_id.lower()
        statuses |= _statuses(asset)
        if not _meant(asset, choices.statuses, selection):
            continue
        if asset_id in managed:
            found.managed += 1
        elif LOWER_ID.fullmatch(asset_id):
            missing[asset_id] = asset.model_copy(update={"asset_id": asset_id})
        else:
            told = "The service lists it under an ID that is not 32 hexadecimal digits."
            found.failed.append(_failed(asset.asset_id, asset.title, NoAnswer("api_error", told)))
    selection.check_all_matched()
    _check_statuses(choices.statuses, statuses)
    return [missing[asset_id] for asset_id in sorted(missing)]


def _utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given is not None else None


def _statuses(asset: wire.AssetSummary) -> set[str | None]:
    return {asset.asset_status, asset.transcode_status, asset.thumbnail_status, asset.review_status}


def _check_statuses(wanted: frozenset[str], listed: set[str | None]) -> None:
    """
    Raises:
        UsageError: assets are listed, but none with a status that is asked for.
    """
    idle = sorted(wanted - listed) if listed else []
    if idle:
        named = ", ".join(f"--status {status!r}" for status in idle)
        known = ", ".join(shorten(status) for status in sorted(filter(None, listed)))
        raise UsageError(f"Nothing matches {named}", hint=f"The assets' statuses are: {known}.")


def _meant(asset: wire.AssetSummary, statuses: frozenset[str], selection: Selection) -> bool:
    if statuses and not statuses & _statuses(asset):
        return False
    by_id = selection.by_id(asset.asset_id.lower())
    return selection.by_title(asset.asset_id.lower(), asset) if by_id is None else by_id


async def _read(planner: Planner, asset: wire.AssetSummary, found: _Found) -> None:
    seen = await planner.observe(asset.asset_id)
    if isinstance(seen, NoAnswer):
        if seen.reason != "asset_not_found":  # deleted since it was listed: nothing to manage
            found.failed.append(_failed(asset.asset_id, asset.title, seen))
        return
    entry = await entry_for(planner, seen)
    if isinstance(entry, NotImportable):
        found.failed.append(_failed(asset.asset_id, seen.title, entry))
        return
    found.entries.append(entry)
    if entry.index is None:
        found.ignored.append(LeftOut(asset_id=seen.asset_id, title=hide(seen.title), reason=entry.reason))


def _failed(asset_id: str, title: str, why: NoAnswer | NotImportable) -> FailedDoc:
    return FailedDoc(asset_id=asset_id, title=hide(title), reason=why.reason, message=hide(why.message))


def _write(choices: Choices, found: _Found, session: Session, there: _There) -> None:
    """
    Raises:
        UsageError: somebody else wrote the file meanwhile.
    """
    entries = sorted(found.entries, key=lambda entry: entry.asset_id)
    if there.digest is not None:
        if entries:
            data = unchanged(choices.file, there.digest)
            files.replace(choices.file, with_entries(data, entries, file=choices.file))
    elif entries or found.failed:
        # What the files beside it say already holds for all of them.
        region = session.region if there.state.region is None else None
        project_id = session.project_id if there.state.project_id is None else None
        files.create(choices.file, fresh_file(entries, region, project_id, _HEADER))


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
