"""What `reconcile doctor` asks the service, the CDN and the shared state. Every call only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

from reconciler.commands.session import ConnectedRun
from reconciler.documents.diagnosis import Finding, failed, ok, warning
from reconciler.errors import ApiError, ReconcileError, StateError
from reconciler.model import NoAnswer, Observed
from reconciler.observe.assets import observe
from reconciler.observe.cdn_probe import HostBehaviour, Reply, probe
from reconciler.planning.cover_kinds import Kind, kind_of
from reconciler.util.credential_sources import LoginSource, TokenSource
from reconciler.util.rate import duration
from reconciler.util.sanitize import hide, shorten
from reconciler.vod.redis_rate_limit import RedisStore
from reconciler.vod.sts import caller_identity

_SAMPLE = 5
_MOST_LISTED = 300
_MOST_TOLD = 20_000
_MINUTE, _QUARTER = 60.0, 900.0
_ANTI_LEECH = (
    "Set RECONCILE_CDN_KEY and RECONCILE_CDN_ALGORITHM, or RECONCILE_CDN_REFERER: see the domain's settings."
)
_PRINCIPALS = {"user": "a user", "assumed-agency": "an assumed agency", "root": "the account itself"}
_KINDS: dict[Kind, str] = {
    "referenced": "the cover's URL is the snapshot's: URLs decide",
    "copied": "covers are copies with the snapshots' own bytes: bytes decide",
    "re-encoded": "the service re-encodes covers: share the state (--state), or lock, so that they are not drift",
}

Check = Callable[..., AsyncIterator[Finding]]


@dataclass
class Diagnosis:
    """The findings so far. A check that fails stops no other."""

    findings: list[Finding] = field(default_factory=list)

    async def make(self, check: Check, *arguments: Any) -> None:
        try:
            async for finding in check(*arguments):
                self.findings.append(finding)
        except ReconcileError as error:
            self.fail(check.__name__.removeprefix("check_"), error)

    def fail(self, name: str, error: ReconcileError) -> None:
        self.findings.append(failed(name, _plain(error.message), error.hint))

    async def sample(self, run: ConnectedRun, asset_id: str | None) -> list[Observed]:
        """The asset that was named, or a few that have a cover and snapshots."""
        found: list[Observed] = []
        try:
            for candidate in [asset_id] if asset_id else await _candidates(run):
                observed = await observe(run.session.client, candidate)
                if isinstance(observed, NoAnswer):
                    self.findings.append(failed("assets", f"{observed.reason}: {_plain(observed.message)}"))
                else:
                    found.append(observed)
        except ReconcileError as error:
            self.fail("assets", error)
            return found
        if found:
            self.findings.append(ok("assets", f"the details of {len(found)} can be read"))
        elif not asset_id:
            self.findings.append(
                warning("assets", "there is none with a cover and snapshots", "Name one: doctor ID.")
            )
        return found


async def check_service(run: ConnectedRun) -> AsyncIterator[Finding]:
    session, settings = run.session, run.settings
    host = httpx.URL(session.endpoint).host if "://" in session.endpoint else session.endpoint.partition(":")[0]
    yield ok("service", f"{host}, region {session.region or 'not named'}")
    project = session.project_id
    how = "given" if settings.project_id else "looked up by region"
    yield ok("project", f"{project[:4]}…{project[-4:]}, {how}")
    total, ahead = await session.client.clock_difference()
    yield _clock(ahead)
    more = f" (it says no more than that: there may be more than {_MOST_TOLD:,})" if total >= _MOST_TOLD else ""
    yield ok("list", f"{total:,} assets{more}")
    yield ok("permissions", "reading works; vod:asset:update was not tried, since that changes a cover")


async def check_identity(run: ConnectedRun) -> AsyncIterator[Finding]:
    """Who one is, as far as that may be shown."""
    settings = run.settings
    if settings.sts_endpoint is None or isinstance(settings.credentials.source, TokenSource | LoginSource):
        return
    try:
        found = await caller_identity(run.session.client.connection, settings.sts_endpoint)
    except ApiError as error:
        yield warning("identity", f"STS does not say who this is: {_plain(error.message)}")
        return
    kind = next((part for part in found.principal_urn.split(":") if part in _PRINCIPALS), "a principal")
    yield ok("identity", f"{_PRINCIPALS.get(kind, kind)} of the account …{found.account_id[-4:]}")


async def check_quota(run: ConnectedRun) -> AsyncIterator[Finding]:
    """Before any call: all of them wait for the store."""
    settings = run.settings
    read, write = settings.read_quota, settings.write_quota
    yield ok("quota", f"{read.amount:,} reads in {read.seconds:g} s, {write.amount:,} covers in {write.seconds:g} s")
    yield await _quota_store(settings.quota_store)


async def check_state(run: ConnectedRun) -> AsyncIterator[Finding]:
    state = run.session.state
    try:
        runs = state.local.all()
    except StateError as error:
        yield failed("state folder", error.message, error.hint)
    else:
        yield ok("state folder", f"remembers {len(runs):,} runs")
    if state.shared is None:
        yield warning("shared state", "none: other machines do not know what this one did", "Share it: --state.")
        return
    claims = (await state.shared.claims()).living
    recalled = await state.shared.recall()
    held = "; its lock is held or wanted" if claims else ""
    yield ok("shared state", f"can be listed and read{held}; writing was not tried")
    if recalled.problems:
        yield warning("shared state", _plain(recalled.problems[0]), "Restore that object.")


async def check_covers(run: ConnectedRun, assets: Sequence[Observed]) -> AsyncIterator[Finding]:
    """What a cover is here, and in which order snapshots come."""
    if not assets:
        return
    memory = (await run.session.state.recall()).memory
    kinds = Counter([await kind_of(observed, run.session.pictures, memory) for observed in assets])
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    telling = [text for kind, text in _KINDS.items() if kinds[kind]]
    message = (
        f"{counts}; {telling[0] if len(telling) == 1 else 'these do not agree' if telling else 'nothing to tell'}"
    )
    yield warning("covers", message) if kinds["re-encoded"] or kinds["unreadable"] else ok("covers", message)
    orders = [await _is_in_order(run, observed.asset_id) for observed in assets]
    yield ok("snapshots", "come in order of time" if all(orders) else "do not come in order of time: they are sorted")


async def check_cdn(run: ConnectedRun, assets: Sequence[Observed]) -> AsyncIterator[Finding]:
    """How each host of pictures answers."""
    by_host: dict[str, str] = {}
    for observed in assets:
        for url in (observed.cover_url, *(one.url for one in observed.snapshots[:1])):
            if url:
                by_host.setdefault(httpx.URL(url).host, url)
    for url in by_host.values():
        for finding in _behaviour(await probe(run.session.pictures, url), signed=bool(run.settings.cdn.keys)):
            yield finding


async def _candidates(run: ConnectedRun) -> list[str]:
    found: list[str] = []
    listed = 0
    async for asset in run.session.client.list_assets():
        listed += 1
        if any(cover.cover_url for cover in asset.covers) and asset.thumbnail_status == "THUMBNAIL_SUCCEED":
            found.append(asset.asset_id.lower())
        if len(found) == _SAMPLE or listed == _MOST_LISTED:
            break
    return found


async def _is_in_order(run: ConnectedRun, asset_id: str) -> bool:
    details = await run.session.client.details(asset_id)
    sample = details.thumbnail_info.sample if details.thumbnail_info else ()
    offsets = [item.offset for item in sample if item.offset is not None]
    return all(one <= other for one, other in pairwise(offsets))


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return warning("clock", "the service does not say what time it is")
    if abs(ahead) < _MINUTE:
        return ok("clock", "agrees with the service's within a minute")
    message = f"is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the service's"
    return (failed if abs(ahead) >= _QUARTER else warning)("clock", message, "Set the clock.")


async def _quota_store(url: str | None) -> Finding:
    if url is None:
        return ok("quota store", "none: each run counts for itself")
    store = RedisStore(url)
    try:
        version = str((await store.client.info("server")).get("redis_version", ""))
    except Exception as error:  # noqa: BLE001 whatever redis raises, it is not reachable
        return failed("quota store", f"does not answer: {type(error).__name__}", "Check RECONCILE_QUOTA_STORE.")
    finally:
        await store.aclose()
    return ok("quota store", f"answers: Redis {shorten(version, 20)}")


def _behaviour(found: HostBehaviour, *, signed: bool) -> list[Finding]:
    name = f"CDN {found.host}"
    plain = found.plain
    if plain.status in (401, 403):
        return [failed(name, f"HTTP {plain.status}{' although URLs are signed' if signed else ''}", _ANTI_LEECH)]
    if plain.problem or plain.status != httpx.codes.OK:
        return [failed(name, plain.problem or f"HTTP {plain.status}", "Check the domain and the proxy settings.")]
    head, etag = found.head, plain.etag.strip('W/"')
    head_text = "HEAD answered" if head.status == httpx.codes.OK else f"no HEAD ({head.status or head.problem})"
    etag_text = (
        "no ETag" if not plain.etag else "ETag is the MD5" if etag.lower() == plain.md5 else "ETag is not the MD5"
    )
    parts = [head_text, etag_text, _condition(found)]
    parts.append(f"compresses ({found.compressed.encoding})" if found.compressed.encoding else "does not compress")
    parts.append("from a cache" if plain.cached else "no sign of a cache")
    findings = [ok(name, f"{', '.join(parts)}{', URLs signed' if signed else ''}")]
    if found.unheard.status == httpx.codes.NOT_MODIFIED:
        findings.append(warning(name, "says 304 to a condition that cannot hold: it is read in full"))
    if _differ(plain, found.again):
        findings.append(warning(name, "two reads differ: edges may disagree for minutes after a change"))
    return findings


def _condition(found: HostBehaviour) -> str:
    if found.unchanged.status == httpx.codes.NOT_MODIFIED:
        return "conditional GET works"
    return f"no conditional GET ({found.unchanged.status or found.unchanged.problem})"


def _differ(one: Reply, other: Reply) -> bool:
    return other.status == httpx.codes.OK and one.sha256 != other.sha256


def _plain(message: str) -> str:
    return shorten(hide(message), 300)
