"""What is true at every moment: assets, snapshots, covers, what each CDN edge shows; and the log of all events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from simulator.clock import VirtualClock
from simulator.pictures import PLACEHOLDER, recoded

T = TypeVar("T")
Mode = Literal["reference", "copy", "recode"]
COVER = "cover/Cover0.jpg"
TAKEN, TAKING = "THUMBNAIL_SUCCEED", "THUMBNAILING"


class Timeline(Generic[T]):
    """A value that changes with time."""

    def __init__(self, value: T) -> None:
        self._steps: list[tuple[float, T]] = [(float("-inf"), value)]

    def set(self, at: float, value: T) -> None:
        """From `at` on it is `value`, whatever was to come later."""
        self._steps = [step for step in self._steps if step[0] < at]
        self._steps.append((at, value))

    def at(self, moment: float) -> T:
        return next(value for at, value in reversed(self._steps) if at <= moment)

    def during(self, start: float, end: float) -> list[T]:
        """The value at `start`, and those that it had until `end`."""
        return [self.at(start), *(value for at, value in self._steps if start < at <= end)]

    def moments(self, start: float, end: float) -> list[float]:
        """When it changed in (start, end]."""
        return [at for at, _ in self._steps if start < at <= end]


@dataclass(frozen=True, slots=True)
class Cover:
    """What was really set. `source` is the snapshot's path and `source_body` its bytes then; "" for an upload."""

    body: bytes | None
    source: str = ""
    source_body: bytes | None = None
    by: str = "the catalogue"


@dataclass(eq=False, slots=True)
class Snapshot:
    set: str
    offset: int
    path: str
    body: Timeline[bytes]
    asset_id: str


@dataclass(eq=False)
class Asset:
    """One asset; times are virtual seconds.

    Attributes:
        cover: at the origin. `url`: the path that the API names as the cover ("" for none).
        edges: what each CDN edge shows at COVER.
        given: URLs that the details returned, by when first.
    """

    asset_id: str
    title: str
    host: str
    snapshots: Timeline[tuple[Snapshot, ...]]
    cover: Timeline[Cover]
    url: Timeline[str]
    edges: list[Timeline[bytes | None]]
    exists: Timeline[bool] = field(default_factory=lambda: Timeline(True))
    status: Timeline[str] = field(default_factory=lambda: Timeline(TAKEN))
    given: dict[str, float] = field(default_factory=dict)

    def in_set(self, name: str, at: float) -> list[Snapshot]:
        """The snapshots of a set in the order that indices count."""
        found = [one for one in self.snapshots.at(at) if one.set == name]
        return sorted(found, key=lambda one: (one.offset, one.path))

    def by_path(self, path: str, at: float) -> Snapshot | None:
        return next((one for one in self.snapshots.at(at) if one.path == path), None)

    def shown(self, start: float, end: float) -> set[bytes | None]:
        """Every picture that somebody could have seen as the cover in a span of time; None is no cover."""
        found: set[bytes | None] = set()
        for path in set(self.url.during(start, end)):
            if path == COVER:
                for edge in self.edges:
                    found.update(edge.during(start, end))
            elif not path:
                found.add(None)
            else:
                known = [one for listed in self.snapshots.during(start, end) for one in listed if one.path == path]
                found.update(body for one in known for body in one.body.during(start, end))
        return found

    def moments(self, start: float, end: float) -> list[float]:
        """When anything about it changed."""
        lines: list[Timeline[object]] = [self.snapshots, self.cover, self.url, self.exists, self.status, *self.edges]  # type: ignore[list-item]
        lines += [one.body for one in self._ever()]  # type: ignore[misc]
        return sorted({at for line in lines for at in line.moments(start, end)})

    def _ever(self) -> Iterator[Snapshot]:
        seen = {id(one): one for listed in self.snapshots.during(float("-inf"), float("inf")) for one in listed}
        yield from seen.values()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `asset_id` is "" where it is about none."""

    at: float
    verb: int
    asset_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked(Event):
    """A request and its answer.

    Attributes:
        route: details, list, info, cover (the PUT), asset and upload (of a cover), or picture.
        path: of a picture, or of the snapshot that was PUT.
        body: the picture that was served, decoded and whole; None where it was not.
        fault: what was wrong with the answer, or "".
        effect: a PUT came about. `accepted`: and was answered so.
    """

    method: str = "GET"
    route: str = ""
    path: str = ""
    url: str = ""
    status: int = 0
    body: bytes | None = None
    fault: str = ""
    effect: bool = False
    accepted: bool = False


@dataclass(eq=False)
class World:
    """Everything there is.

    Attributes:
        mode: what becomes of a set cover.
        delays: draws how many seconds it takes until an edge, or the API, shows a new cover.
        placeholder: an edge shows something that is no picture until then.
        coming: what others do at a later time.
        actor: who runs the present verb.
    """

    clock: VirtualClock
    mode: Mode
    delays: Callable[[], float]
    placeholder: bool
    assets: dict[str, Asset]
    log: list[Event] = field(default_factory=list)
    coming: list[tuple[float, Callable[[float], None]]] = field(default_factory=list)
    verb: int = 0
    actor: str = "machine 0"

    def note(self, text: str, asset_id: str = "", at: float | None = None) -> None:
        self.log.append(Event(self.clock.time if at is None else at, self.verb, asset_id, text))

    def advance(self) -> None:
        """Lets everything happen that was to happen by now."""
        due = sorted((item for item in self.coming if item[0] <= self.clock.time), key=lambda item: item[0])
        self.coming = [item for item in self.coming if item[0] > self.clock.time]
        for at, happens in due:
            happens(at)

    def asked(self, verb: int, asset_id: str = "", route: str = "") -> Iterable[Asked]:
        for event in self.log:
            if not isinstance(event, Asked) or event.verb != verb:
                continue
            if asset_id in ("", event.asset_id) and route in ("", event.route):
                yield event

    def becomes(self, body: bytes) -> bytes:
        """The picture that a set snapshot is shown as."""
        return recoded(body) if self.mode == "recode" else body

    def set_cover(self, asset: Asset, snapshot: Snapshot, at: float, by: str) -> None:
        """Makes a snapshot the cover, to be seen little by little."""
        source = snapshot.body.at(at)
        body = self.becomes(source)
        asset.cover.set(at, Cover(body, snapshot.path, source, by))
        if self.mode == "reference":
            asset.url.set(at + self.delays(), snapshot.path)
        else:
            self._spread(asset, body, at)

    def restore(self, asset: Asset, body: bytes, at: float, by: str) -> None:
        """Makes a picture that the tool uploads the cover, to be seen little by little."""
        shown = self.becomes(body)
        asset.cover.set(at, Cover(shown, "", body, by))
        self._spread(asset, shown, at)

    def upload(self, asset: Asset, body: bytes, at: float) -> None:
        asset.cover.set(at, Cover(body, by="somebody"))
        self._spread(asset, body, at)

    def _spread(self, asset: Asset, body: bytes, at: float) -> None:
        first = asset.url.at(at) != COVER
        for edge in asset.edges:
            delay = 0.0 if first else self.delays()
            if self.placeholder and self.mode == "recode" and delay > 0:
                edge.set(at, PLACEHOLDER)
            edge.set(at + delay, body)
        asset.url.set(at, COVER)
