"""Reads one entry below `covers:`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reconciler.desired.events import Event, Events, WrongValueError
from reconciler.desired.messages import BOOLEANS, TRUE, is_null
from reconciler.model import SET_NAMES, SetName

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,5})")
_LONG_INTEGER = re.compile(r"-?[1-9][0-9]{6,}")
_UNQUOTE = "; write it without quotes"


class ParsedEntry(NamedTuple):
    """What an entry says, in the order of `Desired`'s fields after the asset ID and the place."""

    set: SetName = "sample"
    snapshot: int | None = None
    offset: int | None = None
    note: str | None = None
    ignore: bool = False


def read_entry(events: Events, key: Event) -> ParsedEntry | None:
    """Return the entry whose mapping has started, or None after adding at least one problem."""
    values: dict[str, Any] = {
        name: events.parsed(value, *_VALUES[name]) for name, _, value in events.pairs(_KEYS, "in this entry")
    }
    if "snapshot" in values and "offset" in values:
        events.problem(key, "this entry has both snapshot and offset; keep one of them")
        return None
    # If the value of `ignore` is wrong, it is not known whether the entry needs more.
    if not {"snapshot", "offset"} & values.keys() and values.get("ignore", False) is False:
        events.problem(key, "this entry needs snapshot, offset or ignore: true")
        return None
    if None in values.values():
        return None
    return ParsedEntry(set=values.pop("from", "sample"), **values)


def integer(scalar: Event) -> int:
    if INTEGER.fullmatch(scalar.value):
        if not scalar.style:
            return int(scalar.value)
        raise WrongValueError(_UNQUOTE if scalar.style in ("'", '"') else "")
    too_long = not scalar.style and _LONG_INTEGER.fullmatch(scalar.value)
    raise WrongValueError("; it may have at most six digits" if too_long else "")


def _offset(scalar: Event) -> int:
    offset = integer(scalar)
    if offset < 0:
        raise WrongValueError("; it counts from the start of the video")
    return offset


def _set_name(scalar: Event) -> str:
    if scalar.value not in SET_NAMES:
        raise WrongValueError
    return str(scalar.value)


def _note(scalar: Event) -> str:
    """Take any scalar as text, but no empty value: that is more likely an unfinished line than an empty note."""
    if is_null(scalar.value, plain=not scalar.style):
        raise WrongValueError("; write the text or remove the key")
    return str(scalar.value)


def _ignore(scalar: Event) -> bool:
    if scalar.value not in BOOLEANS or scalar.style:
        raise WrongValueError(_UNQUOTE if scalar.value in BOOLEANS else "")
    return scalar.value in TRUE


_VALUES: Mapping[str, tuple[str, Callable[[Event], object]]] = {
    "snapshot": ("snapshot must be a whole number like 0 or -1", integer),
    "offset": ("offset must be a whole number of seconds like 0 or 15", _offset),
    "from": ("from must be sample, dots or quantity", _set_name),
    "note": ("note must be text", _note),
    "ignore": ("ignore must be true or false", _ignore),
}
_KEYS = tuple(_VALUES)
