"""The file that import writes, and what lies beside it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from reconciler.config import Settings
from reconciler.desired import lock_files
from reconciler.desired.edit import with_entries
from reconciler.desired.files import find, unchanged
from reconciler.desired.load import load
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.problems import Problems
from reconciler.errors import UsageError
from reconciler.model import DesiredState
from reconciler.util import atomic_files

_DEFAULT = Path("desired")


def existing_beside(file: str, paths: tuple[str, ...], *, update: bool) -> DesiredState:
    """The desired files before the import: the one to add to, and those beside it.

    Args:
        paths: files whose assets are left out; empty: the default folder, if `file` is in it.
        update: add to `file`.

    Raises:
        DesiredError: the files are invalid, or the one to add to has no place for entries.
        UsageError: the file cannot be written.
    """
    if update:
        atomic_files.check_replaceable(file)
    else:
        _check_new(file)
    problems = Problems()
    found = list(find(paths, problems))
    problems.raise_any()
    if not paths and Path(file).resolve().is_relative_to(_DEFAULT.resolve()):
        # The folder may contain nothing else: then its problems don't matter.
        found += find((str(_DEFAULT),), Problems())
    beside = [path for path in found if not _is_same(path, file)]
    state = load([file, *beside] if update else beside)
    if update:
        with_entries(unchanged(file, state.digests[file]), (), file=file)
    return state


def _check_new(file: str) -> None:
    """
    Raises:
        UsageError: the file is not empty.
    """
    atomic_files.check_writable(file)
    path = Path(file)
    if path.is_file() and path.stat().st_size:
        hint = f"Add what is missing with --update {quote(file)}, or name another file."
        raise UsageError(f"{file} already exists", hint=hint)


def lock_file_beside(file: str) -> LockFiles:
    """The lock file beside the file to be written.

    Raises:
        DesiredError: it is invalid.
        UsageError: it cannot be written.
    """
    problems = Problems()
    found = lock_files.read([file], problems)
    found.check_repeated(problems)
    problems.raise_any()
    atomic_files.check_writable(found.beside(file).path)
    return found


def _is_same(one: str, other: str) -> bool:
    return Path(other).exists() and Path(one).exists() and Path(one).samefile(other)


def check_same_project(settings: Settings, existing: DesiredState) -> None:
    """
    Raises:
        UsageError: the desired files are for another project than the one that would be read.
    """
    pairs = (("region", existing.region, settings.region), ("project ID", existing.project_id, settings.project_id))
    for name, in_files, requested in pairs:
        if in_files is not None and in_files != requested and not settings.emulated:
            raise UsageError(
                f"The desired files are for {name} {in_files}, but {requested} was requested",
                hint="Covers of several projects need separate folders: name a file elsewhere.",
            )
