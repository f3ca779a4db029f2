"""What every handler needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.emulator.options import EmulatorOptions
    from reconciler.emulator.store import Store


@dataclass(frozen=True, slots=True)
class World:
    """The account, how it behaves, where it is reached, and what time it is there."""

    store: Store
    options: EmulatorOptions
    base_url: str
    clock: Callable[[], float]
