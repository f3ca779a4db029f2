"""Renders a plan, an audit or an apply in every format that was requested, and fetches the pictures for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from reconciler.commands.context import Run
from reconciler.commands.formats import FORMATS, Format, ReportOptions
from reconciler.commands.result import Report, ReportFile
from reconciler.commands.session import ConnectedRun
from reconciler.decide.outcome import Outcome
from reconciler.documents.dump import as_json, relocated
from reconciler.documents.images import NO_IMAGES, AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.model import Plan, Verdict
from reconciler.observe.report_images import ImageRequest, collect, count, embedded
from reconciler.report.options import NO_FACTS, RenderOptions, RunFacts
from reconciler.util.atomic_files import size

_TO_TAKE = EmbeddedImage("", why="Its snapshot is yet to be taken.")

Document = PlanDoc | AuditDoc | ApplyDoc


async def images_of_plan(run: ConnectedRun, plan: Plan) -> ImagesByAsset:
    """The pictures of changes, and of entries whose snapshot was taken again, if the report shows pictures."""
    replaced = {item.desired.asset_id: item for item in plan.unknown if item.locked is not None}
    wanted = [
        ImageRequest(asset_id, item.cover_url, item.snapshot_url, (), None) for asset_id, item in replaced.items()
    ]
    found = _with_those_to_take(plan.changes, await fetch_images(run, [*_of_changes(plan.changes), *wanted]))
    for change in plan.changes:
        if change.restored_from is not None and change.desired.asset_id in found:
            after = await saved_image(Path(change.restored_from))
            found[change.desired.asset_id] = replace(found[change.desired.asset_id], after=after)
    for asset_id in found.keys() & replaced.keys():
        line = replaced[asset_id].locked
        saved = await run.session.state.find_cover(asset_id, line.sha256) if line is not None else None
        if saved is not None:
            found[asset_id] = replace(found[asset_id], locked=await saved_image(saved))
    return found


async def images_of_changes(run: ConnectedRun, changes: Sequence[Verdict]) -> ImagesByAsset:
    """The pictures of planned changes, if the report shows pictures."""
    return _with_those_to_take(changes, await fetch_images(run, _of_changes(changes)))


async def with_taken(run: ConnectedRun, outcomes: Sequence[Outcome], images: ImagesByAsset) -> ImagesByAsset:
    """With the pictures that an apply had taken."""
    taken = [one for one in outcomes if one.set_url and one.asset_id in images]
    wanted = [ImageRequest(one.asset_id, "", one.set_url, (), one.after.snapshot) for one in taken]
    found = await fetch_images(run, wanted) if wanted else NO_IMAGES
    return {**images, **{asset_id: replace(images[asset_id], after=one.after) for asset_id, one in found.items()}}


def _with_those_to_take(changes: Sequence[Verdict], images: ImagesByAsset) -> dict[str, AssetImages]:
    """With why there is no picture of the snapshots that are to be taken."""
    found = dict(images)
    for asset_id in found.keys() & {one.desired.asset_id for one in changes if one.take is not None}:
        found[asset_id] = replace(found[asset_id], after=_TO_TAKE)
    return found


def _of_changes(changes: Sequence[Verdict]) -> list[ImageRequest]:
    return [
        ImageRequest(item.desired.asset_id, item.cover_url, item.put_url, item.snapshots, item.after.snapshot)
        for item in changes
        if item.after is not None
    ]


async def saved_image(file: Path) -> EmbeddedImage:
    """A saved cover as reports embed it, or the reason why it cannot be read."""
    try:
        return await embedded(await asyncio.to_thread(file.read_bytes))
    except OSError as error:
        return EmbeddedImage("", why=f"The saved file cannot be read: {error.strerror}")


async def fetch_images(run: ConnectedRun, wanted: Sequence[ImageRequest]) -> ImagesByAsset:
    """The pictures of these assets, if the report shows pictures."""
    limit = run.options.reports.pictures
    if not limit:
        return NO_IMAGES
    parallelism = run.settings.parallelism
    with run.terminal.progress("Pictures", count(wanted, limit), None) as advance:
        return await collect(wanted, run.session.pictures, most=limit, parallelism=parallelism, advance=advance)


def make_report(
    run: Run,
    document: Document,
    text: Callable[[], str],
    exit_code: int,
    notes: Sequence[str] = (),
    *,
    images: ImagesByAsset = NO_IMAGES,
    facts: RunFacts = NO_FACTS,
) -> Report:
    """The report of a plan, an audit or an apply. Each format is rendered when it is used.

    Args:
        document: without secrets.
        facts: about the run, for an audit's metrics.
    """
    reports = run.options.reports
    options = RenderOptions(
        rate=run.options.connection.write_quota,
        allowed=reports.allowed,
        images=images,
        report_url=reports.report_url,
        run=facts,
    )
    rendering = _Rendering(reports, document, options)
    return Report(
        partial(as_json, document),
        text,
        exit_code,
        tuple(notes),
        fold=lambda shown: folded(run, document, shown),
        annotations=rendering.annotations,
        pages={name: partial(rendering.render, made) for name, made in FORMATS.items()},
        files=tuple(rendering.files()),
    )


def folded(run: Run, document: Document, text: str) -> str:
    """The text as the log of a pipeline shows it: folded under its headline."""
    pipeline = run.options.reports.pipeline
    if pipeline == "none":
        return text
    from reconciler.report import github, gitlab, phrases

    headline = next(phrases.summary(document, run.render_options))
    if pipeline == "github":
        return github.grouped(headline, text)
    return gitlab.section(headline, text, document.created_at, name=f"reconcile_{document.kind}")


@dataclass(frozen=True, slots=True)
class _Rendering:
    """One document, rendered in any format."""

    reports: ReportOptions
    document: Document
    options: RenderOptions

    def render(self, made: Format) -> str:
        return made.render(self._located() if made.located else self.document, self.options)

    def files(self) -> Iterator[ReportFile]:
        for name, file in self.reports.files.items():
            yield ReportFile(file, partial(self.render, FORMATS[name]))
        summary = self.reports.step_summary
        if summary is not None:
            yield ReportFile(summary, partial(self._step_summary, summary), append=True)

    def annotations(self) -> str:
        """What GitHub shows beside the lines of the desired files."""
        if self.reports.pipeline != "github":
            return ""
        from reconciler.report import github

        return github.render(self._located(), self.options)

    def _step_summary(self, file: str) -> str:
        from reconciler.report import github

        return github.step_summary(self.document, self.options, taken=size(file))

    def _located(self) -> Document:
        return relocated(self.document, cache(self.reports.located))
