"""Writes what a verb returned: the report in the requested format, and the files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reconciler.cli import terminal
from reconciler.errors import ReconcileError, UsageError
from reconciler.util.sanitize import clean, json_text, redacted

if TYPE_CHECKING:
    from reconciler.cli.terminal import Console
    from reconciler.commands.context import OutputOptions
    from reconciler.commands.result import Report


def deliver(report: Report, options: OutputOptions, console: Console) -> Iterator[ReconcileError]:
    """Writes the report, its files and its notes; yields what could not be written.

    The work is done by now: no error replaces the report, and none keeps the rest from being written.
    """
    yield from _write_report(report, options, console)
    yield from _write_files(report, console)
    if options.form != "text" or options.output is not None:
        console.note(report.annotations())
    for note in report.notes:
        console.note(note)


def _write_report(report: Report, options: OutputOptions, console: Console) -> Iterator[ReconcileError]:
    text = _rendered(report, options, console)
    try:
        if options.output is not None:
            _write_output(options.output, text)
        elif options.form == "text":
            terminal.write_stdout(report.fold(text) + report.annotations())
        else:
            terminal.write_stdout(text)
    except BrokenPipeError:
        terminal.discard_stdout()
        yield UsageError("The reader of the report closed it before the end")
    except OSError as error:
        yield terminal.unwritable(error)
    except UsageError as error:
        yield error


def _rendered(report: Report, options: OutputOptions, console: Console) -> str:
    """The report in the requested format, without secrets.

    The pages are made from documents without secrets: taking secrets out of finished markup would break it.
    """
    if options.form == "json":
        ascii_only = options.output is None and not terminal.stdout_is_utf8()
        return json_text(redacted(report.document(), console.redact), ascii_only=ascii_only) + "\n"
    return console.redact(report.text()) if options.form == "text" else report.pages[options.form]()


def _write_output(file: str, text: str) -> None:
    from reconciler.util.atomic_files import write

    try:
        write(file, text)
    except UsageError:
        # What was done must be reported even if the file cannot be written.
        terminal.write_stdout(text)
        raise


def _write_files(report: Report, console: Console) -> Iterator[ReconcileError]:
    """Writes each file, also after another failed."""
    from reconciler.util import atomic_files

    for page in report.files:
        try:
            text = page.text()
            if page.append:
                atomic_files.append(page.file, text)
            else:
                atomic_files.write(page.file, text)
        except ReconcileError as error:
            if page.append:
                console.note(f"Warning: {clean(error.text)}\n")
            else:
                yield error
