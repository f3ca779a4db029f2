"""Authentication: SDK-HMAC-SHA256 signatures and IAM tokens, checked against the request as it arrived."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote

from reconciler.emulator.options import ACCESS_KEY, PROJECT_ID, SECRET_KEY, SECURITY_TOKEN
from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

ALGORITHM = "SDK-HMAC-SHA256"
TOKEN_SECONDS = 24 * 3600
_CLOCK_SECONDS = 15 * 60
_DATE = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Access=([^, ]+), *SignedHeaders=([a-z0-9!#$%&'*+.^_`|~;-]+), *Signature=([0-9a-f]{{64}})"
)
_TEMPORARY = re.compile("TEMPORARY([0-9]{1,12})")
_TOKEN = re.compile(r"emulator-([0-9]{1,12})-([0-9a-f]{64})")


class CredentialCheck:
    """Checks the credentials of requests.

    Args:
        clock: returns seconds since the epoch.
        key_seconds: how long temporary keys are valid, at most.
    """

    def __init__(self, clock: Callable[[], float], key_seconds: float = 43_200.0) -> None:
        self._clock = clock
        self._key_seconds = key_seconds

    def check(self, request: Request, body: bytes) -> None:
        """Raises Refusal: 401 APIGW.0301 without valid credentials, 403 VOD.10057 for another project."""
        token = request.headers.get("x-auth-token")
        if token is not None:
            self._check_token(token)
        else:
            self._check_signature(request, body)
        named = (request.path_params.get("project_id"), request.headers.get("x-project-id"))
        if any(project not in {None, PROJECT_ID} for project in named):
            raise Refusal(403, "VOD.10057", "The tenant does not match the project.")

    def issue_token(self) -> tuple[str, float]:
        """A token and its expiry in seconds since the epoch. It carries its own proof, so it outlives the process."""
        expires = int(self._clock()) + TOKEN_SECONDS
        return f"emulator-{expires}-{_hmac(f'token {expires}')}", expires

    def issue_keys(self, seconds: int) -> tuple[str, str, str, float]:
        """Temporary AK, SK and security token, and their expiry in seconds since the epoch. Like a token, they carry
        their own proof."""
        expires = int(self._clock() + min(seconds, self._key_seconds))
        key = f"TEMPORARY{expires}"
        return key, _hmac(f"secret {key}"), f"temporary-{_hmac(f'security token {key}')}", expires

    def _check_token(self, token: str) -> None:
        match = _TOKEN.fullmatch(token)
        if match is None or not hmac.compare_digest(match[2], _hmac(f"token {match[1]}")):
            raise _refused("decrypt token fail")
        if int(match[1]) <= self._clock():
            raise _refused("token expired")

    def _check_signature(self, request: Request, body: bytes) -> None:
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if match is None:
            raise _refused("the request has neither a valid Authorization header nor a token")
        access_key, names, signature = match.groups()
        signed = names.split(";")
        if signed != sorted(set(signed)) or not {"host", "x-sdk-date"} <= set(signed):
            raise _refused("SignedHeaders must be sorted and include host and x-sdk-date")
        date = request.headers.get("x-sdk-date", "")
        self._check_date(date)
        secret, security_token = self._secrets(access_key)
        canonical = canonical_request(request, signed, body)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        if not hmac.compare_digest(signature, _hmac(f"{ALGORITHM}\n{date}\n{digest}", secret)):
            raise _refused("verify aksk signature fail")
        sent = request.headers.get("x-security-token", security_token if access_key == ACCESS_KEY else "")
        if sent != security_token:
            raise _refused("the security token is not valid")

    def _secrets(self, access_key: str) -> tuple[str, str]:
        """The secret and the security token that belong to an access key."""
        if access_key == ACCESS_KEY:
            return SECRET_KEY, SECURITY_TOKEN
        match = _TEMPORARY.fullmatch(access_key)
        if match is None:
            raise _refused("get secretKey failed: the access key does not exist")
        if int(match[1]) <= self._clock():
            raise _refused("the temporary access key has expired")
        return _hmac(f"secret {access_key}"), f"temporary-{_hmac(f'security token {access_key}')}"

    def _check_date(self, date: str) -> None:
        try:
            signed_at = datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise _refused("x-sdk-date must have the form YYYYMMDDTHHMMSSZ") from None
        if abs(signed_at - self._clock()) > _CLOCK_SECONDS:
            raise _refused("signature expired: x-sdk-date is more than 15 minutes off")


def canonical_request(request: Request, signed: list[str], body: bytes) -> str:
    """The signed text, rebuilt from the request; `signed` holds lower-case header names in order.

    Raises:
        Refusal: a signed header is missing.
    """
    lines = [request.method, _canonical_path(request), _canonical_query(request)]
    for name in signed:
        values = [value.strip() for key, value in request.scope["headers"] if key.decode("latin-1") == name]
        if not values:
            raise _refused(f"the signed header {name} is missing")
        lines.append(f"{name}:{b','.join(values).decode('utf-8', 'replace')}")
    return "\n".join([*lines, "", ";".join(signed), hashlib.sha256(body).hexdigest()])


def _canonical_path(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    path = "/".join(_encoded(segment) for segment in unquote(raw.decode("latin-1")).split("/"))
    return path if path.endswith("/") else path + "/"


def _canonical_query(request: Request) -> str:
    pairs = sorted(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in pairs)


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _hmac(text: str, secret: str = SECRET_KEY) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _refused(why: str) -> Refusal:
    return Refusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}")
