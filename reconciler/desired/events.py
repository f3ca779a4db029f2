"""libyaml's event stream of one file, with the rules that hold at every place: no anchors, aliases, tags.

Events are read one by one and never kept, so that memory doesn't grow with the file, and nothing recurses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.desired.encoding import first_bad, line_and_column
from reconciler.desired.messages import place, quoted, scalar, suggestion, syntax
from reconciler.errors import DesiredError
from reconciler.model import Source
from reconciler.util.sanitize import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.desired.problems import Problems
    from reconciler.model import Desired

# libyaml's time grows with the square of the depth, and the form needs three levels.
_MAX_DEPTH = 10

# An event of the C extension, which has no types.
Event = Any

_OTHER_LINE_ENDS = tuple(char.encode() for char in "\x85\u2028\u2029")


class StopReadingError(Exception):
    """The rest of the file is not read; the problem is already noted."""


class _UnreadableRestError(Exception):
    """The parser has used up what comes before a bad byte."""


class _Readable:
    """The bytes before a bad one, as a stream whose end the parser doesn't take for the file's."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self, size: int) -> bytes:
        chunk = self._data[self._position : self._position + size]
        if not chunk:
            raise _UnreadableRestError
        self._position += size
        return chunk


def c_parser() -> Any:
    """The module of ruamel.yaml's C parser. The pure Python one is 30 times slower: never fall back to it."""
    try:
        import _ruamel_yaml
    except ImportError as error:
        raise DesiredError(
            "the C parser of ruamel.yaml (_ruamel_yaml) cannot be imported; "
            "reinstall it: pip install --force-reinstall 'ruamel.yaml[oldlibyaml]'"
        ) from error
    return _ruamel_yaml


def _with_plain_lines(data: bytes) -> bytes:
    """YAML 1.1, and so libyaml, ends lines at U+0085, U+2028 and U+2029 too; no editor counts those as lines."""
    for line_end in _OTHER_LINE_ENDS:
        if line_end in data:
            data = data.replace(line_end, b" ")
    return data


class Events:
    """One file's events. Every method that takes an event leaves the stream behind that event's node."""

    def __init__(self, file: str, data: bytes, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.yaml = c_parser()
        self._data = data = _with_plain_lines(data)
        self._bad = first_bad(data)
        self.get = self._parser().get_event
        self._nodes = (
            self.yaml.ScalarEvent,
            self.yaml.AliasEvent,
            self.yaml.MappingStartEvent,
            self.yaml.SequenceStartEvent,
        )

    def __enter__(self) -> Events:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        """Turns whatever ended the reading too early into a problem."""
        if isinstance(error, _UnreadableRestError) and self._bad is not None:
            line, column = line_and_column(self._data, self._bad.position)
            self.problems.add(self.file, line, column, self._bad.message)
        elif isinstance(error, (self.yaml.YAMLError, UnicodeDecodeError)):
            # Escapes in a tag may be no UTF-8: that error has no mark.
            mark = getattr(error, "problem_mark", None) or self._last_mark()
            self.problems.add(self.file, mark.line + 1, mark.column + 1, syntax(error))
        else:
            return isinstance(error, StopReadingError)
        return True

    def problem(self, event: Event, message: str) -> None:
        mark = event.start_mark
        self.problems.add(self.file, mark.line + 1, mark.column + 1, message)

    def source(self, event: Event) -> Source:
        mark = event.start_mark
        return Source(self.file, mark.line + 1, mark.column + 1)

    def twice(self, event: Event, what: str, existing: Source | Desired) -> None:
        """Notes what is given twice, naming both places."""
        self.problem(event, f"{what}; existing: {place(existing)}, new: {place(self.source(event))}")

    def check(self, event: Event) -> bool:
        """Whether the event's node is free of anchors, aliases and tags; notes it where not."""
        if type(event) is self.yaml.AliasEvent:
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
        """Passes over a node known to be wrong. Raises StopReadingError when it is too deep."""
        yaml = self.yaml
        depth = 0
        while True:
            kind = type(event)
            if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                depth += 1
                if depth > _MAX_DEPTH:
                    self.problem(event, "nested too deep for this form; the rest of this file was not read")
                    raise StopReadingError
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                depth -= 1
            if depth == 0:
                return
            event = self.get()
            if type(event) in self._nodes:
                self.check(event)

    def found(self, event: Event) -> str:
        if type(event) is self.yaml.ScalarEvent:
            return scalar(event.value, plain=not event.style)
        return "a mapping" if type(event) is self.yaml.MappingStartEvent else "a list"

    def scalar(self, event: Event, expected: str) -> bool:
        """Whether a scalar stands here; notes and passes over anything else."""
        clean = self.check(event)
        if clean and type(event) is self.yaml.ScalarEvent:
            return True
        if clean:
            self.problem(event, f"{expected}, not {self.found(event)}")
        self.skip(event)
        return False

    def mapping(self, event: Event, expected: str) -> bool:
        """Whether a mapping starts here, to be read on; notes and passes over anything else."""
        clean = self.check(event)
        if type(event) is self.yaml.MappingStartEvent:
            return True
        if clean:
            self.problem(event, f"{expected}, not {self.found(event)}")
        self.skip(event)
        return False

    def pairs(self, known: tuple[str, ...], where: str) -> Iterator[tuple[str, Event, Event]]:
        """The known keys of the mapping that has started, as (name, key, value); the caller reads the value.

        Keys that are unknown or given twice are noted.
        """
        first: dict[str, Event] = {}
        while type(key := self.get()) is not self.yaml.MappingEndEvent:
            if not self.key(key):
                continue
            name = key.value
            value = self.get()
            if name not in known:
                hint = "" if self.problems.many else suggestion(name, known)
                self.problem(key, f"unknown key {quoted(name)} {where}{hint}")
                self.check(value)
                self.skip(value)
                continue
            if name in first:
                self.twice(key, f"the key {name} is given twice", self.source(first[name]))
            else:
                first[name] = key
            yield name, key, value

    def key(self, event: Event) -> bool:
        """Whether a key is plain text or quoted; notes any other and passes over it and its value."""
        if type(event) is self.yaml.ScalarEvent:
            self.check(event)
            if event.value != "<<" or event.style:
                return True
            self.problem(event, "merge keys (<<) are not allowed; write each value out")
        elif self.check(event):
            self.problem(event, f"a key must be text, not {self.found(event)}")
        self.skip(event)
        value = self.get()
        self.check(value)
        self.skip(value)
        return False

    def _parser(self) -> Any:
        if self._bad is None:
            return self.yaml.CParser(self._data)
        return self.yaml.CParser(_Readable(self._data[: self._bad.position]))

    def _last_mark(self) -> Any:
        """The end of the last readable event, found by reading once more."""
        get = self._parser().get_event
        event: Event = None
        try:
            while True:
                event = get()
        except UnicodeDecodeError:
            return event.end_mark
