"""How text is laid out for a terminal: widths in columns, lines within 80 of them, colours and hyperlinks.

Nothing is ever cut: what is too long is continued on the next line, or stays as long as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, urljoin

import click
from rich.cells import cell_len

from reconciler.util.sanitize import clean

COLUMNS = 80
_NOT_FIRST = frozenset("，。、；：？！）》】」』〉”’…,.;:?!)]}")
"""Closes what stands before it, so no line begins with it."""
_NOT_LAST = frozenset("（《【「『〈“‘([{")


def width(text: str) -> int:
    """How many columns a terminal gives it; Chinese characters take two."""
    return len(text) if text.isascii() else cell_len(text)


def pad(text: str, columns: int) -> str:
    """`text` with as many spaces behind it as fill the columns."""
    return text + " " * (columns - width(text))


def wrapped(head: str, text: str) -> Iterator[str]:
    """`head` and `text` in lines of 80 columns, all but the first indented as deep as `head` is wide.

    Lines break at spaces and between Chinese characters, never within anything that somebody would copy whole.
    """
    room = COLUMNS - width(head)
    if width(text) <= room:
        yield head + text
        return
    lead, line, used = head, "", 0
    for piece in _pieces(text):
        columns = width(piece)
        if line and used + columns - piece.endswith(" ") > room:
            yield (lead + line).rstrip(" ")
            lead, line, used = " " * width(head), "", 0
        line += piece
        used += columns
    yield (lead + line).rstrip(" ")


def _pieces(text: str) -> Iterator[str]:
    """What stays on one line, each with the space behind it."""
    for word in text.split(" "):
        if word.isascii():
            yield f"{word} "
            continue
        start, wide = 0, False
        for position, char in enumerate(word):
            was_wide, wide = wide, cell_len(char) == 2
            if position and (wide or was_wide) and char not in _NOT_FIRST and word[position - 1] not in _NOT_LAST:
                yield word[start:position]
                start = position
        yield f"{word[start:]} "


def place(file: str, line: int) -> str:
    """`path:line`, as editors and CI find it."""
    return clean(f"{file}:{line}")


class Ink:
    """Colours and hyperlinks, where the terminal takes them.

    Args:
        base: the URI of the folder that files' paths start from, such as "file:///srv/repo/"; "" for no links.
    """

    def __init__(self, *, colour: bool, base: str) -> None:
        self._colour = colour
        self._base = base

    def fg(self, text: str, colour: str) -> str:
        return click.style(text, fg=colour) if self._colour else text

    def bold(self, text: str) -> str:
        return click.style(text, bold=True) if self._colour else text

    def file(self, file: str) -> str:
        """The path of a file, as a heading."""
        return self._linked(file, self.bold(clean(file)))

    def place(self, file: str, line: int) -> str:
        shown = place(file, line)
        return self._linked(file, click.style(shown, dim=True) if self._colour else shown)

    def _linked(self, file: str, shown: str) -> str:
        return f"\x1b]8;;{_uri(self._base, file)}\x1b\\{shown}\x1b]8;;\x1b\\" if self._base else shown


@lru_cache(maxsize=64)
def _uri(base: str, file: str) -> str:
    # Two slashes at the beginning would make the next name a host.
    path = f"/{file.lstrip('/')}" if file.startswith("/") else file
    return urljoin(base, quote(path, errors="surrogateescape"))
