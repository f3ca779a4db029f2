"""Words for what stands at a place in a file."""

from __future__ import annotations

import re
from typing import Any

from reconciler.model import Desired, Source
from reconciler.util.sanitize import clean, shorten

TRUE = ("true", "True", "TRUE")
BOOLEANS = (*TRUE, "false", "False", "FALSE")
_NULLS = ("", "~", "null", "Null", "NULL")
_NUMBER_LIKE = re.compile(r"[-+.]?[0-9][0-9A-Za-z_.+-]{0,40}")


def quoted(text: str) -> str:
    return f'"{shorten(text)}"'


def place(source: Source | Desired) -> str:
    return f"{clean(source.file)}:{source.line}:{source.column}"


def is_null(value: str, *, plain: bool) -> bool:
    return plain and value in _NULLS


def scalar(value: str, *, plain: bool) -> str:
    """Describe a scalar by the type that YAML gives it: `the text "3"`, `3.0`, `true`, `an empty value`."""
    if is_null(value, plain=plain):
        return "an empty value"
    if plain and (value in BOOLEANS or _NUMBER_LIKE.fullmatch(value)):
        return value
    return f"the text {quoted(value)}"


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Return `; did you mean X?` if one of the known names is close, else ""."""
    if len(name) > 40:
        return ""
    import difflib

    close = difflib.get_close_matches(name.lower(), known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def syntax(error: Any) -> str:
    """Describe libyaml's error in one line."""
    problem = getattr(error, "problem", None) or "this cannot be read"
    context = getattr(error, "context", None)
    mark = getattr(error, "context_mark", None)
    if context and mark is not None:
        return f"not valid YAML: {clean(problem)}, {clean(context)} (line {mark.line + 1})"
    return f"not valid YAML: {clean(problem)}"
