"""The snapshots of assets, to choose from, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset, ShownSnapshot
from reconciler.report import phrases
from reconciler.report.markdown import fence
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle
from reconciler.util.sanitize import clean


def render(document: ShowDoc, options: RenderOptions = DEFAULTS) -> str:
    """Each asset with its cover and its snapshots; a star marks the snapshot that is the cover. Where pictures were
    read, those that show nothing are marked."""
    style = TerminalStyle(options)
    return "\n".join("\n".join(_lines(asset, style)) + "\n" for asset in document.assets)


def render_markdown(document: ShowDoc, _options: RenderOptions = DEFAULTS) -> str:
    """The text in fenced code."""
    text = render(document)
    ticks = fence([text])
    return f"### Snapshots\n\n{ticks}\n{text}{ticks}\n"


def _lines(asset: ShownAsset | NotShown, style: TerminalStyle) -> Iterator[str]:
    if isinstance(asset, NotShown):
        yield f"{style.asset(asset.asset_id, None)}: {asset.reason}"
        yield f"  {clean(asset.message)}"
        return
    yield style.asset(asset.asset_id, asset.title)
    yield f"  cover: {phrases.cover(asset.cover)}{_blank(asset)}"
    names = [phrases.snapshot(item) + _blank(item) for item in asset.snapshots]
    width = max(map(len, names), default=0)
    for item, name in zip(asset.snapshots, names, strict=True):
        yield f"  {'*' if item.cover else ' '} {name:<{width}}  {clean(item.url)}"
    if not asset.snapshots:
        yield f"  no snapshots{f' ({clean(asset.thumbnail_status)})' if asset.thumbnail_status else ''}"


def _blank(item: ShownAsset | ShownSnapshot) -> str:
    return f", {item.blank}" if item.blank else ""
