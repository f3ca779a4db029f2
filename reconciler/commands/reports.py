"""What a run writes besides its report: pages and files for people, pipelines and monitoring, all of one document."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from reconciler.commands.result import Page, Report, Terminal
from reconciler.documents.images import NO_IMAGES, ImagesByAsset
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.documents.transform import redacted, relocated
from reconciler.documents.write import as_json
from reconciler.errors import UsageError, not_installed
from reconciler.model import Rate, Reason, Verdict
from reconciler.report.markdown import target
from reconciler.report.options import RenderOptions
from reconciler.util.atomic_files import check_writable, size

if TYPE_CHECKING:
    from reconciler.commands.session import Session
    from reconciler.observe.report_images import ImageRequest
    from reconciler.report.metrics import RunFacts

Document = PlanDoc | AuditDoc | ApplyDoc
CI = Literal["github", "gitlab", "none"]


@dataclass(frozen=True, slots=True)
class Reports:
    """Which of them are asked for.

    Attributes:
        html, markdown, codequality, junit, metrics: files to be written.
        page: the report itself is an HTML page.
        report_url: where the HTML report will be found, for links to it.
        pictures: how many pictures to fetch for it, at most.
        ci: whose log this is.
        step_summary: the file that GitHub shows with the job; Markdown is appended.
        root: of the checkout that a pipeline works on; paths for it start there.
        allowed: reasons for unknown assets that don't fail the run.
    """

    html: str | None = None
    markdown: str | None = None
    codequality: str | None = None
    junit: str | None = None
    metrics: str | None = None
    page: bool = False
    report_url: str = ""
    pictures: int = 0
    ci: CI = "none"
    step_summary: str | None = None
    root: str = ""
    allowed: frozenset[Reason] = frozenset()

    @property
    def pictured(self) -> bool:
        return self.pictures > 0 and (self.page or self.html is not None)

    @property
    def _files(self) -> list[str]:
        named = (self.html, self.markdown, self.codequality, self.junit, self.metrics)
        return [file for file in named if file is not None]

    def check(self) -> None:
        """
        Raises:
            UsageError: something of it will fail; better to know before the cloud is read.
        """
        for file in self._files:
            if file == "-":
                raise UsageError("A report's file can't be '-'", hint="--format html or markdown print it.")
            check_writable(file)
        if self.report_url and not target(self.report_url):
            raise UsageError("--report-url is no http or https address that can be linked")
        for module, wanted, what in (
            ("jinja2", self.page or self.html is not None, "The HTML report"),
            ("prometheus_client", self.metrics is not None, "The metrics file"),
        ):
            if wanted:
                try:
                    import_module(module)
                except ModuleNotFoundError as error:
                    raise not_installed(error, what, "report") from error

    def check_apart(self, inputs: Sequence[str]) -> None:
        """
        Args:
            inputs: the files that the run goes by.

        Raises:
            UsageError: a report would be written over one of them.
        """
        read = {os.path.realpath(file) for file in inputs}
        for file in self._files:
            if os.path.realpath(file) in read:
                raise UsageError(f"{file} is what this run goes by: a report can't be written there")

    def located(self, file: str) -> str:
        """A desired file as the pipeline's checkout knows it."""
        if not self.root:
            return file
        path = os.path.relpath(os.path.realpath(file), os.path.realpath(self.root))
        return file if path.startswith("..") else path


def detected(env: Mapping[str, str]) -> CI:
    """Whose pipeline this is, by the environment."""
    if env.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if env.get("GITLAB_CI") == "true" else "none"


async def of_changes(
    reports: Reports, changes: Sequence[Verdict], session: Session, parallelism: int, terminal: Terminal
) -> ImagesByAsset:
    """The pictures of planned changes, if they are asked for."""

    def wanted() -> list[ImageRequest]:
        from reconciler.observe.report_images import ImageRequest

        return [
            ImageRequest(
                verdict.desired.asset_id,
                verdict.cover_url,
                verdict.put_url,
                verdict.snapshots,
                verdict.after.snapshot if verdict.after else None,
            )
            for verdict in changes
        ]

    return await fetched(reports, wanted, session, parallelism, terminal)


