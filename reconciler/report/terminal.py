"""How text is laid out for a terminal: widths in columns, lines within 80 of them, colours and hyperlinks.

Messages are never cut: what is too long continues on the next line, or stays as long as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, urljoin

import click

from reconciler.model import Source
from reconciler.report import phrases
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean

COLUMNS = 80
_NOT_FIRST = frozenset("，。、；：？！）》】」』〉”’…,.;:?!)]}")
"""They close what is before them, so no line begins with them."""
_NOT_LAST = frozenset("（《【「『〈“‘([{")


def width(text: str) -> int:
    """How many columns a terminal gives it; Chinese characters take two."""
    if text.isascii():
        return len(text)
    import wcwidth  # its tables take a while to import

    return wcwidth.width(text)


def pad(text: str, columns: int) -> str:
    """`text`, filled up to the columns with spaces."""
    return text + " " * (columns - width(text))


def fitted(text: str, columns: int) -> str:
    """`text`, cleaned, and cut to the columns with an ellipsis."""
    text = clean(text[: columns * 2])
    if width(text) <= columns:
        return text
    import wcwidth

    return wcwidth.clip(text, 0, columns - 1).rstrip(" ") + "…"


def wrapped(head: str, text: str) -> Iterator[str]:
    """`head` and `text` in lines of 80 columns, all but the first indented as deep as `head` is wide.

    Lines break at spaces and between Chinese characters, never within a word, a path or a URL (wcwidth's own
    wrapping breaks both, or neither).
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
        start, wide = 0, False
        for position, char in enumerate(word if not word.isascii() else ""):
            was_wide, wide = wide, width(char) == 2
            if position and (wide or was_wide) and char not in _NOT_FIRST and word[position - 1] not in _NOT_LAST:
                yield word[start:position]
                start = position
        yield f"{word[start:]} "


class TerminalStyle:
    """Colours and hyperlinks, where the terminal takes them."""

    def __init__(self, options: RenderOptions) -> None:
        self._colour = options.colour
        self._base = options.links

    def fg(self, text: str, colour: str) -> str:
        return click.style(text, fg=colour) if self._colour else text

    def bold(self, text: str) -> str:
        return click.style(text, bold=True) if self._colour else text

    def asset(self, asset_id: str, title: str | None) -> str:
        return f'{self.bold(clean(asset_id))} "{clean(title)}"' if title else self.bold(clean(asset_id))

    def file(self, file: str) -> str:
        """The path of a file, as a heading."""
        return self._linked(file, self.bold(clean(file)))

    def place(self, source: Source) -> str:
        text = phrases.place(source)
        return self._linked(source.file, click.style(text, dim=True) if self._colour else text)

    def _linked(self, file: str, text: str) -> str:
        return f"\x1b]8;;{_uri(self._base, file)}\x1b\\{text}\x1b]8;;\x1b\\" if self._base else text


@lru_cache(maxsize=64)
def _uri(base: str, file: str) -> str:
    # With two slashes at the beginning, the next name would be a host.
    path = f"/{file.lstrip('/')}" if file.startswith("/") else file
    return urljoin(base, quote(path, errors="surrogateescape"))
