"""The state folder: what one machine remembers of one project."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from reconciler.errors import StateError


def locate(given: Path | None, endpoint: str, project_id: str) -> Path:
    """The state folder: the given one, else one in the user's state folder for this endpoint and project."""
    if given is not None:
        return given
    readable = re.sub(r"[^a-z0-9.]+", "-", endpoint.split("://")[-1].lower()).strip("-")[:40]
    tag = hashlib.sha256(f"{endpoint}\n{project_id}".encode()).hexdigest()[:8]
    return user_folder() / f"{readable}-{tag}"


def user_folder() -> Path:
    """The user's state folder for this program."""
    from platformdirs import user_state_path

    return user_state_path("reconcile", appauthor=False)


def make(path: Path) -> Path:
    """Creates a state folder that only its owner may enter.

    Raises:
        StateError: it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"The state folder {path} cannot be used: {error.strerror}", hint="Choose another with --state-dir."
        ) from error
    return path
