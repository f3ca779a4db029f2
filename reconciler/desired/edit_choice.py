"""Edits entries so that they name another snapshot, also of another set or by another kind of number.

Where set and kind stay, only the number changes. All other bytes stay: comments, order, quotes, line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.desired.edit import EntryPlace, FileLayout, TextEdit, edited, line_end, numbered
from reconciler.errors import DesiredError
from reconciler.model import SetName

_BOM = "\ufeff"
_REST_OF_LINE = re.compile("[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Choice:
    """The snapshot that an entry is to name: by its index, or by its second where there is no index."""

    set: SetName
    index: int | None
    offset: int | None

    @property
    def key(self) -> str:
        return "snapshot" if self.index is not None else "offset"

    @property
    def number(self) -> int:
        return self.index if self.index is not None else self.offset or 0


def with_choices(data: bytes, choices: Mapping[str, Choice], *, file: str) -> bytes:
    """Return the file in which these entries name what was chosen.

    Args:
        choices: by asset ID, 32 lower-case hex digits.
        file: its name, for errors.

    Raises:
        DesiredError: an asset is not in the file, or its entry has no number.
    """
    missing = dict(choices)
    text = data.decode().removeprefix(_BOM)
    edits: list[TextEdit] = []
    for asset_id, entry in FileLayout(file).entries(data):
        choice = missing.pop(asset_id, None)
        if choice is not None:
            edits += sorted(_edits(text, numbered(entry, asset_id, file), choice), key=lambda edit: edit.start)
    if missing:
        raise DesiredError(f"{file}: there is no entry for asset {next(iter(missing))}")
    return edited(data, edits)


def _edits(text: str, entry: EntryPlace, choice: Choice) -> Iterator[TextEdit]:
    start, end = entry.scalar.start_mark.index, entry.scalar.end_mark.index
    if entry.mapping is None:
        yield TextEdit(start, end, _short(choice))
        return
    yield TextEdit(start, end, str(choice.number))
    if entry.key != choice.key and entry.key_scalar is not None:
        key = entry.key_scalar
        yield TextEdit(key.start_mark.index, key.end_mark.index, choice.key)
    if entry.set_scalar is not None:
        if entry.set_scalar.value != choice.set:
            yield TextEdit(entry.set_scalar.start_mark.index, entry.set_scalar.end_mark.index, choice.set)
    elif choice.set != "sample":
        yield _with_set(text, end, choice.set, None if entry.mapping.flow else entry.mapping.column)


def _short(choice: Choice) -> str:
    """What stands behind the key of an entry that was a number."""
    if choice.key == "snapshot" and choice.set == "sample":
        return str(choice.number)
    name = f", from: {choice.set}" if choice.set != "sample" else ""
    return f"{{{choice.key}: {choice.number}{name}}}"


def _with_set(text: str, at: int, name: SetName, column: int | None) -> TextEdit:
    """Puts `from` behind the number, which ends at `at`; in block style, whose keys have a column, on a line."""
    if column is None:
        return TextEdit(at, at, f", from: {name}")
    rest = _REST_OF_LINE.match(text, at)
    end = rest.end() if rest else at
    return TextEdit(end, end, f"{line_end(text)}{' ' * column}from: {name}")
