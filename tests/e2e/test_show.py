"""show: an asset's snapshots, so that one can choose."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support.command_line import DIGITS, Cloud, run, video

from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]


def test_snapshots_by_set_with_index_offset_and_the_cover(emulator: str) -> None:
    ran = run("show", DIGITS, "--endpoint", emulator)
    assert ran.code == 0
    rows = [line.partition("  http://")[0].rstrip() for line in ran.lines]
    assert rows == [
        f'{DIGITS} "产品发布会 2026（完整版）"',
        "  cover: dots[1] 0:03",
        "    sample[0] 0:00",
        "    sample[1] 0:03",
        "    sample[2] 0:06",
        "    sample[3] 0:09",
        "    sample[4] 0:12",
        "    sample[5] 0:15",
        "    dots[0] 0:02",
        "  * dots[1] 0:03",
        "    dots[2] 0:05",
        "    dots[3] 0:10",
        "    dots[4] 0:13",
    ]
    assert ran.lines[9].endswith(f"/asset/{DIGITS}/snapshot/dots/3.jpg"), "one can look before one chooses"


def test_indices_follow_the_offsets_whatever_the_order_of_the_answer(emulator: str) -> None:
    [asset] = run("show", video(8).asset_id, "--endpoint", emulator, "--json").document["assets"]
    offsets = [snapshot["offset"] for snapshot in asset["snapshots"]]
    assert offsets == sorted(offsets)
    assert [snapshot["index"] for snapshot in asset["snapshots"]] == list(range(15))
    assert [snapshot["offset"] for snapshot in asset["snapshots"] if snapshot["cover"]] == [6]


def test_several_assets_in_either_case(emulator: str) -> None:
    ids = [video(0).asset_id, video(3).asset_id.upper()]
    document = run("show", *ids, "--endpoint", emulator, "--json").document
    assert [asset["asset_id"] for asset in document["assets"]] == [video(0).asset_id, video(3).asset_id]


@pytest.mark.parametrize(
    ("odd", "cover"),
    [
        ("custom_cover", "cover: cover/Cover0.jpg (none of its snapshots)"),
        ("no_cover", "cover: none"),
        ("no_snapshots", "no snapshots"),
        ("snapshots_in_progress", "no snapshots (THUMBNAILING)"),
    ],
)
def test_odd_assets(emulator: str, odd: str, cover: str) -> None:
    ran = run("show", ODD[odd], "--endpoint", emulator)
    assert ran.code == 0
    assert f"  {cover}" in ran.lines


def test_an_asset_that_is_not_there_does_not_hide_the_others(emulator: str) -> None:
    ran = run("show", ODD["asset_not_found"], DIGITS, "--endpoint", emulator, "--json")
    assert ran.code == 1
    missing, there = ran.document["assets"]
    assert missing["reason"] == "asset_not_found"
    assert there["snapshots"]


@pytest.mark.parametrize("subjects", [["no-such-file.json"], [DIGITS, "short"], ["../../etc", DIGITS]])
def test_what_is_neither_an_asset_nor_a_plan(emulator: str, subjects: list[str]) -> None:
    ran = run("show", *subjects, "--endpoint", emulator, "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "usage")
    assert "32 hexadecimal digits" in ran.document["error"]["message"]


def test_a_black_cover_is_marked_where_pictures_are_read(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    black = io.BytesIO()
    Image.new("RGB", (320, 180)).save(black, "JPEG")
    found.upload(DIGITS, black.getvalue())

    with_pictures = run("show", DIGITS, "--html", "show.html")
    [asset] = run("show", DIGITS, "--html", "show.html", "--json").document["assets"]
    plain = run("show", DIGITS)
    [unmeasured] = run("show", DIGITS, "--json").document["assets"]

    assert "  cover: cover/Cover0.jpg (none of its snapshots), nearly black" in with_pictures.lines
    assert asset["blank"] == "nearly black"
    assert not any("blank" in snapshot for snapshot in asset["snapshots"])
    assert "nearly black" in Path("show.html").read_text(encoding="utf-8")
    assert "  cover: cover/Cover0.jpg (none of its snapshots)" in plain.lines
    assert "blank" not in unmeasured
