"""Loads desired files into one DesiredState, or raises every problem in them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
)

from reconciler.desired import files, lock_files
from reconciler.desired.entry import INTEGER, ParsedEntry, integer, read_entry
from reconciler.desired.events import Event, Events, StopReadingError, WrongValueError
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.messages import is_null, quoted
from reconciler.desired.problems import Problems
from reconciler.model import Desired, DesiredState, Source
from reconciler.util.field_types import REGION
from reconciler.util.ids import ID, LOWER_ID
from reconciler.util.input_files import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence

_EMPTY_FILE = "this file is empty; it needs at least covers:"


def load(paths: Sequence[str]) -> DesiredState:
    """Load the files and folders together, with the lock files beside them.

    Raises:
        DesiredError: with every problem in all of them.
    """
    return load_with_locks(paths)[0]


def load_with_locks(paths: Sequence[str], *, mend: bool = False) -> tuple[DesiredState, LockFiles]:
    """Like `load`; also returns the lock files, to change them.

    Args:
        mend: several lines about one asset are no problem.
    """
    problems = Problems()
    loaded = _Loaded()
    digests: dict[str, bytes] = {}
    for file in files.find(paths, problems):
        try:
            data = files.read(file)
        except UnreadableError as error:
            problems.add(file, 0, 0, str(error))
            continue
        digests[file] = files.digest(data)
        with Events(file, data, problems) as events:
            _FileReader(events, loaded).read()
        problems.end_file()
        if problems.too_many:
            break
    locks = lock_files.read(digests, problems)
    if not mend:
        locks.check_repeated(problems)
    problems.raise_any()
    settings = {name: text for name, (text, _) in loaded.settings.items()}
    covers, names = tuple(loaded.covers), tuple(digests)
    state = DesiredState(covers, names, digests=digests, locked=locks.of, lock_text=locks.text_of, **settings)
    return state, locks


class _Loaded:
    """What the files that were read so far say."""

    def __init__(self) -> None:
        self.covers: list[Desired] = []
        self.places: dict[str, Source | Desired] = {}
        """Where each asset ID was first given, right or wrong."""
        self.settings: dict[str, tuple[str, Source]] = {}


class _FileReader:
    """Reads one file and adds what it says to what is loaded."""

    def __init__(self, events: Events, loaded: _Loaded) -> None:
        self.events = events
        self.loaded = loaded

    def read(self) -> None:
        events = self.events
        events.get()  # the start of the stream
        if type(events.get()) is StreamEndEvent:
            events.problems.add(events.file, 1, 1, _EMPTY_FILE)
            return
        self._top_level(events.get())
        events.get()  # the end of the document
        after = events.get()
        if type(after) is DocumentStartEvent:
            events.problem(after, "a second YAML document starts here; a file may contain only one")
            raise StopReadingError

    def _top_level(self, root: Event) -> None:
        events = self.events
        if type(root) is ScalarEvent and is_null(root.value, plain=not root.style):
            events.problem(root, _EMPTY_FILE)
            return
        expected = "a desired file must be a mapping with the key covers"
        if isinstance(root, (ScalarEvent, AliasEvent)):
            events.problem(root, f"{expected}, not a single value")  # which may be a token: it is not quoted
            return
        if not events.mapping(root, expected):
            return
        for name, _, value in events.pairs(_KEYS, "at the top level"):
            if name == "covers":
                if events.mapping(value, "covers must be a mapping from asset IDs to snapshots"):
                    self._covers()
            elif name == "version":
                events.parsed(value, "version must be 1", _version)
            else:
                self._setting(name, value)

    def _setting(self, name: str, value: Event) -> None:
        """Read a region or project ID, which must be the same in all files."""
        events = self.events
        text = events.parsed(value, *_SETTINGS[name])
        if text is None:
            return
        old, source = self.loaded.settings.setdefault(name, (text, events.source(value)))
        if old != text and source.file != events.file:  # a duplicate in one file is a problem already
            events.duplicate(value, f"{name} is {text} here, but {old} in another file", source)

    def _covers(self) -> None:
        """Read the entries. This loop is tuned: there may be a million, nearly all of them `id: number`."""
        events = self.events
        get, file, places = events.get, events.file, self.loaded.places
        add = self.loaded.covers.append
        scalar_event, end = ScalarEvent, MappingEndEvent  # local names are faster
        is_id, is_integer = LOWER_ID.fullmatch, INTEGER.fullmatch
        while type(key := get()) is not end:
            if type(key) is not scalar_event or not is_id(key.value) or key.tag or key.anchor:
                if events.key(key):
                    self._checked(key, get())
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

    def _checked(self, key: Event, value: Event) -> None:
        """Read an entry that is not a plain `id: number`: in the long form, given twice, or wrong."""
        events, places = self.events, self.loaded.places
        asset_id = self._asset_id(key)
        old = places.get(asset_id) if asset_id else None
        entry = self._value(key, value)
        if asset_id is None:
            return
        if old is not None:
            events.duplicate(key, f"the asset {asset_id} is given twice", old)
        elif entry is None:
            places[asset_id] = events.source(key)
        else:
            mark = key.start_mark
            desired = Desired(asset_id, events.file, mark.line + 1, mark.column + 1, *entry)
            places[asset_id] = desired
            self.loaded.covers.append(desired)

    def _asset_id(self, key: Event) -> str | None:
        text = str(key.value)
        if ID.fullmatch(text):
            return text.lower()
        hint = "; write it without hyphens" if ID.fullmatch(text.replace("-", "")) else ""
        count = f" ({len(text)} characters)" if text.isalnum() else ""
        self.events.problem(key, f"an asset ID must be 32 hexadecimal digits, not {quoted(text)}{count}{hint}")
        return None

    def _value(self, key: Event, value: Event) -> ParsedEntry | None:
        events = self.events
        if type(value) is MappingStartEvent:
            clean = events.check(value)
            entry = read_entry(events, key)
            return entry if clean else None
        expected = "an entry must be a whole number like 0 or -1, or a mapping with snapshot or offset"
        index = events.parsed(value, expected, integer)
        return None if index is None else ParsedEntry(snapshot=index)


def _version(scalar: Event) -> int:
    if scalar.style or scalar.value != "1":
        raise WrongValueError
    return 1


def _matching(pattern: re.Pattern[str], scalar: Event) -> str:
    """Parse text, quoted or not, in either case."""
    if not pattern.fullmatch(scalar.value):
        raise WrongValueError
    return str(scalar.value).lower()


_SETTINGS = {
    "region": ("region must look like cn-north-4", partial(_matching, REGION)),
    "project_id": ("project_id must be 32 hexadecimal digits", partial(_matching, ID)),
}
_KEYS = ("version", *_SETTINGS, "covers")
