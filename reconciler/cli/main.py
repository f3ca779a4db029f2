"""The command `reconcile`, and the table of its verbs."""

from __future__ import annotations

from importlib import import_module

import click

from reconciler import __version__

_VERBS = {
    "plan": "Show what apply would change, without changing anything.",
    "apply": "Set the covers that drifted, after asking.",
    "audit": "Report drift and unmanaged assets, for schedulers.",
    "lock": "Lock each entry to the picture that it names.",
    "validate": "Check the desired files, without network or credentials.",
    "show": "Show an asset's snapshots and its cover, or a saved plan.",
    "choose": "Choose covers by eye, on a page that only this machine can open.",
    "import": "Write a desired file for the existing covers.",
    "adopt": "Accept drift: write the existing covers to the desired files.",
    "rollback": "Undo a run of apply, after asking.",
    "history": "List the runs that changed covers.",
    "unlock": "Free the shared state of a run that died.",
    "doctor": "Check the connection, the account and its CDN; changes nothing.",
    "memory": "Export or import what is known about re-encoded covers.",
    "schema": "Print the JSON Schema of a file or a document.",
    "emulator": "Serve an emulated VOD API on a local port.",
    "demo": "Run lock, plan, apply and plan on an emulator, without an account.",
}
"""Each verb with its summary, the first line of its module. Only the module of the verb in use is imported."""


class VerbTable(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name
        command: click.Command = import_module(f"reconciler.commands.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=VerbTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
def reconcile() -> None:
    """Manage the covers of videos in Huawei Cloud VOD with YAML files in git."""
