"""The command itself, and how options become what verbs take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.cli.error_handler import Boundary

if TYPE_CHECKING:
    from reconciler.commands.context import Options
    from reconciler.commands.reports import Reports

_BESIDE = ("html", "markdown", "codequality", "junit", "metrics")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
def reconcile() -> None:
    """Keeps the covers of videos in Huawei Cloud VOD as YAML files say: plan, apply, audit."""


def options(given: dict[str, Any]) -> Options:
    from reconciler.commands.context import Options
    from reconciler.config import Flags

    connection = {name: given.get(name) for name in Flags.__dataclass_fields__}
    return Options(
        paths=given.get("paths") or ("desired",),
        targets=given.get("targets", ()),
        excludes=given.get("excludes", ()),
        compare=given.get("compare", "auto"),
        allow_unknown=frozenset(given.get("allow_unknown", ())),
        flags=Flags(**connection),
        env=os.environ,
        quiet=given["quiet"],
        safety_percent=given.get("max_update_percent", 30.0),
        reports=_reports(given),
    )


def _reports(given: dict[str, Any]) -> Reports:
    from reconciler.commands.reports import Reports, detected

    if "html" not in given:
        return Reports()
    ci = given.get("ci", "none")
    ci = detected(os.environ) if ci == "auto" else ci
    reports = Reports(
        **{name: given.get(name) for name in _BESIDE},
        page=given["form"] == "html",
        report_url=given.get("report_url", ""),
        pictures=0 if given["no_pictures"] else given["max_pictures"],
        ci=ci,
        step_summary=os.environ.get("GITHUB_STEP_SUMMARY") or None if ci == "github" else None,
        root=os.environ.get({"github": "GITHUB_WORKSPACE", "gitlab": "CI_PROJECT_DIR"}.get(ci, ""), ""),
        allowed=frozenset(given.get("allow_unknown", ())),
    )
    reports.check()
    return reports


def _check_apart(given: dict[str, Any]) -> None:
    """
    Raises:
        click.UsageError: two flags name the same file to be written.
    """
    named: dict[str, str] = {}
    for flag in ("out", "update", "output", *_BESIDE):
        if not given.get(flag):
            continue
        file = os.path.realpath(given[flag])
        if file in named and not file.startswith("/dev/"):
            told = f"--{named[file]} and --{flag} name the same file"
            raise click.UsageError(f"{told}: give each a file of its own")
        named[file] = flag


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def boundary_for(given: dict[str, Any]) -> Boundary:
    """
    Raises:
        click.UsageError: see `_check_apart`.
    """
    _check_apart(given)
    return Boundary(
        form="json" if given["as_json"] else given["form"],
        output=given["output"],
        # An audit may be its own baseline: the last one that came to its end stays.
        replaces=not (given.get("baseline") and given["output"] and _same(given["baseline"], given["output"])),
        no_color=given["no_color"],
        debug=given["debug"],
    )
