"""Edits desired files and keeps every byte that an edit does not mean.

The bytes are those that the loader accepts. Positions are libyaml's: characters, without the byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ruamel.yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent

from reconciler.desired.events import Event, Events
from reconciler.desired.problems import Problems
from reconciler.desired.render import NewEntry, block_covers, block_lines, flow_lines
from reconciler.errors import DesiredError, Problem
from reconciler.model import NumberKey

_UNNAMED = "the desired file"
_BOM = "\ufeff"
_LINE_END = re.compile("\r\n|[\n\r]")
_REST_OF_LINE = re.compile("[^\r\n]*(?:\r\n|[\n\r])?")
_COMMENT_LINE = re.compile("( *)#[^\r\n]*(?:\r\n|[\n\r])?")
# Possessive, so that it does not look for commas inside comments.
_TRAILING_COMMA = re.compile(r"(?:\s|#[^\r\n]*+)*+,")
# Only blanks: anything else between the braces would be lost with them.
_EMPTY_BRACES = re.compile(r"\{[ \t]*\}")

_NUMBER_KEYS: Mapping[str, NumberKey] = {"snapshot": "snapshot", "offset": "offset"}


@dataclass(slots=True)
class MappingPlace:
    """Where a mapping stands. Lines and columns count from 0."""

    flow: bool
    column: int
    """Of its keys; in flow style, of its opening brace."""
    line: int
    start: int
    key: int = 0
    """Where its last key starts."""
    last: int | None = None
    """Where its last value ends, or None if it is empty."""
    close: int = 0
    """Where it ends; in flow style, its closing brace."""


class EntryPlace(NamedTuple):
    """Where an entry says which snapshot.

    Attributes:
        scalar: its number, and `key` what that is: "index" if the scalar is the whole entry.
        key_scalar: the key as it is written; None where the number is the whole entry.
        set_scalar: the value of `from`, if there is one.
        mapping: the entry's, unless the number is the whole entry.
    """

    key: NumberKey
    scalar: Event
    key_scalar: Event | None = None
    set_scalar: Event | None = None
    mapping: MappingPlace | None = None


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replaces the characters from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


def with_numbers(
    data: bytes, numbers: Mapping[str, int], *, file: str = _UNNAMED
) -> tuple[bytes, dict[str, NumberKey]]:
    """Return the file with new numbers, and the key of each number.

    For each asset in `numbers` (32 lower-case hex digits), only the scalar that says which snapshot is replaced: the
    index itself, or the value of `snapshot` or `offset`.

    Args:
        file: its name, for errors.

    Raises:
        DesiredError: an asset is not in the file, or its entry has no number.
    """
    missing = dict(numbers)
    edits: list[TextEdit] = []
    keys: dict[str, NumberKey] = {}
    for asset_id, entry in FileLayout(file).entries(data):
        if asset_id not in missing:
            continue
        number = numbered(entry, asset_id, file)
        scalar = number.scalar
        edits.append(TextEdit(scalar.start_mark.index, scalar.end_mark.index, str(missing.pop(asset_id))))
        keys[asset_id] = number.key
    if missing:
        raise DesiredError(f"{file}: there is no entry for asset {next(iter(missing))}")
    return edited(data, edits), keys


def numbered(entry: EntryPlace | None, asset_id: str, file: str) -> EntryPlace:
    """
    Raises:
        DesiredError: the entry has no number.
    """
    if entry is None or entry.scalar.style:
        raise DesiredError(f"{file}: the entry of asset {asset_id} has no number to change")
    return entry


def with_entries(data: bytes, entries: Sequence[NewEntry], *, file: str = _UNNAMED) -> bytes:
    """Return the file with more entries after the last one of `covers`; all its bytes stay, in order.

    New entries take the column and the line ends of the others. If `covers` is in flow style, so are they, each on a
    line; but the braces of `covers: {}` are replaced by block style. A file without `covers` gets one at its end.
    (A text block at the end of a file without a final line end gets one, because something follows it now.)

    Args:
        entries: may be empty, to find out whether the file has a place for entries.
        file: its name, for errors.

    Raises:
        DesiredError: an asset is in the file already, or the file has no place for `covers`.
    """
    new = {entry.asset_id for entry in entries}
    layout = FileLayout(file)
    for asset_id, _ in layout.entries(data):
        if asset_id in new:
            raise DesiredError(f"{file}: there is already an entry for asset {asset_id}")
    root, covers = layout.root, layout.covers
    if covers is None and root.flow:
        raise _problem(file, root.line, root.column, "this file has no covers key; add `covers: {}`")
    if not entries:
        return data
    text = data.decode().removeprefix(_BOM)
    if covers is None:
        edits = [_below(text, root.last, root.column, block_covers(entries))]
    elif not covers.flow:
        edits = [_below(text, covers.last, covers.column, block_lines(entries))]
    elif not root.flow and _is_empty(text, covers):
        edits = _instead(text, covers, root.column, block_lines(entries))
    else:
        edits = _inside(text, covers, flow_lines(entries))
    return edited(data, edits)


class FileLayout:
    """Where the mappings of a desired file stand, known once `entries` has been read to its end."""

    root: MappingPlace
    covers: MappingPlace | None = None

    def __init__(self, file: str) -> None:
        self.file = file
        self._end = 0

    def entries(self, data: bytes) -> Iterator[tuple[str, EntryPlace | None]]:
        """Yield each entry's asset ID in lower case, and its number if it has one.

        Raises:
            DesiredError: the loader would not accept the file either.
        """
        problems = Problems()
        with Events(self.file, data, problems) as events:
            self._get = events.get
            self._next()  # the start of the stream
            self._next()  # the start of the document
            self.root = self._mapping(self._next())
            for key, value in self._pairs(self.root):
                if key.value != "covers":
                    self._require(ScalarEvent, value)
                    continue
                self.covers = self._mapping(value)
                for entry, item in self._pairs(self.covers):
                    yield entry.value.lower(), self._number(item)
        problems.raise_any()

    def _number(self, value: Event) -> EntryPlace | None:
        if type(value) is ScalarEvent:
            return EntryPlace("index", value)
        number: tuple[Event, Event] | None = None
        set_scalar = None
        mapping = self._mapping(value)
        for key, item in self._pairs(mapping):
            self._require(ScalarEvent, item)
            if key.value in _NUMBER_KEYS:
                number = key, item
            elif key.value == "from":
                set_scalar = item
        if number is None:
            return None
        key, item = number
        return EntryPlace(_NUMBER_KEYS[key.value], item, key, set_scalar, mapping)

    def _mapping(self, start: Event) -> MappingPlace:
        mark = self._require(MappingStartEvent, start).start_mark
        return MappingPlace(start.flow_style, mark.column, mark.line, mark.index)

    def _pairs(self, mapping: MappingPlace) -> Iterator[tuple[Event, Event]]:
        while type(key := self._next()) is not MappingEndEvent:
            mapping.key = self._require(ScalarEvent, key).start_mark.index
            yield key, self._next()
            mapping.last = self._end
        mapping.close = key.start_mark.index

    def _require(self, kind: type, event: Event) -> Event:
        if type(event) is kind:
            return event
        mark = event.start_mark
        raise _problem(self.file, mark.line, mark.column, "this is not valid in a desired file")

    def _next(self) -> Event:
        event = self._get()
        if event is None:
            raise _problem(self.file, 0, 0, "this file is empty")
        # In block style, a mapping's start and end have no width, and its end stands where the next thing starts.
        if event.end_mark.index > event.start_mark.index:
            self._end = event.end_mark.index
        return event


def _problem(file: str, line: int, column: int, message: str) -> DesiredError:
    """Return an error at a place; line and column count from 0."""
    return DesiredError("This file cannot be edited", (Problem(file, line + 1, column + 1, message),))


def edited(data: bytes, edits: Sequence[TextEdit]) -> bytes:
    """Apply edits that are in order of place."""
    text = data.decode()
    shift = len(_BOM) if text.startswith(_BOM) else 0
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += [text[done : edit.start + shift], edit.text]
        done = edit.end + shift
    return "".join([*parts, text[done:]]).encode()


def _below(text: str, last: int | None, column: int, lines: Sequence[str]) -> TextEdit:
    """Insert lines after the last value of a mapping in block style, and after the comments that belong to it."""
    at = last or 0
    if text[at - 1] not in "\r\n":  # a text block ends where the next line starts
        rest = _REST_OF_LINE.match(text, at)
        at = rest.end() if rest else at
    while (comment := _COMMENT_LINE.match(text, at)) and len(comment[1]) > column:
        at = comment.end()
    end = line_end(text)
    new = end.join(" " * column + line for line in lines)
    return TextEdit(at, at, new + end if text[at - 1] in "\r\n" else end + new)


def _is_empty(text: str, place: MappingPlace) -> bool:
    """Return whether the mapping is `{}`, on the line of its key."""
    return _EMPTY_BRACES.match(text, place.start) is not None and _line_up_to(text, place.start).rstrip(
        " \t"
    ).endswith(":")


def _instead(text: str, place: MappingPlace, column: int, lines: Sequence[str]) -> list[TextEdit]:
    """Replace the braces of an empty mapping by lines in block style, two columns to the right of its key."""
    before = text[: place.start].rstrip(" \t")
    end = place.close + 1
    return [TextEdit(len(before), end, ""), _below(text, end, column + 2, lines)]


def _inside(text: str, place: MappingPlace, lines: Sequence[str]) -> list[TextEdit]:
    """Insert lines before the closing brace of a mapping in flow style, and a comma after its last value."""
    edits: list[TextEdit] = []
    if place.last is not None and not _TRAILING_COMMA.match(text, place.last):
        edits.append(TextEdit(place.last, place.last, ","))
    end = line_end(text)
    before = _line_up_to(text, place.close)
    margin = before[: len(before) - len(before.lstrip(" "))] + "  "
    beside = _line_up_to(text, place.key)
    if place.last is not None and not beside.strip(" \t"):
        margin = beside  # the other entries are on their own lines
    new = end.join(margin + line for line in lines)
    if before.strip(" \t"):
        edits.append(TextEdit(place.close, place.close, end + new + end + margin))
    else:
        start = place.close - len(before)
        edits.append(TextEdit(start, start, new + end))
    return edits


def line_end(text: str) -> str:
    found = _LINE_END.search(text)
    return found.group() if found else "\n"


def _line_up_to(text: str, at: int) -> str:
    return text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]
