"""The unified diff of a file whose lines changed in place: none came, went or moved, so that nothing is searched for.

difflib would take minutes for many changes in a large file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_CONTEXT = 3


def unified(file: str, before: bytes, after: bytes) -> str:
    """The diff, "" where nothing differs; every line of it ends in a line feed.

    Args:
        before, after: UTF-8, with the same number of lines.
    """
    old, new = _lines(before), _lines(after)
    changed = [position for position, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    if not changed:
        return ""
    parts = [f"--- {file}\n", f"+++ {file}\n"]
    for first, last in _hunks(changed):
        start, end = max(first - _CONTEXT, 0), min(last + 1 + _CONTEXT, len(old))
        span = f"{start + 1},{end - start}" if end - start > 1 else f"{start + 1}"
        parts.append(f"@@ -{span} +{span} @@\n")
        parts += _body(old[start:end], new[start:end])
    return "".join(parts)


def _lines(data: bytes) -> list[str]:
    """With their ends: line feeds alone, as diff and git count lines."""
    lines = data.decode().split("\n")
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]


def _hunks(changed: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last change of each group whose contexts meet."""
    first = last = changed[0]
    for position in changed[1:]:
        if position - last - 1 > 2 * _CONTEXT:
            yield first, last
            first = position
        last = position
    yield first, last


def _body(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Runs of changed lines as removed ones, then added ones."""
    removed: list[str] = []
    added: list[str] = []
    for one, other in zip(old, new, strict=True):
        if one != other:
            removed.append(_line("-", one))
            added.append(_line("+", other))
            continue
        yield from (*removed, *added, _line(" ", one))
        removed, added = [], []
    yield from (*removed, *added)


def _line(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
