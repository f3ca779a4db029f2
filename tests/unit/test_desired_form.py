"""The schema that editors use says what the loader says."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.desired.load import load
from reconciler.desired.schema import json_schema
from reconciler.errors import DesiredError

A = "6e76f92034ceae2fcdcef9413221511f"
VALIDATOR = Draft202012Validator(json_schema())

# 3.0 is an integer to JSON Schema and none to us; a pattern's $ may match before a line end.
floats = st.sampled_from([0.5, -1.25])
text = st.sampled_from(
    ["", "sample", "dots", "1", "true", "null", "cn-north-4", "CN-north-4", "cn-4", A, A.upper(), A[1:]]
)
scalars = (
    st.none() | st.booleans() | st.sampled_from([0, 1, -1, 2, 999_999, -999_999, 10**6, -(10**6)]) | floats | text
)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(text, scalars, max_size=1)
integers = st.integers(-(10**6), 10**6)


def mostly(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(likely, likely, likely, values)


entries = st.fixed_dictionaries(
    {},
    optional={
        "snapshot": mostly(integers),
        "offset": mostly(integers),
        "from": mostly(st.sampled_from(["sample", "dots", "quantity"])),
        "note": mostly(st.text("ab é😀#:-'\"\\\n", max_size=5)),
        "ignore": mostly(st.booleans()),
    },
)
ids = st.text("0123456789abcdef", min_size=32, max_size=32) | st.sampled_from([A, "1" * 32, A[1:], "x", ""])
documents = st.fixed_dictionaries(
    {},
    optional={
        "version": mostly(st.just(1)),
        "region": mostly(st.just("cn-north-4")),
        "project_id": mostly(st.just(A)),
        "covers": mostly(st.dictionaries(ids, mostly(integers | entries), max_size=4)),
        "cover": st.just(1),
    },
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("form") / "covers.yaml"


@settings(max_examples=300, deadline=None)
@given(document=documents)
@example(document={"covers": {A: {"ignore": True, "note": True}}})
@example(document={"covers": {A: {"ignore": False}}})
def test_schema_and_loader_agree(file: Path, document: Any) -> None:
    # JSON is YAML, save for DEL, which JSON need not escape.
    file.write_text(json.dumps(document), encoding="utf-8")
    try:
        load([str(file)])
        accepted = True
    except DesiredError:
        accepted = False
    assert accepted == VALIDATOR.is_valid(document)


def test_the_schema_is_sound_and_explains_every_key() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    entry = schema["$defs"]["EntryForm"]
    for properties in (schema["properties"], entry["properties"]):
        for key in properties.values():
            assert key["title"]
            assert key["description"]
    assert set(entry["properties"]) == {"snapshot", "offset", "from", "note", "ignore"}


@pytest.mark.integration
def test_loading_imports_no_pydantic() -> None:
    code = "import sys, reconciler.desired.load; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_few_hundred_mutated_files() -> None:
    path = Path(__file__).parents[1] / "fuzz" / "fuzz_desired.py"
    spec = importlib.util.spec_from_file_location("fuzz_desired", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    accepted, refused = module.fuzz(400, 20)
    assert accepted > 10
    assert refused > 100
