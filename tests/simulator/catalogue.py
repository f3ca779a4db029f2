"""Random catalogues, and desired files for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from simulator.clock import VirtualClock
from simulator.pictures import scene
from simulator.service import Manners, Service
from simulator.weather import HEADS
from simulator.world import COVER, TAKING, Asset, Cover, Mode, Snapshot, Timeline, World

SETS = ("sample", "dots", "quantity")
_EDGES = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What a desired file says of an asset."""

    asset_id: str
    set: str = "sample"
    index: int | None = None
    offset: int | None = None
    ignore: bool = False

    def as_yaml(self) -> str:
        if self.ignore:
            return "{ignore: true}"
        number = f"snapshot: {self.index}" if self.offset is None else f"offset: {self.offset}"
        return f"{{{number}, from: {self.set}}}"

    def wants(self, asset: Asset | None, at: float) -> Snapshot | str:
        """The snapshot that is wanted, or the reason why there is none."""
        if asset is None or not asset.exists.at(at):
            return "asset_not_found"
        if asset.status.at(at) == TAKING:
            return "snapshots_in_progress"
        found = asset.in_set(self.set, at)
        if not found:
            return "no_snapshots"
        if self.offset is not None:
            return next((one for one in found if one.offset == self.offset), "no_snapshot_at_offset")
        index = self.index or 0
        return found[index] if -len(found) <= index < len(found) else "snapshot_out_of_range"


def picture(rng: random.Random) -> bytes:
    return scene(rng.randrange(100_000))


def service(seed: int, rng: random.Random, clock: VirtualClock) -> Service:
    """A world of 3 to 12 assets, and the cloud that shows it."""
    mode: Mode = rng.choice(("reference", "copy", "copy", "recode"))
    longest = rng.choice((0.0, 0.0, 20.0, 280.0))
    late = random.Random(f"{seed} delays")
    hosts = {
        f"cdn-{number}.vod.example.com": Manners(rng.choice(HEADS), packed=rng.random() < 0.12) for number in (1, 2)
    }
    world = World(
        clock,
        mode,
        delays=lambda: late.uniform(0, longest),
        placeholder=rng.random() < 0.3,
        assets={},
    )
    for number in range(rng.choice((3, 3, 3, 4, 4, 5, 6, 12))):
        asset = _asset(rng, number, rng.choice(tuple(hosts)), world)
        world.assets[asset.asset_id] = asset
    foreign = frozenset(one for one in world.assets if rng.random() < 0.04)
    refuses = random.Random(f"uploads of {seed}").random() < 0.2
    return Service(world, hosts, seed, foreign, refuses_uploads=refuses)


def _asset(rng: random.Random, number: int, host: str, world: World) -> Asset:
    asset_id = f"{rng.getrandbits(128):032x}"
    snapshots: list[Snapshot] = []
    for name in SETS:
        if name == "sample" or rng.random() < 0.2:
            offsets = rng.sample(range(0, 60, 5), rng.randint(2, 4))
            snapshots += [snapshot(rng, asset_id, name, offset) for offset in offsets]
    if rng.random() < 0.05:
        snapshots = []
    if len(snapshots) > 1 and rng.random() < 0.15:  # a still scene: two snapshots of the same bytes
        snapshots[1].body = Timeline(snapshots[0].body.at(0))
    cover, url = _first_cover(rng, snapshots, world)
    return Asset(
        asset_id,
        f"Video {number}",
        host,
        Timeline(tuple(snapshots)),
        Timeline(cover),
        Timeline(url),
        [Timeline(cover.body) for _ in range(_EDGES)],
        status=Timeline(TAKING if rng.random() < 0.04 else "THUMBNAIL_SUCCEED"),
    )


def snapshot(rng: random.Random, asset_id: str, name: str, offset: int) -> Snapshot:
    return Snapshot(name, offset, f"snapshot/{name}/{offset}.jpg", Timeline(picture(rng)), asset_id)


def _first_cover(rng: random.Random, snapshots: list[Snapshot], world: World) -> tuple[Cover, str]:
    chance = rng.random()
    if chance < 0.08:
        return Cover(None), ""
    if chance < 0.3 or not snapshots:
        return Cover(picture(rng)), COVER
    one = rng.choice(snapshots)
    source = one.body.at(0)
    cover = Cover(world.becomes(source), one.path, source)
    return cover, one.path if world.mode == "reference" and rng.random() < 0.8 else COVER


def entries(rng: random.Random, world: World) -> list[Entry]:
    """Entries for most of the assets, about half of them for what is shown, and some that cannot be satisfied."""
    found = [_entry(rng, asset, world.clock.time) for asset in world.assets.values() if rng.random() < 0.92]
    if rng.random() < 0.2:
        found.append(Entry(f"{rng.getrandbits(128):032x}", index=0))
    rng.shuffle(found)
    return found


def _entry(rng: random.Random, asset: Asset, now: float) -> Entry:
    if rng.random() < 0.04:
        return Entry(asset.asset_id, ignore=True)
    listed = asset.snapshots.at(now)
    if not listed:
        return Entry(asset.asset_id, index=0)
    source = asset.cover.at(now).source
    shown = [one for one in listed if one.path == source]
    one = shown[0] if shown and rng.random() < 0.4 else rng.choice(listed)
    members = asset.in_set(one.set, now)
    position = members.index(one)
    chance = rng.random()
    if chance < 0.04:
        return Entry(asset.asset_id, one.set, index=position + len(members))
    if chance < 0.08:
        return Entry(asset.asset_id, one.set, offset=one.offset + 1)
    if chance < 0.3:
        return Entry(asset.asset_id, one.set, offset=one.offset)
    return Entry(asset.asset_id, one.set, index=position - len(members) if chance < 0.5 else position)


def write(wanted: list[Entry], file: Path) -> None:
    """Writes a desired file."""
    lines = "".join(f"  {entry.asset_id}: {entry.as_yaml()}\n" for entry in wanted)
    file.write_text(f"covers:\n{lines}" if lines else "covers: {}\n", encoding="utf-8")
