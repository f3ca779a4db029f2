"""What a verb is given to speak with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.model import Rate


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb hands back: the document for --json, the text for everybody else (only one of them is made, since
    both may be large), the exit code."""

    # Not in the repr: asyncio makes one of a finished task's result, and that would spell out the whole document.
    document: Callable[[], Mapping[str, Any]] = field(repr=False)
    text: Callable[[], str] = field(repr=False)
    exit_code: int
    notes: tuple[str, ...] = ()
    """Said on stderr after the report."""


class Terminal(Protocol):
    """Where a verb may speak while it runs."""

    colour: bool
    interactive: bool

    def say(self, text: str) -> None:
        """To stdout, unless JSON is to stand there alone."""

    def note(self, text: str) -> None:
        """To stderr."""

    def ask(self, question: str) -> str:
        """The user's answer, asked where the user looks."""

    def progress(self, what: str, total: int, rate: Rate | None) -> AbstractContextManager[Callable[[], None]]:
        """A bar on a terminal's stderr; what it gives is called once for each step, which `rate` allows."""
