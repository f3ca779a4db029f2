"""The command itself, and how options become what verbs take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.boundary import Boundary

if TYPE_CHECKING:
    from reconciler.commands.common import Options


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
def reconcile() -> None:
    """Keeps the covers of videos in Huawei Cloud VOD as YAML files say: plan, apply, audit."""


def options(given: dict[str, Any]) -> Options:
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


def check_apart(given: dict[str, Any], *flags: str) -> None:
    """
    Raises:
        click.UsageError: one of these flags names the same file as --output.
    """
    for flag in flags:
        if given[flag] and given["output"] and os.path.realpath(given[flag]) == os.path.realpath(given["output"]):
            raise click.UsageError(f"--{flag} and --output name the same file: give each a file of its own")


def boundary_for(given: dict[str, Any]) -> Boundary:
    return Boundary(
        as_json=given["as_json"] or given["form"] == "json",
        output=given["output"],
        no_color=given["no_color"],
        debug=given["debug"],
    )
