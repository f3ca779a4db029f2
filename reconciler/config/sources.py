"""Which credentials apply: one source, found in the environment or in the profile file.

A source that is chosen and turns out not to work is an error, never a reason to try the next, which may be allowed
to do more. The names of variables are those of the official SDKs and of the Terraform provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.errors import UsageError
from reconciler.util.credential_sources import (
    AccessKeySource,
    Agency,
    Credentials,
    LoginSource,
    MachineSource,
    OidcSource,
    TokenSource,
)
from reconciler.util.loopback import is_loopback
from reconciler.util.sanitize import shorten

_OIDC = "HUAWEICLOUD_OIDC_"
_GITHUB = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_FAMILIES = (
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
)
_LOGIN = ("HW_USER_NAME", "HW_USER_PASSWORD", "HW_DOMAIN_NAME")
_AGENCY, _AGENCY_DOMAIN = "HW_ASSUME_ROLE_AGENCY_NAME", "HW_ASSUME_ROLE_DOMAIN_NAME"
_PROFILE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_MOST_BYTES = 1024 * 1024
_SHORTEST, _LONGEST, _HOUR = 900, 43_200, 3600

NONE_SET = (
    "Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or HW_ACCESS_KEY and HW_SECRET_KEY), HW_AUTH_TOKEN, or "
    "HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME; in CI without keys HUAWEICLOUD_OIDC_PROVIDER_URN and "
    "HUAWEICLOUD_OIDC_AGENCY_URN."
)


def find(env: Mapping[str, str]) -> Credentials:
    """
    Raises:
        UsageError: a source is set only in part, or holds what it cannot.
    """
    check_characters(env, *(name for family in _FAMILIES for name in family), "HW_AUTH_TOKEN")
    _check_unknown(env)
    found = _oidc(env) or _access_key(env) or _token(env) or _login(env)
    credentials = Credentials(found) if found is not None else _profile(env) or Credentials(MachineSource())
    agency = _agency(env)
    if agency is not None and isinstance(credentials.source, TokenSource | LoginSource):
        raise UsageError(
            f"{_AGENCY} is set, but an agency cannot be assumed with a {credentials.source.described}",
            hint=f"Use AK/SK, or unset {_AGENCY}.",
        )
    return Credentials(credentials.source, agency, credentials.project_id, credentials.iam_endpoint)


def is_any_set(env: Mapping[str, str]) -> bool:
    """Whether the environment names credentials at all."""
    names = [name for family in _FAMILIES for name in family[:2]]
    names += ["HW_AUTH_TOKEN", "HW_USER_NAME", f"{_OIDC}PROVIDER_URN", _PROFILE]
    return any(env.get(name) for name in names)


def check_characters(env: Mapping[str, str], *names: str) -> None:
    """
    Raises:
        UsageError: a variable holds what a secret cannot have.
    """
    for name in names:
        value = env.get(name, "")
        if not value.isprintable() or not value.isascii() or " " in value:
            raise UsageError(
                f"{name} holds a line end, a space or another character that it cannot have",
                hint="Set it again, without what was copied along.",
            )


def _oidc(env: Mapping[str, str]) -> OidcSource | None:
    names = ("PROVIDER_URN", "AGENCY_URN", "ID_TOKEN", "TOKEN_FILE")
    provider, agency, token, file = (env.get(_OIDC + name, "") for name in names)
    if not (provider or agency or token or file):
        return None
    check_characters(env, *(_OIDC + name for name in names[:3]), *_GITHUB, "RECONCILE_OIDC_AUDIENCE")
    for name, value in zip(names[:2], (provider, agency), strict=True):
        if not value:
            raise UsageError(f"OIDC needs {_OIDC}{name}, too", hint="Set it, or unset the other variables of OIDC.")
    url, bearer = ("", "") if token or file else (env.get(name, "") for name in _GITHUB)
    if not (token or file or (url and bearer)):
        raise UsageError(
            f"OIDC needs an ID token: {_OIDC}ID_TOKEN or {_OIDC}TOKEN_FILE",
            hint="In GitHub Actions give the job `permissions: id-token: write`; then no token need be set.",
        )
    if url and not _is_safe(url):
        raise UsageError(f"{_GITHUB[0]} is not an https URL")
    return OidcSource(
        provider,
        agency,
        env.get(f"{_OIDC}SESSION_NAME") or "reconcile",
        _seconds(env.get(f"{_OIDC}DURATION_SECONDS") or str(_HOUR)),
        token,
        "" if token else file,
        url,
        bearer,
        env.get("RECONCILE_OIDC_AUDIENCE", ""),
    )


def _is_safe(url: str) -> bool:
    """Whether a token may be sent there."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port != 0) and (parts.scheme == "https" or is_loopback(url))
    except ValueError:  # a broken host or port
        return False


