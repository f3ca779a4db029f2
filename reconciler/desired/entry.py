"""One entry below `covers:`, in the spelled-out form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from reconciler.desired.messages import is_null, quoted, scalar
from reconciler.model import SET_NAMES, SetName

if TYPE_CHECKING:
    from reconciler.desired.events import Event, Events

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,5})")
_LONG_INTEGER = re.compile(r"-?[1-9][0-9]{6,}")
_KEYS = ("snapshot", "offset", "from", "note", "ignore")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")


class Entry(NamedTuple):
    """What an entry says, place and ID aside."""

    set: SetName = "sample"
    snapshot: int | None = None
    offset: int | None = None
    note: str | None = None
    ignore: bool = False


def integer(events: Events, event: Event, expected: str) -> int | None:
    """The whole number that stands here, or None after noting why it is none."""
    if not events.scalar(event, expected):
        return None
    if not event.style and INTEGER.fullmatch(event.value):
        return int(event.value)
    hint = ""
    if event.style in ("'", '"') and INTEGER.fullmatch(event.value):
        hint = "; write it without quotes"
    elif not event.style and _LONG_INTEGER.fullmatch(event.value):
        hint = "; it may have at most six digits"
    found = scalar(event.value, plain=not event.style)
    events.problem(event, f"{expected}, not {found}{hint}")
    return None


def read_entry(events: Events, key: Event) -> Entry | None:
    """The entry whose mapping has started; None after noting what is wrong with it."""
    seen: set[str] = set()
    good: dict[str, int | str | bool] = {}
    for name, _, value in events.pairs(_KEYS, "in this entry"):
        seen.add(name)
        result = _value(events, name, value)
        if result is not None:
            good[name] = result
    if {"snapshot", "offset"} <= seen:
        events.problem(key, "this entry has both snapshot and offset; keep one of them")
        return None
    if not {"snapshot", "offset"} & seen and not good.get("ignore") and "ignore" not in seen - good.keys():
        events.problem(key, "this entry needs snapshot, offset or ignore: true")
        return None
    if seen != good.keys():
        return None
    return Entry(
        set=cast("SetName", good.get("from", "sample")),
        snapshot=cast("int | None", good.get("snapshot")),
        offset=cast("int | None", good.get("offset")),
        note=cast("str | None", good.get("note")),
        ignore=bool(good.get("ignore", False)),
    )


def _value(events: Events, name: str, value: Event) -> int | str | bool | None:
    """One key's value, or None after noting what is wrong with it."""
    match name:
        case "snapshot":
            return integer(events, value, "snapshot must be a whole number such as 0 or -1")
        case "offset":
            return _offset(events, value)
        case "from":
            return _set_name(events, value)
        case "note":
            return _note(events, value)
        case _:
            return _ignore(events, value)


def _offset(events: Events, value: Event) -> int | None:
    expected = "offset must be a whole number of seconds such as 0 or 15"
    offset = integer(events, value, expected)
    if offset is not None and offset < 0:
        events.problem(value, f"{expected}, not {offset}; it counts from the start of the video")
        return None
    return offset


def _set_name(events: Events, value: Event) -> str | None:
    expected = "from must be sample, dots or quantity"
    if not events.scalar(value, expected):
        return None
    if value.value in SET_NAMES:
        return str(value.value)
    events.problem(value, f"{expected}, not {quoted(value.value)}")
    return None


def _note(events: Events, value: Event) -> str | None:
    """Any scalar is text, but an empty value is more likely an unfinished line than an empty note."""
    expected = "note must be text"
    if not events.scalar(value, expected):
        return None
    if is_null(value.value, plain=not value.style):
        events.problem(value, f"{expected}, not nothing; write the text or remove the key")
        return None
    return str(value.value)


def _ignore(events: Events, value: Event) -> bool | None:
    expected = "ignore must be true or false"
    if not events.scalar(value, expected):
        return None
    if not value.style and value.value in _TRUE + _FALSE:
        return value.value in _TRUE
    hint = "; write it without quotes" if value.style and value.value in _TRUE + _FALSE else ""
    events.problem(value, f"{expected}, not {scalar(value.value, plain=not value.style)}{hint}")
    return None
