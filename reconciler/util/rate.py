"""How many calls are allowed in a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` calls in any `seconds`."""

    amount: int
    seconds: float

    def seconds_for(self, calls: int) -> float:
        """How long the last of `calls` has to wait when a whole window may be sent at once."""
        return max(0, calls - 1) // self.amount * self.seconds


READ_RATE = Rate(1500, 60)
WRITE_RATE = Rate(100, 60)
