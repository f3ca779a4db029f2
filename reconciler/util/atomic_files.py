"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.util.links import links_in

_STREAM = re.compile("/dev/(stdout|stderr|fd/([0-9]+))")


def check_writable(path: str) -> None:
    """
    Raises:
        UsageError: this file cannot be written. Checked first, so that nothing is read for a report without a file.
    """
    if not path:
        raise UsageError("A file cannot be written: its name is empty")
    with _usage_errors(path):
        if _is_special(path):
            return
        check_links(path)
        folder = Path(path).parent.absolute()
        if Path(path).is_dir():
            raise _unwritable(path, "it is a folder")
        if not folder.is_dir():
            raise _unwritable(path, f"there is no folder {folder}")
        if not os.access(folder, os.W_OK):
            raise _unwritable(path, f"no permission to write in {folder}")


def check_links(path: str) -> None:
    """Links in a git checkout must not decide which file is written: everyone who may push can place them.

    Raises:
        UsageError: the path is a link, or goes through a folder of a git checkout that is one.
    """
    for link in links_in(path):
        if link.last:
            raise _unwritable(path, "it is a link; name the file that it leads to")
        if link.work_tree is not None:
            raise _unwritable(path, f"{link.path} is a link in a git checkout")


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
            with os.fdopen(_open(path, os.O_WRONLY), "wb") as file:
                file.write(text.encode())
        else:
            _put(path, text.encode(), 0o600 if private else 0o666 & ~_umask())


def remove(path: str) -> None:
    """Removes what an earlier run wrote, if that is possible: a plain file, not a link, a device or a pipe."""
    with suppress(OSError, UsageError):
        check_links(path)
        if stat.S_ISREG(Path(path).lstat().st_mode):
            Path(path).unlink()


def create(path: str, text: str) -> None:
    """Like `write`, but never replaces a file that is not empty.

    Raises:
        UsageError: it cannot be written, or is no longer empty and was left as it is.
    """
    with _usage_errors(path):
        if _is_special(path):
            write(path, text)
            return
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
        _put(path, data, stat.S_IMODE(Path(path).lstat().st_mode))


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
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    with _usage_errors(path), os.fdopen(_open(path, flags), "a+b") as file:
        file.seek(max(0, file.tell() - 1))
        between = "" if file.read() in (b"", b"\n") else "\n"
        file.write((between + text).encode())


def _put(path: str, data: bytes, mode: int, *, over: bool = True) -> None:
    """
    Args:
        over: replace an existing file; otherwise raises FileExistsError if there is one that is not empty.
    """
    check_links(path)
    target = Path(path)
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


def _stream(path: str) -> int | None:
    """The descriptor that /dev/stdout, /dev/stderr or /dev/fd/N stands for."""
    match = _STREAM.fullmatch(path)
    return {"stdout": 1, "stderr": 2}.get(match[1]) or int(match[2]) if match else None


def _is_special(path: str) -> bool:
    """A stream of this process, a device or a pipe.

    Raises:
        OSError: the stream is closed.
    """
    stream = _stream(path)
    if stream is not None:
        os.fstat(stream)
        return True
    try:
        mode = Path(path).lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _open(path: str, flags: int) -> int:
    """Opens a stream of this process, or a file that no link names."""
    stream = _stream(path)
    if stream is not None:
        return os.dup(stream)
    check_links(path)
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
