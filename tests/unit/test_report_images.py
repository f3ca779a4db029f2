"""The pictures of a report: the most useful ones within the limits, each with a reason where there is none."""

from __future__ import annotations

import asyncio
import base64
import io
import random
from collections.abc import Sequence

import httpx
import pytest
from PIL import Image
from support.fakes import CDN, FakeClock, FakeCloud, Handler, Picture, served, snapshot_url

from reconciler.documents.images import AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.errors import UsageError
from reconciler.model import SetName, Snapshot, SnapshotRef
from reconciler.observe import report_images
from reconciler.observe.pictures import Pictures
from reconciler.observe.report_images import ImageRequest, collect, count
from reconciler.vod.fast_client import FastHttpClient


def jpeg(colour: tuple[int, int, int] = (200, 60, 60), size: tuple[int, int] = (640, 360)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def noise(seed: int, scale: int = 1, size: tuple[int, int] = (480, 270)) -> bytes:
    """Grains of `scale` pixels: with 1 hardly to be compressed, with more like a picture full of detail."""
    width, height = size
    grains = (width // scale, height // scale)
    image = Image.frombytes("RGB", grains, random.Random(seed).randbytes(grains[0] * grains[1] * 3))
    out = io.BytesIO()
    image.resize(size).save(out, "JPEG")
    return out.getvalue()


A_JPEG = jpeg()


def asset(number: int) -> str:
    return f"{number:032x}"


def cover_url(number: int) -> str:
    return f"{CDN}/asset/{asset(number)}/cover/Cover0.jpg"


def snapshots(number: int, amount: int, name: SetName = "sample") -> tuple[Snapshot, ...]:
    return tuple(Snapshot(name, i, 5 * i, snapshot_url(asset(number), 5 * i, name)) for i in range(amount))


def wanted(number: int, index: int = 2, amount: int = 6, more: tuple[Snapshot, ...] = ()) -> ImageRequest:
    """A change from a copy to a snapshot."""
    sample = snapshots(number, amount)
    return ImageRequest(asset(number), cover_url(number), sample[index].url, sample + more, sample[index].ref)


def cloud(*changes: ImageRequest) -> FakeCloud:
    """A CDN with all the pictures there are."""
    made = FakeCloud()
    for change in changes:
        for url in (change.cover_url, *(item.url for item in change.snapshots)):
            made.pictures[url] = Picture(A_JPEG)
    return made


def collected(
    clock: FakeClock, server: Handler, changes: Sequence[ImageRequest], most: int = 200, parallelism: int = 4
) -> ImagesByAsset:
    http = FastHttpClient(transport=httpx.MockTransport(server))
    pictures = Pictures(http, trusted=False, clock=clock, timeout=30)
    return clock.run(collect(changes, pictures, most=most, parallelism=parallelism, advance=lambda: None))


def fetched(server: FakeCloud) -> list[str]:
    return [url for _, url in server.asked]


def shown(images: AssetImages) -> list[int | None]:
    """The indexes of the snapshots that have a picture."""
    return [ref.index for ref, image in images.snapshots if image.data]


def pixels(embedded: EmbeddedImage) -> Image.Image:
    head, _, body = embedded.data.partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(body)), formats=["WEBP"]) as image:
        assert image.size == (embedded.width, embedded.height)
        return image.copy()


def test_a_change_has_its_cover_the_wanted_picture_and_its_snapshots(clock: FakeClock) -> None:
    change = wanted(1)
    server = cloud(change)
    server.pictures[change.put_url] = Picture(jpeg((20, 20, 220)))

    images = collected(clock, server, [change])[asset(1)]

    assert images.after is not None
    assert (images.before.width, images.after.width) == (480, 480)
    assert [(ref.set, ref.index, ref.offset, image.width, image.why) for ref, image in images.snapshots] == [
        ("sample", i, 5 * i, 160, "") for i in range(6)
    ]
    blue = [pixels(image).resize((1, 1)).getpixel((0, 0)) for image in (images.after, images.snapshots[2][1])]
    assert all(isinstance(colour, tuple) and colour[2] > 180 > colour[0] for colour in blue)


def test_the_same_picture_is_fetched_once(clock: FakeClock) -> None:
    """The wanted snapshot is `after` and among the snapshots; this cover is a snapshot as well."""
    sample = snapshots(1, 4)
    change = ImageRequest(asset(1), sample[0].url, sample[3].url, sample, sample[3].ref)
    server = cloud(change)

    images = collected(clock, server, [change])[asset(1)]

    assert sorted(fetched(server)) == sorted(item.url for item in sample)
    assert images.before.width == 480
    assert shown(images) == [0, 1, 2, 3]


def test_covers_and_wanted_snapshots_come_before_any_other_snapshot(clock: FakeClock) -> None:
    changes = [wanted(1), wanted(2), wanted(3)]
    server = cloud(*changes)

    found = collected(clock, server, changes, most=6, parallelism=1)

    assert fetched(server) == [url for change in changes for url in (change.cover_url, change.put_url)]
    assert [shown(found[asset(number)]) for number in (1, 2, 3)] == [[2], [2], [2]]
    others = found[asset(3)].snapshots
    assert {image.why for ref, image in others if ref.index != 2} == {"Not among the first 6 pictures."}


def test_what_is_left_goes_to_the_nearest_snapshots_asset_by_asset(clock: FakeClock) -> None:
    changes = [wanted(1, amount=4), wanted(2, index=3, amount=9)]
    server = cloud(*changes)

    found = collected(clock, server, changes, most=10, parallelism=1)

    assert fetched(server)[4:] == [
        *(snapshot_url(asset(1), offset) for offset in (15, 5, 0)),
        *(snapshot_url(asset(2), offset) for offset in (20, 10, 25)),
    ]
    assert shown(found[asset(1)]) == [0, 1, 2, 3]
    assert shown(found[asset(2)]) == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("most", "assets", "pictures"),
    [(0, 0, 0), (1, 0, 0), (2, 1, 2), (3, 1, 3), (6, 3, 6), (7, 3, 7), (20, 3, 20), (21, 3, 21), (200, 3, 21)],
)
def test_never_more_pictures_than_the_limit(clock: FakeClock, most: int, assets: int, pictures: int) -> None:
    """A change with only one of its two pictures would help nobody."""
    changes = [wanted(number) for number in (1, 2, 3)]
    server = cloud(*changes)

    found = collected(clock, server, changes, most=most)

    assert len(fetched(server)) == count(changes, most) == pictures
    assert list(found) == [asset(number) for number in range(1, 1 + assets)]


def test_which_assets_have_pictures_depends_on_their_order_alone(clock: FakeClock) -> None:
    """A later change is not preferred because it needs only one picture."""
    sample = snapshots(3, 2)
    uncovered = ImageRequest(asset(3), "", sample[0].url, sample, sample[0].ref)
    changes = [wanted(1), wanted(2), uncovered]

    assert list(collected(clock, cloud(*changes), changes, most=3)) == [asset(1)]


def test_a_cover_that_several_assets_have_counts_once(clock: FakeClock) -> None:
    changes = [
        ImageRequest(asset(number), cover_url(0), snapshot_url(asset(number)), (), None) for number in (1, 2, 3)
    ]
    server = FakeCloud()
    server.pictures = {url: Picture(A_JPEG) for change in changes for url in (change.cover_url, change.put_url)}

    found = collected(clock, server, changes, most=4)

    assert len(fetched(server)) == count(changes, 4) == 4
    assert [bool(images.before.data) for images in found.values()] == [True, True, True]


def test_three_thousand_changes_cost_no_more_than_the_limit(clock: FakeClock) -> None:
    changes = [wanted(number) for number in range(1, 3001)]
    server = cloud(*changes[:120])

    found = collected(clock, server, changes)

    assert len(fetched(server)) == 200
    assert list(found) == [asset(number) for number in range(1, 101)]


def test_many_snapshots_are_cut_to_those_around_the_wanted_one(clock: FakeClock) -> None:
    more = snapshots(1, 5, "dots")
    changes = [wanted(1, index=50, amount=100, more=more), wanted(2, index=0, amount=25), wanted(3, amount=24)]

    found = collected(clock, cloud(*changes), changes)

    assert shown(found[asset(1)]) == list(range(39, 63))
    assert {ref.set for ref, _ in found[asset(1)].snapshots} == {"sample"}
    assert shown(found[asset(2)]) == list(range(24))
    assert shown(found[asset(3)]) == list(range(24))


def test_snapshots_of_other_sets_come_last_and_by_their_time(clock: FakeClock) -> None:
    dots = tuple(Snapshot("dots", i, at, snapshot_url(asset(1), at, "dots")) for i, at in enumerate((1, 9, 11, 30)))
    change = wanted(1, amount=3, more=dots)
    server = cloud(change)

    images = collected(clock, server, [change], most=6, parallelism=1)[asset(1)]

    assert fetched(server)[2:] == [change.snapshots[1].url, change.snapshots[0].url, dots[2].url, dots[1].url]
    assert [(ref.set, ref.index, bool(image.data)) for ref, image in images.snapshots] == [
        *(("sample", i, True) for i in range(3)),
        *(("dots", i, i in (1, 2)) for i in range(4)),
    ]


def test_to_choose_from_there_are_up_to_a_hundred_and_no_after(clock: FakeClock) -> None:
    sample = snapshots(1, 120)
    choose = ImageRequest(asset(1), sample[5].url, "", sample, sample[5].ref)
    uncovered = ImageRequest(asset(2), "", "", snapshots(2, 7), None)

    found = collected(clock, cloud(choose, uncovered), [choose, uncovered])

    assert found[asset(1)].after is None
    assert found[asset(1)].before.data
    assert shown(found[asset(1)]) == list(range(100))
    assert found[asset(2)].before == EmbeddedImage("", why="It has no cover.")
    assert shown(found[asset(2)]) == list(range(7))


BROKEN = {
    "missing": (httpx.Response(404), "HTTP 404"),
    "a page": (httpx.Response(200, html="<html>Log in</html>"), "a page instead of a picture"),
    "no picture": (served(b"GIF89a nothing"), "not a JPEG, PNG or WebP"),
    "SVG": (served(b"<svg/>", {"Content-Type": "image/svg+xml"}), "not a JPEG, PNG or WebP"),
    "truncated": (served(A_JPEG[:700]), "cannot be decoded"),
    "huge": (served(b"\0" * (20 * 2**20 + 1)), "more than 20 MiB"),
    "a proxy of no use": (UsageError("The proxy is of no use", hint="Set another"), "The proxy is of no use."),
}


@pytest.mark.parametrize(("answer", "why"), BROKEN.values(), ids=BROKEN)
def test_a_picture_that_cannot_be_had_says_why_and_the_others_are_shown(
    clock: FakeClock, answer: httpx.Response | Exception, why: str
) -> None:
    change = wanted(1)
    server = cloud(change)

    async def serve(request: httpx.Request) -> httpx.Response:
        if str(request.url) != change.cover_url:
            return await server(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    images = collected(clock, serve, [change])[asset(1)]

    assert images.before.data == ""
    assert why in images.before.why
    assert images.after is not None
    assert images.after.data
    assert shown(images) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "nonsense", "https://u:p@cdn.example.com/a.jpg", "https://["])
def test_a_url_that_is_not_opened_is_a_placeholder(clock: FakeClock, url: str) -> None:
    sample = snapshots(1, 2)
    change = ImageRequest(asset(1), url, sample[0].url, sample, sample[0].ref)

    images = collected(clock, cloud(change), [change])[asset(1)]

    assert images.before.data == ""
    assert "u:p" not in images.before.why
    assert images.before.why


def test_secrets_of_the_url_are_not_told(clock: FakeClock) -> None:
    change = ImageRequest(asset(1), f"{cover_url(1)}?auth_key=very-secret", "", (), None)

    why = collected(clock, FakeCloud(), [change])[asset(1)].before.why

    assert "HTTP 404" in why
    assert "very-secret" not in why + repr(change)


def test_secrets_that_an_error_quotes_are_not_told(clock: FakeClock) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no way to {request.url}")

    change = ImageRequest(asset(1), f"{CDN}/0.jpg?auth_key=very-secret", "", (), None)
    why = collected(clock, serve, [change])[asset(1)].before.why

    assert "no way to" in why
    assert "very-secret" not in why


def test_a_picture_that_never_comes_holds_up_none_of_the_others(clock: FakeClock) -> None:
    changes = [wanted(1), wanted(2)]
    server = cloud(*changes)

    async def serve(request: httpx.Request) -> httpx.Response:
        if str(request.url) == changes[0].cover_url:
            await asyncio.Event().wait()
        return await server(request)

    found = collected(clock, serve, changes, parallelism=2)

    assert "no answer within 30 s" in found[asset(1)].before.why
    assert all(image.data for images in found.values() for _, image in images.snapshots)
    assert clock.time < 300


def test_cancelling_is_passed_on(clock: FakeClock) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        http = FastHttpClient(transport=httpx.MockTransport(serve))
        pictures = Pictures(http, trusted=False, clock=clock, timeout=30)
        async with asyncio.timeout(1):
            await collect([wanted(1)], pictures, most=9, parallelism=2, advance=lambda: None)

    with pytest.raises(TimeoutError):
        clock.run(main())
    assert clock.time == 1


def size(found: ImagesByAsset) -> int:
    """The characters of all pictures as they will stand in the report."""
    embedded = (
        image
        for images in found.values()
        for image in (images.before, images.after, *(one for _, one in images.snapshots))
    )
    return sum(len(image.data) for image in embedded if image is not None)


def test_all_pictures_together_stay_within_their_room(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a picture does not fit, nothing more is fetched."""
    changes = [wanted(number) for number in range(1, 6)]
    server = cloud()
    for number, change in enumerate(changes):
        server.pictures[change.cover_url] = Picture(noise(number))
        server.pictures[change.put_url] = Picture(noise(-number - 1))
    whole = size(collected(clock, server, changes, most=10))
    server.asked.clear()
    monkeypatch.setattr(report_images, "_MOST_BYTES", whole // 2)

    found = collected(clock, server, changes, most=10, parallelism=1)

    assert whole // 4 < size(found) <= whole // 2
    assert 4 <= len(fetched(server)) <= 6
    assert "Left out" in found[asset(5)].before.why
    assert found[asset(1)].before.data


def test_a_picture_shown_several_times_takes_its_room_each_time(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [ImageRequest(asset(number), cover_url(0), "", (), None) for number in range(1, 11)]
    server = FakeCloud()
    server.pictures[cover_url(0)] = Picture(noise(0))
    whole = size(collected(clock, server, changes))
    monkeypatch.setattr(report_images, "_MOST_BYTES", whole - 1)

    assert size(collected(clock, server, changes)) < whole


@pytest.mark.parametrize("shape", [(480, 270), (360, 640)], ids=["across", "upright"])
def test_two_hundred_pictures_full_of_detail_fit(clock: FakeClock, shape: tuple[int, int]) -> None:
    changes = [wanted(number) for number in range(1, 101)]
    detailed = [Picture(noise(seed, 8, shape)) for seed in range(4)]
    server = cloud()
    for number, change in enumerate(changes):
        server.pictures[change.cover_url] = detailed[number % 4]
        server.pictures[change.put_url] = detailed[(number + 1) % 4]

    found = collected(clock, server, changes)

    assert 2**20 < size(found) <= 11 * 2**20
    assert [images for images in found.values() if images.before.why or not images.after or images.after.why] == []


def test_every_picture_done_with_is_counted(clock: FakeClock) -> None:
    changes = [wanted(1), wanted(2), ImageRequest(asset(3), "", "", (), SnapshotRef("sample", 0, 0))]
    steps: list[int] = []

    async def main() -> None:
        pictures = cloud(changes[0]).reader(clock)
        await collect(changes, pictures, most=200, parallelism=3, advance=lambda: steps.append(1))

    clock.run(main())
    assert len(steps) == count(changes, 200) == 14


def test_no_more_requests_at_once_than_asked_for(clock: FakeClock) -> None:
    change = wanted(1, amount=20)
    server = cloud(change)
    busy = most = 0

    async def serve(request: httpx.Request) -> httpx.Response:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await clock.sleep(1)
        busy -= 1
        return await server(request)

    collected(clock, serve, [change], parallelism=3)
    assert most == 3


def test_a_dead_host_is_given_up_soon(clock: FakeClock) -> None:
    asked: list[str] = []

    async def dead(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        raise httpx.ConnectTimeout("")

    changes = [
        ImageRequest(asset(n), cover_url(n), snapshots(n, 2)[1].url, snapshots(n, 2), snapshots(n, 2)[1].ref)
        for n in range(1, 60)
    ]
    found = collected(clock, dead, changes, parallelism=2)
    assert len(set(asked)) <= 4
    assert "its host did not deliver" in found[asset(9)].before.why
