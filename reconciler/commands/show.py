"""Show an asset's snapshots and its cover, or a saved plan.

ASSET is an asset ID. A saved plan is shown in any format.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, HTML_REPORT, PAGE_OUTPUT
from reconciler.commands.reports import fetch_images, make_report
from reconciler.commands.result import Report, ReportFile, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.documents.dump import as_json, redacted
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_plan
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset, ShownSnapshot
from reconciler.errors import UsageError
from reconciler.model import Cover, NoAnswer, Observed
from reconciler.observe.assets import observe
from reconciler.planning.content import identify_cover
from reconciler.report import text, text_show
from reconciler.report.options import RenderOptions
from reconciler.state.settled_covers import Memory
from reconciler.util.ids import ID
from reconciler.util.sanitize import bare_url, shorten

_HINT = "Give asset IDs (32 hexadecimal digits), or the file that `reconcile plan --out` wrote."


@click.argument("subjects", nargs=-1, required=True, metavar="ASSET...|PLAN.json")
async def show(run: Run, *, subjects: tuple[str, ...]) -> Report:
    """
    Raises:
        UsageError: a subject is not an asset ID, nor the only subject and a file.
    """
    wrong = [subject for subject in subjects if not ID.fullmatch(subject)]
    if not wrong:
        return await _show_assets(run, [subject.lower() for subject in subjects])
    if len(subjects) > 1:
        raise UsageError(f"{shorten(wrong[0])!r} is not an asset ID", hint="An asset ID is 32 hexadecimal digits.")
    return _show_plan(run, wrong[0])


def _show_plan(run: Run, file: str) -> Report:
    """Offline: a saved plan has URLs without signatures, so no pictures are fetched."""
    if not Path(file).exists():
        raise UsageError(f"{shorten(file)!r} is neither an asset ID nor a file", hint=_HINT)
    run.options.reports.check_apart((file,))
    document = redacted(read_plan(file), run.terminal.redact)
    render = partial(text.render, document, run.render_options)
    return make_report(run, document, render, 0)


async def _show_assets(run: Run, asset_ids: Sequence[str]) -> Report:
    shown_or_not: list[ShownAsset | NotShown] = []
    read: list[tuple[Observed, Cover]] = []
    async with connect(run, run.resolve_without_files()) as connected:
        memory = Memory(connected.session.folder)
        for asset_id in asset_ids:
            found = await _read(connected, asset_id, memory)
            if isinstance(found, NotShown):
                shown_or_not.append(found)
            else:
                shown_or_not.append(_asset(*found))
                read.append(found)
        images = await fetch_images(
            connected,
            ((asset.asset_id, asset.cover_url, "", asset.snapshots, cover.snapshot) for asset, cover in read),
        )
    document = redacted(ShowDoc(assets=tuple(shown_or_not)), run.terminal.redact)
    page = partial(_html, document, images)
    file = run.options.reports.files.get("html")
    return Report(
        partial(as_json, document),
        partial(text_show.render, document),
        exit_code(failed=len(read) < len(shown_or_not)),
        pages={"html": page, "markdown": partial(text_show.render_markdown, document)},
        files=(ReportFile(file, page),) if file is not None else (),
    )


async def _read(run: ConnectedRun, asset_id: str, memory: Memory) -> tuple[Observed, Cover] | NotShown:
    """An asset with its cover identified."""
    observed = await observe(run.session.client, asset_id)
    if isinstance(observed, NoAnswer):
        return NotShown(asset_id=asset_id, reason=observed.reason, message=observed.message)
    return observed, (await identify_cover(observed, run.session.pictures, memory)).cover


def _html(document: ShowDoc, images: ImagesByAsset) -> str:
    from reconciler.report import html

    return html.render(document, RenderOptions(images=images))


def _asset(observed: Observed, cover: Cover) -> ShownAsset:
    return ShownAsset(
        asset_id=observed.asset_id,
        title=observed.title,
        thumbnail_status=observed.thumbnail_status,
        cover=cover,
        snapshots=tuple(
            ShownSnapshot(
                set=item.set,
                index=item.index,
                offset=item.offset,
                url=bare_url(item.url),
                cover=item.ref == cover.snapshot,
            )
            for item in observed.snapshots
        ),
    )


command = Verb("show", __doc__, show, HTML_REPORT, CONNECTION, PAGE_OUTPUT)
