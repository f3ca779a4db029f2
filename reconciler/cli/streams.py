"""stdout and stderr, whatever state they are in."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO


def prepare() -> None:
    """A stream that was closed becomes one to nowhere, before some file takes its number; the others write what
    their encoding lacks as escapes."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def speaks_utf8(stream: Any) -> bool:
    """Whether every character can be written as it is."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def write(stream: Any, text: str) -> None:
    """Writes all of it, now."""
    stream.write(text)
    stream.flush()


def silence(stream: Any) -> None:
    """Leads a stream nowhere, because whoever read it is gone; at exit Python would try what is left once more, and
    change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
