"""The options that verbs share, in groups with headings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from reconciler.commands.formats import FORMATS
from reconciler.commands.verb import OptionGroup
from reconciler.config import parse_rate
from reconciler.errors import UsageError
from reconciler.model import Compare, Reason
from reconciler.util.rate import Rate
from reconciler.util.sanitize import shorten

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """Parses a duration like 24h, 90m or 7d; returns seconds.

    Raises:
        click.BadParameter: it is invalid.
    """
    if text[-1:] not in _UNITS or not re.fullmatch(r"[0-9]{1,6}", text[:-1]):
        raise click.BadParameter(f"{text!r} is not a valid duration, for example 24h, 90m or 7d")
    return float(int(text[:-1]) * _UNITS[text[-1]])


def rate(text: str) -> Rate:
    """Parses a quota like 100/minute.

    Raises:
        click.BadParameter: it is invalid.
    """
    try:
        return parse_rate(text)
    except UsageError as error:
        raise click.BadParameter(error.text) from error


def whole_number(text: str) -> int:
    """
    Raises:
        click.BadParameter: it is not a whole number above 0.
    """
    return int(_above_zero(text, r"[0-9]{1,5}", "a whole number above 0"))


def seconds(text: str) -> float:
    """
    Raises:
        click.BadParameter: it is not a number of seconds above 0.
    """
    return _above_zero(text, r"[0-9]{1,5}(\.[0-9]{1,3})?", "a number of seconds above 0")


def _above_zero(text: str, pattern: str, kind: str) -> float:
    if not re.fullmatch(pattern, text) or float(text) <= 0:
        raise click.BadParameter(f"{shorten(text)!r} is not {kind}")
    return float(text)


class Setting(click.Option):
    """An option that an environment variable can give, too. An empty value counts as not given."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        return super().consume_value(ctx, {name: value for name, value in opts.items() if value != ""})


def report_file(name: str) -> click.Option:
    """The option that writes the report in this format, too."""
    return _option(f"--{name}", f"Also write {FORMATS[name].help}.", f"FILE{FORMATS[name].ending}")


def _option(names: str, text: str, metavar: str | None = None, **more: Any) -> click.Option:
    shown = more.get("default") not in (None, "")
    return click.Option(names.split(), help=text, metavar=metavar, show_default=shown, **more)


def _flag(names: str, text: str) -> click.Option:
    return click.Option(names.split(), help=text, is_flag=True)


def _setting(name: str, variables: str, text: str, metavar: str, kind: Any = None, default: Any = None) -> Setting:
    return Setting(
        name.split(),
        envvar=variables.split(),
        show_envvar=True,
        help=text,
        metavar=metavar,
        type=kind,
        default=default,
        show_default=default is not None,
    )


def _output(*formats: str) -> OptionGroup:
    form = _option("--format form", "Format of the report.", type=click.Choice(formats), default="text")
    return OptionGroup("Output", (form, *_OUTPUT))


DEBUG = _flag("--debug", "Log every request to stderr, and show tracebacks.")
_OUTPUT = (
    _flag("--json as_json", "Same as --format json."),
    _option("--output", "Write the report to FILE instead of stdout.", "FILE"),
    _flag("--no-color", "Use no colours (also: NO_COLOR)."),
    _flag("--quiet", "Print the summary only."),
    DEBUG,
)
OUTPUT = _output("text", "json")
PAGE_OUTPUT = _output("text", "json", "markdown", "html")


