"""--help: every verb with its whole summary, options under headings, variables beside their options."""

from __future__ import annotations

import re

import click
import pytest
from support.command_line import run

from reconciler.cli import reconcile

CONTEXT = click.Context(reconcile)
VERBS = reconcile.list_commands(CONTEXT)


def test_every_verb_is_listed_with_its_whole_summary() -> None:
    listed = dict(re.findall(r"^  ([a-z]+) +(\S.*)$", run("--help").out.partition("Commands:")[2], re.MULTILINE))
    assert list(listed) == VERBS
    for name, summary in listed.items():
        command = reconcile.get_command(CONTEXT, name)
        assert command is not None
        assert (command.help or "").split("\n")[0] == summary
        assert "..." not in summary


@pytest.mark.parametrize("verb", VERBS)
def test_options_stand_under_headings(verb: str) -> None:
    ran = run(verb, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--version" in ran.out or verb == "memory"


def test_the_headings_of_plan() -> None:
    headings = re.findall(r"^([A-Z][a-z]+):$", run("plan", "--help").out, re.MULTILINE)
    assert headings == ["Options", "Snapshots", "Selection", "Comparison", "Reports", "Connection", "Output", "Help"]


def test_an_invalid_setting_names_its_flag_and_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_PARALLELISM", "many")
    ran = run("plan")
    assert ran.code == 1
    assert "'--parallelism' (env var: 'RECONCILE_PARALLELISM'): 'many' is not a whole number above 0" in ran.err