async def fetched(
    reports: Reports,
    choose: Callable[[], Sequence[ImageRequest]],
    session: Session,
    parallelism: int,
    terminal: Terminal,
) -> ImagesByAsset:
    """The pictures of assets, if they are asked for; only then `choose` is called, and Pillow imported."""
    if not reports.pictured:
        return NO_IMAGES
    from reconciler.observe.report_images import collect, count

    wanted = choose()
    with terminal.progress("Pictures", count(wanted, reports.pictures), None) as advance:
        return await collect(
            wanted, session.pictures, most=reports.pictures, parallelism=parallelism, advance=advance
        )


def report(
    wanted: Reports,
    terminal: Terminal,
    document: Document,
    text: Callable[[], str],
    exit_code: int,
    notes: Sequence[str] = (),
    *,
    rate: Rate,
    images: ImagesByAsset = NO_IMAGES,
    facts: RunFacts | None = None,
) -> Report:
    """A plan, an audit or an apply in every format there is; each is only made where it is shown.

    Args:
        rate: the one at which covers may be set.
        facts: about the run, for an audit's metrics.
    """
    shown = cache(lambda: redacted(document, terminal.redact))
    pages = _Pages(wanted, shown, rate, images)
    return Report(
        partial(as_json, document),
        text,
        exit_code,
        tuple(notes),
        fold=lambda told: folded(wanted, document, told, rate=rate),
        aside=pages.notices,
        pages={"html": pages.html, "markdown": pages.markdown},
        files=tuple(pages.files(facts)),
    )


def folded(wanted: Reports, document: Document, text: str, *, rate: Rate) -> str:
    """The text as the log of a pipeline shows it: to be folded away under its headline."""
    if wanted.ci == "none":
        return text
    from reconciler.report import github, gitlab, phrases

    headline = next(phrases.summary(document, RenderOptions(rate=rate)))
    if wanted.ci == "github":
        return github.grouped(headline, text)
    return gitlab.section(headline, text, document.created_at, name=f"reconcile_{document.kind}")


@dataclass(frozen=True, slots=True)
class _Pages:
    """One document in all the formats; each is made when it is asked for."""

    wanted: Reports
    document: Callable[[], Document]
    rate: Rate
    images: ImagesByAsset

    def files(self, facts: RunFacts | None) -> Iterator[Page]:
        wanted = self.wanted
        for file, text in (
            (wanted.html, self.html),
            (wanted.markdown, self.markdown),
            (wanted.codequality, self.code_quality),
            (wanted.junit, self.junit),
        ):
            if file is not None:
                yield Page(file, text)
        if wanted.metrics is not None and facts is not None:
            yield Page(wanted.metrics, partial(self.metrics, facts))
        if wanted.step_summary is not None:
            yield Page(wanted.step_summary, partial(self.step_summary, wanted.step_summary), append=True)

    def html(self) -> str:
        from reconciler.report import html

        return html.render(self.document(), self._options)

    def markdown(self) -> str:
        from reconciler.report import markdown

        return markdown.render(self.document(), self._options)

    def step_summary(self, file: str) -> str:
        from reconciler.report import github

        return github.step_summary(self.document(), self._options, taken=size(file))

    def notices(self) -> str:
        """What GitHub shows beside the lines of the desired files."""
        from reconciler.report import github

        if self.wanted.ci != "github":
            return ""
        return github.render(self._located(), self._options)

    def code_quality(self) -> str:
        from reconciler.report import gitlab

        return gitlab.render(self._located(), self._options)

    def junit(self) -> str:
        from reconciler.report import junit

        return junit.render(self.document(), self._options)

    def metrics(self, facts: RunFacts) -> str:
        from reconciler.report import metrics

        document = self.document()
        return metrics.render(document, facts) if isinstance(document, AuditDoc) else ""

    @property
    def _options(self) -> RenderOptions:
        wanted = self.wanted
        return RenderOptions(rate=self.rate, allowed=wanted.allowed, images=self.images, report_url=wanted.report_url)

    def _located(self) -> Document:
        return relocated(self.document(), cache(self.wanted.located))
