"""show: an asset's snapshots, so that one can choose; or a saved plan in any format."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from reconciler import compare
from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.documents.read import read_plan
from reconciler.documents.shapes import SnapshotDoc
from reconciler.documents.write import as_json, cover_document
from reconciler.errors import UsageError
from reconciler.model import WRITE_RATE, Cover, NoAnswer, Observed, Snapshot
from reconciler.observe.assets import observe
from reconciler.report import words
from reconciler.report.text import Text
from reconciler.safe import bare_url, clean, hide, shorten
from reconciler.selection import ASSET_ID
from reconciler.session import open_session
from reconciler.state.memory import Memory


async def run(options: Options, subjects: Sequence[str], terminal: Terminal) -> Report:
    """
    Args:
        subjects: asset IDs, or one file with a saved plan.
    """
    ids = [subject.lower() for subject in subjects if ASSET_ID.fullmatch(subject)]
    if len(subjects) == 1 and not ids:
        return _plan(subjects[0], options, terminal)
    wrong = [subject for subject in subjects if not ASSET_ID.fullmatch(subject)]
    if wrong:
        raise UsageError(f"{shorten(wrong[0])!r} is no asset ID", hint="An asset ID is 32 hexadecimal digits.")
    return await _assets(ids, options)


def _plan(file: str, options: Options, terminal: Terminal) -> Report:
    if not Path(file).exists():
        raise UsageError(
            f"{shorten(file)!r} is neither an asset ID nor a file",
            hint="Give asset IDs (32 hexadecimal digits), or the file that `reconcile plan --out` wrote.",
        )
    document = read_plan(file)
    text = partial(Text(colour=terminal.colour).findings, document, WRITE_RATE, quiet=options.quiet)
    return Report(partial(as_json, document), text, 0)


async def _assets(ids: Sequence[str], options: Options) -> Report:
    settings = common.connect_without_files(options)
    shown: list[dict[str, Any]] = []
    texts: list[str] = []
    async with open_session(settings) as session:
        with closing(Memory(session.folder)) as memory:
            for wanted in ids:
                seen = await observe(session.client, wanted)
                if isinstance(seen, NoAnswer):
                    shown.append({"asset_id": wanted, "reason": seen.reason, "message": hide(seen.message)})
                    texts.append(f"{wanted}: {seen.reason}\n  {seen.message}\n")
                    continue
                cover = (await compare.identify_cover(seen, session.pictures, memory)).cover
                shown.append(_document(seen, cover))
                texts.append(_text(seen, cover))
    document = {"format_version": "1.0", "kind": "show", "assets": shown}
    failed = any("reason" in asset for asset in shown)
    return Report(lambda: document, lambda: "\n".join(texts), 1 if failed else 0)


def _document(seen: Observed, cover: Cover) -> dict[str, Any]:
    return {
        "asset_id": seen.asset_id,
        "title": hide(seen.title),
        "thumbnail_status": seen.thumbnail_status,
        "cover": as_json(cover_document(cover)),
        "snapshots": [
            {
                "set": item.set,
                "index": item.index,
                "offset": item.offset,
                "url": bare_url(item.url),
                "cover": item.ref == cover.snapshot,
            }
            for item in seen.snapshots
        ],
    }


def _text(seen: Observed, cover: Cover) -> str:
    named = f'{seen.asset_id} "{clean(seen.title)}"' if seen.title else seen.asset_id
    lines = [named, f"  cover: {words.cover(cover_document(cover))}"]
    width = max((len(words.snapshot(_snapshot(item))) for item in seen.snapshots), default=0)
    for item in seen.snapshots:
        told = words.snapshot(_snapshot(item))
        lines.append(f"  {'*' if item.ref == cover.snapshot else ' '} {told:<{width}}  {bare_url(item.url)}")
    if not seen.snapshots:
        lines.append(f"  no snapshots{f' ({clean(seen.thumbnail_status)})' if seen.thumbnail_status else ''}")
    return "\n".join(lines) + "\n"


def _snapshot(item: Snapshot) -> SnapshotDoc:
    return SnapshotDoc(set=item.set, index=item.index, offset=item.offset)