def _globs(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """
    Raises:
        click.BadParameter: one is empty, as an unset variable of a script is; it would match untitled assets.
    """
    if "" in given:
        raise click.BadParameter("it is empty")
    return given


_TARGETS = (
    _option(
        "--target targets",
        "Only assets whose ID or title matches (validate: ID). Repeatable.",
        "GLOB",
        multiple=True,
        callback=_globs,
    ),
    _option(
        "--exclude excludes",
        "No assets whose ID or title matches. Repeatable.",
        "GLOB",
        multiple=True,
        callback=_globs,
    ),
)
TARGETS = OptionGroup("Selection", _TARGETS)
SELECTION = OptionGroup("Selection", (click.Argument(["paths"], nargs=-1, metavar="[PATH]..."), *_TARGETS))

_REASONS = get_args(Reason)
COMPARE = _option(
    "--compare",
    "How to compare covers. auto: by URL, and by the bytes of the pictures where URLs differ.",
    type=click.Choice(get_args(Compare)),
    default="auto",
)
ALLOW_UNKNOWN = _option(
    "--allow-unknown",
    f"Assets that are unknown for this reason don't change the exit code: {', '.join(_REASONS)}. Repeatable.",
    "REASON",
    multiple=True,
    type=click.Choice(_REASONS),
)
_SAFETY = _option(
    "--max-update-percent",
    "Safety limit: apply refuses to change more of ten or more assets, plan warns.",
    "N",
    type=click.FloatRange(0, 100),
    default=30.0,
)
COMPARISON = OptionGroup("Comparison", (COMPARE, ALLOW_UNKNOWN, _SAFETY))

_HTML = (
    report_file("html"),
    _flag("--no-pictures", "Leave pictures out of the HTML report."),
    _option(
        "--max-pictures",
        "Fetch at most N pictures for it; covers before and after come first.",
        "N",
        type=click.IntRange(0, 100_000),
        default=200,
    ),
)
_REPORT_URL = _option("--report-url", "Where the HTML report will be found, for links.", "URL", default="")
_REPORTS = (
    *_HTML,
    report_file("markdown"),
    _REPORT_URL,
    report_file("codequality"),
    report_file("junit"),
    _option(
        "--ci",
        "Write annotations and folded sections for this CI. auto: by the environment.",
        type=click.Choice(["auto", "github", "gitlab", "none"]),
        default="auto",
    ),
)
HTML_REPORT = OptionGroup("Reports", _HTML)
PICTURE_REPORTS = OptionGroup("Reports", (*_HTML, report_file("markdown"), _REPORT_URL))
REPORTS = OptionGroup("Reports", _REPORTS)
AUDIT_REPORTS = OptionGroup("Reports", (*_REPORTS, report_file("metrics")))

_CONNECTION = (
    _setting("--endpoint", "RECONCILE_ENDPOINT", "API base URL, or emulator[:FILE].", "URL"),
    _setting("--iam-endpoint", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "IAM base URL.", "URL"),
    _setting("--region", "HW_REGION_NAME", "For example cn-north-4.", "REGION"),
    _setting("--project-id", "HUAWEICLOUD_SDK_PROJECT_ID HW_PROJECT_ID", "Default: looked up by region.", "ID"),
    _setting("--read-quota", "RECONCILE_READ_QUOTA", "For reads.", "RATE", rate, "1500/minute"),
    _setting("--write-quota", "RECONCILE_WRITE_QUOTA", "For writes; also 10/2 seconds.", "RATE", rate, "100/minute"),
    _setting("--parallelism", "RECONCILE_PARALLELISM", "Requests in flight, at most.", "N", whole_number, "64"),
    _setting("--timeout", "RECONCILE_TIMEOUT", "For one request.", "SECONDS", seconds, "30"),
    _setting("--state shared_state", "RECONCILE_STATE", "What a team shares: obs://bucket/prefix or s3://….", "URL"),
    _setting("--state-dir", "RECONCILE_STATE_DIR", "Default: the user's state folder.", "DIR", Path),
)
CONNECTION = OptionGroup("Connection", _CONNECTION)

LOCK_TIMEOUT = _option(
    "--lock-timeout",
    "How long to wait for another apply, for example 5m.",
    "TIME",
    type=duration,
    default="0s",
)
_CHANGES = (
    _flag("--auto-approve", "Don't ask for approval."),
    LOCK_TIMEOUT,
    _flag("--replace-unreadable", "Also replace covers that cannot be read, and so cannot be saved before."),
    _flag("--wait", "Wait until the new covers are visible."),
    _option(
        "--wait-timeout", "How long to wait, at most.", "SECONDS", type=click.FloatRange(0, 86400), default=600.0
    ),
    _option(
        "--wait-looks",
        "How many looks in a row must see a new cover: a CDN does not show it everywhere at once.",
        "N",
        type=click.IntRange(1, 100),
        default=2,
    ),
    _option(
        "--max-duration",
        "Stop in order so long after the start, for example 50m; what is left is not attempted.",
        "TIME",
        type=duration,
    ),
    _option(
        "--max-failures",
        "Stop when so many covers failed for the same reason and none succeeded, or more of them in a row.",
        "N",
        type=click.IntRange(1),
        default=20,
    ),
)
CHANGES = OptionGroup("Changes", _CHANGES)
_TAKING = (
    _flag("--take-snapshots", "Where `from: dots` names a second without a snapshot, have it taken. Billed."),
    _option(
        "--max-snapshots",
        "Have at most N snapshots taken in a run.",
        "N",
        type=click.IntRange(1, 100_000),
        default=100,
    ),
)
PLANNED_SNAPSHOTS = OptionGroup("Snapshots", _TAKING)
SNAPSHOTS = OptionGroup(
    "Snapshots",
    (
        *_TAKING,
        _option(
            "--snapshot-size",
            "The longest side of a snapshot that is taken.",
            "PIXELS",
            type=click.IntRange(32, 4096),
            default=1080,
        ),
        _flag("--update-lock", "Write the lock lines of the snapshots that were taken."),
    ),
)
CLOUD = (SELECTION, COMPARISON, REPORTS, CONNECTION, PAGE_OUTPUT)
