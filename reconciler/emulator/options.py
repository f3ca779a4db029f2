"""What the emulator can be told, and the credentials it takes. Imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

# Nobody's credentials: the emulator takes these and no others.
ACCESS_KEY = "EMULATORACCESSKEY000"
SECRET_KEY = "emulator-secret-key-not-a-real-one"  # noqa: S105
SECURITY_TOKEN = "emulator-security-token-not-a-real-one"  # noqa: S105
USER_NAME = "emulator-user"
USER_PASSWORD = "emulator-password-not-a-real-one"  # noqa: S105
DOMAIN_NAME = "emulator-domain"
PROJECT_ID = "00e0e0e0e0e0e0e0e0e0e0e0e0e0e000"
REGION = "cn-north-4"

CoverMode = Literal["reference", "copy", "recode"]
ETag = Literal["md5", "random", "same", "none"]
FaultRoute = Literal["details", "info", "list", "cover", "picture", "token", "projects"]
FaultKind = Literal[
    "500", "502", "503", "504", "429", "429-retry-after", "403", "reset", "truncated", "html", "hang", "lost"
]  # fmt: skip
ROUTES: tuple[FaultRoute, ...] = get_args(FaultRoute)
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

_RATE = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,5}(?:\.[0-9]{1,3})?)s)?")


@dataclass(frozen=True, slots=True)
class QuotaRate:
    """At most `limit` calls in any `seconds`; a limit of 0 means no limit."""

    limit: int
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Every `every`-th request of `route` goes wrong in the way `kind` says."""

    route: FaultRoute
    kind: FaultKind
    every: int


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """How the emulator behaves.

    Attributes:
        assets: how many ordinary assets the catalogue holds, besides the odd ones.
        cover_mode: what becomes of `cover_url` at a PUT (see "Not known" in the API notes).
        propagation: seconds for which reads and pictures show the old cover after a PUT.
        latency: milliseconds that every answer takes longer.
        quota: reads and writes; a plain number counts per `quota_window`, None and 0 mean no limit.
        quota_window: seconds.
        faults: what goes wrong, and how often.
        etag: what pictures carry; with "same", every drawn picture also has the same length.
        head: whether pictures answer HEAD (405 otherwise).
    """

    assets: int = 24
    cover_mode: CoverMode = "copy"
    propagation: float = 0.0
    latency: float = 0.0
    quota: tuple[QuotaRate | int | None, QuotaRate | int | None] = (1500, 100)
    quota_window: float = 60.0
    faults: tuple[FaultRule, ...] = ()
    etag: ETag = "md5"
    head: bool = True

    def rates(self) -> tuple[QuotaRate, QuotaRate]:
        """The quotas for reads and for writes."""
        read, write = self.quota
        return _rate(read, self.quota_window), _rate(write, self.quota_window)


def parse_quota(text: str) -> tuple[QuotaRate, QuotaRate]:
    """Reads `READ,WRITE`, each `1500` (a minute), `10/2s`, or 0 for none; ValueError says what is wrong."""
    parts = [part.strip() for part in text.split(",")]
    matches = [_RATE.fullmatch(part) for part in parts]
    if len(matches) != 2 or matches[0] is None or matches[1] is None:
        raise ValueError(f"{text!r} is no quota: expected READ,WRITE such as 1500,100 or 1500,10/2s (0: none)")
    read, write = _parsed(matches[0]), _parsed(matches[1])
    if not (read.seconds > 0 and write.seconds > 0):
        raise ValueError(f"{text!r} is no quota: a window cannot be 0 seconds")
    return read, write


def parse_fault(text: str) -> FaultRule:
    """Reads `ROUTE:KIND:EVERY`, such as `cover:500:5`; ValueError says what is wrong."""
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError(f"{text!r} is no fault: expected ROUTE:KIND:EVERY, such as cover:500:5")
    route, kind, every = parts
    if route not in ROUTES:
        raise ValueError(f"{text!r} names no route: {route!r} is none of {', '.join(ROUTES)}")
    if kind not in KINDS:
        raise ValueError(f"{text!r} names no kind of fault: {kind!r} is none of {', '.join(KINDS)}")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", every):
        raise ValueError(f"{text!r}: every how many requests must be a whole number from 1, not {every!r}")
    return FaultRule(route, kind, int(every))


def _parsed(match: re.Match[str]) -> QuotaRate:
    return QuotaRate(int(match[1]), float(match[2]) if match[2] else 60.0)


def _rate(item: QuotaRate | int | None, window: float) -> QuotaRate:
    return item if isinstance(item, QuotaRate) else QuotaRate(item or 0, window)
