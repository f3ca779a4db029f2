"""The settings of one connection: which cloud, with which credentials, how fast.

An option comes before its environment variable (click sees to that, see `commands/options`); for the region and the
project ID, the desired files come last. Credentials come from the environment or the profile file, see `sources`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.config.sources import check_characters, find, is_any_set
from reconciler.errors import UsageError
from reconciler.util.credential_sources import Credentials, LoginSource, OidcSource
from reconciler.util.field_types import REGION
from reconciler.util.ids import ID
from reconciler.util.loopback import is_loopback
from reconciler.util.rate import READ_RATE, WRITE_RATE, Rate
from reconciler.util.sanitize import shorten

EMULATOR = "emulator"
_RATE = re.compile(r"(?i)\s*([0-9]{1,9})\s*(?:/|per)\s*([0-9]{0,9})\s*(second|minute|hour|day)s?\s*")
_RATE_HINT = "Write it like 100/minute or 10/2 seconds."
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The connection options, from the command line or the environment; None where neither gave one."""

    endpoint: str | None = None
    iam_endpoint: str | None = None
    region: str | None = None
    project_id: str | None = None
    read_quota: Rate = READ_RATE
    write_quota: Rate = WRITE_RATE
    parallelism: int = 64
    timeout: float = 30.0
    state_dir: Path | None = None
    shared_state: str | None = None


@dataclass(frozen=True, slots=True)
class CdnAccess:
    """How pictures are asked for: the keys of key anti-leech, where URLs must be signed, and the Referer to send."""

    keys: tuple[str, ...] = field(default=(), repr=False)
    algorithm: str = ""
    zone: str = "Asia/Shanghai"
    referer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ConnectionOptions):
    """Everything needed to talk to one project: the options, completed. `endpoint` is a base URL, or
    "emulator[:FILE]"."""

    endpoint: str
    sts_endpoint: str | None
    credentials: Credentials
    quota_store: str | None = field(repr=False)
    cdn: CdnAccess

    @property
    def emulated(self) -> bool:
        return is_emulator(self.endpoint)

    @property
    def loopback(self) -> bool:
        return self.emulated or is_loopback(self.endpoint)


def resolve(
    options: ConnectionOptions,
    env: Mapping[str, str],
    file_region: str | None,
    file_project_id: str | None,
    *,
    offline: bool = False,
) -> Settings:
    """Completes the options with the environment and the desired files.

    Args:
        offline: nothing is called unless the project has to be looked up, so a known one needs no credentials.

    Raises:
        UsageError: something is missing or contradictory, or would send credentials to the wrong place.
    """
    region = options.region or file_region
    check_region(region)
    endpoint = _endpoint(options.endpoint, region, env)
    emulated = is_emulator(endpoint)
    project_id = options.project_id or file_project_id
    # OBS is reached with the same credentials.
    anonymous = emulated or (offline and project_id and not (options.shared_state or "").startswith("obs:"))
    credentials = Credentials() if anonymous else find(env)
    project_id, iam = project_id or credentials.project_id, options.iam_endpoint or credentials.iam_endpoint
    check_project_id(project_id)
    given: dict[str, Any] = {item.name: getattr(options, item.name) for item in fields(options)}
    given |= {
        "endpoint": endpoint,
        "iam_endpoint": None if emulated else _iam(iam, endpoint, region),
        "sts_endpoint": None if emulated else _sts(env.get("HUAWEICLOUD_SDK_STS_ENDPOINT"), endpoint, region),
        "region": region,
        "project_id": project_id.lower() if project_id else None,
        "credentials": credentials,
        "quota_store": None if emulated else env.get("RECONCILE_QUOTA_STORE") or None,
        "cdn": CdnAccess() if anonymous else _cdn(env),
    }
    settings = Settings(**given)
    _check_complete(settings)
    return settings


def check_region(region: str | None) -> None:
    """
    Raises:
        UsageError: the region could change the host that credentials are sent to.
    """
    if region is not None and not REGION.fullmatch(region):
        raise UsageError(f"{shorten(region)!r} is not a valid region", hint="Regions look like cn-north-4.")


def check_project_id(project_id: str | None) -> None:
    """
    Raises:
        UsageError: the project ID could change the path that credentials are sent to.
    """
    if project_id is not None and not ID.fullmatch(project_id):
        raise UsageError(
            f"{shorten(project_id)!r} is not a valid project ID",
            hint="It is 32 hexadecimal digits, in the console under My Credentials.",
        )


