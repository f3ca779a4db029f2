"""Key anti-leech, as the CDN checks it. D's text is decrypted rather than encrypted once more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.options import EmulatorOptions

# B's clock is eight hours ahead of UTC.
_AHEAD = 8 * 3600
_A = re.compile(r"(?P<proof>(?P<time>[0-9]{10})-[0-9a-f]{32}-0)-(?P<md5>[0-9a-f]{32})")
_B = re.compile(r"(?P<time>[0-9]{12})/(?P<md5>[0-9a-f]{32})(?:/|$)")
_C = re.compile(r"(?P<md5>[0-9a-f]{32})/(?P<time>[0-9A-F]{8})(?:/|$)")
_D = re.compile(r"(?P<text>[A-Za-z0-9+/]+={0,2})\.(?P<vector>[0-9a-f]{32})")


def without_signature(path: str) -> str:
    """The path of a URL without a signature of B or C, which is another one at each attempt."""
    found = _B.match(path, 1) or _C.match(path, 1)
    return path if found is None else f"/{path[found.end() :]}"


def check(options: EmulatorOptions, request: Request, now: float) -> None:
    """Raises Refusal (403) for a picture's URL without a valid signature, or without the Referer."""
    if options.referer and request.headers.get("referer") != options.referer:
        raise _refused("the Referer is not in the list")
    if options.anti_leech is None:
        return
    signed_at = _signed_at(options, request)
    if signed_at is None:
        raise _refused("the signature is missing or wrong")
    if abs(now - signed_at) > options.signature_seconds:
        raise _refused("the signature has expired")


def _signed_at(options: EmulatorOptions, request: Request) -> float | None:
    """When the URL was signed, in seconds since the epoch; None if its signature is not valid."""
    path, prefix = f"/asset/{request.path_params['rest']}", request.path_params.get("prefix", "")
    key, query = options.cdn_key, request.query_params
    match options.anti_leech:
        case "A":
            found = _A.fullmatch(query.get("auth_key", ""))
            fits = found and _same(found["md5"], f"{path}-{found['proof']}-{key}")
            return float(found["time"]) if found and fits else None
        case "B":
            found = _B.match(prefix)
            fits = found and _same(found["md5"], f"{key}{found['time']}{path}")
            return _moment(found["time"], "%Y%m%d%H%M", _AHEAD) if found and fits else None
        case "C":
            found = _C.match(prefix)
            fits = found and _same(found["md5"], f"{key}{path}{found['time']}")
            return float(int(found["time"], 16)) if found and fits else None
        case _:
            folder, _, time = _decrypted(query.get("auth_info", ""), key).partition("$")
            return _moment(time, "%Y%m%d%H%M%S", 0) if folder == f"{path.rpartition('/')[0]}/" else None


def _same(md5: str, text: str) -> bool:
    return hmac.compare_digest(md5, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def _moment(text: str, form: str, ahead: int) -> float | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() - ahead
    except ValueError:
        return None


def _decrypted(info: str, key: str) -> str:
    """The text in D's `auth_info`; "" if there is none."""
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    found = _D.fullmatch(info)
    if found is None:
        return ""
    try:
        decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(bytes.fromhex(found["vector"]))).decryptor()
        padded = decryptor.update(base64.b64decode(found["text"], validate=True)) + decryptor.finalize()
        unpadder = padding.PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        return ""


def _refused(why: str) -> Refusal:
    return Refusal(403, "CDN.403", f"Access to the picture is denied: {why}.")
