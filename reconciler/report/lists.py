"""Lists and blocks that several reports have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from reconciler.documents.imported import FailedDoc
from reconciler.model import NotDone
from reconciler.report.terminal import TerminalStyle, wrapped
from reconciler.util.sanitize import clean

T = TypeVar("T")
MOST_LISTED = 20
DETAIL = " " * 6


def grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """The items by key, in order of first mention."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def listed(items: Sequence[T], lines: Callable[[T], Iterable[str]], indent: str, what: str = "") -> Iterator[str]:
    """The lines of the first 20 items, then how many more there are."""
    for item in items[:MOST_LISTED]:
        yield from lines(item)
    if len(items) > MOST_LISTED:
        yield f"{indent}and {len(items) - MOST_LISTED:,} more{what} (--json lists all)"


def problem(style: TerminalStyle, sign: str, item: NotDone | FailedDoc) -> Iterator[str]:
    """Which asset, why, and the place in a file, if it has one."""
    yield f"  {style.fg(sign, 'red')} {style.asset(item.asset_id, item.title)} {item.reason}"
    yield from wrapped(DETAIL, clean(item.message))
    if isinstance(item, NotDone):
        yield DETAIL + style.place(item.source)
