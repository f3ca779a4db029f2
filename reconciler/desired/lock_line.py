"""One line of a lock file, as text and as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from reconciler.model import SET_NAMES, LockLine

KEYS = ("asset_id", "from", "index", "offset", "of", "path", "sha256", "md5", "length", "cover")
COVER_KEYS = ("sha256", "md5", "length")
_NUMBER = "(?:0|[1-9][0-9]{0,8})"
_BYTES = f'"sha256": "[0-9a-f]{{64}}", "md5": "[0-9a-f]{{32}}", "length": {_NUMBER}'
OURS = re.compile(
    rf'\{{"asset_id": "([0-9a-f]{{32}})", "from": "(?:{"|".join(SET_NAMES)})", "index": ({_NUMBER}), '
    rf'"offset": {_NUMBER}, "of": ({_NUMBER}), "path": "[ !#-\[\]-~]+", {_BYTES}(?:, "cover": \{{{_BYTES}\}})?\}}'
)
"""A line as we write it: its asset ID, index and number of snapshots. Nearly all lines are like that, and this is
many times as fast as parsing them."""


@cache
def adapter() -> Any:
    """What reads and dumps a line."""
    from pydantic import TypeAdapter

    return TypeAdapter(LockLine)


def parsed(line: str) -> LockLine:
    """The value of a line that was read without a problem."""
    found: LockLine = adapter().validate_json(line)
    return found


def written(line: LockLine, old: str | None = None) -> str:
    """A line as text. Keys of `old` that a newer version has put there are kept."""
    values: dict[str, Any] = adapter().dump_python(line, by_alias=True)
    if old is not None:
        values |= {key: value for key, value in json.loads(old).items() if key not in KEYS}
    return json.dumps(values)


def respelled(text: str) -> str:
    """A line in our spelling, which it nearly always has. Keys of a newer version are kept."""
    if OURS.fullmatch(text):
        return text
    values = {key: value for key, value in json.loads(text).items() if (key, value) != ("cover", None)}
    if "cover" in values:
        values["cover"] = _ordered(values["cover"], COVER_KEYS)
    return json.dumps(_ordered(values, KEYS))


def _ordered(values: Mapping[str, Any], first: Iterable[str]) -> dict[str, Any]:
    return {**{key: values[key] for key in first if key in values}, **values}
