"""Edits of desired files that keep every byte they don't mean.

A file comes as the loader takes it. Positions are libyaml's: they count characters, without the byte order mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reconciler.desired.events import Event, Events
from reconciler.desired.problems import Problems
from reconciler.desired.render import block_covers, block_lines, flow_lines
from reconciler.errors import DesiredError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reconciler.desired.render import NewEntry
    from reconciler.model import NumberKey

    _Note = Callable[[str, "_Number | None"], None]

_UNNAMED = "the desired file"
_BOM = "\ufeff"
_LINE_END = re.compile("\r\n|[\n\r]")
_REST_OF_LINE = re.compile("[^\r\n]*(?:\r\n|[\n\r])?")
_COMMENT_LINE = re.compile("( *)#[^\r\n]*(?:\r\n|[\n\r])?")
# Possessive, or it would look for commas inside the comments.
_TRAILING_COMMA = re.compile(r"(?:\s|#[^\r\n]*+)*+,")

# Nothing but blanks: what stands between the braces is lost when they go.
_EMPTY = re.compile(r"\{[ \t]*\}")

_NUMBERS: dict[str, NumberKey] = {"snapshot": "snapshot", "offset": "offset"}


class _Number(NamedTuple):
    """The scalar that says which snapshot, and the key it stands at: "index" where it is the whole entry."""

    key: NumberKey
    scalar: Event


@dataclass(frozen=True, slots=True)
class _Edit:
    """Puts `text` in the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def with_numbers(
    data: bytes, numbers: Mapping[str, int], *, file: str = _UNNAMED
) -> tuple[bytes, dict[str, NumberKey]]:
    """The file with other numbers: of each asset given (32 lower-case hex digits), exactly the scalar that says which
    snapshot is replaced, be it the index itself, or the value of `snapshot` or `offset`. And at which key it stands,
    by asset ID.

    Args:
        file: its name, for the errors.

    Raises:
        DesiredError: an asset is not in the file, or its entry has no such number.
    """
    missing = dict(numbers)
    edits: list[_Edit] = []
    keys: dict[str, NumberKey] = {}

    def note(asset_id: str, number: _Number | None) -> None:
        if asset_id not in missing:
            return
        if number is None or number.scalar.style:
            raise DesiredError(f"{file}: the entry of the asset {asset_id} holds no number that could be changed")
        scalar = number.scalar
        edits.append(_Edit(scalar.start_mark.index, scalar.end_mark.index, str(missing.pop(asset_id))))
        keys[asset_id] = number.key

    _Walk(data, note, file)
    if missing:
        raise DesiredError(f"{file}: the asset {next(iter(missing))} is not there")
    return _edited(data, edits), keys


def with_entries(data: bytes, entries: Sequence[NewEntry], *, file: str = _UNNAMED) -> bytes:
    """The file with more entries, behind the last one of `covers`; every byte it had stays, in order.

    They take over the column and the line ends of the others. Where `covers` is in flow style, so are they, each on a
    line of its own; but the braces of `covers: {}` make way for block style. A file without `covers` is given that
    key at its end. (A text block that ends the file without a line end is given one, since something follows it now.)

    Args:
        entries: none of them, to learn whether there could be some.
        file: its name, for the errors.

    Raises:
        DesiredError: an asset is in the file already, or the file leaves no place for `covers`.
    """
    new = {entry.asset_id for entry in entries}

    def note(asset_id: str, _number: _Number | None) -> None:
        if asset_id in new:
            raise DesiredError(f"{file}: the asset {asset_id} is there already")

    walk = _Walk(data, note, file)
    if walk.covers is None and walk.root.flow:
        raise _problem(file, walk.root.line, walk.root.column, "there is no covers here; add `covers: {}`")
    if not entries:
        return data
    text = data.decode().removeprefix(_BOM)
    if walk.covers is not None and not walk.root.flow and _is_empty(text, walk.covers):
        return _edited(data, _instead(text, walk.covers, walk.root.column, block_lines(entries)))
    if walk.covers is not None and walk.covers.flow:
        return _edited(data, _inside(text, walk.covers, flow_lines(entries)))
    if walk.covers is not None:
        return _edited(data, [_below(text, walk.covers, block_lines(entries))])
    return _edited(data, [_below(text, walk.root, block_covers(entries))])


@dataclass(slots=True)
class _Place:
    """Where a mapping stands."""

    flow: bool
    column: int
    """Of its keys; in flow style, of whatever begins it. From 0, as `line`."""
    line: int
    start: int
    key: int = 0
    """Where its last key begins."""
    last: int | None = None
    """Where its last value ends; None where it has none."""
    close: int = 0
    """Where it is closed, in flow style by a brace."""


