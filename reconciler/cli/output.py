"""A report, or an error, in the form that was asked for, and the files beside it, with the secrets taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from reconciler.errors import Problem, ReconcileError
from reconciler.util.sanitize import Redactor, clean, json_text, redacted

if TYPE_CHECKING:
    from reconciler.commands.result import Report

Form = Literal["text", "json", "markdown", "html"]
_MOST_PROBLEMS = 1000


def rendered(report: Report, form: Form, redact: Redactor, *, ascii_only: bool = False) -> str:
    """The report; `ascii_only` is for JSON that goes where other characters can't be written.

    Pages are made of documents without secrets: taking them out of finished markup would break it.
    """
    if form == "json":
        return json_text(redacted(report.document(), redact), ascii_only=ascii_only) + "\n"
    return redact(report.text()) if form == "text" else report.pages[form]()


def write_beside(report: Report, note: Callable[[str], None]) -> Iterator[ReconcileError]:
    """Writes the files beside the report, each whatever became of the others; gives what went wrong."""
    from reconciler.util import atomic_files as files

    for page in report.files:
        try:
            text = page.text()
            if page.append:
                files.append(page.file, text)
            else:
                files.write(page.file, text)
        except ReconcileError as error:
            if page.append:
                note(f"Warning: {clean(error.told)}\n")
            else:
                yield error


def error_text(message: str, hint: str, problems: Sequence[Problem] = ()) -> str:
    """An error as a terminal shows it: every problem with its place first, then the sentence and what to do."""
    lines = []
    for problem in problems[:_MOST_PROBLEMS]:
        place = f"{clean(problem.file)}:{problem.line}:{problem.column}" if problem.line else clean(problem.file)
        lines.append(f"{place}: {clean(problem.message)}\n")
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"and {len(problems) - _MOST_PROBLEMS:,} more (--json lists all)\n")
    lines.append(f"Error: {clean(message)}\n")
    if hint:
        lines.append(f"  {clean(hint)}\n")
    return "".join(lines)


def error_document(kind: str, message: str) -> dict[str, Any]:
    return {"format_version": "1.0", "kind": "error", "error": {"type": kind, "message": message}}
