"""The verbs of every day: plan, apply, audit, validate, show, schema."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import (
    changing_options,
    cloud_options,
    connection_options,
    duration,
    output_options,
    page_options,
    paths_argument,
    selection_options,
)
from reconciler.cli.root import boundary_for, options, reconcile

_DAY = 24 * 3600.0


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

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(options(given), boundary, detailed=given["detailed_exitcode"], out=given["out"]))


@reconcile.command()
@click.option("--plan", "plan_file", metavar="FILE", help="Execute exactly this saved plan, and ask nothing.")
@click.option("--force", is_flag=True, help="Override the safety limit, and replace covers that can't be read.")
@changing_options
@cloud_options
def apply(**given: Any) -> None:
    """Sets the covers that drifted, after asking.

    PATH is a desired file, or a folder with such files; default: desired. Exit codes: 0 done, 1 an error, or an
    asset that is unknown, failed, stale or not attempted, or not seen in time.
    """
    from reconciler.commands import apply as verb

    boundary = boundary_for(given)
    if given["plan_file"] and (given["paths"] or given["targets"] or given["excludes"]):
        raise click.UsageError("--plan executes exactly a saved plan: it takes no paths, --target or --exclude")
    choices = verb.Choices(
        auto_approve=given["auto_approve"],
        plan_file=given["plan_file"],
        force=given["force"],
        wait=given["wait_timeout"] if given["wait"] else None,
    )
    boundary.run(lambda: verb.run(options(given), choices, boundary))


@reconcile.command()
@click.option("--metrics", metavar="FILE", help="Also write figures for node_exporter's textfile collector.")
@click.option("--baseline", metavar="FILE", help="An earlier `audit --json`: also say what changed since.")
@click.option("--fast", is_flag=True, help="Read covers from the asset list, and details only where it can't decide.")
@click.option(
    "--max-age",
    type=duration,
    metavar="TIME",
    help="With --fast: how old the snapshots remembered from an earlier read may be. Default 24h.",
)
@cloud_options
def audit(**given: Any) -> None:
    """The drift report for schedulers.

    PATH is a desired file, or a folder with such files; default: desired. Exit codes: 0 in sync, 2 drift, 1 an error
    or an unknown asset.
    """
    from reconciler.commands import audit as verb

    boundary = boundary_for(given)
    if given["max_age"] is not None and not given["fast"]:
        raise click.UsageError("--max-age is about --fast: give both")
    choices = verb.Choices(
        baseline=given["baseline"], fast=given["fast"], max_age=_DAY if given["max_age"] is None else given["max_age"]
    )
    boundary.run(lambda: verb.run(options(given), choices, boundary))


@reconcile.command()
@paths_argument
@selection_options
@output_options
def validate(**given: Any) -> None:
    """Checks the desired files, without network and credentials."""
    from reconciler.commands import validate as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(given["paths"] or ("desired",), given["targets"], given["excludes"]))


@reconcile.command()
@click.argument("subjects", nargs=-1, required=True, metavar="ASSET...|PLAN.json")
@page_options
@connection_options
def show(**given: Any) -> None:
    """An asset's snapshots and which of them is the cover; or a saved plan."""
    from reconciler.commands import show as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(options(given), given["subjects"], boundary))


@reconcile.command()
@click.argument("what", type=click.Choice(["desired", "plan", "apply"]))
@output_options
def schema(**given: Any) -> None:
    """The JSON Schema of desired files, or of what plan and apply print."""
    from reconciler.commands import schema as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(given["what"]))
