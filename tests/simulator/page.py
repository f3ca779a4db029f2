"""A broken rule on one readable page: the seed, the world, what happened, what the verb said."""

from __future__ import annotations

import json
from typing import Any

from simulator.facts import Verb
from simulator.rules import RULES, Violation
from simulator.service import Service
from simulator.world import Asked, Event

_MOST_LINES = 90


def page(seed: int, service: Service, verb: Verb, broken: list[Violation]) -> str:
    """The first violation in full, the others by name."""
    first, world = broken[0], service.world
    hosts = ", ".join(f"{host}: HEAD {one.head}{', gzip' * one.packed}" for host, one in service.hosts.items())
    others = sorted({f"{one.rule} ({one.asset_id[:6]})" for one in broken[1:]})
    asset = world.assets.get(first.asset_id)
    lines = [
        f"seed {seed}: verb {first.verb} ({' '.join(verb.ran.arguments)}) broke the rule {first.rule!r}",
        f"  rule:  {RULES[first.rule]}",
        f"  asset: {first.asset_id or 'none in particular'}",
        f"  what:  {first.text}",
        *([f"  also:  {', '.join(others)}"] if others else []),
        f"  again: python tests/simulator --seed {seed} --runs 1",
        f"world: {world.mode} mode, {len(world.assets)} assets, {hosts}",
    ]
    if asset is not None:
        entry = next((one for one in verb.entries if one.asset_id == first.asset_id), None)
        listed = ", ".join(one.path.removeprefix("snapshot/") for one in asset.snapshots.at(world.clock.time))
        lines += [
            f"asset: {asset.host}; entry {entry.as_yaml() if entry else 'none'}; snapshots {listed}"
            + ("; its details name another asset's snapshots" if first.asset_id in service.foreign else "")
        ]
    lines += ["timeline (virtual seconds):", *_timeline(service, first)]
    lines += [f"the verb: exit code {verb.ran.code}, {verb.ran.began:.2f} to {verb.ran.ended:.2f}"]
    lines += [_said(verb, first.asset_id), f"stderr: {verb.ran.err.strip()[-800:]}"]
    return "\n".join(lines)


def _timeline(service: Service, first: Violation) -> list[str]:
    events = [event for event in service.world.log if event.asset_id in ("", first.asset_id) or not first.asset_id]
    events = [event for event in events if event.verb == first.verb or not _dull(event)]
    events.sort(key=lambda event: event.at)
    lines = [f"  {event.at:9.2f}  {event.asset_id[:6]:6}  {event.text}" for event in events]
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"  … {len(lines) - 2 * half} lines …", *lines[-half:]]
    return lines


def _dull(event: Event) -> bool:
    """A read that went well."""
    return isinstance(event, Asked) and event.route != "cover" and not event.fault


def _said(verb: Verb, asset_id: str) -> str:
    """The verb's JSON; of its lists only what is about the asset."""
    document: dict[str, Any] = verb.document
    if asset_id:
        document = {key: _about(value, asset_id) for key, value in document.items()}
    text = json.dumps(document, indent=1)
    return text if len(text) < 6000 else f"{text[:6000]}…"


def _about(value: Any, asset_id: str) -> Any:
    if not isinstance(value, list):
        return value
    return [item for item in value if not isinstance(item, dict) or item.get("asset_id") == asset_id]
