"""What was chosen and is not written yet; it outlives the browser and the server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reconciler.desired.edit_choice import Choice
from reconciler.model import Desired, SetName, SnapshotRef
from reconciler.state.folder import make
from reconciler.util import atomic_files
from reconciler.util.field_types import AssetId

NAME = "choices.json"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The picture that an asset is to show. `index` is None where its snapshot is yet to be taken; `file` is where
    an asset goes that no file manages."""

    set: SetName
    index: int | None
    offset: int
    file: str = ""

    @property
    def ref(self) -> SnapshotRef:
        return SnapshotRef(self.set, self.index, self.offset)

    def edit(self, desired: Desired | None) -> Choice:
        """What the entry is to say: it keeps its kind of number while it keeps its set."""
        by_second = desired is not None and desired.set == self.set and desired.offset is not None
        if self.index is None or by_second:
            return Choice(self.set, None, self.offset)
        return Choice(self.set, self.index, None)


_CHOICES: TypeAdapter[dict[AssetId, Chosen]] = TypeAdapter(dict[AssetId, Chosen])


class Choices:
    """By asset ID, in the order in which they were made.

    Args:
        folder: the state folder of the project.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chosen = _read(folder / NAME)

    def __len__(self) -> int:
        return len(self._chosen)

    def get(self, asset_id: str) -> Chosen | None:
        return self._chosen.get(asset_id)

    def items(self) -> list[tuple[str, Chosen]]:
        return list(self._chosen.items())

    def choose(self, asset_id: str, chosen: Chosen) -> None:
        """
        Raises:
            StateError: it cannot be kept.
        """
        self._write({**self._chosen, asset_id: chosen})

    def drop(self, *asset_ids: str) -> int:
        """Drops these, or all; returns how many there were.

        Raises:
            StateError: that cannot be kept.
        """
        dropped = set(asset_ids or self._chosen) & self._chosen.keys()
        if dropped:
            self._write({key: one for key, one in self._chosen.items() if key not in dropped})
        return len(dropped)

    def _write(self, chosen: dict[str, Chosen]) -> None:
        text = json.dumps({asset_id: asdict(one) for asset_id, one in chosen.items()}, indent=1)
        atomic_files.write(str(make(self._folder) / NAME), f"{text}\n", private=True)
        self._chosen = chosen


def _read(file: Path) -> dict[str, Chosen]:
    try:
        return _CHOICES.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}
