"""The one form in which all benchmarks report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

HEAD = "| what | reconcile | other | ratio |\n|---|---|---|---|"


class Row(NamedTuple):
    """`other` says what it is, and so does `ratio`."""

    what: str
    ours: str
    other: str = ""
    ratio: str = ""


def show(rows: Iterable[Row]) -> None:
    """Prints a Markdown table, each row as soon as it is there."""
    print(HEAD, flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
