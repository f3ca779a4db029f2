"""Reads and writes one lock file: JSON Lines, sorted by asset ID, behind a line with the version of the format."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reconciler.desired.encoding import line_and_column
from reconciler.desired.lock_line import COVER_KEYS, KEYS, OURS, adapter, parsed
from reconciler.desired.messages import quoted, suggestion
from reconciler.util.input_files import TooLargeError, UnreadableError, read_bounded
from reconciler.util.sanitize import clean, shorten

if TYPE_CHECKING:
    from reconciler.desired.problems import Problems
    from reconciler.model import LockLine

NAME = "covers.lock"
MAX_BYTES = 256 * 1024 * 1024
_HEADER = {"format_version": "1.0", "kind": "lock"}
_BOM = "\ufeff"
_MARKERS = ("<<<<<<< ", "||||||| ", "=======", ">>>>>>> ")
_MINOR = re.compile("1\\.(0|[1-9][0-9]{0,5})")


class _InvalidLineError(Exception):
    def __init__(self, message: str, at: int = 0) -> None:  # at: which character, from 0
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class RepeatedLine:
    """A line about an asset that has one already, or a first line further down (then `asset_id` is "").

    Attributes:
        number, first: of this line, and of the one before; from 1.
    """

    asset_id: str
    text: str
    number: int
    first: int


@dataclass(slots=True)
class LockFile:
    """One lock file. Lines are kept as text, and parsed when one is asked for.

    Attributes:
        version: of the format, "1.0" or with a newer minor number.
        more: keys of the first line that a newer version has put there.
        lines: by asset ID.
        further: by asset ID, the lines after the first; there are some only after a merge.
        text: what the file held; None where there is none.
    """

    path: str
    version: str = _HEADER["format_version"]
    more: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    further: dict[str, list[RepeatedLine]] = field(default_factory=dict)
    text: str | None = field(default=None, repr=False)

    def all_of(self, asset_id: str) -> list[str]:
        """All lines about an asset."""
        first = self.lines.get(asset_id)
        if first is None:
            return []
        return [first, *(line.text for line in self.further.get(asset_id, ()))]

    @property
    def repeated(self) -> list[RepeatedLine]:
        """All further lines, in order."""
        return sorted(chain.from_iterable(self.further.values()), key=lambda line: line.number)

    def of(self, asset_id: str) -> LockLine | None:
        line = self.lines.get(asset_id)
        return parsed(line) if line is not None else None


def rendered(lines: Mapping[str, Iterable[str]], version: str, more: Mapping[str, Any] = MappingProxyType({})) -> str:
    """The whole file.

    Args:
        lines: by asset ID.
        version, more: of the file that was read: see `LockFile`.
    """
    header = json.dumps({**_HEADER, "format_version": version, **more})
    return "".join(
        f"{line}\n" for line in (header, *(line for asset_id in sorted(lines) for line in lines[asset_id]))
    )


def is_unchanged(file: LockFile, folder: str) -> bool:
    """Whether the file in this real folder still holds what was read of it."""
    read = file.text.encode() if file.text is not None else None
    try:
        return _bytes(os.path.join(folder, NAME)) == read  # noqa: PTH118
    except FileNotFoundError:
        return read is None
    except UnreadableError:
        return False


def read(path: str, folder: str, problems: Problems) -> LockFile:
    """Reads a lock file; there may be none. What is wrong with it becomes problems.

    Args:
        path: how problems name it.
        folder: its real folder, which a link must not lead out of.
    """
    found = LockFile(path)
    try:
        data = _bytes(os.path.join(folder, NAME))  # noqa: PTH118 -- both are plain text
        found.text = data.decode()
    except FileNotFoundError:
        return found
    except UnreadableError as error:
        problems.add(path, 0, 0, str(error))
        return found
    except UnicodeDecodeError as error:
        problems.add(path, *line_and_column(data, error.start), "this file is not valid UTF-8")
        return found
    _Reader(found, problems).read(found.text)
    problems.end_file()
    return found


def _bytes(file: str) -> bytes:
    """
    Raises:
        FileNotFoundError: there is none.
        UnreadableError: it cannot be read.
    """
    try:
        if not Path(os.path.realpath(file)).is_relative_to(Path(file).parent):
            raise UnreadableError("this is a link out of its folder")
        return read_bounded(file, MAX_BYTES)
    except FileNotFoundError as error:
        if Path(file).is_symlink():
            raise UnreadableError("this link leads nowhere") from error
        raise
    except TooLargeError as error:
        raise UnreadableError("this file is larger than 256 MiB") from error
    except OSError as error:
        raise UnreadableError(f"this file cannot be read: {clean(error.strerror or str(error))}") from error


class _Reader:
    """Reads the lines of one file."""

    def __init__(self, found: LockFile, problems: Problems) -> None:
        self._found = found
        self._problems = problems
        self._newer = False
        self._numbers: dict[str, int] = {}

    def read(self, text: str) -> None:
        lines = enumerate(text.removeprefix(_BOM).split("\n"), start=1)
        self._try(1, next(lines)[1].removesuffix("\r"), self._header)
        if self._found.version == "":
            return
        ours = OURS.fullmatch
        for number, ended in lines:
            line = ended.removesuffix("\r")
            if (found := ours(line)) is not None and int(found[2]) < int(found[3]):
                self._add(found[1], number, line)
            elif line and not line.isspace():
                self._try(number, line, partial(self._line, number))
            if self._problems.too_many:
                return

    def _try(self, number: int, line: str, read: Callable[[str], None]) -> None:
        try:
            read(line)
        except _InvalidLineError as error:
            self._problems.add(self._found.path, number, error.at + 1, str(error))

    def _header(self, line: str) -> None:
        self._found.version = ""
        values = _object(line)
        if values.get("kind") != "lock":
            raise _InvalidLineError(f"the first line of a lock file must be {json.dumps(_HEADER)}")
        version = values.get("format_version")
        at = _column(line, "format_version")
        if not isinstance(version, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", version):
            raise _InvalidLineError('format_version must be text like "1.0"', at)
        if not _MINOR.fullmatch(version):
            raise _InvalidLineError(
                f"a lock file of version {version}, which this version of reconcile cannot read; update reconcile", at
            )
        self._newer = version != _HEADER["format_version"]
        self._found.version = version
        self._found.more = {key: value for key, value in values.items() if key not in _HEADER}
        self._check_keys(line, values, tuple(_HEADER), "in the first line")

    def _line(self, number: int, line: str) -> None:
        if line.startswith(_MARKERS):
            raise _InvalidLineError(
                "a git conflict marker; remove the markers, keep the lines of both sides, and run `reconcile lock`"
            )
        values = _object(line)
        if values.get("kind") == "lock" and "asset_id" not in values:
            self._add("", number, line)  # a merge kept the first lines of both sides
            return
        self._check_keys(line, values, KEYS, "in a lock line")
        if isinstance(cover := values.get("cover"), dict):
            self._check_keys(line, cover, COVER_KEYS, "in cover")
        read = _validated(line)
        if read.index >= read.of:
            raise _InvalidLineError(
                f"index must be less than {read.of}, the number of snapshots (of)", _column(line, "index")
            )
        self._add(read.asset_id, number, line)

    def _check_keys(self, line: str, values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        unknown = [] if self._newer else [key for key in values if key not in known]
        if unknown:
            message = f"unknown key {quoted(unknown[0])} {where}{suggestion(unknown[0], known)}"
            raise _InvalidLineError(message, _column(line, unknown[0]))

    def _add(self, asset_id: str, number: int, line: str) -> None:
        first = self._numbers.setdefault(asset_id, number) if asset_id else 1
        if first == number:
            self._found.lines[asset_id] = line
        else:
            self._found.further.setdefault(asset_id, []).append(RepeatedLine(asset_id, line, number, first))


def check_repeated(file: LockFile, problems: Problems) -> None:
    """Adds a problem for each line about an asset that has one already."""
    for line in file.repeated:
        what = f"the asset {line.asset_id} is locked twice" if line.asset_id else "the first line is here again"
        places = f"existing: {clean(file.path)}:{line.first}:1, new: {clean(file.path)}:{line.number}:1"
        problems.add(file.path, line.number, 1, f"{what}; `reconcile lock` mends it; {places}")
    problems.end_file()


def _object(line: str) -> dict[str, Any]:
    """
    Raises:
        _InvalidLineError: the line is not a JSON object, or has a key twice.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(found)
        if len(values) < len(found):
            twice = next(key for position, (key, _) in enumerate(found) if key in dict(found[:position]))
            raise _InvalidLineError(f"the key {quoted(twice)} is given twice", line.rfind(json.dumps(twice)))
        return values

    try:
        values = json.loads(line, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise _InvalidLineError(f"not valid JSON: {error.msg}", error.pos) from error
    except (ValueError, RecursionError) as error:
        raise _InvalidLineError("not valid JSON: a number or a nesting beyond what the format needs") from error
    if not isinstance(values, dict):
        raise _InvalidLineError("each line must be a JSON object")
    return values


def _validated(line: str) -> LockLine:
    """
    Raises:
        _InvalidLineError: it is not a lock line.
    """
    from pydantic import ValidationError

    try:
        found: LockLine = adapter().validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = str(first["loc"][-1]) if first["loc"] else ""
        raise _InvalidLineError(shorten(f"{key}: {first['msg']}", 160), _column(line, key)) from error
    return found


def _column(line: str, key: str) -> int:
    return max(0, line.find(json.dumps(key)))
