"""Writes lock files, and says where git would not merge them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from reconciler.desired import lock_file
from reconciler.desired.lock_file import LockFile
from reconciler.desired.lock_plan import LockPlan
from reconciler.errors import UsageError
from reconciler.util import atomic_files
from reconciler.util.git import git
from reconciler.util.sanitize import clean

_NO_UNION = (
    "Git may report conflicts in {file} when branches are merged. To avoid that, add this line to .gitattributes:\n"
    "  covers.lock merge=union\n"
)


def check_writable(plan: LockPlan) -> None:
    """Checked before anything is read for them.

    Raises:
        UsageError: a lock file that may change cannot be written.
    """
    files = {task.file.path: task.file for task in plan.tasks} | {file.path: file for _, file, _ in plan.texts()}
    for file in files.values():
        check_file(file)


def check_unchanged(plan: LockPlan) -> None:
    """
    Raises:
        UsageError: a lock file that changes cannot be written, or was written by others meanwhile.
    """
    for folder, file, _ in plan.texts():
        check_file(file)
        if not lock_file.is_unchanged(file, folder):
            hint = "It was left as it is; run the command again."
            raise UsageError(f"{file.path} was written by another program meanwhile", hint=hint)


def write_locks(plan: LockPlan) -> list[str]:
    """Writes the lock files that change; checked first, so that none is written where another cannot be.

    Raises:
        UsageError: see `check_unchanged`.
    """
    check_unchanged(plan)
    changed = [(file, text) for _, file, text in plan.texts()]
    for file, text in changed:
        if file.text is None:
            atomic_files.create(file.path, text)
        else:
            atomic_files.replace(file.path, text.encode())
    return [file.path for file, _ in changed]


def check_file(file: LockFile) -> None:
    """
    Raises:
        UsageError: a lock file cannot be written.
    """
    if file.text is None:
        atomic_files.check_writable(file.path)
    else:
        atomic_files.check_replaceable(file.path)


def merge_notes(written: Iterable[str]) -> tuple[str, ...]:
    """What to do where git would report conflicts in a lock file."""
    for path in written:
        folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100 -- links are kept
        answer = git("-C", folder, "check-attr", "merge", "--", name)
        if answer is not None and not answer.rstrip().endswith(": union"):
            return (_NO_UNION.format(file=clean(path)),)
    return ()
