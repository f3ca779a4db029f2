"""Accept drift: write the existing covers to the desired files.

PATH is a desired file, or a folder with desired files; default: desired. Only the numbers change: comments, order and
layout stay. Where there is a covers.lock, it gets their new lines. No cover is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import click

from reconciler.commands.context import Run
from reconciler.commands.options import COMPARE, CONNECTION, OUTPUT, SELECTION
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import OptionGroup, Verb
from reconciler.decide.adoption import Adoption, NotAdopted, accept, pending_message, refusal
from reconciler.decide.verdict import identify
from reconciler.desired.edit import with_numbers
from reconciler.desired.files import digest, unchanged
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.lock_plan import with_lines
from reconciler.desired.lock_writing import check_unchanged, write_locks
from reconciler.documents.adopted import adopt_document
from reconciler.errors import UsageError
from reconciler.model import Desired, DesiredState, NoAnswer, NumberKey, Observed, Plan, Verdict
from reconciler.planning.content import IdentifiedCover, identify_cover
from reconciler.planning.locker import read_line
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.report import text_adopt
from reconciler.report.diff import unified
from reconciler.util import atomic_files
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import clean

# Drift that plan cannot put right, because the entry names no snapshot; the cover may still be one.
_ADOPTABLE = ("snapshot_out_of_range", "no_snapshot_at_offset")


@click.option("--all", "everything", is_flag=True, help="Accept all drift.")
async def adopt(run: Run, *, everything: bool) -> Report:
    """
    Raises:
        UsageError: a file cannot be written, or changed while the cloud was read; nothing was written then, unless
            the error says so.
    """
    options = run.options
    if everything == bool(options.targets):
        raise UsageError("Name the assets with --target, or pass --all to accept all drift")
    state, locks = load_with_locks(options.desired_paths)
    _check_files(state, locks, run)
    async with connect(run, run.resolve(state)) as connected:
        planner = await connected.make_planner(state)
        plan = await connected.make_plan(planner, state.covers)
        found = await AdoptionPlanner(connected, planner, locks).check(plan)
        origin = connected.origin
    order = {file: position for position, file in enumerate(state.files)}
    found.sort(key=lambda item: (order[item.source.file], item.source.line, item.source.column))
    accepted = [item for item in found if isinstance(item, Adoption)]
    refused = [item for item in found if isinstance(item, NotAdopted)]
    edits = list(_edits(accepted, state))
    new_lines = with_lines(locks, [(item.source.file, item.line) for item in accepted if item.line is not None])
    check_unchanged(new_lines)
    _write(edits)
    write_locks(new_lines)
    keys = {asset_id: key for edit in edits for asset_id, key in edit.keys.items()}
    diff = "".join(unified(edit.file, edit.before, edit.after) for edit in edits)
    document = adopt_document(accepted, refused, plan, keys, diff, origin)
    unshown = document.refused if options.quiet else ()
    notes = tuple(f"{item.asset_id}: {item.reason}: {clean(item.message)}\n" for item in unshown)
    return run.report(document, text_adopt.render, exit_code(failed=document.refused), notes)


def _check_files(state: DesiredState, locks: LockFiles, run: Run) -> None:
    """
    Raises:
        UsageError: a file cannot be written that may have to be.
    """
    selection = Selection(run.options.targets, run.options.excludes)
    chosen = {
        entry.file: None
        for entry in state.covers
        if not entry.ignore and selection.by_id(entry.asset_id) is not False
    }
    for file in chosen:
        atomic_files.check_replaceable(file)
        if locks.beside(file).text is not None:
            atomic_files.check_replaceable(locks.beside(file).path)


@dataclass(frozen=True, slots=True)
class AdoptionPlanner:
    """Reads what drifted once more, and decides what may be adopted."""

    run: ConnectedRun
    planner: Planner
    locks: LockFiles

    async def check(self, plan: Plan) -> list[Adoption | NotAdopted]:
        """Decides about all entries that are not in sync; in any order."""
        verdicts = (*plan.changes, *plan.pending, *plan.unknown)
        found: list[Adoption | NotAdopted] = []
        settings = self.run.settings
        with self.run.terminal.progress("Checking", len(verdicts), settings.read_quota) as advance:

            async def work(verdict: Verdict) -> None:
                found.append(await self._one(verdict))
                advance()

            await for_each(verdicts, work, settings.parallelism)
        return found

    async def _one(self, verdict: Verdict) -> Adoption | NotAdopted:
        desired, planner = verdict.desired, self.planner
        if verdict.state == "pending":
            return refusal(desired, verdict.title, "pending", pending_message())
        if verdict.state == "unknown" and verdict.reason not in _ADOPTABLE:
            return refusal(desired, verdict.title, verdict.reason or "api_error", verdict.message)
        observed = await planner.observe(desired.asset_id)
        if isinstance(observed, NoAnswer):
            return refusal(desired, verdict.title, observed.reason, observed.message)
        identified = await self._identified(desired, observed)
        if identified.unread is not None:
            return refusal(desired, observed.title, identified.unread.reason, identified.unread.message)
        applied = planner.recent.get(desired.asset_id)
        recent = (applied.old_covers, applied.after) if applied else None
        found = accept(desired, observed, identified.cover, verdict.before, recent)
        if self.planner.compare == "url" and isinstance(found, NotAdopted) and found.reason == "not_a_snapshot":
            return replace(found, message=f"{found.message} Without `--compare url` the pictures are compared too.")
        if isinstance(found, Adoption) and self.locks.beside(desired.file).text is not None:
            return await self._locked(desired, found, observed)
        return found

    async def _locked(self, desired: Desired, found: Adoption, observed: Observed) -> Adoption | NotAdopted:
        """An adoption with its lock line."""
        shown = next(item for item in observed.snapshots if item.ref == found.cover.snapshot)
        line = await read_line(self.planner, observed, shown)
        if isinstance(line, NoAnswer):
            return refusal(desired, found.title, line.reason, line.message)
        return replace(found, line=line)

    async def _identified(self, desired: Desired, observed: Observed) -> IdentifiedCover:
        """The cover, as a snapshot of the entry's own set if the picture is in several sets.

        Where the service copies covers, the URL says nothing, not even whether the cover is still the same.
        """
        if self.planner.compare == "url":
            named = identify(observed)
            return IdentifiedCover(observed.cover(named.ref if named else None))
        own_first = tuple(sorted(observed.snapshots, key=lambda snapshot: snapshot.set != desired.set))
        reordered = replace(observed, snapshots=own_first)
        return await identify_cover(reordered, self.planner.pictures, self.planner.memory)


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file before and after, and the key of each adopted number, by asset ID."""

    file: str
    before: bytes
    after: bytes
    keys: Mapping[str, NumberKey]


def _edits(accepted: Sequence[Adoption], state: DesiredState) -> Iterator[FileEdit]:
    for file, group in groupby(accepted, lambda item: item.source.file):
        before = unchanged(file, state.digests[file])
        numbers = {item.asset_id: item.new for item in group}
        yield FileEdit(file, before, *with_numbers(before, numbers, file=file))


def _write(edits: Sequence[FileEdit]) -> None:
    """Writes the files; all were read and edited before the first is written."""
    for done, edit in enumerate(edits):
        try:
            unchanged(edit.file, digest(edit.before))
            atomic_files.replace(edit.file, edit.after)
        except UsageError as error:
            before = f"Files written before it: {done}." if done else ""
            raise UsageError(error.message, hint=f"{error.hint} {before}".strip()) from error


command = Verb("adopt", __doc__, adopt, SELECTION, OptionGroup("Comparison", (COMPARE,)), CONNECTION, OUTPUT)