def _seconds(text: str) -> int:
    if not re.fullmatch("[0-9]{3,5}", text) or not _SHORTEST <= int(text) <= _LONGEST:
        raise UsageError(
            f"{_OIDC}DURATION_SECONDS is {shorten(text, 20)!r}", hint=f"It is from {_SHORTEST} to {_LONGEST} seconds."
        )
    return int(text)


def _access_key(env: Mapping[str, str]) -> AccessKeySource | None:
    complete = None
    for family in _FAMILIES:
        key, secret, token = (env.get(name) or None for name in family)
        if bool(key) != bool(secret):
            present, missing = (family[0], family[1]) if key else (family[1], family[0])
            raise UsageError(
                f"{present} is set without {missing}",
                hint="AK and SK belong together: set both of one family of variables, and none of the other.",
            )
        if key and secret:
            complete = complete or AccessKeySource(key, secret, token, f"AK/SK of {family[0]}")
    return complete


def _token(env: Mapping[str, str]) -> TokenSource | None:
    return TokenSource(env["HW_AUTH_TOKEN"]) if env.get("HW_AUTH_TOKEN") else None


def _login(env: Mapping[str, str]) -> LoginSource | None:
    given = [name for name in _LOGIN if env.get(name)]
    if given and len(given) < len(_LOGIN):
        missing = ", ".join(name for name in _LOGIN if name not in given)
        raise UsageError(f"A login needs {', '.join(_LOGIN)}; missing: {missing}")
    return LoginSource(*(env[name] for name in _LOGIN)) if given else None


def _profile(env: Mapping[str, str]) -> Credentials | None:
    """The section [basic] of the profile file; None where there is no such file."""
    named = env.get(_PROFILE)
    home = env.get("HOME")
    file = Path(named) if named else Path(home) / ".huaweicloud" / "credentials" if home else None
    if file is None or (not named and not file.is_file()):
        return None
    section = _section(file)
    if section is None:
        if named:
            raise _unusable(file, "it has no section [basic]")
        return None
    key, secret = section.get("ak", ""), section.get("sk", "")
    if not (key and secret):
        also = " (idp_id is not supported: see HUAWEICLOUD_OIDC_PROVIDER_URN)" if section.get("idp_id") else ""
        raise _unusable(file, f"its section [basic] has no {'sk' if key else 'ak'}{also}")
    named_values = {
        f"{name} in {shorten(str(file))}": section.get(name, "") for name in ("ak", "sk", "security_token")
    }
    check_characters(named_values, *named_values)
    source = AccessKeySource(key, secret, section.get("security_token") or None, f"profile {shorten(str(file))}")
    return Credentials(source, None, section.get("project_id") or None, section.get("iam_endpoint") or None)


def _section(file: Path) -> Mapping[str, str] | None:
    """Without interpolation: a secret may have a %."""
    import configparser  # for this file only

    parser = configparser.RawConfigParser()
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES)
        parser.read_string(data.decode("utf-8-sig"))
    except OSError as error:
        raise _unusable(file, error.strerror or "it cannot be read") from error
    except (configparser.Error, UnicodeDecodeError):
        raise _unusable(file, "it is not an INI file") from None  # the error may quote a secret
    return dict(parser.items("basic")) if parser.has_section("basic") else None


def _agency(env: Mapping[str, str]) -> Agency | None:
    name, domain = env.get(_AGENCY, ""), env.get(_AGENCY_DOMAIN, "")
    if not name:
        return None
    if not domain:
        raise UsageError(f"{_AGENCY} is set without {_AGENCY_DOMAIN}", hint="Name the account that has the agency.")
    return Agency(name, domain)


def _check_unknown(env: Mapping[str, str]) -> None:
    """The official SDK would take these before all others: not to know them may not go unnoticed."""
    if env.get("HUAWEICLOUD_SDK_IDP_ID") and env.get("HUAWEICLOUD_SDK_ID_TOKEN_FILE"):
        raise UsageError(
            "HUAWEICLOUD_SDK_IDP_ID with HUAWEICLOUD_SDK_ID_TOKEN_FILE is not supported",
            hint=f"Use {_OIDC}PROVIDER_URN, {_OIDC}AGENCY_URN and {_OIDC}TOKEN_FILE, and unset these.",
        )


def _unusable(file: Path, why: str) -> UsageError:
    hint = f"Mend it, or name another in {_PROFILE}."
    return UsageError(f"The credentials file {shorten(str(file))} cannot be used: {why}", hint=hint)
