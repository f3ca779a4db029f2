"""What the HTML report says of one asset: texts made inert, pictures with their captions and alternatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from reconciler.documents.images import AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.documents.schemas import ChangeDoc, ContentDoc, CoverDoc, ResultDoc, SnapshotDoc, SourceDoc
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset
from reconciler.report import phrases as words
from reconciler.util.sanitize import clean, hide, shorten

T = TypeVar("T")
_LONGEST_WHY = 300


class State(NamedTuple):
    """How a card is marked: a colour, and the sign and the words that tell the same without it."""

    colour: str
    sign: str
    told: str


_UPDATE = State("change", "~", "to change")
_OUTCOMES = {
    "applied": State("good", "✓", "applied"),
    "unchanged": State("good", "✓", "unchanged"),
    "failed": State("bad", "✕", "failed"),
    "stale": State("bad", "✕", "stale"),
    "not_attempted": State("change", "–", "not attempted"),
}
_SEEN = State("good", "✓", "applied, seen in place")
_NOT_SEEN = State("change", "!", "applied, not seen in time")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what it is. `data` is a `data:` URI; or "", and `why` there is none (which may be "", too)."""

    told: str
    alt: str
    data: str = ""
    width: int = 0
    height: int = 0
    why: str = ""
    label: str = ""
    wanted: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A change, or what became of one. `film` holds the asset's snapshots, in order; `pictured`: there are pictures,
    or at least reasons why there are none."""

    asset_id: str
    title: str
    place: str
    state: State
    before: Picture
    after: Picture
    pictured: bool
    film: tuple[Picture, ...] = ()
    note: str = ""
    size: str = ""
    saved: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An asset to choose a snapshot of; or, with `reason`, one that could not be read."""

    asset_id: str
    title: str = ""
    cover: str = ""
    alone: Picture | None = None
    """The cover, where it is none of the snapshots."""
    film: tuple[Picture, ...] = ()
    pictured: bool = False
    status: str = ""
    reason: str = ""
    message: str = ""
    advice: str = ""


def text(value: str) -> str:
    """What others wrote, without secrets and inert; the template escapes it besides."""
    return clean(hide(value))


def place(source: SourceDoc) -> str:
    return f"{text(source.file)}:{source.line}"


def by(key: Callable[[T], str], items: Iterable[T]) -> Iterator[tuple[str, list[T]]]:
    """Grouped, in order of first mention."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    yield from groups.items()


def change(doc: ChangeDoc, images: ImagesByAsset) -> Card:
    strip = images.get(doc.asset_id)
    return Card(
        doc.asset_id,
        text(doc.title),
        place(doc.source),
        _UPDATE,
        _cover("Now", "Cover now", doc.before, strip.before if strip else None),
        _cover("Wanted", "Wanted", doc.after, strip.after if strip else None),
        strip is not None,
        _film(strip, now=doc.before.snapshot, wanted=doc.after.snapshot),
        note=text(doc.note or ""),
        size=_size(doc.before.content, doc.after.content),
    )


def result(doc: ResultDoc, images: ImagesByAsset) -> Card:
    strip = images.get(doc.asset_id)
    error = ""
    if doc.error is not None:
        request = f" (request {doc.error.request_id})" if doc.error.request_id else ""
        error = text(doc.error.message + request)
    return Card(
        doc.asset_id,
        text(doc.title),
        place(doc.source),
        {True: _SEEN, False: _NOT_SEEN, None: _OUTCOMES[doc.outcome]}[doc.verified],
        _cover("Before", "Cover before", doc.before, strip.before if strip else None),
        _cover("Wanted", "Wanted", doc.after, strip.after if strip else None),
        strip is not None,
        _film(strip, now=None, wanted=doc.after.snapshot),
        note=text(doc.note or ""),
        size=_size(doc.before.content, doc.after.content),
        saved=text(doc.saved_cover or ""),
        error=error,
    )


def _size(old: ContentDoc | None, new: ContentDoc | None) -> str:
    """Both lengths, where they are known and differ."""
    return f"{old.length:,} → {new.length:,} bytes" if old and new and old.length != new.length else ""


def choices(document: ShowDoc, images: ImagesByAsset) -> Iterator[Choice]:
    for asset in document.assets:
        if isinstance(asset, NotShown):
            told = words.advice(asset.reason)
            yield Choice(asset.asset_id, reason=asset.reason, message=text(asset.message), advice=told)
        else:
            yield _choice(asset, images.get(asset.asset_id))


def _choice(asset: ShownAsset, strip: AssetImages | None) -> Choice:
    shots = {(ref.set, ref.index, ref.offset): shot for ref, shot in strip.others} if strip else {}
    film = []
    for item in asset.snapshots:
        ref = SnapshotDoc(set=item.set, index=item.index, offset=item.offset)
        film.append(_frame(ref, shots.get((ref.set, ref.index, ref.offset)), current=item.cover))
    alone = None
    if strip is not None and not any(item.cover for item in asset.snapshots):
        alone = _cover("The cover", "Cover now", asset.cover, strip.before)
    return Choice(
        asset.asset_id,
        text(asset.title),
        words.cover(asset.cover),
        alone,
        tuple(film),
        strip is not None,
        text(asset.thumbnail_status),
    )


def _cover(label: str, spoken: str, doc: CoverDoc, shot: EmbeddedImage | None) -> Picture:
    told = words.cover(doc)
    return _pictured(told, f"{spoken}: {_spoken(doc.snapshot) if doc.snapshot else told}", shot, label=label)


def _film(strip: AssetImages | None, *, now: SnapshotDoc | None, wanted: SnapshotDoc | None) -> tuple[Picture, ...]:
    others = strip.others if strip else ()
    return tuple(_frame(ref, shot, current=ref == now, wanted=ref == wanted) for ref, shot in others)


def _frame(ref: SnapshotDoc, shot: EmbeddedImage | None, *, current: bool = False, wanted: bool = False) -> Picture:
    spoken = _spoken(ref) + (", the cover now" if current else "") + (", wanted" if wanted else "")
    return _pictured(words.snapshot(ref), f"Snapshot {spoken}", shot, current=current, wanted=wanted)


def _spoken(ref: SnapshotDoc) -> str:
    return f"{ref.set}[{ref.index}] at {words.clock(ref.offset)}"


def _pictured(
    told: str, alt: str, shot: EmbeddedImage | None, *, label: str = "", current: bool = False, wanted: bool = False
) -> Picture:
    shot = shot or EmbeddedImage("")
    why = shorten(hide(shot.why), _LONGEST_WHY)
    return Picture(told, alt, shot.data, shot.width, shot.height, why, label, wanted, current)
