"""A document with some of its texts changed; the rest of it is shared, not copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

D = TypeVar("D", bound=BaseModel)
_FOREIGN = frozenset(
    {
        "code",
        "cover_url",
        "endpoint",
        "file",
        "message",
        "note",
        "request_id",
        "saved_cover",
        "thumbnail_status",
        "title",
        "url",
    }
)
"""Keys of what others wrote; everything else has a form of its own, in which no secret can stand."""


def redacted(document: D, redact: Callable[[str], str]) -> D:
    """The document without secrets in what others wrote: before any format escapes them beyond recognition."""
    return _changed(document, lambda key, text: redact(text) if key in _FOREIGN else text)


def relocated(document: D, locate: Callable[[str], str]) -> D:
    """The document with other paths to the desired files."""
    return _changed(document, lambda key, text: locate(text) if key == "file" else text)


def _changed(value: D, change: Callable[[str, str], str]) -> D:
    updates = {key: new for key, item in value if (new := _item(key, item, change)) is not item}
    return value.model_copy(update=updates) if updates else value


def _item(key: str, item: Any, change: Callable[[str, str], str]) -> Any:
    if isinstance(item, str):
        new = change(key, item)
        return item if new == item else new
    if isinstance(item, BaseModel):
        return _changed(item, change)
    if isinstance(item, tuple):
        found = tuple(_item(key, one, change) for one in item)
        return item if all(one is other for one, other in zip(item, found, strict=True)) else found
    return item
