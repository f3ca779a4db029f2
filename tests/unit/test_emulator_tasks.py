"""The emulator's snapshots on demand and uploaded covers: they take time, are billed, and change the cover."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from test_emulator_api import BASE, FIRST, Cloud, code

from reconciler.emulator import ODD
from reconciler.emulator.options import PROJECT_ID
from reconciler.emulator.pictures import drawn
from reconciler.observe.similarity import alike

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

THEIRS = b"\xff\xd8\xff a picture of their own"
TASKS = f"/v1/{PROJECT_ID}/asset/tasks"


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[..., Cloud]:
    return lambda **options: Cloud(tmp_path / "state.sqlite", **options)


def take(there: Cloud, *dots: int, asset_id: str = FIRST, **more: Any) -> httpx.Response:
    thumbnail = {"type": "dots", "dots": list(dots), "cover_position": 1, "max_length": 1080, **more}
    return there.call("POST", "process", json={"asset_id": asset_id, "thumbnail": thumbnail})


def seconds(there: Cloud, asset_id: str = FIRST) -> list[int]:
    return [item["offset"] for item in there.details(asset_id)["thumbnail_info"].get("dots", [])]


def statuses(there: Cloud) -> list[str]:
    answer = there.send(
        "GET", TASKS, params={"type": "THUMBNAIL", "asset_id": FIRST}, headers={"X-Auth-Token": there.token}
    )
    return [task["status"] for task in answer.json()["results"]]


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def announce(there: Cloud, data: bytes = THEIRS, kind: str = "JPG", asset_id: str = FIRST) -> httpx.Response:
    body = {"asset_id": asset_id, "cover_id": 0, "cover_type": kind, "cover_md5": md5(data)}
    return there.send("PUT", f"/v1.0/{PROJECT_ID}/asset", json=body, headers={"X-Auth-Token": there.token})


def upload(
    there: Cloud, url: str, data: bytes = THEIRS, *, kind: str = "image/jpeg", given: str = ""
) -> httpx.Response:
    named = {"Content-Type": kind, "Content-MD5": given or md5(THEIRS)}
    return there.send("PUT", url.removeprefix(BASE), content=data, headers=named)


def test_a_task_takes_its_time_then_changes_the_cover(cloud: Callable[..., Cloud]) -> None:
    there = cloud(task_seconds=60, cover_mode="reference")
    before = there.cover_url()
    answer = take(there, 37, 5)
    assert (answer.status_code, answer.json()["thumbnail_task_id"]) == (202, "task-1")
    there.now += 59
    assert there.details()["thumbnail_info"] == {"thumbnail_status": "THUMBNAILING", "exec_desc": ""}
    assert (statuses(there), there.cover_url()) == (["PROCESSING"], before)
    there.now += 1
    assert (seconds(there), statuses(there)) == ([5, 37], ["SUCCEED"])
    assert there.cover_url().endswith("/snapshot/dots/37.jpg")
    assert there.send("GET", there.cover_url()).status_code == 200


@pytest.mark.parametrize(("mode", "left"), [("accumulate", [5, 9, 37]), ("replace", [9])])
def test_new_dots_replace_the_old_ones_or_add_to_them(
    cloud: Callable[..., Cloud], mode: str, left: list[int]
) -> None:
    there = cloud(dots=mode)
    take(there, 37, 5)
    take(there, 9)
    assert seconds(there) == left


def test_each_picture_is_billed(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    take(there, 1, 2, 3)
    take(there, 1)
    take(there, 999_999)
    assert there.send("GET", "/_emulator/billing").json() == {"tasks": 2, "pictures": 4}


def test_a_second_task_is_refused_while_one_is_under_way(cloud: Callable[..., Cloud]) -> None:
    there = cloud(task_seconds=60)
    take(there, 1)
    assert code(take(there, 2)) == (400, "VOD.10083")
    there.now += 60
    assert take(there, 2).status_code == 202


def test_a_task_may_fail(cloud: Callable[..., Cloud]) -> None:
    there = cloud(failing_tasks=1)
    before = there.cover_url()
    take(there, 37)
    assert there.call("GET", "list", params={"asset_id": FIRST}).json()["assets"][0]["thumbnail_status"] == (
        "THUMBNAIL_FAILED"
    )
    assert (statuses(there), there.cover_url()) == (["FAILED"], before)
    take(there, 37)
    assert seconds(there) == [37]


@pytest.mark.parametrize(
    ("dots", "more"),
    [
        ([], {}),
        (list(range(11)), {}),
        ([-1], {}),
        ([1.5], {}),
        ([True], {}),
        ([100_000], {}),
        ([1], {"type": "time"}),
        ([1], {"cover_position": "1"}),
    ],
)
def test_what_the_api_does_not_take(cloud: Callable[..., Cloud], dots: list[Any], more: dict[str, Any]) -> None:
    there = cloud()
    assert code(take(there, *dots, **more)) == (400, "VOD.10053")
    assert there.send("GET", "/_emulator/billing").json()["tasks"] == 0


def test_a_position_outside_of_the_dots_leaves_the_cover_alone(cloud: Callable[..., Cloud]) -> None:
    there = cloud(cover_mode="reference")
    before = there.cover_url()
    take(there, 37, cover_position=0)
    assert (there.cover_url(), seconds(there)) == (before, [37])


def test_an_unknown_asset(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    assert code(take(there, 1, asset_id=ODD["asset_not_found"])) == (403, "VOD.10062")
    assert code(announce(there, asset_id=ODD["asset_not_found"])) == (403, "VOD.10062")


def test_an_uploaded_cover_is_shown(cloud: Callable[..., Cloud]) -> None:
    there = cloud(propagation=180)
    url = announce(there).json()["cover_upload_url"]
    assert upload(there, url).status_code == 200
    copied = f"/asset/{FIRST}/cover/Cover0.jpg"
    assert there.send("GET", copied).content != THEIRS
    there.now += 180
    assert there.send("GET", copied).content == THEIRS


def test_a_service_that_re_encodes_does_so_with_what_is_uploaded(cloud: Callable[..., Cloud]) -> None:
    there = cloud(cover_mode="recode")
    theirs = drawn("f" * 32, "sample", 3).data
    assert upload(there, announce(there, theirs).json()["cover_upload_url"], theirs, given=md5(theirs)).is_success
    shown = there.send("GET", f"/asset/{FIRST}/cover/Cover0.jpg").content
    assert (shown != theirs, alike(shown, theirs)) == (True, True)
    assert upload(there, announce(there).json()["cover_upload_url"]).is_success
    assert there.send("GET", f"/asset/{FIRST}/cover/Cover0.jpg").content == THEIRS


def test_an_upload_is_exactly_what_was_announced(cloud: Callable[..., Cloud]) -> None:
    there = cloud(upload_seconds=60)
    url = announce(there).json()["cover_upload_url"]
    assert code(upload(there, url, b"another")) == (400, "OBS.BadDigest")
    assert code(upload(there, url, b"another", given=md5(b"another")))[0] == 403
    assert code(upload(there, url, kind="image/png"))[0] == 403
    assert code(upload(there, url.replace("expires=1", "expires=2")))[0] == 403
    there.now += 60
    assert code(upload(there, url)) == (403, "OBS.AccessDenied")
    assert code(announce(there, kind="WEBP")) == (400, "VOD.10053")


def test_a_service_may_refuse_uploads(cloud: Callable[..., Cloud]) -> None:
    assert code(announce(cloud(uploads="refuse"))) == (400, "VOD.10060")


def test_bodies_that_are_no_objects(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    for body in (b"", b"[]", b"{"):
        assert code(there.call("POST", "process", content=body)) == (400, "VOD.10053")
    assert code(there.call("POST", "process", json={"asset_id": "x"})) == (400, "VOD.10053")
    headers = {"X-Auth-Token": there.token}
    answer = there.send("GET", TASKS, params={"type": "TRANSCODE"}, headers=headers)
    assert code(answer) == (400, "VOD.10053")
    wrong = {"asset_id": FIRST, "cover_type": "JPG", "cover_md5": "not base64!"}
    assert code(there.send("PUT", f"/v1.0/{PROJECT_ID}/asset", json=wrong, headers=headers)) == (400, "VOD.10053")


def test_a_task_of_an_asset_that_was_deleted_meanwhile_ends(cloud: Callable[..., Cloud]) -> None:
    there = cloud(task_seconds=60)
    take(there, 1)
    there.send("DELETE", "/_emulator/asset", params={"asset_id": FIRST})
    there.now += 60
    assert there.call("GET", "list").status_code == 200
    assert statuses(there) == ["SUCCEED"]
