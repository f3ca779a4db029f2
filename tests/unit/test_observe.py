"""One asset's details, as the service may write them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from support.fakes import ASSET, CDN, FakeClock, Script, desired, details_json, snapshot_url, vod_client

from reconciler.decide.verdict import judge
from reconciler.model import NoAnswer, Observed, Verdict
from reconciler.observe.assets import observe


def read(clock: FakeClock, body: Any) -> tuple[Observed | NoAnswer, int]:
    """What one asset's details come to, and how many requests that took."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    server = Script(httpx.Response(200, content=content))
    return clock.run(observe(vod_client(server, clock), ASSET)), len(server.requests)


@pytest.mark.parametrize("offset", [{}, {"offset": None}], ids=["missing", "null"])
def test_a_snapshot_without_its_offset_is_placed_by_its_file_name(clock: FakeClock, offset: dict[str, None]) -> None:
    body = details_json()
    body["thumbnail_info"]["sample"] = [
        {"offset": 20, "url": snapshot_url(offset=20)},
        {**offset, "url": f"{snapshot_url(offset=10)}?auth_key=1-2-3"},
        {"offset": 0, "url": snapshot_url(offset=0)},
        {**offset, "url": snapshot_url(offset=5)},
    ]
    seen, _ = read(clock, body)
    assert isinstance(seen, Observed)
    assert [(item.index, item.offset) for item in seen.snapshots] == [(0, 0), (1, 5), (2, 10), (3, 20)]
    assert seen.snapshots[2].url.endswith("/10.jpg?auth_key=1-2-3")


@pytest.mark.parametrize("name", ["cover.jpg", "a10.jpg", "10", ""])
def test_a_snapshot_that_has_no_place_makes_the_asset_unknown_after_one_read(clock: FakeClock, name: str) -> None:
    """Without it no index would be sure; and asking again brings the same answer."""
    body = details_json()
    url = f"{CDN}/asset/{ASSET}/snapshot/sample/{name}"
    body["thumbnail_info"]["sample"][1] = {"offset": None, "url": url}
    seen, requests = read(clock, body)
    assert isinstance(seen, NoAnswer)
    assert (seen.reason, requests) == ("api_error", 1)
    assert "without its offset" in seen.message


def test_half_a_surrogate_pair_in_a_title_is_no_reason_not_to_read_the_rest(clock: FakeClock) -> None:
    body = json.dumps(details_json()).replace("Title of", "Half \\ud800 of").encode()
    assert b"\\ud800" in body
    seen, requests = read(clock, body)
    assert isinstance(seen, Observed)
    assert requests == 1
    assert seen.title.startswith("Half ")
    assert len(seen.snapshots) == 3
    seen.title.encode()


@pytest.mark.parametrize("place", ["thumbnail_info", "base_info", None], ids=["with the others", "base", "top"])
def test_snapshots_in_progress_are_known_wherever_the_service_says_so(clock: FakeClock, place: str | None) -> None:
    body = details_json()
    body["thumbnail_info"] = {}
    (body[place] if place else body)["thumbnail_status"] = "THUMBNAILING"
    seen, _ = read(clock, body)
    assert isinstance(seen, Observed)
    verdict = judge(desired(), seen, "auto")
    assert isinstance(verdict, Verdict)
    assert verdict.reason == "snapshots_in_progress"
