"""The command line: options, and one verb after another handed to its module, which is imported only then."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from reconciler import __version__
from reconciler.boundary import Boundary
from reconciler.model import Reason

if TYPE_CHECKING:
    from reconciler.commands.common import Options

F = TypeVar("F", bound=Callable[..., Any])


def _stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...")
selection_options = _stack(
    click.option("--target", "targets", multiple=True, metavar="GLOB", help="Only assets whose ID or title matches."),
    click.option("--exclude", "excludes", multiple=True, metavar="GLOB", help="No assets whose ID or title matches."),
)
output_options = _stack(
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Default: text."),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
    click.option("--output", metavar="FILE", help="Write the report there instead of to stdout."),
    click.option("--no-color", is_flag=True, help="No colour, also on a terminal (as NO_COLOR)."),
    click.option("--quiet", is_flag=True, help="The summary only."),
    click.option("--debug", is_flag=True, help="Every request on stderr, and tracebacks."),
    click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s"),
)
connection_options = _stack(
    click.option("--endpoint", metavar="URL", help="API base URL, or emulator[:FILE] (RECONCILE_ENDPOINT)."),
    click.option("--iam-endpoint", metavar="URL", help="IAM base URL (HUAWEICLOUD_SDK_IAM_ENDPOINT)."),
    click.option("--region", help="Such as cn-north-4 (HW_REGION_NAME)."),
    click.option("--project-id", metavar="ID", help="Looked up by region when missing (HW_PROJECT_ID)."),
    click.option("--read-quota", metavar="RATE", help="Default 1500/minute (RECONCILE_READ_QUOTA)."),
    click.option("--write-quota", metavar="RATE", help="Default 100/minute (RECONCILE_WRITE_QUOTA)."),
    click.option("--parallelism", metavar="N", help="Requests in flight, at most (RECONCILE_PARALLELISM)."),
    click.option("--timeout", metavar="SECONDS", help="For one request, default 30 (RECONCILE_TIMEOUT)."),
    click.option("--state-dir", metavar="DIR", help="Default: the user's state folder (RECONCILE_STATE_DIR)."),
)
judging_options = _stack(
    click.option(
        "--compare",
        type=click.Choice(["auto", "url", "content"]),
        default="auto",
        help="How covers are told apart. Default auto: by URL, and by the pictures' bytes where that does not tell.",
    ),
    click.option(
        "--allow-unknown",
        multiple=True,
        type=click.Choice(get_args(Reason)),
        metavar="REASON",
        help="Assets unknown for this reason don't change the exit code. Repeatable.",
    ),
    click.option(
        "--max-update-percent",
        type=click.FloatRange(0, 100),
        default=30.0,
        metavar="N",
        help="The safety limit of apply. Default 30.",
    ),
)
cloud_options = _stack(paths_argument, selection_options, judging_options, output_options, connection_options)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
def reconcile() -> None:
    """Keeps the covers of videos in Huawei Cloud VOD as YAML files say: plan, apply, audit."""


def _options(given: dict[str, Any]) -> Options:
    from reconciler.commands.common import Options
    from reconciler.settings import Flags

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
    )


def _boundary(given: dict[str, Any]) -> Boundary:
    return Boundary(
        as_json=given["as_json"] or given["form"] == "json",
        output=given["output"],
        no_color=given["no_color"],
        debug=given["debug"],
    )


@reconcile.command()
@cloud_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there is drift.")
@click.option("--out", metavar="FILE", help="Save the plan, for apply --plan.")
def plan(**given: Any) -> None:
    """Shows what apply would change. Changes nothing."""
    from reconciler.commands import plan as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(_options(given), boundary, detailed=given["detailed_exitcode"], out=given["out"]))


@reconcile.command()
@cloud_options
@click.option("--auto-approve", is_flag=True, help="Don't ask.")
@click.option("--plan", "plan_file", metavar="FILE", help="Execute exactly this saved plan, and ask nothing.")
@click.option("--force", is_flag=True, help="Override the safety limit, and replace covers that can't be read.")
@click.option("--wait", is_flag=True, help="Stay until the new covers are seen.")
@click.option(
    "--wait-timeout",
    type=click.FloatRange(0, 86400),
    default=600.0,
    metavar="SECONDS",
    help="How long --wait stays. Default 600.",
)
def apply(**given: Any) -> None:
    """Sets the covers that drifted, after asking."""
    from reconciler.commands import apply as verb

    boundary = _boundary(given)
    if given["plan_file"] and (given["paths"] or given["targets"] or given["excludes"]):
        raise click.UsageError("--plan executes exactly a saved plan: it takes no paths, --target or --exclude")
    choices = verb.Choices(
        auto_approve=given["auto_approve"],
        plan_file=given["plan_file"],
        force=given["force"],
        wait=given["wait_timeout"] if given["wait"] else None,
    )
    boundary.run(lambda: verb.run(_options(given), choices, boundary))


@reconcile.command()
@cloud_options
def audit(**given: Any) -> None:
    """The drift report for schedulers: 0 in sync, 2 drift, 1 unknown."""
    from reconciler.commands import audit as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(_options(given), boundary))


@reconcile.command()
@paths_argument
@selection_options
@output_options
def validate(**given: Any) -> None:
    """Checks the desired files, without network and credentials."""
    from reconciler.commands import validate as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(given["paths"] or ("desired",), given["targets"], given["excludes"]))


@reconcile.command()
@click.argument("subjects", nargs=-1, required=True, metavar="ASSET...|PLAN.json")
@output_options
@connection_options
def show(**given: Any) -> None:
    """An asset's snapshots and which of them is the cover; or a saved plan."""
    from reconciler.commands import show as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(_options(given), given["subjects"], boundary))


