"""Writes new entries, and whole new files of them, with titles and reasons as comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import SetName
from reconciler.util.sanitize import hide, shorten

_LONGEST_COMMENT = 200
_STEP = "  "
# Characters that sanitizing keeps and YAML does not allow.
_NOT_YAML = re.compile("[\ufffe\uffff]")
# Other YAML readers take 32 digits for a number, also with an e or a leading 0b.
_LIKE_A_NUMBER = re.compile("[0-9]+[be]?[0-9]*")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to write: the wanted snapshot, or `ignore: true` if there is no index. The texts become comments:
    `title` after the key, `reason` after `ignore: true`."""

    asset_id: str
    """32 lower-case hex digits."""
    index: int | None
    set: SetName = "sample"
    title: str = ""
    reason: str = ""
    offset: int | None = None
    """Seconds: instead of the index."""

    @property
    def number(self) -> tuple[str, int] | None:
        """The key of the wanted snapshot, and its number."""
        if self.offset is not None:
            return "offset", self.offset
        return ("snapshot", self.index) if self.index is not None else None


def fresh_file(
    entries: Sequence[NewEntry], region: str | None, project_id: str | None, header: Sequence[str] = ()
) -> str:
    """Return the text of a new desired file, in block style.

    Args:
        header: comment lines for the top, without the `#`.
    """
    lines = [f"# {_inert(line)}".rstrip() for line in header]
    lines.append("version: 1")
    if region is not None:
        lines.append(f"region: {region}")
    if project_id is not None:
        quote = '"' if _LIKE_A_NUMBER.fullmatch(project_id) else ""
        lines.append(f"project_id: {quote}{project_id}{quote}")
    lines += block_covers(entries) if entries else ["covers: {}"]
    return "\n".join(lines) + "\n"


def block_covers(entries: Sequence[NewEntry]) -> list[str]:
    """Return the lines of `covers` in block style."""
    return ["covers:", *(_STEP + line for line in block_lines(entries))]


def block_lines(entries: Sequence[NewEntry]) -> list[str]:
    """Return the lines of the entries in block style, not indented."""
    lines: list[str] = []
    for entry in entries:
        title, reason = _comment(entry.title), _comment(entry.reason)
        if entry.number is None:
            lines += [f"{entry.asset_id}:{title}", f"{_STEP}ignore: true{reason}"]
            continue
        key, number = entry.number
        if entry.set == "sample" and key == "snapshot":
            lines.append(f"{entry.asset_id}: {number}{title}")
        else:
            lines += [f"{entry.asset_id}:{title}", f"{_STEP}{key}: {number}", f"{_STEP}from: {entry.set}"]
    return lines


def flow_lines(entries: Sequence[NewEntry]) -> list[str]:
    """Return the lines of the entries in flow style, one line each, separated by commas."""
    lines: list[str] = []
    for left, entry in enumerate(entries, 1 - len(entries)):
        comma = "," if left else ""
        texts = (entry.title, entry.reason if entry.number is None else "")
        comment = _comment("; ".join(filter(None, texts)))
        lines.append(f"{entry.asset_id}: {_flow_value(entry)}{comma}{comment}")
    return lines


def _flow_value(entry: NewEntry) -> str:
    if entry.number is None:
        return "{ignore: true}"
    key, number = entry.number
    if entry.set == "sample" and key == "snapshot":
        return str(number)
    return f"{{{key}: {number}, from: {entry.set}}}"


def _comment(text: str) -> str:
    text = _inert(text)
    return f"  # {text}" if text else ""


def _inert(text: str) -> str:
    """Return one line that YAML allows in a comment, that is harmless when printed, and that holds no signature."""
    return shorten(_NOT_YAML.sub("\ufffd", hide(text)), _LONGEST_COMMENT).strip()
