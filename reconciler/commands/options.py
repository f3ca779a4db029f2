"""The options that verbs share, in groups with headings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import click
from click.core import ParameterSource

from reconciler.commands.formats import FORMATS
from reconciler.commands.verb import OptionGroup
from reconciler.config import parse_rate
from reconciler.errors import UsageError
from reconciler.model import Rate, Reason
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

    def __init__(
        self, flag: str, envvar: str | list[str], help_text: str, metavar: str, kind: Any = str, default: Any = None
    ) -> None:
        super().__init__(
            [flag],
            envvar=envvar,
            show_envvar=True,
            help=help_text,
            metavar=metavar,
            type=kind,
            default=default,
            show_default=default is not None,
        )

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        return super().consume_value(ctx, {name: value for name, value in opts.items() if value != ""})


def report_file(name: str) -> click.Option:
    """The option that writes the report in this format, too."""
    made = FORMATS[name]
    return click.Option([f"--{name}"], metavar=f"FILE{made.ending}", help=f"Also write {made.help}.")


def _output(*formats: str) -> OptionGroup:
    params = (
        click.Option(
            ["--format", "form"],
            type=click.Choice(formats),
            default="text",
            show_default=True,
            help="Format of the report.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Same as --format json."),
        click.Option(["--output"], metavar="FILE", help="Write the report to FILE instead of stdout."),
        click.Option(["--no-color"], is_flag=True, help="Use no colours (also: NO_COLOR)."),
        click.Option(["--quiet"], is_flag=True, help="Print the summary only."),
        DEBUG,
    )
    return OptionGroup("Output", params)


DEBUG = click.Option(["--debug"], is_flag=True, help="Log every request to stderr, and show tracebacks.")
OUTPUT = _output("text", "json")
PAGE_OUTPUT = _output("text", "json", "markdown", "html")

PATHS = click.Argument(["paths"], nargs=-1, metavar="[PATH]...")
_TARGETS = (
    click.Option(
        ["--target", "targets"],
        multiple=True,
        metavar="GLOB",
        help="Only assets whose ID or title matches (validate: ID). Repeatable.",
    ),
    click.Option(
        ["--exclude", "excludes"],
        multiple=True,
        metavar="GLOB",
        help="No assets whose ID or title matches. Repeatable.",
    ),
)
TARGETS = OptionGroup("Selection", _TARGETS)
SELECTION = OptionGroup("Selection", (PATHS, *_TARGETS))

COMPARE = click.Option(
    ["--compare"],
    type=click.Choice(["auto", "url", "content"]),
    default="auto",
    show_default=True,
    help="How to compare covers. auto: by URL, and by the bytes of the pictures where URLs differ.",
)
ALLOW_UNKNOWN = click.Option(
    ["--allow-unknown"],
    multiple=True,
    type=click.Choice(get_args(Reason)),
    metavar="REASON",
    help=f"Assets that are unknown for this reason don't change the exit code: {', '.join(get_args(Reason))}. "
    "Repeatable.",
)
_SAFETY = click.Option(
    ["--max-update-percent"],
    type=click.FloatRange(0, 100),
    default=30.0,
    show_default=True,
    metavar="N",
    help="Safety limit: apply refuses to change more of ten or more assets, plan warns.",
)
COMPARISON = OptionGroup("Comparison", (COMPARE, ALLOW_UNKNOWN, _SAFETY))

_HTML = (
    report_file("html"),
    click.Option(["--no-pictures"], is_flag=True, help="Leave pictures out of the HTML report."),
    click.Option(
        ["--max-pictures"],
        type=click.IntRange(0, 100_000),
        default=200,
        show_default=True,
        metavar="N",
        help="Fetch at most N pictures for it; covers before and after come first.",
    ),
)
HTML_REPORT = OptionGroup("Reports", _HTML)
_REPORTS = (
    *_HTML,
    report_file("markdown"),
    click.Option(["--report-url"], default="", metavar="URL", help="Where the HTML report will be found, for links."),
    report_file("codequality"),
    report_file("junit"),
    click.Option(
        ["--ci"],
        type=click.Choice(["auto", "github", "gitlab", "none"]),
        default="auto",
        show_default=True,
        help="Write annotations and folded sections for this CI. auto: by the environment.",
    ),
)
REPORTS = OptionGroup("Reports", _REPORTS)
AUDIT_REPORTS = OptionGroup("Reports", (*_REPORTS, report_file("metrics")))

CONNECTION = OptionGroup(
    "Connection",
    (
        Setting("--endpoint", "RECONCILE_ENDPOINT", "API base URL, or emulator[:FILE].", "URL"),
        Setting("--iam-endpoint", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "IAM base URL.", "URL"),
        Setting("--region", "HW_REGION_NAME", "For example cn-north-4.", "REGION"),
        Setting(
            "--project-id",
            ["HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"],
            "Default: looked up by region.",
            "ID",
        ),
        Setting("--read-quota", "RECONCILE_READ_QUOTA", "For reads.", "RATE", rate, "1500/minute"),
        Setting(
            "--write-quota",
            "RECONCILE_WRITE_QUOTA",
            "For writes; also 10/2 seconds.",
            "RATE",
            rate,
            "100/minute",
        ),
        Setting("--parallelism", "RECONCILE_PARALLELISM", "Requests in flight, at most.", "N", whole_number, "64"),
        Setting("--timeout", "RECONCILE_TIMEOUT", "For one request.", "SECONDS", seconds, "30"),
        Setting("--state-dir", "RECONCILE_STATE_DIR", "Default: the user's state folder.", "DIR"),
    ),
)

CHANGES = OptionGroup(
    "Changes",
    (
        click.Option(["--auto-approve"], is_flag=True, help="Don't ask for approval."),
        click.Option(["--wait"], is_flag=True, help="Wait until the new covers are visible."),
        click.Option(
            ["--wait-timeout"],
            type=click.FloatRange(0, 86400),
            default=600.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait, at most.",
        ),
    ),
)
CLOUD = (SELECTION, COMPARISON, REPORTS, CONNECTION, PAGE_OUTPUT)
