"""Answers, by the pictures' bytes, the questions that the URLs leave open.

Cheapest evidence first: different lengths are different pictures, equal lengths with equal MD5s are the same one,
anything else is settled by the SHA-256 of the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reconciler.decide.picture_id import PictureId, picture
from reconciler.decide.verdict import identify, in_sync, unknown, update
from reconciler.model import Content, Cover, NoAnswer, Observed, Question, Snapshot, Verdict
from reconciler.observe.pictures import Pictures, Stamp
from reconciler.observe.similarity import alike
from reconciler.state.settled_covers import Memory
from reconciler.util.sanitize import bare_url

MOST_CANDIDATES = 100
"""How many snapshots are compared with a cover only to say what it was before."""


class _Bytes:
    """One picture, read no more than needed, and once."""

    def __init__(self, pictures: Pictures, url: str) -> None:
        self._pictures = pictures
        self._url = url
        self._stamp: Stamp | None = None
        self._content: Content | NoAnswer | None = None

    async def stamp(self) -> Stamp:
        if isinstance(self._content, Content):
            return Stamp(self._content.length, self._stamp.md5 if self._stamp else None)
        if self._stamp is None:
            self._stamp = await self._pictures.stamp(self._url)
        return self._stamp

    async def content(self) -> Content | NoAnswer:
        if self._content is None:
            self._content = await self._pictures.content(self._url)
        return self._content

    @property
    def read(self) -> Content | None:
        return self._content if isinstance(self._content, Content) else None

    @property
    def unread(self) -> NoAnswer | None:
        """Why the picture could not be read, where that was tried."""
        return self._content if isinstance(self._content, NoAnswer) else None


@dataclass(frozen=True, slots=True)
class Identified:
    """Which snapshot the current cover is, as far as can be told.

    Where `cover.snapshot` is None it is none of them for certain, unless the cover itself (`unread_cover`) or some of
    the snapshots (`unread_snapshot`, the first of them) could not be read.
    """

    cover: Cover
    unread_cover: NoAnswer | None = None
    unread_snapshot: NoAnswer | None = None

    @property
    def unread(self) -> NoAnswer | None:
        """Why it can't be told which snapshot it is; None where it can."""
        return self.unread_cover or self.unread_snapshot


async def answer(question: Question, pictures: Pictures, memory: Memory, *, replace_unreadable: bool) -> Verdict:
    """The verdict on an entry whose cover's URL does not tell which picture it is.

    Args:
        memory: of pictures that the service made of snapshots.
        replace_unreadable: a cover that can't be read is drift rather than unknown.
    """
    desired, seen, wanted = question.desired, question.observed, question.wanted
    cover, target = _Bytes(pictures, seen.cover_url), _Bytes(pictures, wanted.url)
    same = await _same(cover, target)
    if same is True:
        return in_sync(desired, seen, wanted, cover.read, cover.read)
    if isinstance(same, NoAnswer):
        readable = await target.content()
        if isinstance(readable, NoAnswer):
            return unknown(desired, readable, seen.title)
        if not replace_unreadable:
            return unknown(desired, _replaceable(same), seen.title)
        return update(desired, seen, wanted, Cover(bare_url(seen.cover_url)), readable)
    which = await _remembered(seen, cover, wanted, pictures, memory)
    if which == wanted:
        return in_sync(desired, seen, wanted, cover.read, target.read)
    if not isinstance(which, Snapshot):
        which = await _which(islice(_candidates(seen, wanted), MOST_CANDIDATES), cover, pictures)
    if not isinstance(which, Snapshot):
        # Nobody else has this picture: it must be readable to be saved before it goes.
        lost = await cover.content()
        if isinstance(lost, NoAnswer) and not replace_unreadable:
            return unknown(desired, _replaceable(lost), seen.title)
    before = Cover(bare_url(seen.cover_url), which.ref if isinstance(which, Snapshot) else None, cover.read)
    return update(desired, seen, wanted, before, target.read)


def _replaceable(unread: NoAnswer) -> NoAnswer:
    return NoAnswer(unread.reason, f"{unread.message} `--force` replaces the cover all the same.")


