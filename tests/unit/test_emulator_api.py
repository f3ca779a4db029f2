"""The emulator's calls, in process: what a client of the documented API may rely on."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.emulator import ODD, catalogue
from reconciler.emulator.app import create_app
from reconciler.emulator.options import (
    DOMAIN_NAME,
    PROJECT_ID,
    REGION,
    USER_NAME,
    USER_PASSWORD,
    EmulatorOptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


BASE = "http://emulator.test"
FIRST = "6e76f92034ceae2fcdcef9413221511f"
ASSET = f"/v1.0/{PROJECT_ID}/asset"
LOGIN = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": USER_NAME, "password": USER_PASSWORD, "domain": {"name": DOMAIN_NAME}}},
        },
        "scope": {"project": {"name": REGION}},
    }
}


class Cloud:
    """An emulator on a clock that stands still until it is moved, and a client that has logged in."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.now = 1_790_000_000.0
        self.app = create_app(state, EmulatorOptions(**options), BASE, clock=lambda: self.now)
        login = self.send("POST", "/v3/auth/tokens", json=LOGIN)
        self.token = login.headers.get("X-Subject-Token", "")

    def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, url, **arguments)

        return asyncio.run(once())

    def call(self, method: str, name: str, **arguments: Any) -> httpx.Response:
        return self.send(method, f"{ASSET}/{name}", headers={"X-Auth-Token": self.token}, **arguments)

    def details(self, asset_id: str = FIRST, **params: str) -> Any:
        answer = self.call("GET", "details", params={"asset_id": asset_id, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, url: str) -> httpx.Response:
        return self.call("PUT", "cover", json={"thumbnailUrl": url})

    def cover_url(self, asset_id: str = FIRST) -> str:
        return str(self.details(asset_id)["base_info"]["cover_info_array"][0]["cover_url"])


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[..., Cloud]:
    def build(**options: Any) -> Cloud:
        return Cloud(tmp_path / "deeper" / "state.sqlite", **options)

    return build


def other_snapshot(cloud: Cloud, asset_id: str = FIRST) -> str:
    """The URL of a snapshot that is not the cover at first: the first asset's cover is at 60 s."""
    return str(cloud.details(asset_id)["thumbnail_info"]["sample"][0]["url"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


# Who may call


def test_without_credentials_or_with_wrong_ones_every_call_is_refused(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    for name in ("details", "info", "list"):
        assert code(there.send("GET", f"{ASSET}/{name}")) == (401, "APIGW.0301")
    forged = {"X-Auth-Token": there.token[:-1] + ("0" if there.token[-1] != "0" else "1")}
    assert code(there.send("GET", f"{ASSET}/list", headers=forged)) == (401, "APIGW.0301")
    wrong = json.loads(json.dumps(LOGIN).replace(USER_PASSWORD, "guess"))
    assert code(there.send("POST", "/v3/auth/tokens", json=wrong)) == (401, "APIGW.0301")


def test_a_token_ends_after_a_day(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    there.now += 24 * 3600 - 1
    assert there.call("GET", "list").status_code == 200
    there.now += 1
    assert code(there.call("GET", "list")) == (401, "APIGW.0301")


def test_another_project_is_refused_by_path_and_by_header(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    headers = {"X-Auth-Token": there.token}
    foreign = f"/v1.0/{'f' * 32}/asset/list"
    assert code(there.send("GET", foreign, headers=headers)) == (403, "VOD.10057")
    headers["X-Project-Id"] = "f" * 32
    assert code(there.send("GET", f"{ASSET}/list", headers=headers)) == (403, "VOD.10057")


def test_the_project_is_found_by_the_regions_name(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    headers = {"X-Auth-Token": there.token}
    found = there.send("GET", "/v3/projects", params={"name": REGION}, headers=headers).json()
    assert [project["id"] for project in found["projects"]] == [PROJECT_ID]
    assert there.send("GET", "/v3/projects?name=nowhere", headers=headers).json()["projects"] == []
    assert code(there.send("GET", "/v3/projects")) == (401, "APIGW.0301")


def test_every_answer_names_its_request(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    answers = [there.call("GET", "list"), there.send("GET", "/nowhere"), there.send("GET", f"{ASSET}/list")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


# Reading


def test_details_hold_the_categories_that_were_asked_for(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    assert set(there.details()) == {"asset_id", "base_info", "thumbnail_info"}
    assert set(there.details(categories="base_info")) == {"asset_id", "base_info"}
    assert set(there.details(categories="thumbnail_info,base_info")) == set(there.details())
    bad = there.call("GET", "details", params={"asset_id": FIRST, "categories": "everything"})
    assert code(bad) == (400, "VOD.10053")


def test_snapshots_are_named_after_their_offset_and_not_always_in_order(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    ordered = []
    for asset in there.call("GET", "list", params={"size": 24}).json()["assets"]:
        sample = there.details(asset["asset_id"])["thumbnail_info"]["sample"]
        for item in sample:
            path = httpx.URL(item["url"]).path
            assert path.endswith(f"/asset/{asset['asset_id']}/snapshot/sample/{item['offset']}.jpg")
        offsets = [item["offset"] for item in sample]
        ordered.append(offsets == sorted(offsets))
    assert True in ordered
    assert False in ordered


def test_unknown_assets(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    missing = ODD["asset_not_found"]
    assert code(there.call("GET", "details", params={"asset_id": missing})) == (400, "VOD.10062")
    info = there.call("GET", "info", params={"asset_id": [missing, FIRST]}).json()["asset_info_array"]
    assert [(item["asset_id"], item["status"]) for item in info] == [
        (missing, "NO_ASSET"),
        (FIRST, "PUBLISHED"),
    ]
    assert there.call("GET", "list", params={"asset_id": missing}).json() == {"total": 0, "assets": []}


def test_info_and_list_take_at_most_ten_ids(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    ids = [f"{number:032x}" for number in range(11)]
    for name in ("info", "list"):
        assert there.call("GET", name, params={"asset_id": ids[:10]}).status_code == 200
        assert code(there.call("GET", name, params={"asset_id": ids})) == (400, "VOD.10053")


@pytest.mark.parametrize("name", ["list", "info"])
def test_pages_hold_every_asset_once(cloud: Callable[..., Cloud], name: str) -> None:
    there = cloud(assets=150)
    seen: list[str] = []
    while True:
        body = there.call("GET", name, params={"page": len(seen) // 50, "size": 50}).json()
        items = body["assets" if name == "list" else "asset_info_array"]
        seen += [item["asset_id"] for item in items]
        if len(items) < 50:
            break
    assert len(seen) == len(set(seen)) == body["total"]
    assert set(seen) >= set(ODD.values()) - {ODD["asset_not_found"], ODD["api_error"]}
    assert len(set(seen) - set(ODD.values())) == 150


@pytest.mark.parametrize("params", [{"size": "101"}, {"size": "0"}, {"page": "200", "size": "100"}, {"page": "-1"}])
def test_pages_out_of_reach_are_refused(cloud: Callable[..., Cloud], params: dict[str, str]) -> None:
    assert code(cloud().call("GET", "list", params=params)) == (400, "VOD.10053")


def test_the_last_page_within_reach_is_answered(cloud: Callable[..., Cloud]) -> None:
    assert cloud().call("GET", "list", params={"page": 199, "size": 100}).json()["assets"] == []


def test_lists_can_be_narrowed_by_time_both_ends_included(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    everything = there.call("GET", "list", params={"size": 24}).json()["assets"]
    span = {"start_time": everything[5]["create_time"], "end_time": everything[8]["create_time"]}
    found = there.call("GET", "list", params=span).json()
    assert [asset["asset_id"] for asset in found["assets"]] == [a["asset_id"] for a in everything[5:9]]
    assert found["total"] == 4
    assert code(there.call("GET", "list", params={"start_time": "yesterday"})) == (400, "VOD.10053")


def test_odd_assets_are_as_the_table_says(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    assert "thumbnail_info" not in there.details(ODD["no_snapshots"])
    assert "thumbnail_info" not in there.details(ODD["snapshots_failed"])
    assert there.details(ODD["snapshots_in_progress"])["thumbnail_info"]["thumbnail_status"] == "THUMBNAILING"
    assert len(there.details(ODD["snapshot_out_of_range"])["thumbnail_info"]["sample"]) == 1
    assert FIRST in there.details(ODD["foreign_snapshot"])["thumbnail_info"]["sample"][0]["url"]
    assert there.send("GET", there.cover_url(ODD["content_unavailable"])).status_code == 404
    failing = there.call("GET", "details", params={"asset_id": ODD["api_error"]})
    assert code(failing) == (500, "VOD.10051")
    assert "cover_info_array" not in there.details(ODD["no_cover"])["base_info"]
    assert there.details(ODD["null_cover"])["base_info"]["cover_info_array"] is None
    assert there.details(ODD["empty_cover"])["base_info"]["cover_info_array"] == []


# What tests look at


def test_the_log_counts_calls_by_template_and_leaves_its_own_out(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    there.details()
    there.put(other_snapshot(there))
    there.send("GET", f"/shield/asset/{FIRST}/cover/Cover0.jpg")
    shown = there.send("GET", "/_emulator/requests").json()
    assert shown["counts"] == {
        "POST /v3/auth/tokens": 1,
        "GET /v1.0/{project_id}/asset/details": 2,
        "PUT /v1.0/{project_id}/asset/cover": 1,
        "GET /asset/{rest:path}": 1,
    }
    assert [tuple(entry.values()) for entry in shown["requests"]] == there.app.state.requests
    assert there.app.state.requests[1] == ("GET", f"{ASSET}/details", f"asset_id={FIRST}", 200)
    listed = there.send("GET", "/_emulator/catalogue").json()["assets"]
    assert listed[0]["cover"] == {"kind": "copy", "snapshot": "sample/0"}


@pytest.mark.parametrize("name", ["list", "info"])
def test_ids_may_stand_in_one_parameter(cloud: Callable[..., Cloud], name: str) -> None:
    first, second = catalogue.ordinary(0).asset_id, catalogue.ordinary(1).asset_id
    body = cloud().call("GET", name, params={"asset_id": f"{first},{second}"}).json()
    items = body["assets" if name == "list" else "asset_info_array"]
    assert [item["asset_id"] for item in items] == [first, second]


def test_the_list_can_be_searched_by_title(cloud: Callable[..., Cloud]) -> None:
    title = catalogue.ordinary(7).title
    found = cloud().call("GET", "list", params={"query_string": title[2:].upper()}).json()
    assert catalogue.ordinary(7).asset_id in [item["asset_id"] for item in found["assets"]]
    assert found["total"] < 24


@pytest.mark.parametrize("name", ["tags", "category_id", "order"])
def test_filters_that_it_lacks_are_refused_and_not_ignored(cloud: Callable[..., Cloud], name: str) -> None:
    assert code(cloud().call("GET", "list", params={name: "x"})) == (400, "VOD.10053")


@pytest.mark.parametrize("name", ["nonsense", "cover/nonsense"])
def test_a_call_that_is_not_there_is_no_picture(cloud: Callable[..., Cloud], name: str) -> None:
    assert code(cloud().call("GET", name)) == (404, "APIGW.0101")