class _Walk:
    """Walks through a file and notes where things stand.

    Args:
        note: called for each entry with the asset ID in lower case and its number, if it has one.

    Raises:
        DesiredError: the loader would not take this file either.
    """

    root: _Place
    covers: _Place | None = None

    def __init__(self, data: bytes, note: _Note, file: str) -> None:
        problems = Problems()
        self._end = 0
        with Events(file, data, problems) as self._events:
            self._yaml = self._events.yaml
            self._get()  # the start of the stream
            self._get()  # the start of the document
            self._top(note)
        problems.raise_any()

    def _top(self, note: _Note) -> None:
        self.root = self._place(self._get())
        for key, value in self._pairs(self.root):
            if key.value != "covers":
                self._scalar(value)
                continue
            self.covers = self._place(value)
            for entry, item in self._pairs(self.covers):
                note(entry.value.lower(), self._number(item))

    def _number(self, value: Event) -> _Number | None:
        if type(value) is self._yaml.ScalarEvent:
            return _Number("index", value)
        number = None
        for key, item in self._pairs(self._place(value)):
            self._scalar(item)
            if key.value in _NUMBERS:
                number = _Number(_NUMBERS[key.value], item)
        return number

    def _place(self, start: Event) -> _Place:
        if type(start) is not self._yaml.MappingStartEvent:
            raise self._not_the_form(start)
        mark = start.start_mark
        return _Place(start.flow_style, mark.column, mark.line, mark.index)

    def _pairs(self, place: _Place) -> Iterator[tuple[Event, Event]]:
        while type(key := self._get()) is not self._yaml.MappingEndEvent:
            self._scalar(key)
            place.key = key.start_mark.index
            yield key, self._get()
            place.last = self._end
        place.close = key.start_mark.index

    def _scalar(self, event: Event) -> None:
        if type(event) is not self._yaml.ScalarEvent:
            raise self._not_the_form(event)

    def _not_the_form(self, event: Event) -> DesiredError:
        mark = event.start_mark
        return _problem(self._events.file, mark.line, mark.column, "this is not the form of a desired file")

    def _get(self) -> Event:
        event = self._events.get()
        if event is None:
            raise _problem(self._events.file, 0, 0, "this file is empty")
        # Where a mapping in block style starts or ends takes up no room; its end stands where the next thing begins.
        if event.end_mark.index > event.start_mark.index:
            self._end = event.end_mark.index
        return event


def _problem(file: str, line: int, column: int, message: str) -> DesiredError:
    """An error at a place that counts from 0."""
    return DesiredError("This file can't be edited", (Problem(file, line + 1, column + 1, message),))


def _edited(data: bytes, edits: Sequence[_Edit]) -> bytes:
    """The file after edits that are in order of place."""
    text = data.decode()
    shift = len(_BOM) if text.startswith(_BOM) else 0
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += [text[done : edit.start + shift], edit.text]
        done = edit.end + shift
    return "".join([*parts, text[done:]]).encode()


def _below(text: str, place: _Place, lines: Sequence[str]) -> _Edit:
    """Lines behind the last value of a mapping in block style, and behind the comments that belong to it."""
    at = place.last or 0
    if text[at - 1] not in "\r\n":  # a text block ends where the next line begins
        rest = _REST_OF_LINE.match(text, at)
        at = rest.end() if rest else at
    while (comment := _COMMENT_LINE.match(text, at)) and len(comment[1]) > place.column:
        at = comment.end()
    end = _line_end(text)
    new = end.join(" " * place.column + line for line in lines)
    return _Edit(at, at, new + end if text[at - 1] in "\r\n" else end + new)


def _is_empty(text: str, place: _Place) -> bool:
    """`covers: {}` on one line, with nothing inside."""
    return _EMPTY.match(text, place.start) is not None and _line_up_to(text, place.start).rstrip(" \t").endswith(":")


def _instead(text: str, place: _Place, column: int, lines: Sequence[str]) -> list[_Edit]:
    """Lines in block style instead of the braces of an empty mapping, two columns to the right of its key."""
    before = text[: place.start].rstrip(" \t")
    below = _Place(flow=False, column=column + 2, line=place.line, start=place.start, last=place.close + 1)
    return [_Edit(len(before), place.close + 1, ""), _below(text, below, lines)]


def _inside(text: str, place: _Place, lines: Sequence[str]) -> list[_Edit]:
    """Lines in front of the closing brace of a mapping in flow style, and a comma behind its last value."""
    edits: list[_Edit] = []
    if place.last is not None and not _TRAILING_COMMA.match(text, place.last):
        edits.append(_Edit(place.last, place.last, ","))
    end = _line_end(text)
    before = _line_up_to(text, place.close)
    margin = before[: len(before) - len(before.lstrip(" "))] + "  "
    beside = _line_up_to(text, place.key)
    if place.last is not None and not beside.strip(" \t"):
        margin = beside  # the others stand on lines of their own
    new = end.join(margin + line for line in lines)
    if before.strip(" \t"):
        edits.append(_Edit(place.close, place.close, end + new + end + margin))
    else:
        start = place.close - len(before)
        edits.append(_Edit(start, start, new + end))
    return edits


def _line_end(text: str) -> str:
    found = _LINE_END.search(text)
    return found.group() if found else "\n"


def _line_up_to(text: str, at: int) -> str:
    return text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]
