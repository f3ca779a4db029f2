"""Desired files to one DesiredState, or to every problem there is with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.desired import files
from reconciler.desired.entry import INTEGER, Entry, integer, read_entry
from reconciler.desired.events import Event, Events, StopReadingError, c_parser
from reconciler.desired.messages import quoted, scalar
from reconciler.desired.problems import Problems
from reconciler.model import Desired, DesiredState, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_KEYS = ("version", "region", "project_id", "covers")
_ASSET_ID = re.compile("[0-9A-Fa-f]{32}")
LOWER_ID = re.compile("[0-9a-f]{32}")
_REGION = re.compile("[a-z]+(?:-[a-z]+)+-[0-9]+")
_PROJECT_ID = _ASSET_ID


def load(paths: Sequence[str]) -> DesiredState:
    """What the files and folders say together. Raises DesiredError with every problem of all of them."""
    return _load(paths, lambda _file, _data: None)


def load_with_digests(paths: Sequence[str]) -> tuple[DesiredState, Mapping[str, bytes]]:
    """As `load`, for those who edit the files later; with the SHA-256 of the very bytes that were read, by file."""
    digests: dict[str, bytes] = {}

    def note(file: str, data: bytes) -> None:
        digests[file] = files.digest(data)

    return _load(paths, note), digests


def _load(paths: Sequence[str], note: Callable[[str, bytes], None]) -> DesiredState:
    c_parser()
    problems = Problems()
    state = _State()
    read: list[str] = []
    for file in files.find(paths, problems):
        try:
            data = files.read(file)
        except files.UnreadableError as error:
            problems.add(file, 0, 0, str(error))
            continue
        read.append(file)
        note(file, data)
        with Events(file, data, problems) as events:
            _File(events, state).read()
        problems.end_file()
    problems.raise_any()
    return DesiredState(
        covers=tuple(state.covers),
        files=tuple(read),
        region=state.text("region"),
        project_id=state.text("project_id"),
    )


class _State:
    """What all files so far say."""

    def __init__(self) -> None:
        self.covers: list[Desired] = []
        self.places: dict[str, Source | Desired] = {}
        self.settings: dict[str, tuple[str, Source]] = {}

    def text(self, name: str) -> str | None:
        found = self.settings.get(name)
        return found[0] if found else None


class _File:
    """Reads one file into the state."""

    def __init__(self, events: Events, state: _State) -> None:
        self.events = events
        self.state = state

    def read(self) -> None:
        events, yaml = self.events, self.events.yaml
        events.get()  # the start of the stream
        start = events.get()
        if type(start) is yaml.StreamEndEvent:
            events.problems.add(events.file, 1, 1, "this file is empty; it needs at least covers:")
            return
        if start.tags:
            events.problem(start, "tags (here a %TAG directive) are not allowed")
        self._top(events.get())
        events.get()  # the end of the document
        after = events.get()
        if type(after) is yaml.DocumentStartEvent:
            events.problem(after, "a second document starts here; a file may hold only one")
            raise StopReadingError

    def _top(self, root: Event) -> None:
        events = self.events
        if type(root) is events.yaml.ScalarEvent and events.found(root) == "nothing":
            events.problem(root, "this file is empty; it needs at least covers:")
            return
        if not events.mapping(root, "a desired file must be a mapping with the key covers"):
            return
        for name, _, value in events.pairs(_KEYS, "at the top level"):
            if name == "covers":
                if events.mapping(value, "covers must be a mapping from asset IDs to snapshots"):
                    self._covers()
            elif name == "version":
                self._version(value)
            else:
                self._setting(name, value)

    def _version(self, value: Event) -> None:
        expected = "version must be 1"
        if self.events.scalar(value, expected) and (value.style or value.value != "1"):
            self.events.problem(value, f"{expected}, not {self.events.found(value)}")

    def _setting(self, name: str, value: Event) -> None:
        """A region or project ID: text, quoted or not, that all files agree on."""
        pattern, expected = {
            "region": (_REGION, "region must look like cn-north-4"),
            "project_id": (_PROJECT_ID, "project_id must be 32 hexadecimal digits"),
        }[name]
        events = self.events
        if not events.scalar(value, expected):
            return
        if not pattern.fullmatch(value.value):
            found = scalar(value.value, plain=not value.style)
            events.problem(value, f"{expected}, not {found}")
            return
        text = value.value.lower()
        old, source = self.state.settings.setdefault(name, (text, events.source(value)))
        if old != text and source.file != events.file:  # twice in one file is already noted
            events.twice(value, f"{name} is {text} here, but {old} in another file", source)

    def _covers(self) -> None:
        """The hot path: up to a million entries, nearly all of them `id: number`."""
        events = self.events
        get, file, places = events.get, events.file, self.state.places
        add = self.state.covers.append
        scalar_event, end = events.yaml.ScalarEvent, events.yaml.MappingEndEvent
        is_id, is_integer = LOWER_ID.fullmatch, INTEGER.fullmatch
        while type(key := get()) is not end:
            if type(key) is not scalar_event or not is_id(key.value) or key.tag or key.anchor:
                self._entry(key)
                continue
            value = get()
            if (
                type(value) is scalar_event
                and not value.style
                and is_integer(value.value)
                and not value.tag
                and not value.anchor
                and key.value not in places
            ):
                mark = key.start_mark
                asset_id = key.value
                entry = Desired(asset_id, file, mark.line + 1, mark.column + 1, "sample", int(value.value))
                places[asset_id] = entry
                add(entry)
            else:
                self._checked(key, value)

    def _entry(self, key: Event) -> None:
        if self.events.key(key):
            self._checked(key, self.events.get())

    def _checked(self, key: Event, value: Event) -> None:
        """An entry that the hot path left: spelled out, given twice, or wrong."""
        events, places = self.events, self.state.places
        asset_id = self._asset_id(key)
        old = places.get(asset_id) if asset_id else None
        entry = self._value(key, value)
        if asset_id is None:
            return
        if old is not None:
            events.twice(key, f"the asset {asset_id} is given twice", old)
        elif entry is None:
            places[asset_id] = events.source(key)
        else:
            mark = key.start_mark
            desired = Desired(asset_id, events.file, mark.line + 1, mark.column + 1, *entry)
            places[asset_id] = desired
            self.state.covers.append(desired)

    def _asset_id(self, key: Event) -> str | None:
        text = str(key.value)
        if _ASSET_ID.fullmatch(text):
            return text.lower()
        hint = "; write it without hyphens" if _ASSET_ID.fullmatch(text.replace("-", "")) else ""
        count = f" of {len(text)} characters" if text.isalnum() else ""
        expected = "an asset ID must be 32 hexadecimal digits"
        self.events.problem(key, f"{expected}, not {quoted(text)}{count}{hint}")
        return None

    def _value(self, key: Event, value: Event) -> Entry | None:
        events = self.events
        if type(value) is events.yaml.MappingStartEvent:
            clean = events.check(value)
            entry = read_entry(events, key)
            return entry if clean else None
        expected = "an entry must be a whole number such as 0 or -1, or a mapping with snapshot or offset"
        index = integer(events, value, expected)
        return None if index is None else Entry(snapshot=index)
