"""Which picture a URL names: the path from `/asset/<id>/` on. Hosts, prefixes and queries differ for the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reconciler.util.ids import HEX_32

# The slash after an ID may start the next `/asset/`, so it is not consumed.
_ASSET = re.compile(rf"/asset/({HEX_32})(?=/|$)")


@dataclass(frozen=True, slots=True)
class PictureId:
    """`path` is what follows `/asset/<asset_id>/`, decoded: "snapshot/sample/5.jpg"."""

    asset_id: str
    path: str


def picture(url: str) -> PictureId | None:
    """The picture that a URL names, or None where it names none, or is ambiguous."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme not in ("http", "https") or not parts.netloc or "\\" in path:
        return None
    # urlsplit drops line ends and tabs silently; a program that does not would see another path.
    if not path.isprintable() or not url.isprintable():
        return None
    found = list(_ASSET.finditer(path))
    if len(found) != 1 or any(segment in (".", "..") for segment in path.split("/")):
        return None
    rest = path[found[0].end() + 1 :]
    return PictureId(found[0][1].lower(), rest) if rest and not rest.startswith("/") else None
