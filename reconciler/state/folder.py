"""The state folder: what one machine remembers of one project."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from reconciler.errors import StateError
from reconciler.util.git import git
from reconciler.util.links import links_in, work_tree
from reconciler.util.sanitize import shorten

_ANOTHER = "Choose another with --state-dir."


def locate(given: Path | None, endpoint: str, project_id: str) -> Path:
    """The state folder: the given one, else one in the user's state folder for this endpoint and project.

    Raises:
        StateError: what it holds may have been written by others than this user's runs.
    """
    folder = given if given is not None else _default(endpoint, project_id)
    try:
        for link in links_in(str(folder)):
            if link.work_tree is not None:  # where a pull request can bring links
                raise _unusable(folder, f"{link.path} is a link in a git checkout")
        if folder.exists():
            _check_owned(folder)
            if work_tree(folder) is not None:
                _check_untracked(folder)
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    return folder


def folders_of(given: Path | None, endpoint: str) -> list[Path]:
    """The folders that hold the state of some project of this endpoint. Nothing that they hold may be believed before
    `locate` has found it."""
    return [given] if given is not None else sorted(user_folder().glob(f"{_readable(endpoint)}-*"))


def _readable(endpoint: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", endpoint.split("://")[-1].lower()).strip("-")[:40]


def _default(endpoint: str, project_id: str) -> Path:
    tag = hashlib.sha256(f"{endpoint}\n{project_id}".encode()).hexdigest()[:8]
    return user_folder() / f"{_readable(endpoint)}-{tag}"


def user_folder() -> Path:
    """The user's state folder for this program.

    Raises:
        StateError: the user has no home.
    """
    from platformdirs import user_state_path

    try:
        return user_state_path("reconcile", appauthor=False).expanduser()
    except RuntimeError as error:  # neither HOME nor an entry in /etc/passwd
        raise StateError(
            "There is no home folder in which to keep the state", hint="Choose one with --state-dir."
        ) from error


def make(path: Path) -> Path:
    """Creates a state folder that only its owner may enter.

    Raises:
        StateError: it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    return path


def _check_owned(folder: Path) -> None:
    about = folder.stat()
    if not stat.S_ISDIR(about.st_mode):
        raise _unusable(folder, "it is not a folder")
    if about.st_uid not in (os.geteuid(), 0):
        raise _unusable(folder, "it belongs to another user")
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        hint = f"Run `chmod go-w` on it, or give a folder in it, which will be made: --state-dir {folder}/reconcile."
        raise _unusable(folder, "others may write to it", hint)


def _check_untracked(folder: Path) -> None:
    """Whatever a pull request can bring must not pass for what was remembered."""
    tracked = git("-c", "safe.directory=*", "-C", str(folder), "ls-files", "--", ".")
    if tracked is None and any(folder.iterdir()):
        raise _unusable(folder, "it lies in a git checkout, and git cannot tell whether it tracks any of it")
    if tracked:
        raise _unusable(folder, f"git tracks files in it, such as {shorten(tracked.splitlines()[0])}")


def _unusable(folder: Path, why: str, hint: str = _ANOTHER) -> StateError:
    return StateError(f"The state folder {folder} cannot be used: {why}", hint=hint)
