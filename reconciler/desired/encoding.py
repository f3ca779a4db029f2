"""Finds the first byte of a file that is not allowed in YAML in UTF-8.

libyaml checks this too, but up to 16 KiB ahead of what it parses, so that earlier problems would not be reported.
Its error has a position in bytes, and no line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x84\x86-\x9f]|\xef\xbf[\xbe\xbf]")
# Bytes that no match can start with: deleting them all is much faster than searching.
_HARMLESS = bytes(set(range(256)) - {*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0xC2, 0xEF})
_LINE_END = re.compile("\r\n|[\n\r]")


class BadByte(NamedTuple):
    """Where the readable part ends (in bytes), and why."""

    position: int
    message: str


def first_bad(data: bytes) -> BadByte | None:
    """Return the first byte that is not allowed, or None."""
    if data.startswith(_UTF16_BOMS) or b"\0" in data[:2]:
        return BadByte(0, "not UTF-8 (this looks like UTF-16); save the file as UTF-8")
    broken = None
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            broken = BadByte(error.start, f"not UTF-8: unexpected byte 0x{data[error.start]:02x}")
    if data.translate(None, _HARMLESS):
        end = broken.position if broken else len(data)
        if match := _CONTROL.search(data, 0, end):
            code = ord(match.group().decode())
            return BadByte(match.start(), f"the control character U+{code:04X} is not allowed in YAML")
    return broken


def line_and_column(data: bytes, position: int) -> tuple[int, int]:
    """Return the place of a byte as libyaml counts: from 1, in characters, without the byte order mark."""
    text = data[:position].removeprefix(_BOM).decode(errors="replace")
    line, start = 1, 0
    for match in _LINE_END.finditer(text):
        line, start = line + 1, match.end()
    return line, len(text) - start + 1
