"""Saves pictures that exist nowhere else before they are replaced."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from reconciler.errors import StateError
from reconciler.state.folder import make

_KINDS = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"), (b"GIF8", "gif"))


def save(folder: Path, asset_id: str, sha256: str, data: bytes) -> Path:
    """Saves a cover's bytes; the same picture is saved only once.

    Raises:
        StateError: it cannot be written.
    """
    kind = next((kind for magic, kind in _KINDS if data.startswith(magic)), "bin")
    path = make(folder / "covers") / f"{asset_id}-{sha256[:16]}.{kind}"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if _holds(path, data):
            return path
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StateError(f"The old cover cannot be saved to {path}: {error.strerror or error}") from error
    return path


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def find(folder: Path, asset_id: str, sha256: str) -> Path | None:
    """The file that a picture was saved in, if it was and still has its bytes."""
    for path in named(folder, asset_id, sha256):
        with suppress(OSError):
            if digest(path.read_bytes()) == sha256:
                return path
    return None


def named(folder: Path, asset_id: str, sha256: str) -> list[Path]:
    """The files that a picture may have been saved in, whatever they hold now."""
    start = sha256[:16]
    return sorted((folder / "covers").glob(f"{asset_id}-{start}.*")) if start.isalnum() else []


def _holds(path: Path, data: bytes) -> bool:
    """Whether it is a plain file with these bytes. An empty one may be what a full disk left."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size == len(data) and path.read_bytes() == data
