"""The verdict on one entry: in sync, update, unknown, or a question that only the pictures' bytes can answer."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.picture_id import picture
from reconciler.model import (
    SNAPSHOTS_IN_PROGRESS,
    Compare,
    Content,
    Cover,
    Desired,
    LockLine,
    NoAnswer,
    Observed,
    SetName,
    Snapshot,
    SnapshotRef,
    Verdict,
)
from reconciler.util.sanitize import bare_url

_FAILED = "THUMBNAIL_FAILED"
_TAKE_IT = " `plan` and `apply --take-snapshots` have it taken, which is billed."


@dataclass(frozen=True, slots=True)
class Question:
    """A decision that needs the pictures' bytes: is the cover the wanted snapshot, and if not, which one is it?

    `named` is the snapshot that the cover's URL names, if it does. `by_url`: that URL alone decides. `line`: the
    entry's lock line; only with it `wanted` may be missing.
    """

    desired: Desired
    observed: Observed
    wanted: Snapshot | NoAnswer
    named: Snapshot | None = None
    by_url: bool = False
    line: LockLine | None = None


def judge(
    desired: Desired, observed: Observed | NoAnswer, compare: Compare, line: LockLine | None = None
) -> Verdict | Question:
    """The verdict on one entry, as far as the details and their URLs decide it. They never decide an update: what is
    to be put is read first. Of a locked entry they decide nothing that its picture could contradict."""
    if isinstance(observed, NoAnswer):
        return unknown(desired, observed)
    wanted = choose(desired, observed)
    by_url = compare == "url"
    if isinstance(wanted, NoAnswer):
        if line is None or by_url or wanted.reason == "snapshots_in_progress":
            return unknown(desired, wanted, observed.title)
        return Question(desired, observed, wanted, line=line)
    named = identify(observed)
    if named is not None and line is None and compare != "content" and picture(named.url) == picture(wanted.url):
        return in_sync(desired, observed, wanted, None, None)
    return Question(desired, observed, wanted, named, by_url, line)


def choose(desired: Desired, observed: Observed) -> Snapshot | NoAnswer:
    """The snapshot that an entry wants, if there is one that may be set."""
    found = observed.in_set(desired.set)
    if observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
        return NoAnswer("snapshots_in_progress", "Its snapshots are being taken. Run again when that is done.")
    if not found and not (asks_for_frame(desired) and observed.snapshots):
        return _nothing_in_set(desired, observed)
    wanted = _by_offset(desired, observed) if desired.offset is not None else _by_index(desired, found)
    if isinstance(wanted, NoAnswer):
        return wanted
    named = picture(wanted.url)
    if named is None or named.asset_id != desired.asset_id:
        whose = f"names the asset {named.asset_id}" if named else "does not name this asset"
        return NoAnswer(
            "foreign_snapshot",
            f"The URL that the service gives for {name(wanted)} {whose}: setting it could change another asset.",
        )
    return wanted


def name(snapshot: Snapshot) -> str:
    return f"{snapshot.set}[{snapshot.index}]"


def _nothing_in_set(desired: Desired, observed: Observed) -> NoAnswer:
    others = sorted({snapshot.set for snapshot in observed.snapshots})
    if others:
        message = f"It has no {desired.set} snapshots, only {' and '.join(others)}: set `from`, or take them."
    elif observed.thumbnail_status == _FAILED:
        message = "Taking its snapshots failed. Take them again in the console."
    else:
        message = "It has no snapshots. Take some in the console, or set `ignore: true`."
    return NoAnswer("no_snapshots", message + (_TAKE_IT if asks_for_frame(desired) else ""))


def _by_index(desired: Desired, found: tuple[Snapshot, ...]) -> Snapshot | NoAnswer:
    index = desired.index if desired.index is not None else 0
    if -len(found) <= index < len(found):
        return found[index]
    return NoAnswer(
        "snapshot_out_of_range",
        f"{desired.set}[{index}] is wanted, but there are {len(found)}: 0 to {len(found) - 1}.",
    )


def snapshot_at(observed: Observed, name: SetName, offset: int | None, index: int | None = None) -> Snapshot | None:
    """The asset's snapshot at that second; of several the one with this index, else the first."""
    found = [snapshot for snapshot in observed.in_set(name) if snapshot.offset == offset]
    return next((snapshot for snapshot in found if snapshot.index == index), found[0] if found else None)


def asks_for_frame(desired: Desired) -> bool:
    """Whether an entry means the frame at a second, whether or not there is a snapshot of it."""
    return desired.set == "dots" and desired.offset is not None


def _by_offset(desired: Desired, observed: Observed) -> Snapshot | NoAnswer:
    at = snapshot_at(observed, desired.set, desired.offset, desired.index)
    if at is not None:
        return at
    found = observed.in_set(desired.set)
    near = sorted(found, key=lambda snapshot: (abs(snapshot.offset - (desired.offset or 0)), snapshot.offset))[:2]
    offsets = " and ".join(str(snapshot.offset) for snapshot in sorted(near, key=lambda snapshot: snapshot.offset))
    message = f"There is no {desired.set} snapshot at {desired.offset} s"
    message += f"; the nearest: {offsets} s." if near else "."
    return NoAnswer("no_snapshot_at_offset", message + (_TAKE_IT if asks_for_frame(desired) else ""))


def identify(observed: Observed) -> Snapshot | None:
    """The snapshot of this asset that the cover's URL names."""
    named = picture(observed.cover_url)
    if named is None or named.asset_id != observed.asset_id:
        return None
    return next((snapshot for snapshot in observed.snapshots if picture(snapshot.url) == named), None)


def unknown(desired: Desired, why: NoAnswer, title: str = "") -> Verdict:
    return Verdict(desired, "unknown", title, why.reason, why.message, request_id=why.request_id)


def ignored(desired: Desired) -> Verdict:
    return Verdict(desired, "ignored")


def in_sync(
    desired: Desired, observed: Observed, wanted: Snapshot, cover: Content | None, snapshot: Content | None
) -> Verdict:
    """`cover` and `snapshot` are what was read of each; they differ where the service re-encodes."""
    before = observed.cover(wanted.ref, cover)
    after = Cover(bare_url(wanted.url), wanted.ref, snapshot)
    return Verdict(desired, "in_sync", observed.title, before=before, after=after, put_url=wanted.url)


def in_sync_as_locked(desired: Desired, observed: Observed, line: LockLine) -> Verdict:
    """The cover has the locked bytes; which snapshots there are by now does not matter."""
    ref, content = SnapshotRef(line.set, line.index, line.offset), Content(line.sha256, line.length)
    cover = observed.cover(ref, content)
    return Verdict(desired, "in_sync", observed.title, before=cover, after=cover)


def snapshot_changed(desired: Desired, wanted: Snapshot) -> NoAnswer:
    return NoAnswer(
        "snapshot_changed",
        f"{name(wanted)} is not the picture that was locked: it was taken again, and is not set. Look at it; to "
        f"accept it: reconcile lock --upgrade --target {desired.asset_id}",
    )


def update(desired: Desired, observed: Observed, wanted: Snapshot, before: Cover, content: Content) -> Verdict:
    """`content` is the wanted snapshot's: the picture to be put."""
    after = Cover(bare_url(wanted.url), wanted.ref, content)
    return Verdict(
        desired,
        "update",
        observed.title,
        before=before,
        after=after,
        put_url=wanted.url,
        cover_url=observed.cover_url,
    )
