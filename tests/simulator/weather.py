"""Which answers go wrong during a verb, drawn beforehand for each asset and route: no order of calls matters."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

NEVER = float("inf")
READS = ("500", "503", "504", "408", "429", "429 wait", "hang", "reset", "garbage", "truncated", "empty", "page")
READS_FOR_GOOD = ("403", "500", "garbage", "truncated", "hang", "reset", "other asset")
PUTS = ("429", "429 wait", "500", "500 done", "504 done", "503", "hang", "hang done", "reset", "reset done")
PUTS_FOR_GOOD = ("400", "403", "500", "500 done", "hang", "reset done")
PICTURES = ("500", "503", "429", "hang", "reset", "truncated", "page")
PICTURES_FOR_GOOD = ("403", "404", "500", "503", "redirect", "login", "page", "truncated", "reset", "hang", "empty")
HEADS = ("right", "right", "no length", "wrong length", "no etag", "other etag", "refused", "missing")
COVERS, SNAPSHOTS = "cover picture", "snapshot pictures"


@dataclass(slots=True)
class Fault:
    """What goes wrong: `kinds` one after the other; then all is well, unless it stays as the last one."""

    kinds: Sequence[str]
    for_good: bool = False
    heads: bool = False
    """HEAD goes the same way as GET."""
    met: int = 0

    def next(self) -> str:
        """The next request's fault, or ""."""
        number = self.met
        self.met += 1
        if number < len(self.kinds):
            return self.kinds[number]
        return self.kinds[-1] if self.for_good else ""


@dataclass(slots=True)
class Weather:
    """The faults of one verb, by route and asset.

    Attributes:
        revoked: from when on every call of the API is 401. `interrupted`: when somebody presses Ctrl-C.
    """

    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    revoked: float = NEVER
    interrupted: float = NEVER

    def of(self, route: str, asset_id: str) -> Fault | None:
        return self.faults.get((route, asset_id))

    def lasting(self, asset_id: str, *routes: str) -> bool:
        """Whether something about an asset cannot be had during the whole verb."""
        found = [fault for (route, one), fault in self.faults.items() if one == asset_id and route in routes]
        return any(fault.for_good for fault in found)

    def touches(self, asset_id: str, *routes: str) -> bool:
        return any(one == asset_id and route in routes for route, one in self.faults)

    def __str__(self) -> str:
        told = [
            f"{one[:6]} {route}: {', '.join(fault.kinds)}{' for good' if fault.for_good else ''}"
            f"{'' if not fault.heads else ', HEAD too'}"
            for (route, one), fault in self.faults.items()
        ]
        told += [f"401 from {self.revoked:.2f} s on"] if self.revoked != NEVER else []
        told += [f"Ctrl-C at {self.interrupted:.2f} s"] if self.interrupted != NEVER else []
        return "; ".join(told) or "calm"


_ROUTES = {
    "details": (READS, READS_FOR_GOOD),
    "cover": (PUTS, PUTS_FOR_GOOD),
    COVERS: (PICTURES, PICTURES_FOR_GOOD),
    SNAPSHOTS: (PICTURES, PICTURES_FOR_GOOD),
}


def draw(rng: random.Random, asset_ids: Sequence[str], share: float) -> Weather:
    """Faults for about `share` of the assets. Those that pass come at most twice in a row: a retry meets them."""
    weather = Weather()
    for asset_id in asset_ids:
        if rng.random() >= share:
            continue
        route = rng.choice(tuple(_ROUTES))
        passing, lasting = _ROUTES[route]
        heads = rng.random() < 0.5
        if rng.random() < 0.5:
            fault = Fault([rng.choice(lasting)], for_good=True, heads=heads)
        else:
            fault = Fault([rng.choice(passing) for _ in range(rng.choice((1, 1, 2)))], heads=heads)
        weather.faults[route, asset_id] = fault
    return weather
