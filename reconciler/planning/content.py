"""Decides by the pictures' bytes what the URLs leave open.

The evidence, the cheapest first. Two pictures are
1. different if their lengths differ;
2. the same if their lengths and their MD5s are equal;
3. otherwise what the SHA-256 of their bytes says.

A cover is, in this order, the wanted snapshot itself; what the service made of one of the snapshots, as remembered;
another snapshot; or none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from reconciler.decide.picture_id import PictureId, picture
from reconciler.decide.verdict import identify, in_sync, unknown, update
from reconciler.model import Content, Cover, NoAnswer, Observed, Question, Snapshot, Verdict
from reconciler.observe.pictures import PictureHead, Pictures
from reconciler.observe.similarity import alike
from reconciler.state.settled_covers import Memory

MOST_CANDIDATES = 100
"""How many snapshots are compared with a cover only to say what it was before."""


class _Picture:
    """One picture. No more is read of it than needed, and only once."""

    def __init__(self, pictures: Pictures, url: str) -> None:
        self._pictures = pictures
        self._url = url
        self._head: PictureHead | None = None
        self._content: Content | NoAnswer | None = None

    async def head(self) -> PictureHead:
        if isinstance(self._content, Content):
            return PictureHead(self._content.length, self._head.md5 if self._head else None)
        if self._head is None:
            self._head = await self._pictures.head(self._url)
        return self._head

    async def content(self) -> Content | NoAnswer:
        if self._content is None:
            self._content = await self._pictures.content(self._url)
        return self._content

    @property
    def read(self) -> Content | None:
        """Its content, if it has been read."""
        return self._content if isinstance(self._content, Content) else None

    @property
    def unread(self) -> NoAnswer | None:
        """Why it could not be read, if that was tried."""
        return self._content if isinstance(self._content, NoAnswer) else None


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


async def answer(question: Question, pictures: Pictures, memory: Memory, *, replace_unreadable: bool) -> Verdict:
    """The verdict on an entry whose cover's URL does not say which picture it is.

    Args:
        memory: of pictures that the service made of snapshots.
        replace_unreadable: a cover that cannot be read is drift rather than unknown.
    """
    desired, observed, wanted = question.desired, question.observed, question.wanted
    cover, target = _Picture(pictures, observed.cover_url), _Picture(pictures, wanted.url)
    same = await _same(cover, target)
    if same is True:
        return in_sync(desired, observed, wanted, cover.read, cover.read)
    if isinstance(same, NoAnswer):
        readable = await target.content()
        if isinstance(readable, NoAnswer):
            return unknown(desired, readable, observed.title)
        if not replace_unreadable:
            return unknown(desired, _replaceable(same), observed.title)
        return update(desired, observed, wanted, observed.cover(), readable)
    shown = await _made_from(observed, cover, wanted, pictures, memory)
    if shown == wanted:
        return in_sync(desired, observed, wanted, cover.read, target.read)
    if not isinstance(shown, Snapshot):
        shown = await _equal_to(islice(_candidates(observed, wanted), MOST_CANDIDATES), cover, pictures)
    if not isinstance(shown, Snapshot):
        # This picture exists nowhere else: it must be readable, so that it can be saved before it is replaced.
        content = await cover.content()
        if isinstance(content, NoAnswer) and not replace_unreadable:
            return unknown(desired, _replaceable(content), observed.title)
    ref = shown.ref if isinstance(shown, Snapshot) else None
    return update(desired, observed, wanted, observed.cover(ref, cover.read), target.read)


async def identify_cover(observed: Observed, pictures: Pictures, memory: Memory) -> IdentifiedCover:
    """The current cover, with the snapshot that it is: by its URL, else by the bytes of all snapshots there are."""
    named = identify(observed)
    if named is not None or not observed.cover_url:
        return IdentifiedCover(observed.cover(named.ref if named else None))
    cover = _Picture(pictures, observed.cover_url)
    unread: NoAnswer | None = None
    shown = await _made_from(observed, cover, None, pictures, memory)
    if not isinstance(shown, Snapshot):
        unread = shown
        shown = await _equal_to(_candidates(observed, None), cover, pictures)
    if isinstance(shown, Snapshot):
        return IdentifiedCover(observed.cover(shown.ref, cover.read))
    unread = unread or shown
    if unread is None:
        # Lengths alone may have ruled out every snapshot. Reports must know that the cover was looked at.
        await cover.content()
    found = observed.cover(content=cover.read)
    if unread is not None and cover.unread is not None:
        return IdentifiedCover(found, unread_cover=cover.unread)
    return IdentifiedCover(found, unread_snapshot=unread)


async def looks_wanted(verdict: Verdict, pictures: Pictures) -> bool:
    """Whether a cover that has the bytes of no snapshot plainly shows the wanted one."""
    if verdict.before is None or verdict.before.snapshot is not None or not verdict.cover_url:
        return False
    shown, wanted = await pictures.data(verdict.cover_url), await pictures.data(verdict.put_url)
    if isinstance(shown, NoAnswer) or isinstance(wanted, NoAnswer):
        return False
    return await asyncio.to_thread(alike, shown, wanted) is True


def _replaceable(unread: NoAnswer) -> NoAnswer:
    return NoAnswer(unread.reason, f"{unread.message} `--replace-unreadable` replaces the cover anyway.")


async def _same(one: _Picture, other: _Picture) -> bool | NoAnswer:
    """Whether two pictures are the same, by the cheapest evidence; NoAnswer where one cannot be read."""
    left, right = await one.head(), await other.head()
    if left.length is not None and right.length is not None:
        if left.length != right.length:
            return False
        if left.md5 is not None and left.md5 == right.md5:
            return True
    first = await one.content()
    if isinstance(first, NoAnswer):
        return first
    second = await other.content()
    return second if isinstance(second, NoAnswer) else first == second


async def _made_from(
    observed: Observed, cover: _Picture, wanted: Snapshot | None, pictures: Pictures, memory: Memory
) -> Snapshot | NoAnswer | None:
    """The snapshot that the service is known to have made this cover of, if the snapshot still is what it was; or why
    that is not certain.

    Args:
        wanted: preferred where several snapshots are the same picture.
    """
    remembered = memory.of(observed.asset_id)
    content = await cover.content() if remembered else None
    if not isinstance(content, Content):
        return content
    unread: NoAnswer | None = None
    for settled in remembered:
        if settled.cover_sha256 != content.sha256:
            continue
        named = PictureId(observed.asset_id, settled.snapshot_path)
        candidates = [snapshot for snapshot in observed.snapshots if picture(snapshot.url) == named]
        for snapshot in [wanted, *candidates] if wanted else candidates:
            now = await pictures.content(snapshot.url)
            if isinstance(now, NoAnswer):
                unread = now
            elif now.sha256 == settled.snapshot_sha256:
                return snapshot
    return unread


async def _equal_to(
    candidates: Iterable[Snapshot], cover: _Picture, pictures: Pictures
) -> Snapshot | NoAnswer | None:
    """The snapshot that has the cover's bytes. None where certainly none has, otherwise why that is not certain."""
    unread: NoAnswer | None = None
    for snapshot in candidates:
        same = await _same(cover, _Picture(pictures, snapshot.url))
        if same is True:
            return snapshot
        if isinstance(same, NoAnswer):
            unread = unread or same
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
