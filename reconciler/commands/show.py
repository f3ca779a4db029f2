"""show: an asset's snapshots, so that one can choose; or a saved plan in any format."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.commands import context as common
from reconciler.commands import reports
from reconciler.commands.context import Options
from reconciler.commands.result import Page, Report, Terminal
from reconciler.commands.session import open_session
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_plan
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset, ShownSnapshot
from reconciler.documents.transform import redacted
from reconciler.documents.write import as_json, cover_document
from reconciler.errors import UsageError
from reconciler.model import WRITE_RATE, Cover, NoAnswer, Observed
from reconciler.observe.assets import observe
from reconciler.planning import content as compare
from reconciler.report import text, text_show
from reconciler.report.options import RenderOptions
from reconciler.state.settled_covers import Memory
from reconciler.util.ids import ID
from reconciler.util.sanitize import bare_url, hide, shorten

if TYPE_CHECKING:
    from reconciler.observe.report_images import ImageRequest


async def run(options: Options, subjects: Sequence[str], terminal: Terminal) -> Report:
    """
    Args:
        subjects: asset IDs, or one file with a saved plan.
    """
    ids = [subject.lower() for subject in subjects if ID.fullmatch(subject)]
    if len(subjects) == 1 and not ids:
        return _plan(subjects[0], options, terminal)
    wrong = [subject for subject in subjects if not ID.fullmatch(subject)]
    if wrong:
        raise UsageError(f"{shorten(wrong[0])!r} is no asset ID", hint="An asset ID is 32 hexadecimal digits.")
    return await _assets(ids, options, terminal)


def _plan(file: str, options: Options, terminal: Terminal) -> Report:
    """Offline: the pictures' URLs stand in a saved plan without their signatures, so none are fetched."""
    if not Path(file).exists():
        raise UsageError(
            f"{shorten(file)!r} is neither an asset ID nor a file",
            hint="Give asset IDs (32 hexadecimal digits), or the file that `reconcile plan --out` wrote.",
        )
    options.reports.check_apart((file,))
    document = read_plan(file)
    render = partial(text.render, document, common.render_options(options, terminal))
    return reports.report(options.reports, terminal, document, render, 0, rate=WRITE_RATE)


async def _assets(ids: Sequence[str], options: Options, terminal: Terminal) -> Report:
    settings = common.connect_without_files(options)
    found: list[ShownAsset | NotShown] = []
    read: list[tuple[Observed, Cover]] = []
    async with open_session(settings) as session:
        with closing(Memory(session.folder)) as memory:
            for asset_id in ids:
                seen = await observe(session.client, asset_id)
                if isinstance(seen, NoAnswer):
                    found.append(NotShown(asset_id=asset_id, reason=seen.reason, message=hide(seen.message)))
                    continue
                cover = (await compare.identify_cover(seen, session.pictures, memory)).cover
                found.append(_asset(seen, cover))
                read.append((seen, cover))
        parallelism = settings.parallelism
        images = await reports.fetched(options.reports, partial(_wanted, read), session, parallelism, terminal)
    document = ShowDoc(assets=tuple(found))
    public = redacted(document, terminal.redact)
    page = partial(_html, public, images)
    return Report(
        partial(as_json, document),
        partial(text_show.render, document),
        1 if len(read) < len(found) else 0,
        pages={"html": page, "markdown": partial(text_show.render_markdown, public)},
        files=(Page(options.reports.html, page),) if options.reports.html is not None else (),
    )


def _wanted(shown: Sequence[tuple[Observed, Cover]]) -> list[ImageRequest]:
    from reconciler.observe.report_images import ImageRequest

    return [ImageRequest(seen.asset_id, seen.cover_url, "", seen.snapshots, cover.snapshot) for seen, cover in shown]


def _html(document: ShowDoc, images: ImagesByAsset) -> str:
    from reconciler.report import html

    return html.render(document, RenderOptions(images=images))


def _asset(seen: Observed, cover: Cover) -> ShownAsset:
    return ShownAsset(
        asset_id=seen.asset_id,
        title=hide(seen.title),
        thumbnail_status=hide(seen.thumbnail_status),
        cover=cover_document(cover),
        snapshots=tuple(
            ShownSnapshot(
                set=item.set,
                index=item.index,
                offset=item.offset,
                url=bare_url(item.url),
                cover=item.ref == cover.snapshot,
            )
            for item in seen.snapshots
        ),
    )
