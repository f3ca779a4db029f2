"""An asset's snapshots, to choose from, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents.schemas import SnapshotDoc
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset
from reconciler.report import phrases as words
from reconciler.report.markdown import fence
from reconciler.util.sanitize import clean


def text(document: ShowDoc) -> str:
    """Each asset with its cover and its snapshots, the cover marked with a star."""
    return "\n".join("\n".join(_lines(asset)) + "\n" for asset in document.assets)


def markdown(document: ShowDoc) -> str:
    """The text, inert."""
    told = text(document)
    ticks = fence([told])
    return f"### Snapshots\n\n{ticks}\n{told}{ticks}\n"


def _lines(asset: ShownAsset | NotShown) -> Iterator[str]:
    if isinstance(asset, NotShown):
        yield f"{asset.asset_id}: {asset.reason}"
        yield f"  {clean(asset.message)}"
        return
    yield f'{asset.asset_id} "{clean(asset.title)}"' if asset.title else asset.asset_id
    yield f"  cover: {words.cover(asset.cover)}"
    told = [
        words.snapshot(SnapshotDoc(set=item.set, index=item.index, offset=item.offset)) for item in asset.snapshots
    ]
    width = max(map(len, told), default=0)
    for item, name in zip(asset.snapshots, told, strict=True):
        yield f"  {'*' if item.cover else ' '} {name:<{width}}  {clean(item.url)}"
    if not asset.snapshots:
        yield f"  no snapshots{f' ({clean(asset.thumbnail_status)})' if asset.thumbnail_status else ''}"
