"""What may truly be said of one entry during one verb."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simulator.catalogue import Entry
from simulator.pictures import PLACEHOLDER
from simulator.service import Service, recoded_or_none
from simulator.tool import Ran
from simulator.weather import COVERS, SNAPSHOTS, Weather
from simulator.world import COVER, Asked, Asset, Cover, Snapshot, World

FIVE_MINUTES = 300.0


@dataclass(frozen=True, slots=True)
class Put:
    """A PUT of the tool's that came about, as its verb reported it."""

    at: float
    verb: int
    machine: int
    path: str
    body: bytes
    told: str
    verified: bool | None
    seen_before: frozenset[bytes | None]
    """The covers that its verb was shown before it; None is no cover."""
    set_before: Cover
    """The cover at the origin before it."""
    as_read: bool = True
    """It set the bytes that its verb had read. Nobody can tell that a snapshot was taken again between that and the
    PUT."""
    on_its_way: bytes | None = None
    """What an earlier PUT had set less than five minutes before."""


@dataclass(eq=False)
class Verb:
    """One verb and all that the oracle needs to know of it.

    Attributes:
        machine: where it ran; each has a state folder of its own.
        plan: the saved plan that it executes. `planned_at`: when that was made.
        write_quota: PUTs in so many seconds.
    """

    number: int
    name: str
    ran: Ran
    weather: Weather
    entries: list[Entry]
    machine: int = 0
    interrupted: bool = False
    wait: bool = False
    detailed: bool = False
    force: bool = True
    replace_unreadable: bool = False
    wait_looks: int = 2
    plan: dict[str, Any] | None = None
    planned_at: float | None = None
    write_quota: tuple[int, float] = (100, 60.0)
    quiet_end: bool = False

    @property
    def document(self) -> dict[str, Any]:
        return self.ran.document or {}

    @property
    def began(self) -> float:
        return self.ran.began if self.planned_at is None else self.planned_at


@dataclass(eq=False)
class Book:
    """What the oracle remembers from verb to verb: PUTs by asset ID; covers that a machine knows to be settled."""

    service: Service
    puts: dict[str, list[Put]] = field(default_factory=dict)
    learned: set[tuple[int, str, bytes]] = field(default_factory=set)

    @property
    def world(self) -> World:
        return self.service.world

    def last(self, asset_id: str, machine: int, before: float) -> Put | None:
        """A machine's last PUT within the five minutes before."""
        mine = [put for put in self.puts.get(asset_id, ()) if put.machine == machine]
        found = [put for put in mine if before - FIVE_MINUTES - 1 <= put.at < before]
        return found[-1] if found else None


