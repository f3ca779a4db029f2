"""Which picture a URL names: the path from `/asset/<id>/` on. Hosts, prefixes and queries differ for the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_ASSET = re.compile(r"/asset/([0-9a-fA-F]{32})/(?=[^/])")


@dataclass(frozen=True, slots=True)
class Picture:
    """`path` is what follows `/asset/<asset_id>/`, decoded: "snapshot/sample/5.jpg"."""

    asset_id: str
    path: str


def picture(url: str) -> Picture | None:
    """The picture that a URL names, or None where it names none, or more than one could be meant."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme not in ("http", "https") or not parts.netloc or "\\" in path or not path.isprintable():
        return None
    found = list(_ASSET.finditer(path))
    if len(found) != 1 or any(segment in (".", "..") for segment in path.split("/")):
        return None
    return Picture(found[0][1].lower(), path[found[0].end() :])