async def _same(one: _Bytes, other: _Bytes) -> bool | NoAnswer:
    left, right = await one.stamp(), await other.stamp()
    if left.length is not None and right.length is not None:
        if left.length != right.length:
            return False
        if left.md5 is not None and left.md5 == right.md5:
            return True
    first = await one.content()
    second = first if isinstance(first, NoAnswer) else await other.content()
    if isinstance(first, NoAnswer):
        return first
    return second if isinstance(second, NoAnswer) else first == second


async def looks_wanted(verdict: Verdict, pictures: Pictures) -> bool:
    """Whether a cover that is none of the snapshots' bytes plainly shows the wanted snapshot all the same."""
    if verdict.before is None or verdict.before.snapshot is not None or not verdict.cover_url:
        return False
    shown, wanted = await pictures.data(verdict.cover_url), await pictures.data(verdict.put_url)
    if isinstance(shown, NoAnswer) or isinstance(wanted, NoAnswer):
        return False
    return await asyncio.to_thread(alike, shown, wanted) is True


async def identify_cover(seen: Observed, pictures: Pictures, memory: Memory) -> Identified:
    """The current cover, with the snapshot that it is: by its URL, else by the bytes of all snapshots there are."""
    named = identify(seen)
    if named is not None or not seen.cover_url:
        return Identified(Cover(bare_url(seen.cover_url), named.ref if named else None))
    cover = _Bytes(pictures, seen.cover_url)
    unread: NoAnswer | None = None
    which = await _remembered(seen, cover, None, pictures, memory)
    if not isinstance(which, Snapshot):
        unread = which
        which = await _which(_candidates(seen, None), cover, pictures)
    if isinstance(which, Snapshot):
        return Identified(Cover(bare_url(seen.cover_url), which.ref, cover.read))
    unread = unread or which
    if unread is None:
        await (
            cover.content()
        )  # told apart by lengths alone perhaps; whoever reports it shall know that it was looked at
    shown = Cover(bare_url(seen.cover_url), None, cover.read)
    if unread is not None and cover.unread is not None:
        return Identified(shown, unread_cover=cover.unread)
    return Identified(shown, unread_snapshot=unread)


async def _remembered(
    seen: Observed, cover: _Bytes, wanted: Snapshot | None, pictures: Pictures, memory: Memory
) -> Snapshot | NoAnswer | None:
    """The snapshot that this very cover is known to have come of, as long as that snapshot is what it was; or what
    stands in the way of telling.

    Args:
        wanted: preferred where several snapshots are the same picture.
    """
    known = memory.of(seen.asset_id)
    content = await cover.content() if known else None
    if not isinstance(content, Content):
        return content
    unread: NoAnswer | None = None
    for settled in known:
        if settled.cover_sha256 != content.sha256:
            continue
        named = PictureId(seen.asset_id, settled.snapshot_path)
        of_it = [snapshot for snapshot in seen.snapshots if picture(snapshot.url) == named]
        for snapshot in ([wanted] if wanted else []) + of_it:
            now = await pictures.content(snapshot.url)
            if isinstance(now, NoAnswer):
                unread = now
            elif now.sha256 == settled.snapshot_sha256:
                return snapshot
    return unread


async def _which(candidates: Iterator[Snapshot], cover: _Bytes, pictures: Pictures) -> Snapshot | NoAnswer | None:
    """The snapshot that the cover is; None where it is none of them for certain, otherwise why that can't be told."""
    unread: NoAnswer | None = None
    for snapshot in candidates:
        same = await _same(cover, _Bytes(pictures, snapshot.url))
        if same is True:
            return snapshot
        if isinstance(same, NoAnswer):
            unread = unread or same
    return unread


def _candidates(seen: Observed, wanted: Snapshot | None) -> Iterator[Snapshot]:
    """The asset's own snapshots other than the wanted one, those of its set first, each picture once."""
    done = {picture(wanted.url)} if wanted else set()
    ordered = sorted(seen.snapshots, key=lambda snapshot: wanted is not None and snapshot.set != wanted.set)
    for snapshot in ordered:
        named = picture(snapshot.url)
        if named is None or named in done or named.asset_id != seen.asset_id:
            continue
        done.add(named)
        yield snapshot
