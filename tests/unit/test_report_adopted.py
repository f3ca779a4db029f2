"""What an adopt did, as document and text, whole; and the diff within.

After a change that is meant, run with UPDATE_GOLDEN=1, and read the difference.
"""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.reports import CATALOGUE, COPY, ORIGIN, PLAN, UNKNOWN, assert_golden, cover, entry

from reconciler.decide.adoption import Adoption, pending_message, refusal
from reconciler.documents import write
from reconciler.documents.adopted import AdoptDoc, adopt_document
from reconciler.documents.dump import adapter, as_json, redacted
from reconciler.model import Cover, Desired, NumberKey
from reconciler.report import text_adopt as report
from reconciler.report.diff import unified
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import json_text

BEFORE = f"covers:\r\n  {'1' * 32}: 3 # \x1b[31m ::error:: auth_key=17-0-0-abc\r\n  {'2' * 32}: {{snapshot: 3}}"


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "__version__", "1.2.3")


def adoption(entry: Desired, title: str, new: int, cover: Cover) -> Adoption:
    return Adoption(asset_id=entry.asset_id, title=title, source=entry.source, old=3, new=new, cover=cover)


def document() -> AdoptDoc:
    accepted = [
        adoption(entry(1), "Opening keynote", 0, cover(1, 0)),
        adoption(entry(2), "新手入门：第一课", 7, cover(2, 7, content=True)),
    ]
    refused = [
        refusal(
            entry(3), "\x1b[31m::error::[b]x[/b]\n", "not_a_snapshot", f"Its cover is {COPY.cover_url}?auth_key=1-2."
        ),
        refusal(entry(8), "Just applied", "pending", pending_message()),
        refusal(entry(6), "", UNKNOWN[0].reason or "api_error", UNKNOWN[0].message),
    ]
    after = BEFORE.replace(": 3 #", ": 0 #").replace("snapshot: 3", "snapshot: 7")
    diff = unified(CATALOGUE, BEFORE.encode(), after.encode())
    keys: dict[str, NumberKey] = {"1" * 32: "index", "2" * 32: "snapshot"}
    return redacted(adopt_document(accepted, refused, PLAN, keys, diff, ORIGIN))


def test_the_document() -> None:
    text = json_text(as_json(document())) + "\n"
    assert_golden("adopt.json", text)
    assert adapter(AdoptDoc).validate_json(text, strict=True) == document()


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_the_text(colour: bool) -> None:
    text = report.render(document(), RenderOptions(colour=colour))
    assert_golden(f"adopt.{'colour.txt' if colour else 'txt'}", text)


def test_colour_is_all_that_colour_adds() -> None:
    coloured = report.render(document(), RenderOptions(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == report.render(document())


def test_quiet_leaves_the_summary() -> None:
    text = report.render(document(), RenderOptions(quiet=True))
    assert text == ("Adopted 2 covers in 1 file.\n10 in sync, 3 refused, 2 ignored.\n")


@given(changed=st.lists(st.booleans(), min_size=1, max_size=40), end=st.sampled_from(["\n", "\r\n"]))
@example([False, *[True] * 3, *[False] * 6, True, *[False] * 7, True], "\n")
def test_the_diff_is_what_difflib_says(changed: list[bool], end: str) -> None:
    old = [f"{number}: 片{end}" for number in range(len(changed))]
    new = [line.replace("片", "\u2028\x85") if is_new else line for line, is_new in zip(old, changed, strict=True)]
    found = unified("a.yaml", "".join(old).encode(), "".join(new).encode())
    assert found == "".join(difflib.unified_diff(old, new, "a.yaml", "a.yaml"))


def test_a_missing_line_end_is_marked_as_patch_wants_it() -> None:
    assert unified("a", b"x: 1\ny: 2", b"x: 1\ny: 3") == (
        "--- a\n+++ a\n@@ -1,2 +1,2 @@\n x: 1\n-y: 2\n\\ No newline at end of file\n"
        "+y: 3\n\\ No newline at end of file\n"
    )
    assert unified("a", b"x: 1\ny: 2", b"x: 3\ny: 2").endswith("+x: 3\n y: 2\n\\ No newline at end of file\n")
