"""How covers, times and durations are put into words, the same in every format."""

from __future__ import annotations

from urllib.parse import urlsplit

from reconciler.documents.shapes import CoverDoc, FastDoc, SinceDoc, SnapshotDoc
from reconciler.model import Rate
from reconciler.safe import clean


def clock(seconds: int) -> str:
    """A time in a video: 0:15, 12:03, 1:02:03."""
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def snapshot(ref: SnapshotDoc) -> str:
    return f"{ref.set}[{ref.index}] {clock(ref.offset)}"


def cover(doc: CoverDoc) -> str:
    if doc.snapshot is not None:
        return snapshot(doc.snapshot)
    if not doc.cover_url:
        return "none"
    looked = "none of its snapshots" if doc.content is not None else "not looked at"
    return f"{picture_path(doc.cover_url)} ({looked})"


def picture_path(url: str) -> str:
    """What follows `/asset/<id>/`, or the whole path where there is no such part."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return clean(url)
    _, found, rest = path.partition("/asset/")
    return clean(rest.partition("/")[2] if found else path)


def duration(seconds: float) -> str:
    """A time to wait, as precisely as anybody wants to know it: 1 s, 40 s, 14 min, 3 h 19 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def per(rate: Rate) -> str:
    """A rate of covers: "100 covers per minute", "10 covers per 2 seconds"."""
    named = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
    unit = named.get(int(rate.seconds), f"{rate.seconds:g} seconds")
    return f"{rate.amount} covers per {unit}"


def counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def fast(doc: FastDoc) -> str:
    """How a fast audit decided, and how old the snapshots are that it relied on."""
    listed = f"{doc.by_url + doc.by_memory:,} decided by the asset list"
    if doc.oldest_reading is not None:
        listed += f" ({doc.by_memory:,} with remembered snapshots, the oldest read at {clean(doc.oldest_reading)})"
    return f"{listed}, {doc.by_details:,} by reading details."


def since(doc: SinceDoc) -> str:
    """What became different since a baseline, in numbers."""
    told = f"{len(doc.drifted):,} drifted, {len(doc.resolved):,} resolved, {len(doc.changed):,} changed"
    return f"Since {clean(doc.created_at)}: {told}, {len(doc.unknown):,} newly unknown."
