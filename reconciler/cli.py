"""The command line: options, and one verb after another handed to its module, which is imported only then."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.boundary import Boundary
from reconciler.options import cloud_options, connection_options, output_options, paths_argument, selection_options

if TYPE_CHECKING:
    from reconciler.commands.common import Options


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
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there is drift.")
@click.option("--out", metavar="FILE", help="Save the plan, for apply --plan.")
@cloud_options
def plan(**given: Any) -> None:
    """Shows what apply would change. Changes nothing.

    PATH is a desired file, or a folder with such files; default: desired. Credentials come from the environment:
    HUAWEICLOUD_SDK_AK and _SK, or HW_AUTH_TOKEN, or HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME.
    Exit codes: 0 done, 1 an error or an unknown asset, 2 drift (with --detailed-exitcode).
    """
    from reconciler.commands import plan as verb

    boundary = _boundary(given)
    if given["out"] and given["output"] and os.path.realpath(given["out"]) == os.path.realpath(given["output"]):
        raise click.UsageError("--out and --output name the same file: give the plan and the report one each")
    boundary.run(lambda: verb.run(_options(given), boundary, detailed=given["detailed_exitcode"], out=given["out"]))


@reconcile.command()
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
@cloud_options
def apply(**given: Any) -> None:
    """Sets the covers that drifted, after asking.

    PATH is a desired file, or a folder with such files; default: desired. Exit codes: 0 done, 1 an error, or an
    asset that is unknown, failed, stale or not attempted, or not seen in time.
    """
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
    """The drift report for schedulers.

    PATH is a desired file, or a folder with such files; default: desired. Exit codes: 0 in sync, 2 drift, 1 an error
    or an unknown asset.
    """
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
@click.option(
    "--cover-mode",
    type=click.Choice(["reference", "copy", "recode"]),
    default="copy",
    help="What a set cover becomes: the snapshot's URL, a copy of its bytes (default), or a re-encoded one.",
)
@click.option(
    "--propagation", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Until a new cover is seen."
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, metavar="MS", help="Of every answer.")
@click.option(
    "--quota", metavar="READ,WRITE", default="1500,100", help="Calls a minute, or such as 1500,10/2s; 0 is none."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="ROUTE:KIND:EVERY",
    help="Every N-th request of details, list, cover, picture… fails: cover:503:5. Repeatable.",
)
@click.option("--debug", is_flag=True, help="Tracebacks.")
def emulator(**given: Any) -> None:
    """Serves the embedded VOD API on a port, and prints what to export.

    POST /_emulator/cover?asset_id=ID with a picture changes a cover behind your back, to rehearse drift.
    """
    from reconciler.commands import emulator as verb

    # What it prints to be exported is nobody's secret, and may well be exported already.
    boundary = Boundary(as_json=False, output=None, no_color=True, debug=given["debug"], secrets=())
    boundary.run(lambda: verb.run(given, boundary))
