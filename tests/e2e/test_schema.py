"""schema: what editors and scripts check documents with; and every document fits its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import validator_for
from ruamel.yaml import YAML
from support.command_line import entries, run, video, write

from reconciler.commands.demo import example
from reconciler.commands.schema import DOCUMENTS
from reconciler.emulator import ODD


def schema(what: str) -> Draft202012Validator:
    document = run("schema", what).document
    assert validator_for(document) is Draft202012Validator
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


@pytest.mark.parametrize("what", ["desired", *DOCUMENTS])
def test_each_is_a_json_schema_and_the_same_with_json(what: str) -> None:
    assert schema(what)
    assert run("schema", what, "--json").out == run("schema", what).out


@pytest.mark.usefixtures("impatient")
def test_plans_and_applies_fit_their_schemas(emulator: str) -> None:
    """With a change, an unknown and an ignored asset, with and without note, cover and content."""
    write(
        {
            **entries(4, drifted=2),
            **{
                ODD[name]: "{snapshot: 1, note: x}"
                for name in ("no_cover", "custom_cover", "api_error", "no_snapshots")
            },
            ODD["null_cover"]: "{ignore: true}",
        }
    )
    plan = run("plan", "--endpoint", emulator, "--json").document
    schema("plan").validate(plan)
    assert set(plan["summary"].values()) == {9, 2, 4, 0, 1}
    apply = run("apply", "--endpoint", emulator, "--auto-approve", "--json").document
    schema("apply").validate(apply)
    assert len(apply["results"]) == 4
    with pytest.raises(ValidationError):
        schema("plan").validate({**plan, "kind": "audit"})
    with pytest.raises(ValidationError):
        schema("apply").validate({**apply, "summary": {}})


@pytest.mark.usefixtures("impatient")
def test_every_document_fits_its_schema(emulator: str, tmp_path: Path) -> None:
    """Those of plans and applies, with all that they may hold, stand above."""
    there = ("--endpoint", emulator, "--state-dir", str(tmp_path / "state"))
    write({**entries(4, drifted=2), ODD["no_snapshots"]: "0"})
    memory = str(tmp_path / "memory.json")
    verbs = {
        "lock-result": ("lock", *there),
        "audit": ("audit", *there),
        "validate": ("validate",),
        "error": ("validate", "nowhere"),
        "apply": ("apply", *there, "--auto-approve"),
        "history": ("history", *there),
        "rollback": ("rollback", *there, "--auto-approve"),
        "show": ("show", *there, video(0).asset_id, ODD["no_snapshots"], "0" * 32),
        "adopt": ("adopt", *there, "--all"),
        "import": ("import", *there, "--out", "desired/more.yaml", "--target", f"{video(9).asset_id[:1]}*"),
        "memory-moved": ("memory", "export", *there, memory),
    }
    for what, arguments in verbs.items():
        document = run(*arguments, "--json").document
        assert (document["kind"] == "error") == (what == "error"), document
        schema(what).validate(document)
    schema("memory").validate(json.loads(Path(memory).read_text()))
    lines = Path("desired/covers.lock").read_text().splitlines()
    assert len(lines) == 5
    for line in lines:
        schema("lock").validate(json.loads(line))
    with pytest.raises(ValidationError):
        schema("lock").validate({**json.loads(lines[1]), "sha256": "x"})


def test_the_examples_files_fit_the_desired_schema() -> None:
    files = sorted(Path(example()).rglob("*.yaml"))
    assert files
    for file in files:
        schema("desired").validate(_plain(file))


@pytest.mark.parametrize("entry", [True, "3", 1.5, {"snapshot": 1, "offset": 2}, {}, {"from": "elsewhere"}])
def test_what_the_loader_refuses_the_desired_schema_refuses_too(entry: object) -> None:
    with pytest.raises(ValidationError):
        schema("desired").validate({"covers": {"6e76f92034ceae2fcdcef9413221511f": entry}})
    text = json.dumps({"covers": {"6e76f92034ceae2fcdcef9413221511f": entry}})
    Path("x.yaml").write_text(text)
    assert run("validate", "x.yaml").code == 1


def test_an_unknown_document_is_a_usage_error() -> None:
    ran = run("schema", "elsewhere", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "usage")


def _plain(file: Path) -> Any:
    """The file as an editor sees it; keys are text to JSON."""
    loaded = YAML(typ="safe", pure=True).load(file)
    return {**loaded, "covers": {_as_written(key): value for key, value in loaded["covers"].items()}}


def _as_written(key: object) -> str:
    return "1234567890123456e789012345678901" if isinstance(key, float) else str(key)
