"""What a verb returns, and the terminal that it may use while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.util.rate import Rate

INTERRUPTED = 130


def exit_code(*, failed: object, drift: object = False) -> int:
    """The contract's exit code of a run that came to its end: a failure outranks drift."""
    if failed:
        return 1
    return 2 if drift else 0


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file to write beside the report.

    Attributes:
        append: append to it instead; the user did not name it, so a failure is only a warning.
    """

    file: str
    text: Callable[[], str] = field(repr=False)
    append: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb found and did. Only the formats that are used are rendered, since each may be large.

    Attributes:
        document: for --json.
        text: for people.
        notes: for stderr, after the report.
        fold: turns the text into what the log of a pipeline shows.
        annotations: what a pipeline takes out of its log: after the text, or on stderr where stdout holds no text.
        pages: the other formats, by name: "markdown", "html".
        files: to write beside the report.
    """

    # Not in the repr: asyncio makes one of a finished task's result, and that would spell out the whole document.
    document: Callable[[], Mapping[str, Any]] = field(repr=False)
    text: Callable[[], str] = field(repr=False)
    exit_code: int
    notes: tuple[str, ...] = ()
    fold: Callable[[str], str] = field(default=str, repr=False)
    annotations: Callable[[], str] = field(default=str, repr=False)
    pages: Mapping[str, Callable[[], str]] = field(default_factory=dict, repr=False)
    files: tuple[ReportFile, ...] = ()


class Terminal(Protocol):
    """What a verb may tell and ask the user while it runs."""

    colour: bool
    interactive: bool

    def redact(self, text: str, /) -> str:
        """Returns the text without secrets."""

    def say(self, text: str, *, redact: bool = True) -> None:
        """Writes to stdout, unless another format than text was requested.

        Args:
            redact: remove secrets.
        """

    def note(self, text: str) -> None:
        """Writes to stderr, without secrets."""

    def ask(self, question: str) -> str:
        """Returns the user's answer."""

    def progress(self, label: str, total: int, rate: Rate | None) -> AbstractContextManager[Callable[[], None]]:
        """Shows a bar on stderr, if that is a terminal; call the result once for each step.

        Args:
            rate: the quota that the steps are under, from which the remaining time is estimated.
        """