@dataclass(eq=False)
class Facts:
    """One entry between two moments of a verb."""

    book: Book
    verb: Verb
    entry: Entry
    start: float
    end: float

    @property
    def asset(self) -> Asset | None:
        return self.book.world.assets.get(self.entry.asset_id)

    @cached_property
    def moments(self) -> list[float]:
        return [self.start, *(self.asset.moments(self.start, self.end) if self.asset else ())]

    @cached_property
    def wants(self) -> list[Snapshot | str]:
        return [self.entry.wants(self.asset, at) for at in self.moments]

    @cached_property
    def wanted(self) -> list[Snapshot]:
        return [one for one in self.wants if not isinstance(one, str)]

    @cached_property
    def bodies(self) -> set[bytes]:
        """The wanted snapshot's bytes."""
        return {body for one in self.wanted for body in one.body.during(self.start, self.end)}

    @cached_property
    def shown(self) -> set[bytes | None]:
        return self.asset.shown(self.start, self.end) if self.asset else set()

    @cached_property
    def urls(self) -> set[str]:
        return set(self.asset.url.during(self.start, self.end)) if self.asset else set()

    @cached_property
    def recent(self) -> Put | None:
        return self.book.last(self.entry.asset_id, self.verb.machine, self.start)

    @property
    def steady(self) -> bool:
        return len(self.moments) == 1

    def equal(self, shown: bytes | None, wanted: bytes) -> bool:
        """Whether a cover is a snapshot, as the service shows it."""
        return shown == wanted or (self.book.world.mode == "recode" and shown == recoded_or_none(wanted))

    def states(self) -> set[str]:
        """Every state, or reason of unknown, that is true at some moment."""
        asset_id, weather = self.entry.asset_id, self.verb.weather
        if self.entry.ignore:
            return {"ignored"}
        found = {one for one in self.wants if isinstance(one, str)}
        if weather.lasting(asset_id, "details"):
            found.add("api_error")
        if not self.wanted:
            return found
        if asset_id in self.book.service.foreign:
            return found | {"foreign_snapshot"}
        if weather.lasting(asset_id, COVERS, SNAPSHOTS):
            found.add("content_unavailable")
        if self.asset is not None and not all(self.asset.exists.during(self.start, self.end)):
            found |= {"content_unavailable", "asset_not_found"}
        if self.verb.replace_unreadable and "content_unavailable" in found:
            found.add("update")
        return found | self._by_bytes()

    def _by_bytes(self) -> set[str]:
        found = set()
        paths = {one.path for one in self.wanted}
        for wanted in self.bodies:
            for shown in self.shown:
                if shown is not None and self.equal(shown, wanted):
                    found.add("in_sync")
                    known = (self.verb.machine, self.entry.asset_id, wanted) in self.book.learned
                    if shown != wanted and not known:
                        found.add("update")
                else:
                    found.add("update")
        if self.urls & paths:
            found.add("in_sync")
        if any(url not in ("", COVER) and url not in paths for url in self.urls):
            found.add("update")
        return self._on_its_way(found)

    def _on_its_way(self, found: set[str]) -> set[str]:
        put = self.recent
        if put is None:
            return found
        if put.body not in self.bodies:
            found.add("update")  # what is wanted may be shown, but something else is on its way
            return found | ({"pending"} if put.told == "failed" and self._told_before(put) else set())
        if "update" in found:
            found.add("pending")
        if self._must_be_pending(put):
            found.discard("update")
        return found

    def _told_before(self, put: Put) -> bool:
        """Whether what is wanted was said to be applied before a PUT of which nobody knows what became."""
        asset_id, machine = self.entry.asset_id, self.verb.machine
        mine = [one for one in self.book.puts[asset_id] if one.machine == machine and one.at < put.at]
        sure = [one for one in mine if one.told != "failed" and one.at > self.end - FIVE_MINUTES - 1]
        return bool(sure) and sure[-1].body in self.bodies

    def _must_be_pending(self, put: Put) -> bool:
        """Applied less than five minutes ago to what is wanted, and nothing else than the old cover and the new one
        was seen since. A cover that somebody set before, and that the tool was never shown, is not the old one for
        it: nobody can tell that it was not set after the PUT."""
        known = put.told == "applied" and put.as_read
        if not known or self.end > put.at + FIVE_MINUTES - 1 or self.bodies != {put.body}:
            return False
        assert self.asset is not None
        if self.asset.cover.moments(put.at, self.end):
            return False
        old = put.seen_before | {PLACEHOLDER} | ({put.on_its_way} if put.on_its_way else set())
        return all(shown in old or self.equal(shown, put.body) for shown in self.shown)

    def served(self, path: str, until: float | None = None) -> list[bytes]:
        """The pictures that the tool was given in this verb, whole, from a path."""
        until = self.verb.ran.ended if until is None else until
        asked = self.book.world.asked(self.verb.number, self.entry.asset_id, "picture")
        return [event.body for event in asked if event.path == path and event.body is not None and event.at <= until]


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def puts_of(book: Book, verb: Verb, asset_id: str = "") -> list[Asked]:
    return list(book.world.asked(verb.number, asset_id, "cover"))


def uploads_of(book: Book, verb: Verb, asset_id: str = "") -> list[Asked]:
    return list(book.world.asked(verb.number, asset_id, "upload"))


def changes_of(book: Book, verb: Verb, asset_id: str = "") -> list[Asked]:
    """The PUTs that set a snapshot or upload a cover, in their order."""
    found = [*puts_of(book, verb, asset_id), *uploads_of(book, verb, asset_id)]
    return sorted(found, key=lambda put: put.at)


def seen_before(book: Book, verb: Verb, put: Asked) -> frozenset[bytes | None]:
    """The covers that a verb was shown until one of its PUTs: by their pictures, or by the URL of a snapshot."""
    asset, found = book.world.assets[put.asset_id], set[bytes | None]()
    for event in book.world.asked(verb.number, put.asset_id):
        if event.at >= put.at or event.fault:
            continue
        if event.route == "picture" and event.path == COVER and event.body is not None:
            found.add(event.body)
        elif event.route == "details" and asset.url.at(event.at) != COVER:
            snapshot = asset.by_path(event.path, event.at)
            found.add(snapshot.body.at(event.at) if snapshot else None)
    return frozenset(found)


def in_doubt(put: Asked) -> bool:
    """Whether a PUT got no usable answer, so that the tool cannot know whether it came about."""
    return not put.accepted and not put.fault.startswith(("429", "400", "403"))
