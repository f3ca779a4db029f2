"""The table of report formats, and what the options about reports ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from reconciler.errors import UsageError, not_installed
from reconciler.model import Reason
from reconciler.util.atomic_files import check_writable

if TYPE_CHECKING:
    from reconciler.report.options import RenderOptions

CI = Literal["github", "gitlab", "none"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format that a report can be written in, with the option `--<name> FILE`.

    Attributes:
        ending: how such files usually end.
        renderer: the module in `reconciler.report`.
        located: paths of desired files start at the root of the pipeline's checkout.
        library: what it needs of the extra `report`.
    """

    name: str
    ending: str
    help: str
    renderer: str
    located: bool = False
    library: str | None = None

    def render(self, document: object, options: RenderOptions) -> str:
        """The document in this format. Its module is imported only now."""
        render: Callable[..., str] = import_module(f"reconciler.report.{self.renderer}").render
        return render(document, options)


_TABLE = (
    Format("html", ".html", "a page with pictures", "html", library="jinja2"),
    Format("markdown", ".md", "Markdown for a pull request", "markdown"),
    Format("codequality", ".json", "GitLab Code Quality", "gitlab", located=True),
    Format("junit", ".xml", "JUnit XML, one case per asset", "junit"),
    Format("metrics", ".prom", "metrics for Prometheus", "metrics", library="prometheus_client"),
)
FORMATS = {row.name: row for row in _TABLE}


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options about reports.

    Attributes:
        files: to write, by name of their format.
        form: the format of the report itself.
        report_url: where the HTML report will be found, for links to it.
        no_pictures, max_pictures: how many pictures to fetch for HTML.
        ci: whose log this is; "auto" is decided by the environment.
        allowed: reasons for unknown assets that don't fail the run.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    form: str = "text"
    report_url: str = ""
    no_pictures: bool = False
    max_pictures: int = 0
    ci: CI | Literal["auto"] = "none"
    allowed: frozenset[Reason] = frozenset()

    @property
    def pictures(self) -> int:
        """How many pictures to fetch, at most."""
        html = self.form == "html" or "html" in self.files
        return self.max_pictures if html and not self.no_pictures else 0

    @property
    def pipeline(self) -> CI:
        if self.ci != "auto":
            return self.ci
        if os.environ.get("GITHUB_ACTIONS") == "true":
            return "github"
        return "gitlab" if os.environ.get("GITLAB_CI") == "true" else "none"

    @property
    def step_summary(self) -> str | None:
        """The file that GitHub shows with the job; Markdown is appended."""
        return os.environ.get("GITHUB_STEP_SUMMARY") or None if self.pipeline == "github" else None

    def located(self, file: str) -> str:
        """The path of a desired file from the root of the pipeline's checkout."""
        variable = {"github": "GITHUB_WORKSPACE", "gitlab": "CI_PROJECT_DIR"}.get(self.pipeline, "")
        root = os.environ.get(variable)
        if not root:
            return file
        path = os.path.relpath(os.path.realpath(file), os.path.realpath(root))
        return file if path.startswith("..") else path

    def check(self) -> None:
        """Checks what can be known before the cloud is read.

        Raises:
            UsageError: a report could not be written.
        """
        for file in self.files.values():
            if file == "-":
                raise UsageError("'-' is not a valid file for a report", hint="--format html or markdown print it.")
            check_writable(file)
        if self.report_url:
            from reconciler.report.markdown import target

            if not target(self.report_url):
                raise UsageError("--report-url is not an http or https URL that can be linked")
        for name in (self.form, *self.files):
            library = FORMATS[name].library if name in FORMATS else None
            if library is not None:
                try:
                    import_module(library)
                except ModuleNotFoundError as error:
                    raise not_installed(error, f"The library for --{name}", "report") from error

    def check_apart(self, inputs: Sequence[str]) -> None:
        """
        Args:
            inputs: the files that the run reads.

        Raises:
            UsageError: a report would overwrite one of them.
        """
        read = {os.path.realpath(file) for file in inputs}
        for file in self.files.values():
            if os.path.realpath(file) in read:
                raise UsageError(f"{file} is read by this run: a report cannot be written there")
