"""Saves pictures that exist nowhere else before they are replaced."""

from __future__ import annotations

import os
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
    if path.exists():
        return path
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StateError(f"The old cover cannot be saved to {path}: {error.strerror or error}") from error
    return path