def parse_rate(text: str) -> Rate:
    """Parses a quota: "100/minute", "10/2 seconds", "10 per 2 second".

    Raises:
        UsageError: it is invalid, or allows no call.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise UsageError(f"{shorten(text)!r} is not a valid quota", hint=_RATE_HINT)
    amount, multiple, unit = match.groups()
    rate = Rate(int(amount), int(multiple or 1) * _SECONDS[unit.lower()])
    if rate.amount < 1 or rate.seconds < 1:
        raise UsageError(f"{shorten(text)!r} allows no calls", hint=_RATE_HINT)
    return rate


def is_emulator(endpoint: str) -> bool:
    return endpoint == EMULATOR or endpoint.startswith(f"{EMULATOR}:")


def base_url(text: str, name: str) -> str:
    """Normalizes a base URL. `name` is what errors call it.

    Raises:
        UsageError: it is invalid, has parts that a base URL cannot have, or would send credentials unencrypted.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The {name} {shorten(text)!r} is not a valid URL: {shorten(str(error))}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", host):
        raise UsageError(f"The {name} {shorten(text)!r} is not a valid http(s) URL", hint="Write it as https://host.")
    if parts.query or parts.fragment or "@" in parts.netloc or not text.isprintable():
        raise UsageError(f"The {name} may have a scheme, a host, a port and a path, and nothing else")
    if parts.scheme == "http" and not is_loopback(text):
        raise UsageError(
            f"The {name} {shorten(text)!r} is plain http: credentials would be sent unencrypted",
            hint="Use https; http is allowed for loopback hosts only.",
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _endpoint(given: str | None, region: str | None, env: Mapping[str, str]) -> str:
    if given:
        return given if is_emulator(given) else base_url(given, "endpoint")
    if region is None:
        also = "" if is_any_set(env) else ", and there are no credentials"
        raise UsageError(
            f"Neither an endpoint nor a region is known{also}",
            hint="Set --region or HW_REGION_NAME, write region: into a desired file, or try --endpoint emulator.",
        )
    return f"https://vod.{region}.myhuaweicloud.com"


def _iam(given: str | None, endpoint: str, region: str | None) -> str | None:
    return base_url(given, "IAM endpoint") if given else _beside("iam", endpoint, region)


def _sts(given: str | None, endpoint: str, region: str | None) -> str | None:
    return base_url(given, "STS endpoint") if given else _beside("sts", endpoint, region)


def _beside(service: str, endpoint: str, region: str | None) -> str | None:
    if is_loopback(endpoint):
        # The server on this machine gets the login, too: the real IAM must not see its credentials.
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{parts.netloc}"
    return f"https://{service}.{region}.myhuaweicloud.com" if region else None


def _cdn(env: Mapping[str, str]) -> CdnAccess:
    names = ("RECONCILE_CDN_KEY", "RECONCILE_CDN_ALGORITHM", "RECONCILE_CDN_ZONE", "RECONCILE_CDN_REFERER")
    check_characters(env, *names)
    key, algorithm, zone, referer = (env.get(name, "") for name in names)
    keys = tuple(part for part in key.split(",") if part)
    if bool(keys) != bool(algorithm):
        present, missing = names[:2] if keys else (names[1], names[0])
        raise UsageError(
            f"{present} is set without {missing}",
            hint="Key anti-leech needs the key and the algorithm (A, B, C or D) of the domain's settings.",
        )
    return CdnAccess(keys, algorithm, zone or CdnAccess().zone, referer)


def _check_complete(settings: Settings) -> None:
    """A region is needed where a project is looked up or a login is scoped."""
    if settings.emulated or settings.region is not None:
        return
    if isinstance(settings.credentials.source, LoginSource):
        raise UsageError("A login needs a region", hint="Set --region or HW_REGION_NAME.")
    if isinstance(settings.credentials.source, OidcSource) and settings.sts_endpoint is None:
        raise UsageError("OIDC needs a region", hint="Set --region or HW_REGION_NAME.")
    if settings.credentials.agency is not None and settings.iam_endpoint is None:
        raise UsageError("An agency needs a region", hint="Set --region or HW_REGION_NAME.")
    if settings.project_id is None:
        raise UsageError(
            "Neither a project ID nor a region to look it up by is known",
            hint="Set --project-id or HW_PROJECT_ID, or --region or HW_REGION_NAME.",
        )
