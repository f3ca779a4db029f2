"""adopt: accepts drift, by writing the covers that are there into the desired files. Touches no cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from reconciler.commands import context as common
from reconciler.commands.context import Options
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import open_session
from reconciler.config import Settings
from reconciler.decide.adoption import Adoption, NotAdopted, accept, pending_message
from reconciler.decide.verdict import identify
from reconciler.desired.edit import with_numbers
from reconciler.desired.files import digest, unchanged
from reconciler.desired.load import load_with_digests
from reconciler.documents.adopted import adopt_document
from reconciler.documents.write import as_json
from reconciler.errors import UsageError
from reconciler.model import Cover, Desired, DesiredState, NoAnswer, NumberKey, Observed, Plan, Verdict
from reconciler.planning import content as compare
from reconciler.planning.content import IdentifiedCover
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.report import text_adopt
from reconciler.report.diff import unified
from reconciler.util import atomic_files as files
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import bare_url, clean

# Drift that plan can't put right, because the entry names no snapshot; the cover that is there may well be one.
_ADOPTABLE = ("snapshot_out_of_range", "no_snapshot_at_offset")


async def run(options: Options, terminal: Terminal) -> Report:
    """
    Raises:
        UsageError: a file can't be written, or changed while the cloud was read; nothing was written then, unless the
            error says so.
    """
    state, digests = load_with_digests(options.paths)
    _check_files(state, options)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        with common.planner(options, session) as planner:
            plan = await common.make_plan(options, settings, planner, state.covers, terminal)
            found = await _Judge(options, settings, planner).judge(plan, terminal)
        origin = common.origin(session)
    order = {file: position for position, file in enumerate(state.files)}
    found.sort(key=lambda item: (order[item.desired.file], item.desired.line, item.desired.column))
    accepted = [item for item in found if isinstance(item, Adoption)]
    refused = [item for item in found if isinstance(item, NotAdopted)]
    edits = [
        _edit(file, digests[file], list(group)) for file, group in groupby(accepted, lambda item: item.desired.file)
    ]
    _write(edits)
    keys = {asset_id: key for edit in edits for asset_id, key in edit.keys.items()}
    diff = "".join(unified(edit.file, edit.before, edit.after) for edit in edits)
    document = adopt_document(accepted, refused, plan, keys, diff, origin)
    text = partial(text_adopt.render, document, common.render_options(options, terminal))
    told = document.refused if options.quiet else ()
    notes = tuple(f"{item.asset_id}: {item.reason}: {clean(item.message)}\n" for item in told)
    return Report(partial(as_json, document), text, 1 if document.refused else 0, notes)


def _check_files(state: DesiredState, options: Options) -> None:
    """
    Raises:
        UsageError: one of the files can't be written that may have to be.
    """
    selection = Selection(options.targets, options.excludes)
    chosen = {
        entry.file: None
        for entry in state.covers
        if not entry.ignore and selection.by_id(entry.asset_id) is not False
    }
    for file in chosen:
        files.check_replaceable(file)


class _Judge:
    """Looks once more at what drifted, and says what may be adopted."""

    def __init__(self, options: Options, settings: Settings, planner: Planner) -> None:
        self._options = options
        self._settings = settings
        self._surveyor = planner

    async def judge(self, plan: Plan, terminal: Terminal) -> list[Adoption | NotAdopted]:
        """What is to become of the entries that are not in sync, in any order."""
        verdicts = (*plan.changes, *plan.pending, *plan.unknown)
        found: list[Adoption | NotAdopted] = []
        with terminal.progress("Checking", len(verdicts), self._settings.read_rate) as advance:

            async def work(verdict: Verdict) -> None:
                found.append(await self._one(verdict))
                advance()

            await for_each(verdicts, work, self._settings.parallelism)
        return found

    async def _one(self, verdict: Verdict) -> Adoption | NotAdopted:
        desired, planner = verdict.desired, self._surveyor
        if verdict.state == "pending":
            return NotAdopted(desired, verdict.title, "pending", pending_message())
        if verdict.state == "unknown" and verdict.reason not in _ADOPTABLE:
            return NotAdopted(desired, verdict.title, verdict.reason or "api_error", verdict.message)
        seen = await planner.observe(desired.asset_id)
        if isinstance(seen, NoAnswer):
            return NotAdopted(desired, verdict.title, seen.reason, seen.message)
        shown = await self._identified(desired, seen)
        if shown.unread is not None:
            return NotAdopted(desired, seen.title, shown.unread.reason, shown.unread.message)
        applied = planner.recent.get(desired.asset_id)
        recent = (applied.before, applied.after) if applied else None
        found = accept(desired, seen, shown.cover, verdict.before, recent)
        if self._options.compare == "url" and isinstance(found, NotAdopted) and found.reason == "not_a_snapshot":
            return replace(found, message=f"{found.message} Without `--compare url` the pictures are compared too.")
        return found

    async def _identified(self, desired: Desired, seen: Observed) -> IdentifiedCover:
        """The cover, as a snapshot of the entry's own set where the picture is in several. (In copy mode its URL
        says nothing, also not that it is still the same.)"""
        if self._options.compare == "url":
            named = identify(seen)
            return IdentifiedCover(Cover(bare_url(seen.cover_url), named.ref if named else None))
        own_first = tuple(sorted(seen.snapshots, key=lambda snapshot: snapshot.set != desired.set))
        looked_at = replace(seen, snapshots=own_first)
        return await compare.identify_cover(looked_at, self._surveyor.pictures, self._surveyor.memory)


@dataclass(frozen=True, slots=True)
class _Edit:
    """One file before and after, and what was adopted into it."""

    file: str
    before: bytes
    after: bytes
    keys: Mapping[str, NumberKey]


def _edit(file: str, loaded: bytes, accepted: Sequence[Adoption]) -> _Edit:
    before = unchanged(file, loaded)
    numbers = {item.desired.asset_id: item.number for item in accepted}
    return _Edit(file, before, *with_numbers(before, numbers, file=file))


def _write(edits: Sequence[_Edit]) -> None:
    """Writes the files, which were all read and edited before the first is written."""
    for done, edit in enumerate(edits):
        try:
            unchanged(edit.file, digest(edit.before))
            files.replace(edit.file, edit.after)
        except UsageError as error:
            before = f"Files written before it: {done}." if done else ""
            raise UsageError(error.message, hint=f"{error.hint} {before}".strip()) from error
