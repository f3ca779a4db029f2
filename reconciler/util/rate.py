"""How many calls are allowed in a time, and both in words."""

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

    @property
    def speed(self) -> float:
        """Calls a second, in the long run."""
        return self.amount / self.seconds

    def per(self, thing: str) -> str:
        """In words: "1 cover per minute", "10 covers per 2 seconds"."""
        named = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
        unit = named.get(int(self.seconds), f"{self.seconds:g} seconds")
        return f"{self.amount} {thing if self.amount == 1 else thing + 's'} per {unit}"


def duration(seconds: float) -> str:
    """A time to wait, rounded to what matters: 1 s, 40 s, 14 min, 3 h 19 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


READ_RATE = Rate(1500, 60)
WRITE_RATE = Rate(100, 60)
