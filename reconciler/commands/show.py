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
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.documents.dump import as_json, redacted
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_plan
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset, shown_asset, with_blanks
from reconciler.errors import UsageError
from reconciler.model import NoAnswer
from reconciler.observe.assets import observe
from reconciler.observe.report_images import ImageRequest
from reconciler.planning.content import identify_cover
from reconciler.report import text, text_show
from reconciler.report.options import RenderOptions
from reconciler.util.ids import ID
from reconciler.util.sanitize import shorten

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
    shown: list[ShownAsset | NotShown] = []
    requests: list[ImageRequest] = []
    async with connect(run, run.resolve_without_files()) as connected:
        session = connected.session
        memory = (await session.state.recall()).memory
        for asset_id in asset_ids:
            observed = await observe(session.client, asset_id)
            if isinstance(observed, NoAnswer):
                shown.append(NotShown(asset_id=asset_id, reason=observed.reason, message=observed.message))
                continue
            cover = (await identify_cover(observed, session.pictures, memory)).cover
            shown.append(shown_asset(observed, cover))
            requests.append(ImageRequest(asset_id, observed.cover_url, "", observed.snapshots, cover.snapshot))
        images = await fetch_images(connected, requests)
    marked = (_marked(asset, images) for asset in shown)
    document = redacted(ShowDoc(assets=tuple(marked)), run.terminal.redact)
    page = partial(_html, document, images)
    file = run.options.reports.files.get("html")
    return Report(
        partial(as_json, document),
        partial(text_show.render, document),
        exit_code(failed=len(requests) < len(shown)),
        pages={"html": page, "markdown": partial(text_show.render_markdown, document)},
        files=(ReportFile(file, page),) if file is not None else (),
    )


def _marked(asset: ShownAsset | NotShown, images: ImagesByAsset) -> ShownAsset | NotShown:
    found = images.get(asset.asset_id)
    return asset if found is None or isinstance(asset, NotShown) else with_blanks(asset, found)


def _html(document: ShowDoc, images: ImagesByAsset) -> str:
    from reconciler.report import html

    return html.render(document, RenderOptions(images=images))


command = Verb("show", __doc__, show, HTML_REPORT, CONNECTION, PAGE_OUTPUT)
