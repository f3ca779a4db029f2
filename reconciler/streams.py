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


def quiet_stdout() -> None:
    """Whoever read our output is gone; Python would complain about it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
