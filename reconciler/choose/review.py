"""What writing the choices would change, and writing it: file by file, to the byte, and only what was reviewed."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.choose.choices import Choices, Chosen
from reconciler.desired.edit import with_entries
from reconciler.desired.edit_choice import with_choices
from reconciler.desired.files import digest, unchanged
from reconciler.desired.render import NewEntry
from reconciler.errors import ReconcileError
from reconciler.model import Desired, DesiredState
from reconciler.report.diff import unified
from reconciler.util import atomic_files

_NO_FILE = "no desired file has an entry for it any more. Undo the choice, or make it again for one of the files."


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is and as it would be."""

    file: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    asset_ids: tuple[str, ...]

    @property
    def diff(self) -> str:
        if self.before.count(b"\n") == self.after.count(b"\n"):
            return unified(self.file, self.before, self.after)
        old, new = (data.decode().splitlines(keepends=True) for data in (self.before, self.after))
        lines = difflib.unified_diff(old, new, self.file, self.file)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that cannot be written as it is, and why."""

    file: str
    message: str
    asset_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """All edits, and what stands in the way of others."""

    edits: tuple[Edit, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def digest(self) -> str:
        """Of all that would be written."""
        found = hashlib.sha256()
        for edit in self.edits:
            for data in (edit.file.encode(), edit.before, edit.after):
                found.update(hashlib.sha256(data).digest())
        return found.hexdigest()

    @property
    def diff(self) -> str:
        return "".join(edit.diff for edit in self.edits)


def review(state: DesiredState, choices: Choices, title: Callable[[str], str]) -> Review:
    """The files with what was chosen.

    Args:
        state: as the files were loaded; one that changed since is a conflict.
        title: of an asset, for the comment of a new entry.
    """
    entries = {desired.asset_id: desired for desired in state.covers}
    by_file: dict[str, dict[str, Chosen]] = {}
    conflicts: list[Conflict] = []
    for asset_id, chosen in choices.items():
        desired = entries.get(asset_id)
        file = desired.file if desired is not None else chosen.file
        if file in state.digests:
            by_file.setdefault(file, {})[asset_id] = chosen
        else:
            conflicts.append(Conflict(file, f"{asset_id}: {_NO_FILE}", (asset_id,)))
    edits: list[Edit] = []
    for file, wanted in by_file.items():
        try:
            edits.append(_edit(file, state, entries, wanted, title))
        except (ReconcileError, OSError) as error:
            text = error.text if isinstance(error, ReconcileError) else str(error)
            conflicts.append(Conflict(file, text, tuple(wanted)))
    return Review(tuple(edit for edit in edits if edit.before != edit.after), tuple(conflicts))


def _edit(
    file: str,
    state: DesiredState,
    entries: Mapping[str, Desired],
    wanted: Mapping[str, Chosen],
    title: Callable[[str], str],
) -> Edit:
    """
    Raises:
        ReconcileError: the file changed since it was loaded, or has no place for the entries.
    """
    before = unchanged(file, state.digests[file])
    old = {asset_id: chosen.edit(entries[asset_id]) for asset_id, chosen in wanted.items() if asset_id in entries}
    new = [
        NewEntry(
            asset_id,
            chosen.index,
            chosen.set,
            title(asset_id),
            offset=chosen.offset if chosen.index is None else None,
        )
        for asset_id, chosen in wanted.items()
        if asset_id not in entries
    ]
    after = with_entries(with_choices(before, old, file=file), new, file=file)
    return Edit(file, before, after, tuple(wanted))


def write(edits: Sequence[Edit]) -> Iterator[Edit | Conflict]:
    """Writes file by file. One that changed since the review, or cannot be written, stays as it is."""
    for edit in edits:
        try:
            unchanged(edit.file, digest(edit.before))
            atomic_files.replace(edit.file, edit.after)
        except (ReconcileError, OSError) as error:
            text = error.text if isinstance(error, ReconcileError) else str(error)
            yield Conflict(edit.file, text, edit.asset_ids)
        else:
            yield edit
