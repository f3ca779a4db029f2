"""Flags, then environment, then (region and project ID only) the desired files: which cloud, as whom, how fast."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.errors import UsageError
from reconciler.model import READ_RATE, WRITE_RATE, Rate
from reconciler.util.ids import ID
from reconciler.util.sanitize import shorten

EMULATOR = "emulator"
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]+")
_RATE = re.compile(r"\s*([0-9]{1,9})\s*(?:/|per)\s*([0-9]{1,6})?\s*(second|minute|hour|day)s?\s*", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PARALLELISM = 64
_TIMEOUT = 30.0
_FAMILIES = (
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
)
_LOGIN = ("HW_USER_NAME", "HW_USER_PASSWORD", "HW_DOMAIN_NAME")


@dataclass(frozen=True, slots=True)
class Flags:
    """The connection flags as they were given; None where they were not."""

    endpoint: str | None = None
    iam_endpoint: str | None = None
    region: str | None = None
    project_id: str | None = None
    read_quota: str | None = None
    write_quota: str | None = None
    parallelism: str | None = None
    timeout: str | None = None
    state_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """One way to authenticate; the others are None. AK/SK come before a token, a token before a password."""

    access_key: tuple[str, str, str | None] | None = field(default=None, repr=False)
    """AK, SK, security token."""
    token: str | None = field(default=None, repr=False)
    login: tuple[str, str, str] | None = field(default=None, repr=False)
    """User name, password, domain name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is needed to talk to one project. `endpoint` is a base URL, or "emulator[:FILE]"."""

    endpoint: str
    iam_endpoint: str | None
    region: str | None
    project_id: str | None
    credentials: Credentials
    read_rate: Rate
    write_rate: Rate
    quota_store: str | None = field(repr=False)
    parallelism: int
    timeout: float
    state_dir: Path | None

    @property
    def emulated(self) -> bool:
        return is_emulator(self.endpoint)

    @property
    def loopback(self) -> bool:
        return self.emulated or is_loopback(self.endpoint)


def resolve(
    flags: Flags,
    env: Mapping[str, str],
    *,
    file_region: str | None,
    file_project_id: str | None,
    offline: bool = False,
) -> Settings:
    """Settings from what was given.

    Args:
        offline: nobody will be called unless the project has to be looked up, so a known one needs no credentials.

    Raises:
        UsageError: something is missing, contradicts itself, or would lead credentials to where they must not go.
    """
    region = flags.region or env.get("HW_REGION_NAME") or file_region
    project_id = (
        flags.project_id or env.get("HUAWEICLOUD_SDK_PROJECT_ID") or env.get("HW_PROJECT_ID") or file_project_id
    )
    check_region(region)
    check_project_id(project_id)
    endpoint = _endpoint(flags.endpoint or env.get("RECONCILE_ENDPOINT"), region, env)
    emulated = is_emulator(endpoint)
    state_dir = flags.state_dir or env.get("RECONCILE_STATE_DIR")
    anonymous = emulated or (offline and project_id)
    credentials = Credentials() if anonymous else _credentials(env)
    settings = Settings(
        endpoint=endpoint,
        iam_endpoint=None if emulated else _iam(flags, env, endpoint, region),
        region=region,
        project_id=project_id.lower() if project_id else None,
        credentials=credentials,
        read_rate=_rate(flags.read_quota or env.get("RECONCILE_READ_QUOTA"), READ_RATE),
        write_rate=_rate(flags.write_quota or env.get("RECONCILE_WRITE_QUOTA"), WRITE_RATE),
        quota_store=None if emulated else env.get("RECONCILE_QUOTA_STORE") or None,
        parallelism=int(_number("parallelism", flags.parallelism or env.get("RECONCILE_PARALLELISM"), _PARALLELISM)),
        timeout=_number("timeout", flags.timeout or env.get("RECONCILE_TIMEOUT"), _TIMEOUT),
        state_dir=Path(state_dir) if state_dir else None,
    )
    _check_complete(settings)
    return settings


def check_region(region: str | None) -> None:
    """
    Raises:
        UsageError: it could change the host that credentials are sent to.
    """
    if region is not None and not _REGION.fullmatch(region):
        raise UsageError(f"{shorten(region)!r} is no region", hint="Regions look like cn-north-4.")


def check_project_id(project_id: str | None) -> None:
    """
    Raises:
        UsageError: it could change the path that credentials are sent to.
    """
    if project_id is not None and not ID.fullmatch(project_id):
        raise UsageError(
            f"{shorten(project_id)!r} is no project ID",
            hint="It is 32 hexadecimal digits, in the console under My Credentials.",
        )


def parse_rate(text: str) -> Rate:
    """A rate like "100/minute", "10/2 seconds" or "10 per 2 second".

    Raises:
        UsageError: the text is not a rate, or the rate allows no calls.
    """
    hint = "Write it as 100/minute or 10/2 seconds."
    found = _RATE.fullmatch(text)
    if found is None:
        raise UsageError(f"{shorten(text)!r} is not a valid quota", hint=hint)
    rate = Rate(int(found[1]), int(found[2] or 1) * _SECONDS[found[3].lower()])
    if not rate.amount or not rate.seconds:
        raise UsageError(f"{shorten(text)!r} allows no calls", hint=hint)
    return rate


def is_emulator(endpoint: str) -> bool:
    return endpoint == EMULATOR or endpoint.startswith(f"{EMULATOR}:")


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def base_url(text: str, what: str) -> str:
    """A base URL in its plain form.

    Raises:
        UsageError: it is no URL, says more than a base may, or would send credentials in the clear.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The {what} {shorten(text)!r} is no URL: {shorten(str(error))}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", host):
        raise UsageError(f"The {what} {shorten(text)!r} is no http(s) URL", hint="Write it as https://host.")
    if (
        parts.query
        or parts.fragment
        or parts.username
        or parts.password
        or "@" in parts.netloc
        or not text.isprintable()
    ):
        raise UsageError(f"The {what} may be a scheme, a host, a port and a path, and nothing else")
    if parts.scheme == "http" and not is_loopback(text):
        raise UsageError(
            f"The {what} {shorten(text)!r} is plain http: credentials would travel in the clear",
            hint="Use https; http is taken for loopback hosts only.",
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _endpoint(given: str | None, region: str | None, env: Mapping[str, str]) -> str:
    if given is not None and is_emulator(given):
        return given
    if given:
        return base_url(given, "endpoint")
    if region is None:
        names = [name for family in _FAMILIES for name in family[:2]] + ["HW_AUTH_TOKEN", "HW_USER_NAME"]
        too = "" if any(env.get(name) for name in names) else ", and there are no credentials"
        raise UsageError(
            f"Neither an endpoint nor a region is known{too}",
            hint="Set --region or HW_REGION_NAME, write region: into a desired file, or try --endpoint emulator.",
        )
    return f"https://vod.{region}.myhuaweicloud.com"


def _iam(flags: Flags, env: Mapping[str, str], endpoint: str, region: str | None) -> str | None:
    given = flags.iam_endpoint or env.get("HUAWEICLOUD_SDK_IAM_ENDPOINT")
    if given:
        return base_url(given, "IAM endpoint")
    if is_loopback(endpoint):
        # Whoever serves VOD on this machine gets the login too; real IAM has no business with it.
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{parts.netloc}"
    return f"https://iam.{region}.myhuaweicloud.com" if region else None


def _credentials(env: Mapping[str, str]) -> Credentials:
    given = [tuple(env.get(name) or None for name in family) for family in _FAMILIES]
    complete = [values for values in given if values[0] and values[1]]
    for family, values in zip(_FAMILIES, given, strict=True):
        if bool(values[0]) != bool(values[1]):
            there, missing = (family[0], family[1]) if values[0] else (family[1], family[0])
            raise UsageError(
                f"{there} is set without {missing}",
                hint="AK and SK belong together: set both of one family of variables, and none of the other.",
            )
    if complete:
        key, secret, security_token = complete[0]
        return Credentials(access_key=(key or "", secret or "", security_token))
    if env.get("HW_AUTH_TOKEN"):
        return Credentials(token=env["HW_AUTH_TOKEN"])
    login = [name for name in _LOGIN if env.get(name)]
    if len(login) == len(_LOGIN):
        user, password, domain = (env[name] for name in _LOGIN)
        return Credentials(login=(user, password, domain))
    if login:
        missing = ", ".join(name for name in _LOGIN if name not in login)
        raise UsageError(f"A login needs {', '.join(_LOGIN)}; missing: {missing}")
    raise UsageError(
        "No credentials",
        hint="Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or HW_ACCESS_KEY and HW_SECRET_KEY), HW_AUTH_TOKEN, or "
        "HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME.",
    )


def _check_complete(settings: Settings) -> None:
    """A region is needed where a project is looked up or a login is scoped."""
    if settings.emulated or settings.region is not None:
        return
    if settings.credentials.login is not None:
        raise UsageError("A login needs a region", hint="Set --region or HW_REGION_NAME.")
    if settings.project_id is None:
        raise UsageError(
            "Neither a project ID nor a region to look it up by is known",
            hint="Set --project-id or HW_PROJECT_ID, or --region or HW_REGION_NAME.",
        )


def _rate(text: str | None, default: Rate) -> Rate:
    return parse_rate(text) if text else default


def _number(what: str, text: str | None, default: float) -> float:
    if not text:
        return default
    whole = what == "parallelism"
    if not re.fullmatch(r"[0-9]{1,5}" if whole else r"[0-9]{1,5}(\.[0-9]{1,3})?", text) or float(text) <= 0:
        kind = "a whole number" if whole else "a number of seconds"
        raise UsageError(f"--{what} (or RECONCILE_{what.upper()}) {shorten(text)!r} is not {kind} above 0")
    return float(text)
