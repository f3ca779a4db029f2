"""Rows, pictures and reviews as the page gets them: plain, short, and without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.choose.choices import Choices, Chosen
from reconciler.choose.items import Item, Items
from reconciler.choose.review import Conflict, Review
from reconciler.model import Observed, SetName, Snapshot, SnapshotRef
from reconciler.report import phrases
from reconciler.util.sanitize import clean, hide, shorten

_LONGEST_TEXT = 1000


def row(item: Item, chosen: Chosen | None) -> dict[str, Any]:
    cover = _picture(item, "cover", item.cover_name, item.blank) if item.cover_url else None
    wanted = _picture(item, "wanted", item.wanted_name) if item.wanted_url else None
    return {
        "asset_id": item.asset_id,
        "title": text(item.title),
        "state": item.state,
        "place": item.place,
        "reason": item.reason,
        "message": text(item.message),
        "note": text(item.desired.note or "") if item.desired is not None else "",
        "cover": cover,
        "wanted": wanted,
        "chosen": _chosen_picture(item, chosen) if chosen is not None else None,
    }


def snapshots(
    item: Item, marks: Mapping[str, SnapshotRef | None], observed: Observed, name: SetName
) -> list[dict[str, Any]]:
    """The snapshots of one set.

    Args:
        marks: which of them is the cover, wanted, or chosen.
    """
    return [
        {
            "index": one.index,
            "offset": one.offset,
            "time": phrases.clock(one.offset),
            "picture": _picture(item, key(one), phrases.snapshot(one.ref)),
            **{mark: ref == one.ref for mark, ref in marks.items()},
        }
        for one in observed.in_set(name)
    ]


def reviewed(review: Review, choices: Choices, items: Items) -> dict[str, Any]:
    blocked = {asset_id: one.message for one in review.conflicts for asset_id in one.asset_ids}
    shown = []
    for asset_id, chosen in choices.items():
        item = items.listed(asset_id)
        shown.append(
            {
                "asset_id": asset_id,
                "title": text(item.title),
                "place": item.place or clean(chosen.file),
                "before": _picture(item, "cover", item.cover_name, item.blank) if item.cover_url else None,
                "after": _chosen_picture(item, chosen),
                "text": f"{item.wanted_name or 'not managed'} -> {_name(chosen)}",
                "conflict": text(blocked.get(asset_id, "")),
            }
        )
    return {
        "digest": review.digest,
        "items": shown,
        "diff": lines(review.diff),
        "conflicts": [conflict(one) for one in review.conflicts],
    }


def _picture(item: Item, what: str, name: str, blank: str = "") -> dict[str, Any]:
    return {"name": text(name), "url": f"/picture/{item.asset_id}/{what}", "blank": blank, "problem": ""}


def _chosen_picture(item: Item, chosen: Chosen) -> dict[str, Any]:
    if chosen.index is None:
        return {"name": _name(chosen), "url": "", "blank": "", "problem": "It is yet to be taken."}
    return _picture(item, f"{chosen.set}-{chosen.index}", _name(chosen))


def _name(chosen: Chosen) -> str:
    return phrases.snapshot(chosen.ref) + (" (to be taken, billed)" if chosen.index is None else "")


def key(snapshot: Snapshot) -> str:
    return f"{snapshot.set}-{snapshot.index}"


def text(text: str) -> str:
    return shorten(hide(clean(text)), 1000)


def lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.split("\n"))


def conflict(conflict: Conflict) -> dict[str, str]:
    return {"file": clean(conflict.file), "message": text(conflict.message)}
