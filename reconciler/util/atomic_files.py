"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import UsageError


def check_writable(path: str) -> None:
    """
    Raises:
        UsageError: this file cannot be written. Checked first, so that nothing is read for a report without a file.
    """
    folder = Path(path).resolve().parent
    if not path:
        raise UsageError("A file cannot be written: its name is empty")
    if _is_special(path):
        return
    if Path(path).is_dir():
        raise _unwritable(path, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(path, f"there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise _unwritable(path, f"no permission to write in {folder}")


def check_replaceable(path: str) -> None:
    """
    Raises:
        UsageError: this file cannot be replaced, or is read-only.
    """
    check_writable(path)
    if not Path(path).exists():
        raise _unwritable(path, "there is no such file")
    if not os.access(path, os.W_OK):
        raise _unwritable(path, "it is read-only")


def write(path: str, text: str, *, private: bool = False) -> None:
    """Writes to a temporary name beside the file and renames; a device or a pipe is written to directly.

    Args:
        private: only the owner may read it.

    Raises:
        UsageError: it cannot be written.
    """
    with _usage_errors(path):
        if _is_special(path):
            with Path(path).open("wb") as special:
                special.write(text.encode())
        else:
            _put(path, text.encode(), 0o600 if private else 0o666 & ~_umask())


def create(path: str, text: str) -> None:
    """Like `write`, but never replaces a file that is not empty.

    Raises:
        UsageError: it cannot be written, or is no longer empty and was left as it is.
    """
    if _is_special(path):
        write(path, text)
        return
    with _usage_errors(path):
        try:
            _put(path, text.encode(), 0o666 & ~_umask(), over=False)
        except FileExistsError as error:
            problem = f"{path} was written by another program meanwhile"
            raise UsageError(problem, hint="It was left as it is.") from error


def replace(path: str, data: bytes) -> None:
    """Replaces a file's bytes in one step and keeps its mode.

    Raises:
        UsageError: it cannot be written.
    """
    with _usage_errors(path):
        _put(path, data, stat.S_IMODE(Path(path).stat().st_mode))


def size(path: str) -> int:
    """The size of a file in bytes; 0 if there is no such file."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def append(path: str, text: str) -> None:
    """Appends lines to a file that other programs write to as well.

    Raises:
        UsageError: it cannot be written.
    """
    with _usage_errors(path), Path(path).open("a+b") as file:
        file.seek(max(0, file.tell() - 1))
        between = "" if file.read() in (b"", b"\n") else "\n"
        file.write((between + text).encode())


def _put(path: str, data: bytes, mode: int, *, over: bool = True) -> None:
    """
    Args:
        over: replace an existing file; otherwise raises FileExistsError if there is one that is not empty.
    """
    target = Path(path).resolve()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        if over or not _linked(temporary, target):
            Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _linked(temporary: str, target: Path) -> bool:
    """Gives the temporary file its name if no file has it. False if that is left to a rename: there is an empty file,
    or the file system has no links."""
    try:
        os.link(temporary, target)
    except OSError:
        if target.is_file() and target.stat().st_size:
            raise FileExistsError from None
        return False
    Path(temporary).unlink()
    return True


@contextmanager
def _usage_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: str, why: str) -> UsageError:
    return UsageError(f"{path} cannot be written: {why}")


def _is_special(path: str) -> bool:
    """A device or a pipe. Not resolved first, because /dev/stdout resolves to a path that does not exist."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
