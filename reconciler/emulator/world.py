"""What every handler gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.emulator.options import EmulatorOptions
    from reconciler.emulator.store import AssetStore
    from reconciler.emulator.words import PictureUrls


@dataclass(frozen=True, slots=True)
class World:
    """The assets, the options, the form of pictures' URLs, and the clock in seconds since the epoch."""

    store: AssetStore
    options: EmulatorOptions
    urls: PictureUrls
    clock: Callable[[], float]
