"""What others do behind the tool's back, between verbs and during them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from simulator.catalogue import SETS, picture, snapshot
from simulator.world import Asset, Snapshot, World


def schedule(
    rng: random.Random, world: World, start: float, span: float, count: int, among: Sequence[str] = ()
) -> None:
    """Plans `count` changes at random moments of a span of time, to any asset or to some."""
    for _ in range(count):
        at = start + rng.uniform(0, span)
        asset = world.assets[rng.choice(list(among or world.assets))]
        kinds = (_set, _set, _upload, _upload, _retake, _retake, _add, _add, _delete)
        happens = rng.choice(kinds)
        seed = rng.getrandbits(64)
        world.coming.append((at, lambda now, a=asset, h=happens, s=seed: _happen(world, a, h, s, now)))  # type: ignore[misc]


def _happen(world: World, asset: Asset, happens: object, seed: int, now: float) -> None:
    if not asset.exists.at(now):
        return
    told = happens(random.Random(seed), world, asset, now)  # type: ignore[operator]
    if told:
        world.note(f"somebody: {told}", asset.asset_id, now)


def _one(rng: random.Random, asset: Asset, now: float) -> Snapshot | None:
    listed = asset.snapshots.at(now)
    return rng.choice(listed) if listed else None


def _set(rng: random.Random, world: World, asset: Asset, now: float) -> str:
    one = _one(rng, asset, now)
    if one is None:
        return ""
    world.set_cover(asset, one, now, "somebody")
    return f"sets the cover to {one.path}"


def _upload(rng: random.Random, world: World, asset: Asset, now: float) -> str:
    world.upload(asset, picture(rng), now)
    return "uploads a cover"


def _retake(rng: random.Random, world: World, asset: Asset, now: float) -> str:
    one = _one(rng, asset, now)
    if one is None:
        return ""
    one.body.set(now, picture(rng))
    return f"has {one.path} taken again: other bytes"


def _add(rng: random.Random, world: World, asset: Asset, now: float) -> str:
    name = rng.choice([one for one in SETS if asset.in_set(one, now)] or ["sample"])
    taken = {one.offset for one in asset.in_set(name, now)}
    offset = rng.choice([at for at in range(70) if at not in taken])
    added = snapshot(rng, asset.asset_id, name, offset)
    asset.snapshots.set(now, (*asset.snapshots.at(now), added))
    return f"adds the snapshot {added.path}"


def _delete(rng: random.Random, world: World, asset: Asset, now: float) -> str:
    if rng.random() < 0.7:
        return ""
    asset.exists.set(now, False)
    return "deletes the asset"
