"""A saved plan is believed only when nothing in it was touched, and only when it makes sense."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET
from support.samples import FOURTH, ORIGIN, SAVED, a_plan

from reconciler.documents.dump import as_json, digest
from reconciler.documents.read import read_plan
from reconciler.documents.schemas import PlanDoc
from reconciler.documents.write import audit_document
from reconciler.errors import PlanFileError


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a digest that fits."""
    return {**document, "digest": digest(document)}


def read(folder: Path, document: Any) -> PlanDoc:
    file = folder / "plan.json"
    if isinstance(document, bytes):
        file.write_bytes(document)
    else:
        file.write_text(json.dumps(document))
    return read_plan(str(file))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every key and element of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inner for place in [(*at, key), *places(part, (*at, key))]]


def changed(place: tuple[Any, ...], change: Any) -> dict[str, Any]:
    document = copy.deepcopy(SAVED)
    part: Any = document
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = change
    return document


def test_a_saved_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    assert as_json(read(tmp_path, SAVED)) == SAVED


def test_layout_does_not_matter(tmp_path: Path) -> None:
    again = json.dumps(dict(reversed(SAVED.items())), indent=7, sort_keys=False).encode()

    assert as_json(read(tmp_path, again)) == SAVED


@pytest.mark.parametrize("place", places(SAVED), ids=lambda place: ".".join(map(str, place)))
def test_no_field_can_be_changed_unseen(place: tuple[Any, ...], tmp_path: Path) -> None:
    for change in ("x", 99, None):
        document = changed(place, change)
        if document == SAVED:
            continue
        with pytest.raises(PlanFileError) as caught:
            read(tmp_path, document)
        assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize("place", places(SAVED), ids=lambda place: ".".join(map(str, place)))
def test_no_field_can_be_left_out_unseen(place: tuple[Any, ...], tmp_path: Path) -> None:
    document = copy.deepcopy(SAVED)
    part: Any = document
    for key in place[:-1]:
        part = part[key]
    del part[place[-1]]

    with pytest.raises(PlanFileError):
        read(tmp_path, document)


@pytest.mark.parametrize("version", ["2.0", "10.0", "0.9", "", "1", None, 1.0, "1.x", "one", ["1.0"]])
def test_another_major_format_is_refused(version: object, tmp_path: Path) -> None:
    with pytest.raises(PlanFileError):
        read(tmp_path, sealed({**SAVED, "format_version": version}))


def test_a_newer_minor_format_with_more_keys_is_taken(tmp_path: Path) -> None:
    document = copy.deepcopy(SAVED) | {"format_version": "1.7", "new_key": {"deep": [1]}}
    document["changes"][0]["another"] = True

    plan = read(tmp_path, sealed(document))

    assert len(plan.changes) == 2


def test_keys_that_we_do_not_know_are_covered_by_the_digest(tmp_path: Path) -> None:
    document = sealed(SAVED | {"new_key": 1})

    with pytest.raises(PlanFileError, match="digest"):
        read(tmp_path, document | {"new_key": 2})


def test_an_audit_is_no_plan_to_execute(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="audit"):
        read(tmp_path, as_json(audit_document(a_plan(), ORIGIN, [FOURTH])))


SENSELESS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "an asset ID in upper case": (("changes", 0, "asset_id"), ASSET.upper()),
    "a path for an asset ID": (("changes", 0, "asset_id"), "../../etc/passwd"),
    "an asset ID with a line end": (("changes", 0, "asset_id"), f"{ASSET}\n"),
    "an asset twice": (("changes", 1, "asset_id"), ASSET),
    "no snapshot to change to": (("changes", 0, "after", "snapshot"), None),
    "no bytes of the picture to change to": (("changes", 0, "after", "content"), None),
    "a negative index": (("changes", 0, "after", "snapshot", "index"), -1),
    "an index as text": (("changes", 0, "after", "snapshot", "index"), "1"),
    "an index that is true": (("changes", 0, "after", "snapshot", "index"), True),
    "an unknown set": (("changes", 0, "after", "snapshot", "set"), "all"),
    "another action": (("changes", 0, "action"), "destroy"),
    "a hash that is none": (("changes", 0, "before", "content", "sha256"), "0"),
    "a region that leads elsewhere": (("region",), "evil.example/#"),
    "a project ID that leads elsewhere": (("project_id",), "../x"),
    "an unknown reason": (("unknown", 0, "reason"), "bad luck"),
    "a summary that does not count": (("summary", "update"), 3),
    "managed that does not add up": (("summary", "managed"), 8),
    "a negative count": (("summary", "in_sync"), -1),
    "changes that are no list": (("changes",), {}),
    "a fraction": (("changes", 0, "source", "line"), 1.5),
}


@pytest.mark.parametrize("name", SENSELESS)
def test_a_digest_over_nonsense_does_not_make_it_sense(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlanFileError):
        read(tmp_path, sealed(changed(*SENSELESS[name])))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"plan"',
        b"\xff\xfe",
        b"\x00" * 100,
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"format_version": NaN}',
        b'{"format_version": "1.0", "kind": "plan", "digest": "\xc3\xa4"}',
        b'{"format_version": "1.0", "kind": "plan", "digest": "\\ud800", "x": "\\ud800"}',
        b'{"format_version": "1.0", "kind": "plan", "x": 1e999, "digest": ""}',
        b'{"format_version": "1.0", "kind": "plan", "x": ' + b"9" * 5000 + b"}",
    ],
    ids=range(14),
)
def test_what_is_no_plan_at_all(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(PlanFileError) as caught:
        read(tmp_path, text)

    assert len(caught.value.message) < 500 + len(str(tmp_path))
    assert caught.value.message.isprintable()


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    for file in (tmp_path / "none.json", tmp_path):
        with pytest.raises(PlanFileError, match="cannot be read"):
            read_plan(str(file))
    with pytest.raises(PlanFileError):
        read_plan("a\x00b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(ASSET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(places(SAVED)), JSON), min_size=1, max_size=3), st.booleans())
def test_any_mutation_is_a_plan_or_a_clean_error(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[tuple[Any, ...], Any]], seal: bool
) -> None:
    document = copy.deepcopy(SAVED)
    for place, change in mutations:
        part: Any = document
        try:
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = change
        except (TypeError, KeyError, IndexError):
            continue  # an earlier mutation took the place away
    folder = tmp_path_factory.getbasetemp()
    try:
        plan = read(folder, sealed(document) if seal else document)
    except PlanFileError:
        return
    assert as_json(plan)["changes"] == document["changes"]


@given(st.binary(max_size=50), st.integers(0, 2000), st.integers(0, 60))
def test_any_bytes_are_a_plan_or_a_clean_error(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, cut: int
) -> None:
    text = json.dumps(SAVED).encode()
    try:
        plan = read(tmp_path_factory.getbasetemp(), text[:at] + junk + text[at + cut :])
    except PlanFileError:
        return
    assert as_json(plan) == SAVED
