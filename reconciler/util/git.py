"""Asks git. It gets none of the environment's secrets, and runs no program that a checkout's settings name."""

from __future__ import annotations

import os
import subprocess

_TIMEOUT = 60
_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME")


def git(*arguments: str) -> str | None:
    """What git prints; None where it cannot say."""
    found = git_bytes(*arguments)
    return found.decode(errors="replace") if found is not None else None


def git_bytes(*arguments: str, given: bytes = b"") -> bytes | None:
    """What git prints, as bytes; None where it cannot say.

    Args:
        given: its standard input.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ("git", "-c", "core.fsmonitor=false", *arguments)
    try:
        done = subprocess.run(  # noqa: S603 no shell, and no words that a file chose
            command, capture_output=True, input=given, timeout=_TIMEOUT, check=True, env=environment
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout
