"""What the service may leave out, add or set to null does not hide what is there."""

from __future__ import annotations

import copy
import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, CDN, FakeClock, Script, details_json, refusal, snapshot_url, vod_client

from reconciler.errors import AuthenticationError
from reconciler.model import NoAnswer, Observed
from reconciler.observe.assets import observe

COVER = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
FULL = details_json(ASSET, COVER)


def seen(body: Any) -> Observed | NoAnswer:
    clock = FakeClock()
    return clock.run(observe(vod_client(Script(httpx.Response(200, json=body)), clock), ASSET))


def asset(**changes: Any) -> Observed:
    found = seen({**FULL, **changes})
    assert isinstance(found, Observed)
    return found


def test_everything_there() -> None:
    found = asset()

    assert found.title == "Title of 6e76"
    assert found.cover_url == COVER
    assert [(s.set, s.index, s.offset, s.url) for s in found.snapshots] == [
        ("sample", index, offset, snapshot_url(offset=offset)) for index, offset in enumerate((0, 5, 10))
    ]


@pytest.mark.parametrize("base", [{"title": None}, {}, {"title": "", "cover_info_array": None}])
def test_a_cover_that_is_not_there(base: dict[str, Any]) -> None:
    found = asset(base_info=base)

    assert (found.title, found.cover_url) == ("", "")


@pytest.mark.parametrize(
    "covers",
    [
        [],
        [None],
        [{}],
        [{"cover_url": None}],
        [{"cover_url": ""}],
    ],
)
def test_a_cover_that_is_empty(covers: list[Any]) -> None:
    assert asset(base_info={"cover_info_array": covers}).cover_url == ""


def test_the_first_cover_that_has_a_url_counts() -> None:
    covers = [None, {"cover_url": ""}, {"cover_url": COVER}, {"cover_url": "https://other"}]

    assert asset(base_info={"cover_info_array": covers}).cover_url == COVER


@pytest.mark.parametrize(
    "info", [None, {}, {"sample": None, "dots": [], "thumbnail_status": None}, {"sample": [None, {}]}]
)
def test_no_snapshots(info: Any) -> None:
    found = asset(thumbnail_info=info)

    assert found.snapshots == ()
    assert found.thumbnail_status == ""


def test_snapshots_without_a_known_asset_id_in_the_answer() -> None:
    assert len(asset(asset_id=None).snapshots) == 3


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=12), st.randoms(use_true_random=False))
def test_an_index_counts_in_order_of_offset_whatever_the_order(offsets: list[int], chance: random.Random) -> None:
    listed = [{"offset": offset, "url": snapshot_url(offset=offset)} for offset in offsets]
    chance.shuffle(listed)

    found = asset(thumbnail_info={"sample": listed, "dots": list(reversed(listed))})

    for name in ("sample", "dots"):
        ordered = [s for s in found.snapshots if s.set == name]
        assert [s.offset for s in ordered] == sorted(offsets)
        assert [s.index for s in ordered] == list(range(len(offsets)))
        assert all(s.url == snapshot_url(offset=s.offset) for s in ordered)


def test_snapshots_at_the_same_offset_always_come_in_the_same_order() -> None:
    listed = [{"offset": 5, "url": f"{CDN}/asset/{ASSET}/snapshot/sample/{n}.jpg?auth_key={9 - n}"} for n in range(4)]
    there = asset(thumbnail_info={"sample": listed})
    back = asset(thumbnail_info={"sample": listed[::-1]})

    assert there.snapshots == back.snapshots


@pytest.mark.parametrize("offset", ["5", 5.0])
def test_an_offset_written_as_text_or_with_a_point_is_a_number(offset: object) -> None:
    (found,) = asset(thumbnail_info={"sample": [{"offset": offset, "url": "https://x"}]}).snapshots

    assert found.offset == 5


@pytest.mark.parametrize(
    "body",
    [
        {**FULL, "base_info": "text"},
        {**FULL, "thumbnail_info": [1]},
        {**FULL, "thumbnail_info": {"sample": [{"offset": "soon", "url": "x"}]}},
        {**FULL, "thumbnail_info": {"sample": [{"url": "without an offset"}]}},
        {**FULL, "thumbnail_info": {"sample": {"offset": 1}}},
        {**FULL, "thumbnail_info": {"sample": [{"offset": 1e400}]}},
    ],
)
def test_content_of_the_wrong_kind_is_unknown_and_never_a_guess(body: Any) -> None:
    if body["thumbnail_info"] == {"sample": [{"offset": float("inf")}]}:
        response = httpx.Response(
            200, content=b'{"asset_id": "%s", "thumbnail_info": {"sample": [{"offset": 1e400}]}}' % ASSET.encode()
        )
    else:
        response = httpx.Response(200, json=body)
    clock = FakeClock()
    # Somebody who speaks the API is there: an unreadable answer is then this asset's own trouble.
    server = Script(refusal(400, "VOD.10062"), *[response] * 5)

    async def main() -> Observed | NoAnswer:
        client = vod_client(server, clock)
        await observe(client, ASSET)
        return await observe(client, ASSET)

    found = clock.run(main())
    assert isinstance(found, NoAnswer)
    assert found.reason == "api_error"


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.text(min_size=1, max_size=6).map(lambda name: f"x_{name}"), JUNK, max_size=3)


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Every JSON object in `value`, itself first."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [value] if isinstance(value, dict) else []
    return found + [item for part in inner for item in objects_of(part)]


@given(st.data())
def test_unknown_fields_and_empty_elements_change_nothing(data: st.DataObject) -> None:
    body = copy.deepcopy(FULL)
    for part in objects_of(body):
        part.update(data.draw(FIELDS))
    for items in (body["base_info"]["cover_info_array"], body["thumbnail_info"]["sample"]):
        for at in data.draw(st.lists(st.integers(0, len(items)), max_size=2)):
            items.insert(at, data.draw(st.sampled_from([None, {}])))

    assert seen(body) == seen(FULL)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal(400, "VOD.10062", "gone"), "asset_not_found"),
        (refusal(403, "VOD.10062", "gone"), "asset_not_found"),
        (refusal(404, "VOD.10062", "gone"), "asset_not_found"),
        (refusal(403, "VOD.10074", "no permission", {"X-Request-Id": "req-9"}), "api_error"),
        (refusal(404), "api_error"),
    ],
)
def test_a_refusal_is_a_value_with_a_reason(clock: FakeClock, answer: httpx.Response, reason: str) -> None:
    found = clock.run(observe(vod_client(Script(answer), clock), ASSET))

    assert isinstance(found, NoAnswer)
    assert found.reason == reason
    assert answer.headers.get("X-Request-Id", "") in found.message


def test_a_401_is_nobodys_own_trouble(clock: FakeClock) -> None:
    with pytest.raises(AuthenticationError):
        clock.run(observe(vod_client(Script(refusal(401)), clock), ASSET))


def test_urls_stay_out_of_repr() -> None:
    found = asset(base_info={"cover_info_array": [{"cover_url": f"{COVER}?auth_key=secret"}]})

    assert "secret" not in repr(found)
    assert "snapshot/sample" not in repr(found)


@pytest.mark.parametrize("odd", [None, 5, ["MP4"], {"why": "x"}])
def test_what_little_depends_on_may_be_of_any_type(odd: Any) -> None:
    base = {**FULL["base_info"], "video_type": odd, "meta_data": odd}
    found = asset(base_info=base, thumbnail_info={**FULL["thumbnail_info"], "exec_desc": odd})
    assert (len(found.snapshots), found.audio, found.length_ms, found.task_error) == (3, "", None, "")
