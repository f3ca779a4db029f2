"""The error boundary: the only writer to stdout, where errors become one sentence and an exit code."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import streams
from reconciler.cli.output import error_document, error_text, rendered, write_beside
from reconciler.errors import (
    ApiError,
    DesiredError,
    InterruptedRunError,
    ReconcileError,
    UsageError,
    sentences,
)
from reconciler.util.sanitize import Redactor, clean, json_text, redacted

if TYPE_CHECKING:
    from reconciler.cli.output import Form
    from reconciler.commands.result import Report
    from reconciler.model import Rate

_SECRETS = (
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HW_SECRET_KEY",
    "HW_SECURITY_TOKEN",
    "HW_AUTH_TOKEN",
    "HW_USER_PASSWORD",
    "RECONCILE_QUOTA_STORE",
)
INTERRUPTED = 130


class Boundary:
    """One run of one verb: its terminal, and where its report goes."""

    def __init__(
        self,
        *,
        form: Form = "text",
        output: str | None = None,
        no_color: bool = False,
        debug: bool = False,
        secrets: Sequence[str] = _SECRETS,
        replaces: bool = True,
    ) -> None:
        """`secrets`: environment variables whose values never appear in any output. `replaces`: an error, too."""
        self._form = form
        self._as_json = form == "json"
        self._output, self._replaces = output, replaces
        self._debug = debug
        self._redactor = Redactor(os.environ.get(name) for name in secrets)
        plain = no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self.colour = sys.stdout.isatty() and output is None and not plain
        self.interactive = sys.stdin is not None and sys.stdin.isatty() and form == "text"

    def redact(self, text: str) -> str:
        return self._redactor(text)

    def say(self, text: str) -> None:
        if self._form != "text":
            return
        try:
            streams.write(sys.stdout, self._redactor(text))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def note(self, text: str) -> None:
        try:
            streams.write(sys.stderr, self._redactor(text))
        except OSError:  # whoever read stderr may be gone; that must not stop a run
            streams.silence(sys.stderr)

    def ask(self, question: str) -> str:
        redirected = sys.stderr.isatty() and not sys.stdout.isatty()
        streams.write(sys.stderr if redirected else sys.stdout, question)
        # asyncio's own handlers would only take note of a signal, and go on waiting for a line.
        numbers = (signal.SIGINT, signal.SIGTERM)
        handlers = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
        try:
            return sys.stdin.readline()
        except KeyboardInterrupt:
            self.note("\n")  # the cursor stands behind the question
            raise InterruptedRunError("Interrupted: nothing was changed") from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    @contextmanager
    def progress(self, what: str, total: int, rate: Rate | None) -> Iterator[Callable[[], None]]:
        if not sys.stderr.isatty() or total < 2:
            yield lambda: None
            return
        from reconciler.cli.progress import bar

        with bar(what, total, rate) as advance:
            yield advance

    def run(self, verb: Callable[[], Awaitable[Report] | Report | None]) -> None:
        """Runs a verb, prints its report and leaves with its exit code."""
        try:
            code = self._attempt(verb)
        except click.ClickException:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 no traceback unless it was asked for
            code = self._failed(error)
        sys.exit(code)

    def _attempt(self, verb: Callable[[], Awaitable[Report] | Report | None]) -> int:
        if self._debug:
            self._log()
        report = self._result(verb)
        if report is None:
            return 0
        problems = [*self._deliver(report), *write_beside(report, self.note)]
        if self._form != "text" or self._output is not None:
            self.note(report.aside())
        for note in report.notes:
            self.note(note)
        for error in problems:
            self.note(error_text(error.message, error.hint))
        return report.exit_code if not problems or report.exit_code == INTERRUPTED else 1

    def _failed(self, error: BaseException) -> int:
        """Says what went wrong; gives the exit code."""
        if isinstance(error, KeyboardInterrupt):
            error = InterruptedRunError("Interrupted")
        if isinstance(error, BrokenPipeError):
            streams.silence(sys.stdout)
            return 1
        if not isinstance(error, ReconcileError):
            hint = "Run again with --debug, and report it with what that prints."
            error = _InternalError(f"Internal error: {type(error).__name__}: {error}", hint=hint)
        self._fail(error)
        return INTERRUPTED if isinstance(error, InterruptedRunError) else 1

    def _result(self, verb: Callable[[], Awaitable[Report] | Report | None]) -> Report | None:
        if self._output is not None:
            from reconciler.util.atomic_files import check_writable

            check_writable(self._output)
        result = verb()
        if not inspect.isawaitable(result):
            return result
        import asyncio  # not for --version and --help

        return asyncio.run(_finished(result))

    def _deliver(self, report: Report) -> list[ReconcileError]:
        """What went wrong with it. What was done is done: from here on nothing replaces the report."""
        ascii_only = self._output is None and not streams.speaks_utf8(sys.stdout)
        text = rendered(report, self._form, self._redactor, ascii_only=ascii_only)
        try:
            if self._output is None:
                folded = report.fold(text) + report.aside() if self._form == "text" else text
                streams.write(sys.stdout, folded)
            else:
                self._write_output(self._output, text)
        except BrokenPipeError:
            streams.silence(sys.stdout)
            return [UsageError("The report was not read to its end")]
        except OSError as error:
            return [_unwritable(error)]
        except UsageError as error:
            return [error]
        return []

    def _write_output(self, file: str, text: str) -> None:
        from reconciler.util.atomic_files import write

        try:
            write(file, text)
        except UsageError:
            # What was done must not go unreported because a file can't be written.
            streams.write(sys.stdout, text)
            raise

    def _print_json(self, document: Mapping[str, Any]) -> None:
        text = json_text(redacted(document, self._redactor), ascii_only=not streams.speaks_utf8(sys.stdout))
        streams.write(sys.stdout, text + "\n")

    def _fail(self, error: ReconcileError) -> None:
        if self._debug:
            self.note(traceback.format_exc())
        problems = error.problems if isinstance(error, DesiredError) else ()
        hint = error.hint
        if isinstance(error, ApiError) and error.request_id:
            hint = f"{hint} (request {error.request_id})".strip()
        self.note(error_text(error.message, hint, problems))
        if self._as_json:
            document = error_document(error.type, sentences(error.message, hint) if hint else error.message)
            if problems:
                document["error"]["problems"] = [
                    # What is wrong with a file as a whole is shown at its beginning.
                    {"file": p.file, "line": p.line or 1, "column": p.column or 1, "message": p.message}
                    for p in problems
                ]
            self._print_json(document)
            self._replace_output(document)

    def _replace_output(self, document: Mapping[str, Any]) -> None:
        """An older report must not stand there as if it were this run's."""
        from reconciler.util.atomic_files import write

        if self._output is not None and self._replaces:
            with suppress(UsageError):
                write(self._output, json_text(redacted(document, self._redactor)) + "\n")

    def _log(self) -> None:
        import logging

        redact = self._redactor

        class Inert(logging.Formatter):
            def format(self, record: logging.LogRecord) -> str:
                return "\n".join(clean(line) for line in redact(super().format(record)).split("\n"))

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Inert("%(asctime)s %(name)s: %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        logging.getLogger("reconciler").setLevel(logging.DEBUG)


class _InternalError(ReconcileError):
    type = "internal"


def _unwritable(error: OSError) -> UsageError:
    streams.silence(sys.stdout)
    return UsageError(f"The report can't be written: {error.strerror or error}")


def run_command_line(group: click.Group, arguments: Sequence[str]) -> int:
    """Runs the group; usage errors exit with 1, as all errors do, and as JSON where JSON was asked for."""
    streams.prepare()
    try:
        code = group.main(args=list(arguments), prog_name="reconcile", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        streams.write(sys.stderr, f"{error.format_message()}\n")
        return 1
    except click.ClickException as error:
        return _usage(error, arguments)
    except (click.Abort, KeyboardInterrupt):
        return interrupted(arguments)
    except OSError as error:
        streams.silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            streams.write(sys.stderr, error_text(f"The output can't be written: {error.strerror or error}", ""))
        return 1
    return code if isinstance(code, int) else 0


def interrupted(arguments: Sequence[str]) -> int:
    """For an interrupt that came before a verb ran: says so; gives the exit code."""
    streams.prepare()
    streams.write(sys.stderr, "Interrupted\n")
    if _wants_json(arguments):
        streams.write(sys.stdout, json_text(error_document("interrupted", "Interrupted"), ascii_only=True) + "\n")
    return INTERRUPTED


def _usage(error: click.ClickException, arguments: Sequence[str]) -> int:
    context = getattr(error, "ctx", None)
    hint = f"See `{context.command_path} --help`." if context else ""
    message = " ".join(error.format_message().split())
    streams.write(sys.stderr, error_text(message, hint))
    if _wants_json(arguments):
        streams.write(sys.stdout, json_text(error_document("usage", message), ascii_only=True) + "\n")
    return 1


def _wants_json(arguments: Sequence[str]) -> bool:
    """For errors that come before the options are known."""
    return not {"--json", "--format=json"}.isdisjoint(arguments) or ("--format", "json") in pairwise(arguments)


async def _finished(result: Awaitable[Report]) -> Report:
    """Waits for a verb; a SIGTERM ends it as a Ctrl-C does."""
    import asyncio

    task = asyncio.ensure_future(result)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
