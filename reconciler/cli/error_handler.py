"""Runs the command line. Every error becomes one sentence (with --json, one document) and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import terminal
from reconciler.cli.output import deliver
from reconciler.cli.terminal import Console
from reconciler.errors import (
    ApiError,
    DesiredError,
    InterruptedRunError,
    Problem,
    ReconcileError,
    UsageError,
    sentences,
)
from reconciler.util import signals
from reconciler.util.sanitize import clean, json_text, redacted

if TYPE_CHECKING:
    from reconciler.commands.result import Report
    from reconciler.commands.verb import Invocation

ERROR = 1
INTERRUPTED = 130


class InternalError(ReconcileError):
    """An error that we did not foresee."""

    type = "internal"


def run_command_line(group: click.Group, arguments: Sequence[str]) -> int:
    """Parses the arguments and runs the verb that they name; returns the exit code."""
    terminal.prepare()
    try:
        invocation = group.main(args=list(arguments), prog_name="reconcile", standalone_mode=False)
        signals.check()
        if not isinstance(invocation, int):
            return _run(invocation)
    except click.exceptions.NoArgsIsHelpError as error:
        terminal.write_stderr(f"{error.format_message()}\n")
        return ERROR
    except click.ClickException as error:
        return _usage_error(error, arguments)
    except (click.Abort, KeyboardInterrupt):
        return interrupted(arguments)
    except OSError as error:
        terminal.discard_stdout()
        if not isinstance(error, BrokenPipeError):
            terminal.write_stderr(error_text(f"The output cannot be written: {error.strerror or error}", ""))
        return ERROR
    return invocation


def interrupted(arguments: Sequence[str]) -> int:
    """Reports an interrupt that came before a verb ran; returns the exit code."""
    terminal.prepare()
    terminal.write_stderr("Interrupted\n")
    if _wants_json(arguments):
        _print_json(error_document("interrupted", "Interrupted"))
    return INTERRUPTED


def _usage_error(error: click.ClickException, arguments: Sequence[str]) -> int:
    context = getattr(error, "ctx", None)
    hint = f"See `{context.command_path} --help`." if context else ""
    message = " ".join(error.format_message().split())
    terminal.write_stderr(error_text(message, hint))
    if _wants_json(arguments):
        _print_json(error_document("usage", message))
    return ERROR


def _wants_json(arguments: Sequence[str]) -> bool:
    """For errors that come before the options are known."""
    return not {"--json", "--format=json"}.isdisjoint(arguments) or ("--format", "json") in pairwise(arguments)


def _print_json(document: Mapping[str, Any]) -> None:
    terminal.write_stdout(json_text(document, ascii_only=True) + "\n")


def _run(invocation: Invocation) -> int:
    """Runs a verb, writes its report and returns its exit code."""
    console = Console(invocation.output)
    try:
        if invocation.output.debug:
            _log_to(console)
        report = _report(invocation, console)
        if report is None:
            return 0
        failed = list(deliver(report, invocation.output, console))
        for problem in failed:
            console.note(error_text(problem.message, problem.hint))
        return ERROR if failed and report.exit_code != INTERRUPTED else report.exit_code
    except BrokenPipeError:
        terminal.discard_stdout()
        return ERROR
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 tracebacks only with --debug
        return _fail(_known(error), invocation, console)


def _report(invocation: Invocation, console: Console) -> Report | None:
    if invocation.output.output is not None:
        from reconciler.util.atomic_files import check_writable

        check_writable(invocation.output.output)
    with signals.raising():
        result = invocation.start(console)
    return signals.run(result) if isinstance(result, Coroutine) else result


def _known(error: BaseException) -> ReconcileError:
    if isinstance(error, ReconcileError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError("Interrupted")
    hint = "Run again with --debug, and report the bug with that output."
    return InternalError(f"Internal error: {type(error).__name__}: {error}", hint=hint)


def _fail(error: ReconcileError, invocation: Invocation, console: Console) -> int:
    """Reports the error; returns the exit code."""
    if invocation.output.debug:
        console.note(traceback.format_exc())
    problems = error.problems if isinstance(error, DesiredError) else ()
    hint = error.hint
    if isinstance(error, ApiError) and error.request_id:
        hint = f"{hint} (request {error.request_id})".strip()
    console.note(error_text(error.message, hint, problems))
    if invocation.output.form == "json":
        message = sentences(error.message, hint) if hint else error.message
        document = redacted(error_document(error.type, message, problems), console.redact)
        terminal.write_stdout(json_text(document, ascii_only=not terminal.stdout_is_utf8()) + "\n")
        _replace_output(document, invocation)
    return INTERRUPTED if isinstance(error, InterruptedRunError) else ERROR


def _replace_output(document: Mapping[str, Any], invocation: Invocation) -> None:
    """Replaces the report of an earlier run, which would otherwise look like this run's."""
    from reconciler.util.atomic_files import write

    if invocation.output.output is not None and invocation.replaces_output:
        with suppress(UsageError):
            write(invocation.output.output, json_text(document) + "\n")


def error_text(message: str, hint: str, problems: Sequence[Problem] = ()) -> str:
    """An error for people: every problem with its place, then the sentence and what to do."""
    lines = []
    for problem in problems:
        place = f"{clean(problem.file)}:{problem.line}:{problem.column}" if problem.line else clean(problem.file)
        lines.append(f"{place}: {clean(problem.message)}\n")
    lines.append(f"Error: {clean(message)}\n")
    if hint:
        lines.append(f"  {clean(hint)}\n")
    return "".join(lines)


def error_document(kind: str, message: str, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """An error for programs. A problem with a file as a whole gets the place of its beginning."""
    error: dict[str, Any] = {"type": kind, "message": message}
    if problems:
        error["problems"] = [
            {"file": p.file, "line": p.line or 1, "column": p.column or 1, "message": p.message} for p in problems
        ]
    return {"format_version": "1.0", "kind": "error", "error": error}


def _log_to(console: Console) -> None:
    """Logs every request to stderr, without secrets and control characters."""
    import logging

    class InertFormatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return "\n".join(clean(line) for line in console.redact(super().format(record)).split("\n"))

    handler = logging.StreamHandler()
    handler.setFormatter(InertFormatter("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("reconciler").setLevel(logging.DEBUG)
