"""Decides by the pictures' bytes what the URLs leave open.

The order of evidence on whether the cover is the wanted snapshot:
1. HEAD: equal lengths and equal MD5s, from hosts whose HEADs were right of a picture that was read in this run, show
   that they are the same. What a HEAD says never shows that they differ.
2. The bytes of both. The cover is in sync if they are equal, or if it is remembered that the service made a picture
   with the cover's bytes of one with the wanted snapshot's.
3. Otherwise it is another picture: an update, which carries the bytes of the picture to be put.
With a lock line the locked bytes take the place of the wanted snapshot's: a cover that has them is in sync, whatever
its snapshots are by now, and a snapshot that has other bytes is not set.
What cannot be read is unknown. Only `--compare url` does without the cover's bytes, never without the snapshot's.

A cover is, in this order, the snapshot that its URL names; the one that the service made it of, as
remembered; one that has its bytes; or none of them. A HEAD that is believed spares reading those that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType

from reconciler.decide.picture_id import PictureId, picture
from reconciler.decide.verdict import (
    Question,
    identify,
    in_sync,
    in_sync_as_locked,
    snapshot_changed,
    unknown,
    update,
)
from reconciler.model import Content, Cover, LockLine, NoAnswer, Observed, PictureBytes, Snapshot, Verdict
from reconciler.observe.cdn_hosts import PictureHead
from reconciler.observe.pictures import Pictures
from reconciler.state.settled_covers import Memory, SettledCover
from reconciler.util.concurrency import for_each

MOST_CANDIDATES = 100
"""How many snapshots are compared with a cover only to say what it was before."""
_HEADS_AT_ONCE = 8


class _Picture:
    """One picture. No more is read of it than needed, and only once."""

    def __init__(self, pictures: Pictures, url: str, read: Content | None) -> None:
        self._pictures = pictures
        self._url = url
        self._head: PictureHead | None = None
        self._content: Content | NoAnswer | None = read

    async def told(self) -> PictureHead:
        """What is believed of it without reading it."""
        if self._head is None:
            self._head = await self._pictures.head(self._url)
        believed = self._pictures.believed(self._url, self._head)
        return PictureHead(self._content.length, believed.md5) if isinstance(self._content, Content) else believed

    async def content(self) -> Content | NoAnswer:
        if self._content is None:
            self._content = await self._pictures.content(self._url, self._head)
        return self._content


class _Album:
    """The pictures of one asset, each of them read at most once."""

    def __init__(self, pictures: Pictures, read: Mapping[str, Content] = MappingProxyType({})) -> None:
        self._pictures = pictures
        self._read = read
        self._opened: dict[str, _Picture] = {}

    def of(self, url: str) -> _Picture:
        return self._opened.setdefault(url, _Picture(self._pictures, url, self._read.get(url)))


@dataclass(frozen=True, slots=True)
class IdentifiedCover:
    """Which snapshot the current cover is.

    Where `cover.snapshot` is None it is certainly none of them, unless the cover itself (`unread_cover`) or some of
    the snapshots (`unread_snapshot`, the first of them) could not be read.
    """

    cover: Cover
    unread_cover: NoAnswer | None = None
    unread_snapshot: NoAnswer | None = None

    @property
    def unread(self) -> NoAnswer | None:
        """Why it is not certain which snapshot it is; None where it is."""
        return self.unread_cover or self.unread_snapshot


async def answer(
    question: Question,
    pictures: Pictures,
    memory: Memory,
    *,
    replace_unreadable: bool,
    read: Mapping[str, Content] = MappingProxyType({}),
) -> Verdict:
    """The verdict on an entry that its URLs do not show to be in sync.

    Args:
        memory: of pictures that the service made of snapshots.
        replace_unreadable: a cover that cannot be read is drift rather than unknown.
        read: pictures that were read a moment ago, by URL.
    """
    desired, observed, wanted, named = question.desired, question.observed, question.wanted, question.named
    line = question.line
    album = _Album(pictures, read)
    cover = album.of(observed.cover_url)
    opened = bool(observed.cover_url) and not question.by_url
    if line is not None and opened and await _shows_locked(cover, line, memory):
        return in_sync_as_locked(desired, observed, line)
    if isinstance(wanted, NoAnswer):
        return unknown(desired, wanted, observed.title)
    target = album.of(wanted.url)
    if opened and named is None and line is None and await _told_same(cover, target) is True:
        return in_sync(desired, observed, wanted, None, None)
    shown = await cover.content() if opened else None
    content = await _to_put(question, wanted, target, shown, replace_unreadable=replace_unreadable)
    if isinstance(content, NoAnswer):
        return _refused(question, wanted, content)
    if question.by_url and named is wanted:
        return in_sync(desired, observed, wanted, None, content)
    ref = named.ref if named is not None else None
    if shown is None or isinstance(shown, NoAnswer):
        return update(desired, observed, wanted, observed.cover(ref), content)
    settled = _settled(shown, memory.of(observed.asset_id))
    if shown == content or any(item.snapshot_sha256 == content.sha256 for item in settled):
        return in_sync(desired, observed, wanted, shown, content)
    if named is None:
        candidates = islice(_candidates(observed, wanted), MOST_CANDIDATES)
        found = await _which(observed, cover, settled, candidates, album)
        ref = found.ref if isinstance(found, Snapshot) else None
    return update(desired, observed, wanted, observed.cover(ref, shown), content)


def _refused(question: Question, wanted: Snapshot, why: NoAnswer) -> Verdict:
    """The verdict where the wanted snapshot must not be set."""
    verdict = unknown(question.desired, why, question.observed.title)
    if why.reason != "snapshot_changed":
        return verdict
    # Both are shown, to decide by eye.
    return replace(verdict, cover_url=question.observed.cover_url, snapshot_url=wanted.url, locked=question.line)


async def _to_put(
    question: Question,
    wanted: Snapshot,
    target: _Picture,
    shown: Content | NoAnswer | None,
    *,
    replace_unreadable: bool,
) -> Content | NoAnswer:
    """The wanted snapshot's bytes, or why it must not be set.

    Args:
        shown: the cover's bytes; None where it was not opened.
    """
    content, line = await target.content(), question.line
    if isinstance(content, NoAnswer):
        return content
    if isinstance(shown, NoAnswer) and not replace_unreadable:
        return replaceable(shown)
    if line is not None and content != Content(line.sha256, line.length):
        return snapshot_changed(question.desired, wanted)
    return content


async def identify_cover(
    observed: Observed, pictures: Pictures, memory: Memory, most: int | None = None
) -> IdentifiedCover:
    """The current cover, with the snapshot that it is: by its URL, else by the bytes of all snapshots there are.

    Args:
        most: how many snapshots are compared, where it does not matter much which one it is.
    """
    named = identify(observed)
    if named is not None or not observed.cover_url:
        return IdentifiedCover(observed.cover(named.ref if named else None))
    album = _Album(pictures)
    cover = album.of(observed.cover_url)
    await cover.told()  # so that reading it shows whether its host's HEADs are right
    shown = await cover.content()
    if isinstance(shown, NoAnswer):
        return IdentifiedCover(observed.cover(), unread_cover=shown)
    settled = _settled(shown, memory.of(observed.asset_id))
    found = await _which(observed, cover, settled, islice(_candidates(observed, None), most), album)
    if isinstance(found, Snapshot):
        return IdentifiedCover(observed.cover(found.ref, shown))
    return IdentifiedCover(observed.cover(content=shown), unread_snapshot=found)


def is_locked(shown: PictureBytes | Content, line: LockLine, memory: Memory) -> bool:
    """Whether a cover with these bytes is the locked picture, or what the service is known to make of it."""
    if (shown.sha256, shown.length) in {(one.sha256, one.length) for one in line.pictures}:
        return True
    remembered = memory.of(line.asset_id)
    return any((item.cover_sha256, item.snapshot_sha256) == (shown.sha256, line.sha256) for item in remembered)


async def _shows_locked(cover: _Picture, line: LockLine, memory: Memory) -> bool:
    if (await cover.told()).one_of(line.pictures) is not None:
        return True
    shown = await cover.content()
    return not isinstance(shown, NoAnswer) and is_locked(shown, line, memory)


def replaceable(unread: NoAnswer) -> NoAnswer:
    """Why a cover cannot be read, with what replaces it anyway."""
    return NoAnswer(unread.reason, f"{unread.message} `--replace-unreadable` replaces the cover anyway.")


async def _told_same(one: _Picture, other: _Picture) -> bool | None:
    """Whether two pictures are the same, as far as HEADs are believed; None where they do not tell."""
    left, right = await one.told(), await other.told()
    pairs = ((left.length, right.length), (left.md5, right.md5))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return False
    return None if None in pairs[0] + pairs[1] else True


def _settled(cover: Content, remembered: Iterable[SettledCover]) -> list[SettledCover]:
    """What is remembered of a cover with these bytes."""
    return [item for item in remembered if item.cover_sha256 == cover.sha256]


async def _which(
    observed: Observed,
    cover: _Picture,
    settled: Iterable[SettledCover],
    candidates: Iterable[Snapshot],
    album: _Album,
) -> Snapshot | NoAnswer | None:
    """The snapshot that a cover is, which has been read. None where it is certainly none, otherwise why that is not
    certain."""
    unread: NoAnswer | None = None
    for item in settled:
        named = PictureId(observed.asset_id, item.snapshot_path)
        for snapshot in (one for one in observed.snapshots if picture(one.url) == named):
            now = await album.of(snapshot.url).content()
            if isinstance(now, NoAnswer):
                unread = unread or now
            elif now.sha256 == item.snapshot_sha256:
                return snapshot
    waiting = iter(candidates)
    while batch := list(islice(waiting, _HEADS_AT_ONCE)):
        told: dict[str, bool | None] = {}

        async def ask(snapshot: Snapshot, told: dict[str, bool | None] = told) -> None:
            told[snapshot.url] = await _told_same(cover, album.of(snapshot.url))

        await for_each(batch, ask, _HEADS_AT_ONCE)
        proven = next((snapshot for snapshot in batch if told[snapshot.url]), None)
        if proven is not None:
            return proven
        for snapshot in (one for one in batch if told[one.url] is None):
            now = await album.of(snapshot.url).content()
            unread = unread or (now if isinstance(now, NoAnswer) else None)
            if now == await cover.content():
                return snapshot
    return unread


def _candidates(observed: Observed, wanted: Snapshot | None) -> Iterator[Snapshot]:
    """The asset's own snapshots other than the wanted one, those of its set first, each picture once."""
    done = {picture(wanted.url)} if wanted else set()
    ordered = sorted(observed.snapshots, key=lambda snapshot: wanted is not None and snapshot.set != wanted.set)
    for snapshot in ordered:
        named = picture(snapshot.url)
        if named is None or named in done or named.asset_id != observed.asset_id:
            continue
        done.add(named)
        yield snapshot
