"""The README is true: its commands print what it says, its files are valid, its options exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image
from ruamel.yaml import YAML
from support.reports import audit_doc

from reconciler.cli import reconcile
from reconciler.desired.load import load
from reconciler.report.metrics import render as metrics
from reconciler.report.options import RenderOptions, RunFacts

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS_OPTIONS = {"--help", "--arg", "--data-binary", "--paginate", "--jq", "--silent"}
"""Of curl and gh."""
GH = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in *--paginate*) printf '%s' "$FOUND" ;; esac
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """Commands with the output that is to follow each."""
    return [(command, output) for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]


@pytest.mark.integration
def test_every_command_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "desired", tmp_path / "desired", ignore=shutil.ignore_patterns("covers.lock"))
    scripts = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "RECONCILE_STATE_DIR": str(tmp_path / "state"),
        "PYTHONUTF8": "1",
    }
    ran = 0
    for block in blocks("console"):
        for command, expected in steps(block):
            done = subprocess.run(command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, (command, done.stderr)
            pattern = "(?s:.*)".join(re.escape(part) for part in expected.split("...\n"))
            assert re.fullmatch(pattern, done.stdout), (command, expected, done.stdout)
            ran += 1
    assert ran >= 5


def test_every_desired_file_in_it_is_valid(tmp_path: Path) -> None:
    found = [block for block in blocks("yaml") if re.search(r"^covers:", block, re.MULTILINE)]
    assert len(found) == 2
    for number, block in enumerate(found):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, encoding="utf-8")
        assert load([str(file)]).covers


def test_its_pipelines_are_yaml_and_run_commands_that_exist() -> None:
    pipelines = [block for block in blocks("yaml") if "reconcile apply" in block]
    assert len(pipelines) == 2
    for pipeline in pipelines:
        assert {"plan", "apply", "audit"} <= set(_jobs(YAML(typ="safe").load(pipeline)))


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed on this machine")
@pytest.mark.parametrize(
    ("found", "sent"),
    [
        ((), "-X POST repos/me/covers/issues/7/comments"),
        ((11, 12), "-X PATCH repos/me/covers/issues/comments/12"),
    ],
)
def test_githubs_pipeline_keeps_one_comment(tmp_path: Path, found: tuple[int, ...], sent: str) -> None:
    [pipeline] = [block for block in blocks("yaml") if "gh api" in block]
    [step] = [step for step in YAML(typ="safe").load(pipeline)["jobs"]["plan"]["steps"] if "gh api" in str(step)]
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    marker = '<!-- reconcile:plan:0a1b2c3d" or true -->'
    (tmp_path / "comment.md").write_text(f"{marker}\n### Video covers\n", encoding="utf-8")
    bot, me = {"login": "github-actions[bot]"}, {"login": "me"}
    listed = [
        *({"id": number, "user": bot, "body": f"{marker}\n1 to change"} for number in found),
        {"id": 13, "user": bot, "body": "another"},
        {"id": 14, "user": me, "body": marker},
    ]
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "FOUND": json.dumps(listed),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_REPOSITORY": "me/covers",
        "NUMBER": "7",
    }
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=env, check=True)
    search, change = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert search == "api --paginate repos/me/covers/issues/7/comments"
    assert change == f"api {sent} -F body=@{tmp_path}/comment.md --silent"


def test_its_alerts_ask_for_figures_that_exist() -> None:
    named = set(re.findall(r"\breconcile_[a-z_]+", README))
    told = metrics(audit_doc(), RenderOptions(run=RunFacts(calls={}, duration=1.0, finished=1.0)))
    assert len(named) == 2
    assert named <= set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))


def test_every_picture_in_it_is_there_and_described() -> None:
    shown = re.findall(r'<img src="([^"]+)"[^>]* alt="[^"]+">|srcset="([^"]+)"', README)
    assert len(shown) == README.count("<img ") + README.count("<source ") == 4
    for names in shown:
        file = ROOT / "".join(names)
        with Image.open(file) as picture:
            assert picture.width >= 1000
        assert file.stat().st_size < 250_000


def _jobs(pipeline: dict[str, object]) -> dict[str, object]:
    jobs = pipeline.get("jobs", pipeline)
    assert isinstance(jobs, dict)
    return jobs


def test_every_option_and_verb_it_names_exists() -> None:
    context = click.Context(reconcile)
    verbs = {name: reconcile.get_command(context, name) for name in reconcile.list_commands(context)}
    known = {
        option
        for verb in verbs.values()
        if verb
        for param in verb.params
        for option in (*param.opts, *param.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert named <= known | OTHERS_OPTIONS, named - known
    for verb in re.findall(r"^(?:\$ )?reconcile ([a-z]+)", README, re.MULTILINE):
        assert verb in verbs
