"""stdout, stderr and the user: the only module that writes to them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from reconciler.errors import InterruptedRunError, UsageError
from reconciler.util import signals
from reconciler.util.sanitize import Redactor

if TYPE_CHECKING:
    from reconciler.commands.context import OutputOptions
    from reconciler.util.rate import Rate

_SECRETS = (
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HW_SECRET_KEY",
    "HW_SECURITY_TOKEN",
    "HW_AUTH_TOKEN",
    "HW_USER_PASSWORD",
    "HUAWEICLOUD_OIDC_ID_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "RECONCILE_QUOTA_STORE",
)
_SECRET_LISTS = ("RECONCILE_CDN_KEY",)
"""Environment variables whose values never appear in any output; in lists, the values between commas."""


class Console:
    """The terminal of one run. Implements `commands.result.Terminal`."""

    def __init__(self, options: OutputOptions) -> None:
        self._text = options.form == "text"
        secrets = [os.environ.get(name) for name in _SECRETS]
        secrets += [item for name in _SECRET_LISTS for item in os.environ.get(name, "").split(",")]
        self.redact = Redactor(secrets)
        plain = options.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self.colour = sys.stdout.isatty() and options.output is None and not plain
        self.interactive = sys.stdin is not None and sys.stdin.isatty() and self._text

    def say(self, text: str, *, redact: bool = True) -> None:
        if not self._text:
            return
        try:
            write_stdout(self.redact(text) if redact else text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(error) from error

    def note(self, text: str) -> None:
        try:
            write_stderr(self.redact(text))
        except OSError:  # the reader of stderr may be gone; that must not stop a run
            _discard(sys.stderr)

    def ask(self, question: str) -> str:
        redirected = sys.stderr.isatty() and not sys.stdout.isatty()
        try:
            with signals.raising():  # an event loop would not be told before the line is read
                _write(sys.stderr if redirected else sys.stdout, question)
                return sys.stdin.readline()
        except KeyboardInterrupt:
            self.note("\n")  # the cursor is still behind the question
            raise InterruptedRunError("Interrupted: nothing was changed") from None

    @contextmanager
    def progress(self, label: str, total: int, rate: Rate | None) -> Iterator[Callable[[], None]]:
        if not sys.stderr.isatty() or total < 2:
            yield lambda: None
            return
        from reconciler.cli.progress import bar

        with bar(label, total, rate) as advance:
            yield advance


def prepare() -> None:
    """Makes both streams usable in every environment.

    A closed stream is replaced by one that discards everything, before another file takes its number. Characters
    that the encoding lacks are written as escapes.
    """
    if sys.stdout is None:
        sys.stdout = _open_null()
    if sys.stderr is None:
        sys.stderr = _open_null()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def stdout_is_utf8() -> bool:
    """Whether stdout takes every character as it is."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"


def write_stdout(text: str) -> None:
    _write(sys.stdout, text)


def write_stderr(text: str) -> None:
    _write(sys.stderr, text)


def discard_stdout() -> None:
    """Discards whatever is written from now on, because the reader is gone.

    Otherwise Python would try to write the rest at exit, and change the exit code.
    """
    _discard(sys.stdout)


def unwritable(error: OSError) -> UsageError:
    """The error for a stdout that cannot be written, which is discarded from now on."""
    discard_stdout()
    return UsageError(f"The report cannot be written: {error.strerror or error}")


def _write(stream: Any, text: str) -> None:
    """Writes the whole text now."""
    stream.write(text)
    stream.flush()


def _discard(stream: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_null() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
