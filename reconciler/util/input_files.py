"""Reads files that others may have made: only regular ones, and no more than is allowed."""

from __future__ import annotations

import os
import stat

_BOM = b"\xef\xbb\xbf"
# A FIFO must be refused, not waited for; Windows has neither the flag nor FIFOs in folders.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class UnreadableError(Exception):
    """A file that cannot be read. The text says why and does not name the file."""


class TooLargeError(UnreadableError):
    pass


def read_bounded(file: str, most: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        TooLargeError: there are more than `most`.
        UnreadableError: it is not a regular file.
        OSError, ValueError: it cannot be opened or read.
    """
    descriptor = os.open(file, _OPEN_FLAGS)
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError("this is not a regular file")
        data = handle.read(most + 1)
    if len(data) > most:
        raise TooLargeError(f"larger than {most // 2**20} MiB")
    return data


def read_json(file: str, most: int) -> bytes:
    """Like `read_bounded`, without the byte order mark that some editors put before JSON.

    Raises:
        UnreadableError: it cannot be read; the text says why.
    """
    try:
        return read_bounded(file, most).removeprefix(_BOM)
    except (OSError, ValueError) as error:
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from error
