"""The claims of runs that want the lock of shared state, or hold it: one object each, below `locks/`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from reconciler.state.store import LOCKS, Entry, Store, few_entries, is_run
from reconciler.util.sanitize import shorten

LEASE = timedelta(minutes=10)
"""A claim that was not written again for so long, by the store's clock, is of a run that died."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants the lock, or holds it. What a foreign claim does not say is "". No text in it is trusted."""

    run: str
    user: str = ""
    host: str = ""
    since: str = ""
    job: str = ""
    """URL of the CI job."""
    held: bool = False

    @property
    def holder(self) -> str:
        """How messages name it."""
        where = " on ".join(shorten(part, 60) for part in (self.user, self.host) if part)
        since = f"since {shorten(self.since, 40)}" if self.since else ""
        return ", ".join(
            part for part in (f"run {shorten(self.run, 80)}", where, since, shorten(self.job, 200)) if part
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of others: of runs that live, and of those that died."""

    living: tuple[Claim, ...]
    dead: tuple[Claim, ...]

    @property
    def holder(self) -> Claim | None:
        return next((claim for claim in self.living if claim.held), None)


def key(run: str) -> str:
    return f"{LOCKS}{run}"


def run_of(name: str) -> str:
    """The run whose claim has this key."""
    return name.removeprefix(LOCKS)


def as_bytes(claim: Claim) -> bytes:
    return json.dumps({"format_version": "1.0", "kind": "claim", **asdict(claim)}, separators=(",", ":")).encode()


def _claim(run: str, data: bytes | None) -> Claim | None:
    """A claim as it was read; None where it is gone. What cannot be read may be held."""
    if data is None:
        return None
    try:
        given = json.loads(data)
        said = {name: given.get(name) for name in ("user", "host", "since", "job")}
        texts = {name: value for name, value in said.items() if isinstance(value, str)}
        return Claim(run, **texts, held=given.get("held") is not False)
    except (ValueError, AttributeError, RecursionError):
        return Claim(run, held=True)


async def entries(store: Store) -> list[Entry]:
    """The claims that there are. What has no run's name is none: taken for one, it would be removed in the end.

    Raises:
        StoreError: the store does not answer, or holds what are no claims of ours.
    """
    listed = await few_entries(store, LOCKS, ": they are no claims")
    return [entry for entry in listed if is_run(run_of(entry.key))]


async def living_and_dead(store: Store, now: datetime, but: str = "", listed: list[Entry] | None = None) -> Claims:
    """The claims of all runs but one.

    Args:
        now: by the store's clock.
    """
    living: list[Claim] = []
    dead: list[Claim] = []
    for entry in await entries(store) if listed is None else listed:
        run = run_of(entry.key)
        claim = _claim(run, await store.get(entry.key)) if run != but else None
        if claim is not None:
            (dead if now - entry.modified > LEASE else living).append(claim)
    return Claims(tuple(living), tuple(dead))


def own_claim(run: str, user: str | None, host: str | None, since: datetime, job: str) -> Claim:
    return Claim(run, user or "", host or "", since.astimezone(UTC).isoformat(timespec="seconds"), job)
