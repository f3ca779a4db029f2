"""The initial assets of the emulator: always the same, generated from the number of each asset."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

ThumbnailStatus = Literal["UN_THUMBNAIL", "THUMBNAILING", "THUMBNAIL_SUCCEED", "THUMBNAIL_FAILED"]
CoverKind = Literal["snapshot", "custom", "missing", "absent", "null", "empty"]
UrlForm = Literal["plain", "shield", "dated", "keyed"]

ODD_POSITION = 100_000_000
"""Odd assets come after all others, however many those are."""

# 2024-01-01T00:00:00Z, and the seconds from one asset's creation to the next one's.
_FIRST_CREATED = 1_704_067_200
_STEP = 1_000

_FIRST_IDS = (
    "6e76f92034ceae2fcdcef9413221511f",  # the one in the API reference
    "31415926535897932384626433832795",  # to YAML an integer
    "1234567890123456e789012345678901",  # to YAML a float: infinity
)

_TITLES = (
    "Opening keynote: the next ten years",
    "产品发布会 2026（完整版）",
    "Getting started in five minutes",
    "新手入门：第一课",
    "Harbour at dawn, drone footage",
    "客户案例：智慧校园",
    "Quarterly town hall",
    "Spring campaign: main film",
    "春季新品：预告片",
    "Spring campaign: 15 s cut",
    "How we test at 4,000 m",
    "幕后花絮 <导演剪辑版>",
    "Recipe: hand-pulled noodles",
    "大厨教你做拉面",
    "Marathon highlights",
    "Tutorial: colour grading & sound",
    "城市夜景延时摄影",
    "Interview with the founders",
    "年度颁奖典礼",
    "Safety briefing (mandatory)",
    "Warehouse tour",
    "春季新品：直播回放",
    "Course 101 | Lesson 1",
    "儿童动画：小熊的一天",
)

ODD: dict[str, str] = {
    name: f"0dd{number:029d}"
    for number, name in enumerate(
        (
            "asset_not_found",
            "no_snapshots",
            "snapshots_failed",
            "snapshots_in_progress",
            "snapshot_out_of_range",
            "no_snapshot_at_offset",
            "foreign_snapshot",
            "content_unavailable",
            "api_error",
            "custom_cover",
            "no_cover",
            "null_cover",
            "empty_cover",
        )
    )
}
"""Asset ID by name. All of them exist except `asset_not_found`, and all that exist are listed except `api_error`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as it is stored first.

    Attributes:
        position: its place in lists.
        created: seconds since the epoch.
        sets: offsets of the snapshots in seconds, by set, in the order in which the service returns them.
        cover: the snapshot that the cover shows, for example "sample/10"; "" if the kind is not snapshot.
        owner: the asset ID in the URLs of the snapshots.
    """

    asset_id: str
    position: int
    title: str
    created: int
    owner: str
    sets: dict[str, list[int]] = field(default_factory=dict)
    cover_kind: CoverKind = "snapshot"
    cover: str = ""
    state: ThumbnailStatus = "THUMBNAIL_SUCCEED"
    form: UrlForm = "plain"


def ordinary(number: int) -> Asset:
    """The asset with this number, from 0. It has snapshots, and its cover is one of them."""
    digest = hashlib.sha256(f"asset {number}".encode()).digest()
    asset_id = _FIRST_IDS[number] if number < len(_FIRST_IDS) else digest.hex()[:32]
    round_, which = divmod(number, len(_TITLES))
    title = _TITLES[which] if round_ == 0 else f"{_TITLES[which]} #{round_ + 1}"
    sets = _snapshots(number, digest)
    shown = "dots" if "dots" in sets and digest[3] % 2 else "sample"
    offset = sorted(sets[shown])[digest[4] % len(sets[shown])]
    forms: tuple[UrlForm, ...] = ("shield", "plain", "plain", "dated", "plain", "keyed")
    return Asset(
        asset_id=asset_id,
        position=number,
        title=title,
        created=_FIRST_CREATED + _STEP * number,
        owner=asset_id,
        sets=sets,
        cover=f"{shown}/{offset}",
        form=forms[number % len(forms)],
    )


def odd() -> Iterator[Asset]:
    """The assets with an oddity; the docstring of the package lists them."""
    shots = {"sample": [0, 7, 14, 21]}
    yield _odd("no_snapshots", cover_kind="custom", state="UN_THUMBNAIL")
    yield _odd("snapshots_failed", cover_kind="custom", state="THUMBNAIL_FAILED")
    yield _odd("snapshots_in_progress", cover_kind="custom", state="THUMBNAILING")
    yield _odd("snapshot_out_of_range", sets={"sample": [0]}, cover="sample/0")
    yield _odd("no_snapshot_at_offset", sets=shots, cover="sample/7")
    yield _odd("foreign_snapshot", sets=shots, cover="sample/7", owner=_FIRST_IDS[0])
    yield _odd("content_unavailable", sets=shots, cover_kind="missing")
    yield _odd("api_error", sets=shots, cover="sample/7")
    yield _odd("custom_cover", sets=shots, cover_kind="custom")
    yield _odd("no_cover", sets=shots, cover_kind="absent")
    yield _odd("null_cover", sets=shots, cover_kind="null")
    yield _odd("empty_cover", sets=shots, cover_kind="empty")


def _odd(
    name: str,
    *,
    sets: dict[str, list[int]] | None = None,
    cover_kind: CoverKind = "snapshot",
    cover: str = "",
    state: ThumbnailStatus = "THUMBNAIL_SUCCEED",
    owner: str | None = None,
) -> Asset:
    number = list(ODD).index(name)
    return Asset(
        asset_id=ODD[name],
        position=ODD_POSITION + number,
        title=f"Odd: {name.replace('_', ' ')}",
        created=_FIRST_CREATED - _STEP * number,
        owner=owner or ODD[name],
        sets=sets or {},
        cover_kind=cover_kind,
        cover=cover,
        state=state,
    )


def _snapshots(number: int, digest: bytes) -> dict[str, list[int]]:
    interval = 1 + digest[0] % 12
    sample = [interval * step for step in range(4 + digest[1] % 17)]
    chance = random.Random(number)  # noqa: S311 - always the same order, and not a secret
    if number % 3 == 2:
        chance.shuffle(sample)
    sets = {"sample": sample}
    last = max(sample)
    if number % 4 == 1:
        sets["dots"] = sorted(chance.sample(range(1, last + 1), min(5, last)))
    if number % 6 == 3:
        sets["quantity"] = sorted({last * step // 4 for step in range(5)})
    return sets
