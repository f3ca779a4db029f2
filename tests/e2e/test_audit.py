"""audit: the drift report for schedulers, with what no file manages."""

from __future__ import annotations

from collections.abc import Callable

from support.command_line import COVER, Cloud, entries, run, video, write

from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions

LISTED_ODD = len(ODD) - 2
"""Neither the asset that does not exist nor the one whose details fail is in lists."""


def test_in_sync_drift_and_unknown_have_codes_of_their_own(emulator: str) -> None:
    write(entries(4))
    assert run("audit", "--endpoint", emulator).code == 0
    write(entries(4, drifted=1))
    assert run("audit", "--endpoint", emulator).code == 2
    write({**entries(4, drifted=1), ODD["no_snapshots"]: "0"})
    assert run("audit", "--endpoint", emulator).code == 1
    assert run("audit", "--endpoint", emulator, "--allow-unknown", "no_snapshots").code == 2
    write({**entries(4), ODD["no_snapshots"]: "0"})
    assert run("audit", "--endpoint", emulator, "--allow-unknown", "no_snapshots").code == 0


def test_the_report_ends_with_the_plans_lines(emulator: str) -> None:
    write(entries(24))
    ran = run("audit", "--endpoint", emulator)
    assert ran.lines[-4:-1] == [
        "No drift. Your covers match the desired state.",
        "24 in sync, 0 unknown, 0 ignored.",
        f"{LISTED_ODD} assets managed by no file.",
    ]
    assert ran.lines[-1].startswith("Decided: 0 by the lock, 0 by URL, 24 by content, 0 by details; pictures: ")
    assert ran.lines[:2] == ["Managed by no file:", f"    {ODD['no_snapshots']}"]


def test_what_no_file_manages_is_counted_and_named(emulator: str) -> None:
    write({**entries(20), video(20).asset_id: "{ignore: true}", ODD["no_snapshots"]: "{ignore: true}"})
    document = run("audit", "--endpoint", emulator, "--json").document
    assert document["kind"] == "audit"
    strangers = document["unmanaged"]
    assert strangers["count"] == len(strangers["asset_ids"]) == 3 + LISTED_ODD - 1
    assert {video(number).asset_id for number in (21, 22, 23)} <= set(strangers["asset_ids"])
    assert video(20).asset_id not in strangers["asset_ids"]


def test_a_selection_makes_no_managed_asset_unmanaged(emulator: str) -> None:
    write(entries(24))
    document = run("audit", "--endpoint", emulator, "--json", "--target", "6e76*").document
    assert (document["summary"]["managed"], document["unmanaged"]["count"]) == (1, LISTED_ODD)


def test_many_strangers_are_named_in_json_only(emulator: str) -> None:
    write(entries(1))
    assert f"    and {23 + LISTED_ODD - 20} more (--json lists all)" in run("audit", "--endpoint", emulator).lines
    assert run("audit", "--endpoint", emulator, "--quiet").lines[:-1] == [
        "No drift. Your covers match the desired state.",
        "1 in sync, 0 unknown, 0 ignored.",
        f"{23 + LISTED_ODD} assets managed by no file.",
    ]


def test_auditing_never_puts_and_lists_page_by_page(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    found = serve(EmulatorOptions(assets=130))
    write(entries(2, drifted=2))
    assert run("audit", "--json").document["unmanaged"]["count"] == 128 + LISTED_ODD
    assert found.count(COVER) == 0
    assert found.count("GET /v1.0/{project_id}/asset/list") == 2
