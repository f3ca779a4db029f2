"""Assets that are deleted while all are listed: those behind them move up, from a page that was not read yet to one
that was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import run, videos, write
from support.processes import Moment, Serve, Trigger

from reconciler.emulator.options import EmulatorOptions
from reconciler.vod import listing

ASSETS = 25
LIST = "GET list"
SOME_MAY_BE_MISSING = "Warning: assets were created or deleted while they were listed (3 times over)"


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)


def test_an_import_leaves_out_no_asset_that_moved(serve: Serve) -> None:
    trigger = Trigger(Moment(LIST, 2))
    found = serve(EmulatorOptions(assets=ASSETS, odd_assets=False), trigger)
    deleted, *living = (item.asset_id for item in videos(ASSETS))
    trigger.does(lambda: found.delete(deleted))

    ran = run("import", "--out", "covers.yaml", "--json")

    assert trigger.acted.is_set()
    assert (ran.code, ran.document["summary"]["imported"]) == (0, ASSETS - 1)
    written = Path("covers.yaml").read_text(encoding="utf-8")
    assert [asset_id for asset_id in living if asset_id not in written] == []
    assert "Warning" not in ran.err


def test_an_audit_counts_all_that_no_file_manages(serve: Serve) -> None:
    trigger = Trigger(Moment(LIST, 2))
    found = serve(EmulatorOptions(assets=ASSETS, odd_assets=False), trigger)
    deleted, *living = (item.asset_id for item in videos(ASSETS))
    trigger.does(lambda: found.delete(deleted))
    write({})

    unmanaged = run("audit", "--json").document["unmanaged"]["asset_ids"]

    assert set(living) <= set(unmanaged)


@pytest.mark.parametrize("arguments", [("audit",), ("import", "--out", "covers.yaml")], ids=" ".join)
def test_a_list_that_never_stands_still_is_a_warning(serve: Serve, arguments: tuple[str, ...]) -> None:
    deleted: Iterator[str] = iter([item.asset_id for item in videos(ASSETS)])
    found = serve(
        EmulatorOptions(assets=ASSETS, odd_assets=False),
        lambda request: found.delete(next(deleted)) if request == LIST else None,
    )
    write({})

    ran = run(*arguments)

    assert (ran.code, ran.err.count(SOME_MAY_BE_MISSING)) == (0, 1)
