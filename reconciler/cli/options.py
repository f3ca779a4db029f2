"""The options that verbs share, as decorators."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from reconciler import __version__
from reconciler.model import Reason

F = TypeVar("F", bound=Callable[..., Any])


def _stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...")
selection_options = _stack(
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="GLOB",
        help="Only assets whose ID or title matches (validate: ID). Repeatable.",
    ),
    click.option(
        "--exclude",
        "excludes",
        multiple=True,
        metavar="GLOB",
        help="No assets whose ID or title matches. Repeatable.",
    ),
)


def _format(*forms: str) -> Callable[[F], F]:
    told = "Default: text; markdown and html as --markdown and --html." if len(forms) > 2 else "Default: text."
    return click.option("--format", "form", type=click.Choice(forms), default="text", help=told)


_destination_options = _stack(
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
    click.option("--output", metavar="FILE", help="Write the report there instead of to stdout."),
    click.option("--no-color", is_flag=True, help="No colour, also on a terminal (as NO_COLOR)."),
    click.option("--quiet", is_flag=True, help="The summary only."),
    click.option("--debug", is_flag=True, help="Every request on stderr, and tracebacks."),
    click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s"),
)
output_options = _stack(_format("text", "json"), _destination_options)
page_options = _stack(
    _format("text", "json", "markdown", "html"),
    _destination_options,
    click.option("--html", metavar="FILE", help="Also write a report with pictures, as one HTML file."),
    click.option("--no-pictures", is_flag=True, help="No pictures in the HTML report."),
    click.option(
        "--max-pictures",
        type=click.IntRange(0, 100_000),
        default=200,
        metavar="N",
        help="Fetch so many for it, at most; covers before and after come first. Default 200.",
    ),
)
report_options = _stack(
    page_options,
    click.option("--markdown", metavar="FILE", help="Also write Markdown for a pull request's comment."),
    click.option("--report-url", default="", metavar="URL", help="Where the HTML report will be found, for a link."),
    click.option("--codequality", metavar="FILE", help="Also write a GitLab Code Quality report."),
    click.option("--junit", metavar="FILE", help="Also write JUnit XML, a case for each asset."),
    click.option(
        "--ci",
        type=click.Choice(["auto", "github", "gitlab", "none"]),
        default="auto",
        help="Whose log this is: annotations and folding. Default auto: by the environment.",
    ),
)
connection_options = _stack(
    click.option("--endpoint", metavar="URL", help="API base URL, or emulator[:FILE] (RECONCILE_ENDPOINT)."),
    click.option("--iam-endpoint", metavar="URL", help="IAM base URL (HUAWEICLOUD_SDK_IAM_ENDPOINT)."),
    click.option("--region", help="Such as cn-north-4 (HW_REGION_NAME)."),
    click.option("--project-id", metavar="ID", help="Default: looked up by region (HUAWEICLOUD_SDK_PROJECT_ID)."),
    click.option(
        "--read-quota",
        metavar="RATE",
        help="Such as 100/minute or 10/2 seconds; default 1500/minute (RECONCILE_READ_QUOTA).",
    ),
    click.option("--write-quota", metavar="RATE", help="Default 100/minute (RECONCILE_WRITE_QUOTA)."),
    click.option("--parallelism", metavar="N", help="Requests in flight, at most (RECONCILE_PARALLELISM)."),
    click.option("--timeout", metavar="SECONDS", help="For one request, default 30 (RECONCILE_TIMEOUT)."),
    click.option("--state-dir", metavar="DIR", help="Default: the user's state folder (RECONCILE_STATE_DIR)."),
)
compare_option = click.option(
    "--compare",
    type=click.Choice(["auto", "url", "content"]),
    default="auto",
    help="How covers are told apart. Default auto: by URL, and by the pictures' bytes where that does not tell.",
)
allow_unknown_option = click.option(
    "--allow-unknown",
    multiple=True,
    type=click.Choice(get_args(Reason)),
    metavar="REASON",
    help=f"Assets unknown for this reason don't change the exit code: {', '.join(get_args(Reason))}. Repeatable.",
)
safety_option = click.option(
    "--max-update-percent",
    type=click.FloatRange(0, 100),
    default=30.0,
    metavar="N",
    help="apply refuses to change more of ten or more assets; plan warns. Default 30.",
)
changing_options = _stack(
    click.option("--auto-approve", is_flag=True, help="Don't ask."),
    click.option("--wait", is_flag=True, help="Stay until the new covers are seen."),
    click.option(
        "--wait-timeout",
        type=click.FloatRange(0, 86400),
        default=600.0,
        metavar="SECONDS",
        help="How long --wait stays. Default 600.",
    ),
)
cloud_options = _stack(
    paths_argument,
    selection_options,
    compare_option,
    allow_unknown_option,
    safety_option,
    report_options,
    connection_options,
)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """A length of time such as 24h, 90m or 7d, in seconds.

    Raises:
        click.BadParameter: it is none.
    """
    if text[-1:] not in _UNITS or not re.fullmatch(r"[0-9]{1,6}", text[:-1]):
        raise click.BadParameter(f"{text!r} is no length of time such as 24h, 90m or 7d")
    return float(int(text[:-1]) * _UNITS[text[-1]])
