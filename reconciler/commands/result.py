"""What a verb is given to speak with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.model import Rate


@dataclass(frozen=True, slots=True)
class Page:
    """A file to be written beside the report; or one to be `append`ed to, which nobody asked for by name, so that
    nothing fails where it can't be."""

    file: str
    text: Callable[[], str] = field(repr=False)
    append: bool = False


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
    fold: Callable[[str], str] = field(default=str, repr=False)
    """The text as the log of a pipeline shows it."""
    aside: Callable[[], str] = field(default=str, repr=False)
    """What a pipeline takes out of its log: said behind the text, or on stderr where no text goes to stdout."""
    pages: Mapping[str, Callable[[], str]] = field(default_factory=dict, repr=False)
    """The other formats, by name: "markdown", "html"."""
    files: tuple[Page, ...] = ()


class Terminal(Protocol):
    """Where a verb may speak while it runs."""

    colour: bool
    interactive: bool

    def redact(self, text: str) -> str:
        """The text without the run's secrets."""

    def say(self, text: str) -> None:
        """To stdout, unless JSON is to stand there alone."""

    def note(self, text: str) -> None:
        """To stderr."""

    def ask(self, question: str) -> str:
        """The user's answer, asked where the user looks."""

    def progress(self, what: str, total: int, rate: Rate | None) -> AbstractContextManager[Callable[[], None]]:
        """A bar on a terminal's stderr; what it gives is called once for each step, which `rate` allows."""
