"""What to do about the service's error codes (API page "Error codes"), and the rate that its 429 names."""

from __future__ import annotations

import re

from reconciler.util.rate import Rate

NOT_FOUND = "VOD.10062"
THROTTLED = ("APIGW.0308", "APIG.0308")

_PERMISSION = ("VOD.10074", "VOD.10111", "VOD.10133")
_WAIT = "Wait until the state of the asset allows this, or publish or finish the asset."
_GRANT = "Grant the user vod:asset:get and vod:asset:list to read, and vod:asset:update to set covers."
_PAY = "The account is in arrears or frozen. Pay the bill."
_REPORT = "Try again later. If the error persists, report it to the service with the request ID."
_HINTS = {
    "VOD.10053": "Check the asset ID. If it is right, report a bug in reconcile.",
    "VOD.10081": "Check the asset ID. If it is right, report a bug in reconcile.",
    "VOD.10054": "Check the AK/SK or the token, and this machine's clock.",
    "APIGW.0301": "Check the AK/SK or the token, and this machine's clock.",
    "VOD.10057": "Check that the project ID belongs to the region and to these credentials.",
    **dict.fromkeys(("VOD.10060", "VOD.10061", "VOD.10083", "VOD.10126"), _WAIT),
    NOT_FOUND: "Remove the entry, or correct its asset ID.",
    **dict.fromkeys(_PERMISSION, _GRANT),
    "VOD.10099": "The asset was blocked by review. Its cover cannot be set.",
    **dict.fromkeys(("VOD.10120", "VOD.10132"), _PAY),
    **dict.fromkeys(("VOD.10051", "VOD.10052", "VST.10002"), _REPORT),
    **dict.fromkeys(THROTTLED, "Try again in a minute, or lower --read-quota or --write-quota."),
}
_BY_STATUS = {
    401: _HINTS["VOD.10054"],
    403: _GRANT,
    404: "Check the endpoint, the region and the project ID.",
}

_WINDOW = 60
_LIMIT = re.compile(r"limit:\s*(\d{1,9})\s*,\s*time:\s*(\d{1,6})?\s*(second|minute|hour|day)", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def hint(code: str, status: int | None) -> str:
    """What the user can do about a refusal, or "" if that is not known."""
    return _HINTS.get(code) or _BY_STATUS.get(status or 0) or (_REPORT if (status or 0) >= 500 else "")


def lacks_permission(code: str, status: int | None) -> bool:
    """Whether a refusal means, as far as is known, that the user may not make the call."""
    return code in _PERMISSION or (status == 403 and code not in _HINTS)


def named_rate(message: str) -> Rate | None:
    """The limit and window that a 429 names ("… over ratelimit,limit:100,time:1 minute"), if it does.

    A window longer than a minute is spread: so many calls a minute, and at least one. No text can bring a run to a
    standstill; a service that refuses more than that is waited for as any that answers 429.
    """
    found = _LIMIT.search(message)
    if found is None or int(found[1]) < 1:
        return None
    amount, seconds = int(found[1]), int(found[2] or 1) * _SECONDS[found[3].lower()]
    if seconds > _WINDOW:
        return Rate(max(1, amount * _WINDOW // seconds), _WINDOW)
    return Rate(amount, seconds) if seconds >= 1 else None
