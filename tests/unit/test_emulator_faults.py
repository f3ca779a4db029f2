"""The emulator's quotas and faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from test_emulator_api import ASSET, BASE, FIRST, LOGIN, Cloud, code, other_snapshot

from reconciler.emulator.options import ALWAYS, PROJECT_ID, FaultRule, QuotaRate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.emulator.options import FaultKind, FaultRoute

SECOND = "31415926535897932384626433832795"


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[..., Cloud]:
    return lambda **options: Cloud(tmp_path / "state.sqlite", **options)


# Quotas


def test_a_moving_window_for_reads_and_one_for_writes(cloud: Callable[..., Cloud]) -> None:
    there = cloud(quota=(QuotaRate(3), QuotaRate(1, 2.0)))
    wanted = f"{BASE}/asset/{FIRST}/snapshot/sample/0.jpg"
    assert [there.call("GET", name).status_code for name in ("list", "info")] == [200, 200]
    there.now += 59
    assert there.call("GET", "list").status_code == 200
    refused = there.call("GET", "list")
    assert code(refused) == (429, "APIGW.0308")
    assert refused.json()["error_msg"].endswith("policy user over ratelimit,limit:3,time:1 minute")
    assert there.put(wanted).status_code == 204
    assert there.put(wanted).json()["error_msg"].endswith("limit:1,time:2 second")
    there.now += 1
    assert [there.call("GET", "list").status_code for _ in range(3)] == [200, 200, 429]
    assert there.put(wanted).status_code == 429
    there.now += 1
    assert there.put(wanted).status_code == 204


def test_pictures_and_refused_callers_take_nothing_from_the_quota(cloud: Callable[..., Cloud]) -> None:
    there = cloud(quota=(1, 1))
    for _ in range(3):
        assert there.send("GET", f"/asset/{FIRST}/cover/Cover0.jpg").status_code == 200
        assert there.send("GET", f"{ASSET}/list").status_code == 401
    assert there.call("GET", "list").status_code == 200
    assert there.call("GET", "list").status_code == 429


# Faults


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("500", 500),
        ("502", 502),
        ("503", 503),
        ("504", 504),
        ("429", 429),
        ("429-retry-after", 429),
        ("403", 403),
        ("html", 200),
    ],
)
def test_the_first_requests_fail_and_change_nothing(
    cloud: Callable[..., Cloud], kind: FaultKind, status: int
) -> None:
    there = cloud(cover_mode="reference", faults=(FaultRule("cover", kind, 2),))
    before, wanted = there.cover_url(), other_snapshot(there)
    for answer in (there.put(wanted), there.put(wanted)):
        assert answer.status_code == status
        assert ("Retry-After" in answer.headers) is (kind == "429-retry-after")
        assert answer.headers["Content-Type"].startswith("text/html") is (kind in {"html", "502", "503", "504"})
        assert there.cover_url() == before
    assert there.put(wanted).status_code == 204
    assert there.cover_url() == wanted


def test_attempts_are_counted_for_each_url_and_each_body(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("cover", "503", 1), FaultRule("list", "503", 1)))
    urls = [item["url"] for item in there.details()["thumbnail_info"]["sample"]]
    assert [there.put(url).status_code for url in (urls[0], urls[1], urls[1], urls[0])] == [503, 503, 204, 204]
    pages = [there.call("GET", f"list?page={page}").status_code for page in (0, 1, 1, 0)]
    assert pages == [503, 503, 200, 200]


def test_a_new_signature_makes_no_new_url(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("picture", "503", 1),))
    cover = f"/asset/{FIRST}/cover/Cover0.jpg"
    paths = (f"{cover}?auth_key=1-0-0-a", f"{cover}?auth_key=2-0-0-b", f"{cover}?x=1")
    assert [there.send("GET", path).status_code for path in paths] == [503, 200, 503]
    assert there.send("HEAD", cover).status_code == 503, "each method is counted on its own"


def test_a_rule_with_a_text_concerns_only_what_contains_it(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("cover", "403", ALWAYS, FIRST), FaultRule("picture", "503", 1, "/sample/")))
    other = other_snapshot(there, SECOND)
    assert [there.put(other_snapshot(there)).status_code for _ in range(3)] == [403, 403, 403]
    assert there.put(other).status_code == 204
    assert there.send("GET", f"/asset/{FIRST}/cover/Cover0.jpg").status_code == 200
    assert there.send("GET", f"/asset/{FIRST}/snapshot/sample/0.jpg").status_code == 503


@pytest.mark.parametrize(
    ("kind", "error", "changed"),
    [
        ("reset", httpx.ReadError, False),
        ("lost", httpx.ReadError, True),
        # A 204 has no body to cut: the answer ends before it starts.
        ("truncated", httpx.ReadError, True),
    ],
)
def test_a_dropped_answer_says_nothing_about_the_change(
    cloud: Callable[..., Cloud], kind: FaultKind, error: type[Exception], changed: bool
) -> None:
    there = cloud(cover_mode="reference", faults=(FaultRule("cover", kind, 1),))
    wanted = other_snapshot(there)
    with pytest.raises(error):
        there.put(wanted)
    assert (there.cover_url() == wanted) is changed
    statuses = [entry[3] for entry in there.app.state.requests if entry[0] == "PUT"]
    assert statuses == [0]


@pytest.mark.parametrize(
    ("route", "method", "url"),
    [
        ("details", "GET", f"{ASSET}/details?asset_id={FIRST}"),
        ("info", "GET", f"{ASSET}/info"),
        ("list", "GET", f"{ASSET}/list"),
        ("picture", "GET", f"/asset/{FIRST}/cover/Cover0.jpg"),
        ("token", "POST", "/v3/auth/tokens"),
        ("projects", "GET", "/v3/projects"),
    ],
)
def test_bodies_can_be_cut_short_on_every_route(
    cloud: Callable[..., Cloud], route: FaultRoute, method: str, url: str
) -> None:
    # The text leaves out the login with which the test begins.
    there = cloud(faults=(FaultRule(route, "truncated", 1, PROJECT_ID if route == "token" else ""),))
    arguments: dict[str, Any] = {"headers": {"X-Auth-Token": there.token}}
    if method == "POST":
        scope = {"project": {"id": PROJECT_ID}}
        arguments["json"] = {"auth": {**LOGIN["auth"], "scope": scope}}
    with pytest.raises(httpx.RemoteProtocolError):
        there.send(method, url, **arguments)
    assert there.send(method, url, **arguments).is_success


def test_a_hang_lasts_until_the_client_gives_up(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("list", "hang", 1),))

    async def impatient() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=there.app), base_url=BASE) as client:
            asking = asyncio.ensure_future(client.get(f"{ASSET}/list", headers={"X-Auth-Token": there.token}))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not asking.done()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(impatient())
    assert there.app.state.requests[-1][3] == 0
