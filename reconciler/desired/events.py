"""Reads a file as a stream of libyaml events, with the rules that hold everywhere: no anchors, aliases or tags.

Events are read one at a time and not kept, so that memory does not grow with the file. Nothing recurses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from reconciler.desired.encoding import first_bad, line_and_column
from reconciler.desired.messages import place, quoted, scalar, suggestion, syntax
from reconciler.desired.problems import Problems
from reconciler.errors import DesiredError
from reconciler.model import Desired, Source
from reconciler.util.sanitize import shorten

_T = TypeVar("_T")

# libyaml's time grows with the square of the depth, and desired files need three levels.
_MAX_DEPTH = 10

# Any of ruamel.yaml's event classes. Which attributes an event has depends on its class, which callers compare.
Event = Any

_DIRECTIVE = re.compile(rb"(^\xef\xbb\xbf|^|[\r\n])%TAG")
_OTHER_LINE_ENDS = tuple(char.encode() for char in "\x85\u2028\u2029")


class StopReadingError(Exception):
    """Skip the rest of the file; the problem has been added already."""


class WrongValueError(Exception):
    """A scalar is not what it should be. The text is a hint to append to the problem, or empty."""


class _BadByteReachedError(Exception):
    """The parser has consumed everything before the bad byte."""


class _BytesBeforeBadByte:
    """The bytes before a bad byte, as a stream that raises at its end, which is not the end of the file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self, size: int) -> bytes:
        chunk = self._data[self._position : self._position + size]
        if not chunk:
            raise _BadByteReachedError
        self._position += size
        return chunk


def c_parser() -> Any:
    """Return ruamel.yaml's C parser. There is no fallback to the Python parser, which is 30 times slower.

    Raises:
        DesiredError: the C extension is not installed.
    """
    try:
        from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError as error:
        raise DesiredError(
            "The C parser of ruamel.yaml cannot be imported",
            hint="Reinstall it: pip install --force-reinstall 'ruamel.yaml[oldlibyaml]'.",
        ) from error
    return CParser


def _with_plain_lines(data: bytes) -> bytes:
    """Replace U+0085, U+2028 and U+2029, which YAML 1.1 (and libyaml) counts as line ends and editors do not."""
    for line_end in _OTHER_LINE_ENDS:
        if line_end in data:
            data = data.replace(line_end, b" ")
    return data


