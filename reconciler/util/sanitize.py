"""Makes foreign text harmless before it is printed, and removes secrets from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

# C0 and C1 controls, DEL, line and paragraph separators, lone surrogates, and what Unicode calls "default ignorable":
# bidi controls, invisible letters and marks, variation selectors, tags. U+2800 is as blank as they are.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Commands of Azure DevOps and TeamCity: ##[…], ##vso[…], ##teamcity[…].
_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_NAMED_SECRET = re.compile(
    # Not \b, for which a Chinese sentence and the parameter right after it are one word.
    r"(?i)(?=[aswxp])(?:(?<![a-z0-9_])|(?<=%3f)|(?<=%26))((?:auth_key|auth_info|signature|access|sign|wssecret)(?:=|%3d)|"
    r"(?:x-(?:auth|security|subject|obs-security)-token|authorization|password)(?:['\"]?\s*[=:]|['\"]\s*,)\s*(?:b?['\"])?)"
    r"(?!\*\*\*)((?:(?:SDK-HMAC-SHA256|Bearer|Basic)\s+)?[^\s'\"&,;)>\]}]+)"
)
# One of these is in each of the names above, and quick to find in a text of which tens of thousands are checked. None
# has an "i": with (?i) it matches letters that do not become an "i" when a text is folded.
_IN_NAMES = ("auth", "gn", "access", "secret", "token", "password")
# Anti-leech forms of a path, with MD5 or SHA-256: /{date}/{hash}/ and /{hash}/{hextime}/. An asset's ID is no hash.
_HASH = "(?:[0-9a-f]{64}|[0-9a-f]{32})"
SIGNED_PATH = re.compile(rf"(?i)(?<!/asset)/(?:\d{{8,14}}/{_HASH}|{_HASH}/[0-9a-f]{{6,16}})(?=/)")
_ASSET = re.compile(r"(?i)/asset/[0-9a-f]{32}(?=/|$)")
# A segment of a prefix that is surely no part of a signature, such as "shield".
_WORD = re.compile(r"(?i)(?![0-9a-f]+$)[a-z][a-z_-]{0,15}")
# Its user, host, path and query; what may end a URL in a sentence or in markup is none of it.
_URL = re.compile(
    r"(?i)(?<![a-z0-9])([a-z][a-z0-9+.-]{0,15}://)(?:[^\s/?#\"'<>`]*@)?([^\s/?#\"'<>`]*)([^\s?#\"'<>`]*)"
    r"(\?[^\s\"'<>`)\]}]*)?"
)
HIDDEN = "***"


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str) -> str:
    """`text` on one line: control characters become escapes, and CI workflow commands are disabled."""
    if _UNSAFE.search(text):
        text = _UNSAFE.sub(_escape, text)
    return disarm(text)


def disarm(text: str) -> str:
    """`text` without CI workflow commands; lines, colours and all else stay."""
    while "::" in text:
        text = text.replace("::", ": :")
    return _COMMAND.sub("## ", text) if "##" in text else text


def shorten(text: str, limit: int = 60) -> str:
    """`text`, cleaned, and cut to `limit` characters with an ellipsis."""
    text = clean(text[: limit * 2])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def bare_url(url: str) -> str:
    """The URL without user, query and fragment. Before `/asset/<id>/`, only plain words stay of the path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return clean(re.split(r"[?#]", url, maxsplit=1)[0])
    path = _shown_path(parts.path)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query="", fragment="").geturl()
    cleaned = clean(bare)
    return url if cleaned == url else cleaned  # one string instead of two: there may be many


def _shown_path(path: str) -> str:
    asset = _ASSET.search(path)
    if asset is None:
        return SIGNED_PATH.sub(f"/{HIDDEN}", path)
    prefix = "/".join(part if _WORD.fullmatch(part) else HIDDEN for part in path[1 : asset.start()].split("/"))
    prefix = re.sub(r"\*\*\*(?:/\*\*\*)+", HIDDEN, prefix)
    return f"/{prefix}{path[asset.start() :]}" if asset.start() else path


class Redactor:
    """Replaces known secrets, and everything that looks like a signature or a token, in a text. Every URL loses its
    user and its query."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        # A very short "secret" would also be found in ordinary words.
        known = {s for s in secrets if s and len(s) >= 4}
        known |= {json.dumps(s)[1:-1] for s in known} | {clean(s) for s in known}
        self._known = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        folded = text.casefold()
        if any(part in folded for part in _IN_NAMES):
            text = _NAMED_SECRET.sub(rf"\1{HIDDEN}", text)
        if "://" in text:
            text = _URL.sub(lambda url: f"{url[1]}{url[2]}{_shown_path(url[3])}", text)
        return SIGNED_PATH.sub(f"/{HIDDEN}", text) if "/" in text else text


hide = Redactor()
"""For documents: everything that looks like a signature or a token, without known secrets."""


def redacted(document: Any, redact: Redactor) -> Any:
    """A JSON document without the secrets in its strings; its keys stay."""
    if isinstance(document, str):
        return redact(document)
    if isinstance(document, Mapping):
        return {key: redacted(value, redact) for key, value in document.items()}
    return [redacted(item, redact) for item in document] if isinstance(document, (list, tuple)) else document


def json_text(document: Any, *, ascii_only: bool = False) -> str:
    """JSON in which characters that a terminal or CI would act on are escaped."""
    text = json.dumps(document, ensure_ascii=ascii_only, indent=2, allow_nan=False)
    # Only json.dumps writes line breaks; all other unsafe characters are inside strings.
    text = "\n".join(_UNSAFE.sub(_json_escape, line) for line in text.split("\n"))
    return _COMMAND.sub(r"\\u0023#", text.replace("::", "\\u003a\\u003a"))


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1] if match.group() != "\x7f" else "\\u007f"
