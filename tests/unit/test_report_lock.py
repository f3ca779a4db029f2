"""What lock prints, whole. After a change that is meant, run with UPDATE_GOLDEN=1."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import assert_golden, asset, lock_doc

from reconciler.documents.dump import as_json
from reconciler.documents.locked import LockSummary
from reconciler.report.options import RenderOptions
from reconciler.report.text_lock import render
from reconciler.util.sanitize import json_text

NOTHING = LockSummary(added=0, updated=0, upgraded=0, moved=0, dropped=0, kept=7, not_locked=0)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_the_whole_text(colour: bool) -> None:
    assert_golden(f"lock.{'colour.txt' if colour else 'txt'}", render(lock_doc(), RenderOptions(colour=colour)))


def test_the_whole_document() -> None:
    assert_golden("lock.json", json_text(as_json(lock_doc())) + "\n")


def test_nothing_to_lock() -> None:
    document = replace(lock_doc(), summary=NOTHING, changes=(), not_locked=(), files=())
    assert render(document) == "Nothing to lock. Every entry has a current line.\n"


def test_quiet_is_the_summary() -> None:
    assert render(lock_doc(), RenderOptions(quiet=True)) == (
        "Lock incomplete. 1 added, 1 updated, 2 upgraded, 1 moved, 1 dropped, 12 kept.\n2 not locked.\n"
    )


def test_of_many_lines_all_upgrades_are_shown() -> None:
    """They are what somebody accepts."""
    document = lock_doc()
    upgrade, added = document.changes[0], document.changes[2]
    many = [replace(one, asset_id=asset(number + 100)) for one in (added, upgrade) for number in range(30)]
    text = render(replace(document, changes=tuple(many)))
    assert (text.count(" upgraded "), text.count(" added sample")) == (30, 20)
    assert "and 10 more" in text
