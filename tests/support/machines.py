"""Machines of a team: state folders that share a bucket, or share nothing."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from reconciler.emulator.options import PROJECT_ID
from support.command_line import Ran, run
from support.s3_server import KEY, SECRET, state_url

APPLY = ("apply", "--auto-approve", "--force")
BELOW = f"team/{PROJECT_ID}/"


def share(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    """From now on all runs share the bucket of the S3 server at this URL."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("RECONCILE_STATE", state_url(base))


def folder(machine: str) -> str:
    """The state folder of a machine."""
    return str(Path("machines", machine).absolute())


def on(machine: str, *arguments: str) -> Ran:
    """A run on a machine with a state folder of its own."""
    return run(*arguments, "--state-dir", folder(machine))


def alone(machine: str, *arguments: str) -> Ran:
    """A run that shares nothing."""
    with patch.dict(os.environ):
        del os.environ["RECONCILE_STATE"]
        return on(machine, *arguments)
