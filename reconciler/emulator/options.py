"""The emulator's options and the credentials that it accepts. Imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

# Not real credentials: the emulator accepts these and no others.
ACCESS_KEY = "EMULATORACCESSKEY000"
SECRET_KEY = "emulator-secret-key-not-a-real-one"  # noqa: S105
SECURITY_TOKEN = "emulator-security-token-not-a-real-one"  # noqa: S105
USER_NAME = "emulator-user"
USER_PASSWORD = "emulator-password-not-a-real-one"  # noqa: S105
DOMAIN_NAME = "emulator-domain"
# Of an identity provider that the emulator's STS trusts, and of GitHub Actions there.
PROVIDER_URN = "iam::d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0:oidcProvider:emulator"
AGENCY_URN = "iam::d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0:agency:emulator"
AGENCY_NAME = "emulator-agency"
ID_TOKEN = "emulator-id-token-not-a-real-one"  # noqa: S105
EXPIRED_ID_TOKEN = "emulator-id-token-expired"  # noqa: S105
GITHUB_TOKEN = "emulator-github-token-not-a-real-one"  # noqa: S105
CDN_KEY = "EmulatorsCdnKey0"
PROJECT_ID = "00e0e0e0e0e0e0e0e0e0e0e0e0e0e000"
REGION = "cn-north-4"

CoverMode = Literal["reference", "copy", "recode"]
DotsMode = Literal["replace", "accumulate"]
Uploads = Literal["accept", "refuse"]
CoverName = Literal["Cover0.jpg", "Cover0.png", "Cover0"]
ETag = Literal["md5", "weak", "random", "wrong", "same", "none", "always-304"]
AntiLeech = Literal["A", "B", "C", "D"]
FaultRoute = Literal[
    "details", "info", "list", "cover", "picture", "token", "projects", "sts", "agency", "metadata", "github",
    "process", "tasks", "asset", "upload",
]  # fmt: skip
FaultKind = Literal[
    "500", "502", "503", "504", "504-done", "429", "429-retry-after", "403", "reset", "truncated", "html", "hang",
    "lost", "gzip",
]  # fmt: skip
ROUTES: tuple[FaultRoute, ...] = get_args(FaultRoute)
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
ALWAYS = 999_999_999
"""As the number of failing requests: all of them."""

_RATE = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,5}(?:\.[0-9]{1,3})?)s)?")


@dataclass(frozen=True, slots=True)
class QuotaRate:
    """At most `limit` calls in any `seconds`; a limit of 0 means no limit."""

    limit: int
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class FaultRule:
    """The first `times` requests of each URL of `route` fail.

    Counting by URL makes the outcome independent of the order in which parallel requests arrive.

    Attributes:
        times: how many requests fail before the next ones succeed.
        text: only requests whose URL or body contains this text fail, for example an asset ID.
    """

    route: FaultRoute
    kind: FaultKind
    times: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """How the emulator behaves.

    Attributes:
        assets: number of ordinary assets in the catalogue.
        odd_assets: whether the odd ones are added to them.
        cover_mode: what a PUT does to `cover_url`: points it at the snapshot, copies the picture or re-encodes it.
        cover_name: what a copied, re-encoded or uploaded cover is called.
        propagation: seconds for which reads and pictures show the old cover after a PUT.
        edge_delay: seconds for which a second edge of the CDN still shows the old cover when the first shows the new
            one. For each picture the edges answer in turn; 0: there is one edge.
        latency: milliseconds by which every answer is delayed.
        quota: reads and writes; a plain number counts per `quota_window`, None and 0 mean no limit.
        quota_window: seconds.
        faults: which requests fail, and how.
        etag: the ETag of pictures: their MD5 (as a weak one: "weak"), another at each answer ("random"), 32 hex
            digits that are not the MD5 ("wrong"), or none. With "same", every picture has one ETag, and every
            generated one the same length. With "always-304" it is the MD5, and every conditional request gets a 304.
        head: whether pictures answer HEAD (405 otherwise).
        anti_leech: the algorithm with which the URLs of pictures must be signed.
        cdn_key: the key of these signatures; 16 characters for D.
        signature_seconds: how long a signature holds.
        referer: the Referer that requests for pictures must have; "": any or none.
        dots: whether snapshots on demand replace the dots that there are, or add to them.
        task_seconds: how long it takes to take them.
        failing_tasks: so many of the first requests for snapshots fail.
        uploads: whether covers may be uploaded through the API.
        upload_seconds: how long the URL for it holds.
        key_seconds: how long temporary keys are valid, at most.
    """

    assets: int = 24
    odd_assets: bool = True
    cover_mode: CoverMode = "copy"
    cover_name: CoverName = "Cover0.jpg"
    propagation: float = 0.0
    edge_delay: float = 0.0
    latency: float = 0.0
    quota: tuple[QuotaRate | int | None, QuotaRate | int | None] = (1500, 100)
    quota_window: float = 60.0
    faults: tuple[FaultRule, ...] = ()
    etag: ETag = "md5"
    head: bool = True
    anti_leech: AntiLeech | None = None
    cdn_key: str = CDN_KEY
    signature_seconds: float = 7200.0
    referer: str = ""
    dots: DotsMode = "accumulate"
    task_seconds: float = 0.0
    failing_tasks: int = 0
    uploads: Uploads = "accept"
    upload_seconds: float = 3600.0
    key_seconds: float = 43_200.0

    def rates(self) -> tuple[QuotaRate, QuotaRate]:
        """The quotas for reads and for writes."""
        read, write = self.quota
        return _rate(read, self.quota_window), _rate(write, self.quota_window)


def parse_quota(text: str) -> tuple[QuotaRate, QuotaRate]:
    """Reads `READ,WRITE`, each `1500` (per minute), `10/2s`, or 0 for no limit; ValueError says what is wrong."""
    parts = [part.strip() for part in text.split(",")]
    matches = [_RATE.fullmatch(part) for part in parts]
    if len(matches) != 2 or matches[0] is None or matches[1] is None:
        raise ValueError(f"{text!r} is not a valid quota. Use READ,WRITE, for example 1500,100 or 1500,10/2s.")
    read, write = _parsed(matches[0]), _parsed(matches[1])
    if not (read.seconds > 0 and write.seconds > 0):
        raise ValueError(f"{text!r} is not a valid quota. The window must be longer than 0 seconds.")
    return read, write


def parse_fault(text: str) -> FaultRule:
    """Reads `ROUTE:KIND:N` or `ROUTE:KIND:N:TEXT`, for example `cover:503:2`; ValueError says what is wrong."""
    parts = text.split(":", 3)
    if len(parts) < 3:
        raise ValueError(f"{text!r} is not a valid fault. Use ROUTE:KIND:N[:TEXT], for example cover:503:2.")
    route, kind, times = parts[:3]
    if route not in ROUTES:
        raise ValueError(f"{text!r}: {route!r} is not a valid route. Use one of {', '.join(ROUTES)}.")
    if kind not in KINDS:
        raise ValueError(f"{text!r}: {kind!r} is not a valid kind of fault. Use one of {', '.join(KINDS)}.")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", times):
        raise ValueError(f"{text!r}: {times!r} is not a valid number of requests. Use a whole number from 1.")
    return FaultRule(route, kind, int(times), "".join(parts[3:]))


def _parsed(match: re.Match[str]) -> QuotaRate:
    return QuotaRate(int(match[1]), float(match[2]) if match[2] else 60.0)


def _rate(item: QuotaRate | int | None, window: float) -> QuotaRate:
    return item if isinstance(item, QuotaRate) else QuotaRate(item or 0, window)
