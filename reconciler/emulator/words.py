"""An asset in the words of the API: JSON bodies, times, and the URLs of pictures."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.emulator.refusal import illegal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.store import StoredAsset

_TIME = "%Y%m%d%H%M%S"
_PICTURE = re.compile(r"(?:^|/)asset/([0-9a-f]{32})/snapshot/(sample|dots|quantity)/([0-9]{1,6})\.jpg")


def written(seconds: float) -> str:
    """Seconds since the epoch as `yyyymmddhhmmss`, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)


def moment(text: str, name: str) -> int:
    """`yyyymmddhhmmss`, UTC, as seconds since the epoch; raises Refusal if it is not a time of this form."""
    if not re.fullmatch(r"[0-9]{14}", text):
        raise illegal(f"{name} must have the form yyyymmddhhmmss.")
    try:
        return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise illegal(f"{name} is not a valid time.") from None


async def json_body(request: Request) -> dict[str, Any]:
    """The body of a request as an object; raises Refusal if it is none."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise illegal("The body must be a JSON object.")
    return body


def duration_ms(asset: StoredAsset) -> int:
    """How long the video is: a little longer than to its last snapshot of the first catalogue."""
    return (
        max((max(offsets) for name, offsets in asset.sets.items() if name != "dots" and offsets), default=0) * 1000
        + 7500
    )


def snapshot_named(path: str) -> tuple[str, str, int] | None:
    """The asset ID, set and offset in the path of a picture; anything may stand before `/asset/`."""
    match = _PICTURE.search(path)
    if match is None or match.end() != len(path):
        return None
    return match[1], match[2], int(match[3])


@dataclass(frozen=True, slots=True)
class PictureUrls:
    """How the URLs of pictures are made. `signed`: those of some assets have a signature, which is not checked."""

    base: str
    cover_name: str
    signed: bool


def picture_url(urls: PictureUrls, asset: StoredAsset, rest: str, *, owner: str | None = None) -> str:
    """The URL of a picture of this asset, in the form of its URLs."""
    path = f"asset/{owner or asset.asset_id}/{rest}"
    seal = hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()
    forms = {
        "plain": path,
        "shield": f"shield/{path}",
        "dated": f"202611220800/{seal}/{path}",
        "keyed": f"{path}?auth_key=1795334400-0-0-{seal}",
    }
    return f"{urls.base}/{forms[asset.form] if urls.signed or asset.form == 'shield' else path}"


def cover_url(urls: PictureUrls, asset: StoredAsset) -> str:
    """The URL of the current cover: the snapshot itself in reference mode, else the copy."""
    rest = f"snapshot/{asset.path}.jpg" if asset.kind == "reference" else f"cover/{urls.cover_name}"
    return picture_url(urls, asset, rest)


def base_info(urls: PictureUrls, asset: StoredAsset) -> dict[str, Any]:
    """`base_info` of details and info."""
    info: dict[str, Any] = {
        "title": asset.title,
        "video_name": f"{asset.asset_id[:8]}.mp4",
        "description": "",
        "category_id": -1,
        "category_name": "未分类",
        "create_time": written(asset.created),
        "last_modified": written(max(asset.created, asset.changed)),
        "video_type": "MP4",
        "tags": "",
        "video_url": f"{urls.base}/asset/{asset.asset_id}/video.mp4",
        "meta_data": {"duration": -(-duration_ms(asset) // 1000), "duration_ms": duration_ms(asset)},
    }
    if asset.kind != "absent":
        info["cover_info_array"] = covers(urls, asset)
    return info


def covers(urls: PictureUrls, asset: StoredAsset) -> list[dict[str, str]] | None:
    """The list of covers; it is null or empty for odd assets only."""
    if asset.kind in {"absent", "null"}:
        return None
    return [] if asset.kind == "empty" else [{"cover_url": cover_url(urls, asset)}]


def thumbnail_info(urls: PictureUrls, asset: StoredAsset) -> dict[str, Any] | None:
    """`thumbnail_info`: the snapshots; only the status while they are being taken; None otherwise."""
    if asset.state == "THUMBNAILING":
        return {"thumbnail_status": asset.state, "exec_desc": ""}
    if asset.state != "THUMBNAIL_SUCCEED":
        return None
    lists = {
        name: [
            {
                "offset": offset,
                "url": picture_url(urls, asset, f"snapshot/{name}/{offset}.jpg", owner=asset.owner),
            }
            for offset in offsets
        ]
        for name, offsets in asset.sets.items()
    }
    return {**lists, "thumbnail_status": asset.state, "exec_desc": ""}


def summary(urls: PictureUrls, asset: StoredAsset) -> dict[str, Any]:
    """An item of `asset/list`."""
    return {
        "asset_id": asset.asset_id,
        "title": asset.title,
        "description": "",
        "duration": max((max(offsets) for offsets in asset.sets.values()), default=0),
        "size": 1_048_576,
        "category": "未分类",
        "covers": covers(urls, asset),
        "create_time": written(asset.created),
        "asset_status": "PUBLISHED",
        "transcode_status": "UN_TRANSCODE",
        "thumbnail_status": asset.state,
        "review_status": "UN_REVIEW",
        "media_type": "MP4",
    }