@reconcile.command()
@click.argument("what", type=click.Choice(["desired", "plan", "apply"]))
@output_options
def schema(**given: Any) -> None:
    """The JSON Schema of desired files, or of what plan and apply print."""
    from reconciler.commands import schema as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(given["what"]))


@reconcile.group()
def memory() -> None:
    """What settled covers look like where the service re-encodes them, for other machines and CI caches."""


@memory.command("export")
@click.argument("file")
@output_options
@connection_options
def memory_export(**given: Any) -> None:
    """Writes the memory of a project's state folder to FILE."""
    from reconciler.commands import memory as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.export(_options(given), given["file"]))


@memory.command("import")
@click.argument("file")
@output_options
@connection_options
def memory_import(**given: Any) -> None:
    """Adds what FILE holds to the memory of a project's state folder."""
    from reconciler.commands import memory as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.import_(_options(given), given["file"]))


@reconcile.command()
@output_options
def demo(**given: Any) -> None:
    """plan, apply, plan on an emulator in this process: no account, no network."""
    from reconciler.commands import demo as verb

    boundary = _boundary(given)
    boundary.run(lambda: verb.run(_options(given), boundary))


@reconcile.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, help="On 127.0.0.1; 0 takes a free one.")
@click.option("--state", metavar="FILE", help="Where it keeps its assets. Default: in the user's state folder.")
@click.option("--assets", type=click.IntRange(0), default=24, help="How many there are at first. Default 24.")
@click.option("--cover-mode", type=click.Choice(["reference", "copy", "recode"]), default="copy")
@click.option(
    "--propagation", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Until a new cover is seen."
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, metavar="MS", help="Of every answer.")
@click.option("--quota", metavar="READ,WRITE", default="1500,100", help="Calls a minute.")
@click.option("--fault", "faults", multiple=True, metavar="ROUTE:KIND:EVERY", help="Such as cover:503:5. Repeatable.")
@click.option("--debug", is_flag=True, help="Tracebacks.")
def emulator(**given: Any) -> None:
    """Serves the embedded VOD API on a port, and prints what to export."""
    from reconciler.commands import emulator as verb

    # What it prints to be exported is nobody's secret, and may well be exported already.
    boundary = Boundary(as_json=False, output=None, no_color=True, debug=given["debug"], secrets=())
    boundary.run(lambda: verb.run(given, boundary))


def main() -> None:
    """The entry point: runs the command line and exits with the contract's codes."""
    from reconciler.boundary import run_command_line

    sys.exit(run_command_line(reconcile, sys.argv[1:]))
