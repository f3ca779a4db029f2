"""`--target` and `--exclude`: by asset ID or title, and a glob that matches nothing is a mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import ASSET, OTHER, FakeClock, FakeCloud, desired, observed, snapshot_url

from reconciler.errors import UsageError
from reconciler.model import NoAnswer
from reconciler.planning.selection import Selection


def selected(selection: Selection, asset_id: str, title: str) -> bool:
    by_id = selection.by_id(asset_id)
    if by_id is not None:
        return by_id
    return selection.by_title(asset_id, replace(observed(), asset_id=asset_id, title=title))


@pytest.mark.parametrize(
    ("targets", "excludes", "expected"),
    [
        ((), (), ["one", "two", "three"]),
        (("6e76*",), (), ["one"]),
        ((ASSET,), (), ["one"]),
        ((ASSET.upper(),), (), ["one"]),
        (("Trailer*",), (), ["two"]),
        (("trailer*",), (), []),
        (("*",), (), ["one", "two", "three"]),
        (("6e76*", "Trailer*"), (), ["one", "two"]),
        ((), ("6e76*",), ["two", "three"]),
        ((), ("Trailer*",), ["one", "three"]),
        (("*",), ("Trailer*", "6e*"), ["three"]),
        (("Trailer?2[0-9]",), (), ["two"]),
        (("41cff*",), ("41cff*",), []),
        (("railer",), (), []),
    ],
)
def test_what_is_selected(targets: tuple[str, ...], excludes: tuple[str, ...], expected: list[str]) -> None:
    assets = {"one": (ASSET, "A film"), "two": (OTHER, "Trailer 26"), "three": ("0" * 32, "")}
    selection = Selection(targets, excludes)

    assert [name for name, (asset_id, title) in assets.items() if selected(selection, asset_id, title)] == expected


def test_whole_ids_need_no_titles() -> None:
    selection = Selection((ASSET,), (OTHER,))

    assert [selection.by_id(asset_id) for asset_id in (ASSET, OTHER, "0" * 32)] == [True, False, False]


def test_a_glob_that_matches_nothing_is_named() -> None:
    selection = Selection(("6e76*", "Nobody*"), ("Never*",))
    selected(selection, ASSET, "A film")

    with pytest.raises(UsageError) as caught:
        selection.check_all_matched()

    assert "'Nobody*'" in caught.value.message
    assert "'Never*'" in caught.value.message
    assert "6e76" not in caught.value.message


def test_globs_that_all_matched_are_fine() -> None:
    selection = Selection(("6e76*",), ("Trailer*",))
    selected(selection, ASSET, "A film")
    selected(selection, OTHER, "Trailer 26")

    selection.check_all_matched()


def test_an_asset_that_cannot_be_read_may_be_meant_but_one_that_is_gone_is_not() -> None:
    selection = Selection(("Trailer*",))

    assert selection.by_title(ASSET, NoAnswer("api_error", "")) is True
    assert selection.by_title(ASSET, NoAnswer("asset_not_found", "")) is False


def test_everything_taken_and_everything_left_out_again_is_no_idle_glob() -> None:
    selection = Selection(["*"], ["*"])
    assert selection.by_id(ASSET) is False
    selection.check_all_matched()


def test_a_target_that_only_meets_excluded_assets_is_not_idle() -> None:
    selection = Selection([f"{ASSET[:6]}*"], [ASSET])
    assert selection.by_id(ASSET) is False
    selection.check_all_matched()


def test_a_title_with_the_characters_of_a_glob_is_matched_as_it_is() -> None:
    title = "Video [4K] final"
    for selection, expected in ((Selection([title], []), True), (Selection([], [title]), False)):
        assert selected(selection, ASSET, title) is expected
        selection.check_all_matched()


def test_an_ignored_entry_is_read_for_no_title(clock: FakeClock) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, snapshot_url(offset=0))
    entries = [desired(), desired(OTHER, line=2, ignore=True)]
    by_title = clock.run(cloud.planner(clock).make_plan(entries, Selection(("Title of 6e76*",)), 2, lambda: None))
    assert (by_title.managed, by_title.ignored) == (1, ())
    by_id = clock.run(cloud.planner(clock).make_plan(entries, Selection((ASSET, OTHER)), 2, lambda: None))
    assert (by_id.managed, len(by_id.ignored)) == (2, 1)