class Events:
    """The events of one file. Every method that takes an event consumes that event's whole node.

    As a context manager it turns a syntax error, or the end of the readable part, into a problem.
    """

    def __init__(self, file: str, data: bytes, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self._data = self._without_directives(_with_plain_lines(data))
        self._bad = first_bad(self._data)
        self.get = self._parser().get_event

    def __enter__(self) -> Events:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, _BadByteReachedError) and self._bad is not None:
            line, column = line_and_column(self._data, self._bad.position)
            self.problems.add(self.file, line, column, self._bad.message)
        elif isinstance(error, (YAMLError, UnicodeDecodeError)):
            # An escape in a tag may decode to invalid UTF-8: that error has no mark.
            mark = getattr(error, "problem_mark", None) or self._last_mark()
            self.problems.add(self.file, mark.line + 1, mark.column + 1, syntax(error))
        else:
            return isinstance(error, StopReadingError)
        return True

    def problem(self, event: Event, message: str) -> None:
        """
        Raises:
            StopReadingError: there are too many by now.
        """
        source = self.source(event)
        self.problems.add(source.file, source.line, source.column, message)
        if self.problems.too_many:
            raise StopReadingError

    def unexpected(self, event: Event, expected: str, hint: str = "") -> None:
        """Add the problem that something else stands where `expected` says what should."""
        self.problem(event, f"{expected}, not {self.found(event)}{hint}")

    def source(self, event: Event) -> Source:
        mark = event.start_mark
        return Source(self.file, mark.line + 1, mark.column + 1)

    def duplicate(self, event: Event, what: str, existing: Source | Desired) -> None:
        """Add the problem that something is given twice, with both places."""
        self.problem(event, f"{what}; existing: {place(existing)}, new: {place(self.source(event))}")

    def check(self, event: Event) -> bool:
        """Return whether the event is free of anchors, aliases and tags; add a problem for each."""
        if type(event) is AliasEvent:
            self.problem(event, f"aliases (*{shorten(event.anchor)}) are not allowed; write the value out")
            return False
        clean = True
        if event.anchor is not None:
            self.problem(event, f"anchors (&{shorten(event.anchor)}) are not allowed; write each value out")
            clean = False
        if event.tag is not None:
            self.problem(event, f"tags (here {quoted(event.tag)}) are not allowed")
            clean = False
        return clean

    def skip(self, event: Event) -> None:
        """Skip a node that is wrong, checking what is inside it.

        Raises:
            StopReadingError: it is nested too deeply.
        """
        depth = 0
        while True:
            if isinstance(event, CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    self.problem(event, "nested too deeply; the rest of this file was not read")
                    raise StopReadingError
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = self.get()
            if isinstance(event, NodeEvent):
                self.check(event)

    def found(self, event: Event) -> str:
        if type(event) is ScalarEvent:
            return scalar(event.value, plain=not event.style)
        return "a mapping" if type(event) is MappingStartEvent else "a list"

    def scalar(self, event: Event, expected: str) -> bool:
        """Return whether the event is a plain scalar or quoted; add a problem for anything else, and skip it."""
        return self.check(event) if type(event) is ScalarEvent else self._reject(event, expected)

    def parsed(self, event: Event, expected: str, parse: Callable[[Event], _T]) -> _T | None:
        """Return what `parse` makes of a scalar, or None after adding a problem.

        Args:
            parse: raises WrongValueError if the scalar is not what `expected` says.
        """
        if not self.scalar(event, expected):
            return None
        try:
            return parse(event)
        except WrongValueError as error:
            self.unexpected(event, expected, str(error))
            return None

    def mapping(self, event: Event, expected: str) -> bool:
        """Return whether the event starts a mapping, to be read by the caller; skip anything else, with a problem."""
        if type(event) is not MappingStartEvent:
            return self._reject(event, expected)
        self.check(event)
        return True

    def pairs(self, known: tuple[str, ...], where: str) -> Iterator[tuple[str, Event, Event]]:
        """Yield (name, key, value) for each known key of the mapping that has started; the caller reads the value.

        Unknown and duplicate keys become problems.
        """
        first: dict[str, Event] = {}
        while type(key := self.get()) is not MappingEndEvent:
            if not self.key(key):
                continue
            name = key.value
            value = self.get()
            if name not in known:
                self.problem(key, f"unknown key {quoted(name)} {where}{suggestion(name, known)}")
                self._discard(value)
                continue
            if name in first:
                self.duplicate(key, f"the key {name} is given twice", self.source(first[name]))
            first.setdefault(name, key)
            yield name, key, value

    def key(self, event: Event) -> bool:
        """Return whether the key is a scalar; add a problem for any other, and skip it and its value."""
        if type(event) is not ScalarEvent:
            self._reject(event, "a key must be text")
        else:
            self.check(event)
            if event.value != "<<" or event.style:
                return True
            self.problem(event, "merge keys (<<) are not allowed; write each value out")
        self._discard(self.get())
        return False

    def _reject(self, event: Event, expected: str) -> bool:
        """Add a problem, skip the node and return False."""
        if self.check(event):
            self.unexpected(event, expected)
        self.skip(event)
        return False

    def _discard(self, event: Event) -> None:
        self.check(event)
        self.skip(event)

    def _without_directives(self, data: bytes) -> bytes:
        """Turn %TAG directives into comments, with one problem. libyaml compares each with all before it."""
        first = _DIRECTIVE.search(data) if b"%TAG" in data else None
        if first is None:
            return data
        line, column = line_and_column(data, first.end() - len("%TAG"))
        self.problems.add(self.file, line, column, "tags (here a %TAG directive) are not allowed")
        return _DIRECTIVE.sub(rb"\1#TAG", data)

    def _parser(self) -> Any:
        parser = c_parser()
        if self._bad is None:
            return parser(self._data)
        return parser(_BytesBeforeBadByte(self._data[: self._bad.position]))

    def _last_mark(self) -> Any:
        """Return the end of the last readable event, by reading the file once more."""
        get = self._parser().get_event
        event: Event = None
        try:
            while True:
                event = get()
        except UnicodeDecodeError:
            return event.end_mark
