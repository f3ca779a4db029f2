"""Whether a snapshot that is missing can be taken, and with which others in one call.

See the API page "Processing media assets": a call takes at most ten seconds, and it is not known whether the service
keeps the dots that it does not name.
"""

from __future__ import annotations

from collections.abc import Collection

from reconciler.decide.verdict import asks_for_frame
from reconciler.errors import SafetyLimitError
from reconciler.model import Desired, NoAnswer, Observed, Reason, Take

MOST_DOTS = 10
_MISSING: tuple[Reason | None, ...] = ("no_snapshot_at_offset", "no_snapshots")


def may_be_taken(desired: Desired, reason: Reason | None) -> bool:
    """Whether an entry that is unknown for this reason asks for the frame at a second."""
    return asks_for_frame(desired) and reason in _MISSING


def last_second(observed: Observed) -> int | None:
    """The last whole second at which the video has a frame; None where the service does not say how long it is."""
    return (observed.length_ms - 1) // 1000 if observed.length_ms is not None else None


def plan_take(desired: Desired, observed: Observed, locked: int | None) -> Take | NoAnswer:
    """The call that takes the snapshot which an entry asks for, or why there is none.

    Args:
        locked: the second of the dot that a lock line of the asset names.
    """
    wanted = desired.offset or 0
    if observed.audio:
        return NoAnswer(
            "no_snapshot_at_offset", f"It is audio ({observed.audio}): there are no frames. Set `ignore: true`."
        )
    last = last_second(observed)
    if last is not None and wanted > last:
        message = f"There is no frame at {wanted} s. Choose an earlier one: the last whole second is {last}."
        return NoAnswer("no_snapshot_at_offset", message)
    present = sorted({dot.offset for dot in observed.in_set("dots")} - {wanted})
    room = MOST_DOTS - 1
    kept = [dot for dot in present if dot == locked] + [dot for dot in present if dot != locked]
    again, left_out = kept[:room], kept[room:]
    return Take(wanted, tuple(sorted(again)), tuple(left_out))


def check_snapshots(takes: Collection[Take], most: int) -> None:
    """
    Raises:
        SafetyLimitError: more than `most` pictures would be billed.
    """
    billed = sum(take.billed for take in takes)
    if billed > most:
        raise SafetyLimitError(
            f"Too many snapshots: {billed:,} would be taken, at most {most:,} may be",
            hint="Nothing was changed. --max-snapshots sets the limit; --target takes a part of the entries. "
            "Snapshots that are taken again, to keep them, count, too.",
        )
