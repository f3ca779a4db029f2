"""What the page of `reconcile choose` gets and may do: nothing is written unseen, and nothing chosen is lost."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from support.choosing import ORIGIN, Page, Tab
from support.fakes import FakeClock
from support.taking import Machine

from reconciler.choose import pictures
from reconciler.desired.load import load
from reconciler.emulator.catalogue import ordinary
from reconciler.observe.thumbnails import thumbnail

FILE = Path("desired/covers.yaml")


@pytest.fixture
def page(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Page:
    work = tmp_path / "work"
    (work / "desired").mkdir(parents=True)
    monkeypatch.chdir(work)
    return Page(Machine(tmp_path, clock, {"odd_assets": False}))


def asset(number: int) -> str:
    return ordinary(number).asset_id


def write(*lines: str) -> None:
    FILE.write_text("".join(f"{line}\n" for line in ("covers:", *lines)))


def there() -> bytes | None:
    return FILE.read_bytes() if FILE.exists() else None


def shown(number: int) -> int:
    """The index of the snapshot that is the cover."""
    of = ordinary(number)
    name, _, offset = of.cover.partition("/")
    return sorted(of.sets[name]).index(int(offset))


def test_choosing_changes_one_scalar_and_nothing_else(page: Page) -> None:
    write(f"  {asset(0)}: {shown(0)}   # the keynote", f"  {asset(2)}: {{snapshot: {shown(2)}}}", f"  {asset(4)}: 0")
    before = FILE.read_bytes()

    async def main(tab: Tab) -> None:
        await tab.enter()
        rows = (await tab.get("/api/assets", limit=3))["rows"]
        assert [row["state"] for row in rows] == ["in_sync", "in_sync", "update"]
        row = await tab.choose(asset(0), 3)
        assert row["chosen"]["name"] == "sample[3] 0:30"
        await tab.choose(asset(2), 1)
        assert there() == before
        review = await tab.get("/api/review")
        assert [item["conflict"] for item in review["items"]] == ["", ""]
        assert review["diff"].count("\n+ ") == 2
        done = await tab.post("/api/write", {"digest": review["digest"]})
        assert done == {"written": [str(FILE)], "left": [], "next": ["git diff", "reconcile plan"]}
        assert (await tab.get("/api/state"))["unwritten"] == 0

    page.use(main)
    assert FILE.read_text() == before.decode().replace(f": {shown(0)}   #", ": 3   #").replace(
        f"{{snapshot: {shown(2)}}}", "{snapshot: 1}"
    )
    assert page.machine.count("PUT cover") == page.machine.count("POST process") == 0


def test_another_set_and_a_second_to_be_taken(page: Page) -> None:
    write(f"  {asset(1)}: 0", f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(1), 2, "dots")
        row = await tab.post("/api/choose", {"asset_id": asset(0), "take": 37})
        assert row["chosen"]["name"] == "dots 0:37 (to be taken, billed)"
        await tab.post("/api/choose", {"asset_id": asset(0), "take": 99_999}, 400)
        review = await tab.get("/api/review")
        await tab.post("/api/write", {"digest": review["digest"]})

    page.use(main)
    found = {one.asset_id: (one.set, one.index, one.offset) for one in load(["desired"]).covers}
    assert found == {asset(1): ("dots", 2, None), asset(0): ("dots", None, 37)}


def test_a_new_asset_goes_into_the_file_that_is_chosen(page: Page) -> None:
    write(f"  {asset(0)}: 0")
    Path("desired/more.yaml").write_text("covers: {}\n")

    async def main(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.get("/api/assets", filter="unmanaged"))["total"] == 47
        body = {"asset_id": asset(2), "set": "sample", "index": 1, "file": "desired/more.yaml"}
        await tab.post("/api/choose", body)
        await tab.post("/api/choose", {**body, "asset_id": asset(3), "file": "/etc/passwd"}, 400)
        review = await tab.get("/api/review")
        await tab.post("/api/write", {"digest": review["digest"]})

    page.use(main)
    [entry] = load(["desired/more.yaml"]).covers
    assert (entry.asset_id, entry.index) == (asset(2), 1)


def test_choices_outlive_the_server_and_can_be_undone(page: Page) -> None:
    write(f"  {asset(0)}: 0", f"  {asset(2)}: 0")

    async def first(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 3)
        await tab.choose(asset(2), 4)

    async def second(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.get("/api/state"))["counts"]["chosen"] == 2
        assert (await tab.post("/api/undo", {"asset_id": asset(0)}))["chosen"] is None
        assert [item["asset_id"] for item in (await tab.get("/api/review"))["items"]] == [asset(2)]
        assert await tab.post("/api/undo", {"all": True}) == {"undone": 1}
        assert (await tab.get("/api/review"))["items"] == []

    page.use(first)
    page.use(second)


def test_choosing_what_the_file_says_is_no_choice(page: Page) -> None:
    write(f"  {asset(0)}: -1")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 3)
        row = await tab.choose(asset(0), len(ordinary(0).sets["sample"]) - 1)
        assert row["chosen"] is None

    page.use(main)


@pytest.mark.parametrize("change", ["edited", "deleted", "read-only"])
def test_a_file_that_is_not_as_it_was_is_not_written(page: Page, change: str) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 3)
        review = await tab.get("/api/review")
        if change == "edited":
            write(f"  {asset(0)}: 0", f"  {asset(2)}: 0")
            await tab.post("/api/write", {"digest": review["digest"]}, 409)
        elif change == "deleted":
            os.unlink(FILE)  # noqa: PTH108
            await tab.post("/api/write", {"digest": review["digest"]}, 409)
        left = there()
        now = await tab.get("/api/review")
        if change != "read-only":
            assert now["conflicts"][0]["file"] == str(FILE)
            assert now["items"][0]["conflict"]
        assert there() == left
        if change == "edited":
            carried = await tab.post("/api/carry", {"file": str(FILE)})
            assert carried["conflicts"] == []
            await tab.post("/api/write", {"digest": carried["digest"]})
            assert [one.index for one in load(["desired"]).covers] == [3, 0]

    page.use(main)


def test_an_entry_that_went_keeps_its_choice_until_it_is_undone(page: Page) -> None:
    write(f"  {asset(0)}: 0", f"  {asset(2)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 3)
        write(f"  {asset(2)}: 0")
        carried = await tab.post("/api/carry", {"file": str(FILE)})
        assert "no desired file has an entry for it" in carried["items"][0]["conflict"]
        await tab.post("/api/undo", {"asset_id": asset(0)})
        assert (await tab.get("/api/review"))["conflicts"] == []

    page.use(main)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ORIGIN, "Host": "evil.example:8080"}, 403),
        ({"Origin": ORIGIN, "Host": "127.0.0.1:9"}, 403),
        ({"Origin": ORIGIN, "Content-Type": "text/plain"}, 415),
        ({"Origin": ORIGIN}, 200),
    ],
)
def test_only_this_page_may_change_anything(page: Page, headers: dict[str, str], status: int) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        body = f'{{"asset_id": "{asset(0)}", "set": "sample", "index": 3}}'
        given = {"Content-Type": "application/json", **headers}
        answer = await tab.client.post("/api/choose", content=body, headers=given)
        assert answer.status_code == status
        assert (await tab.get("/api/state"))["unwritten"] == (status == 200)

    page.use(main)


def test_without_the_token_nothing_is_told(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        for path in ("/", "/api/state", "/api/assets", "/static/app.js", f"/picture/{asset(0)}/cover"):
            answer = await tab.client.get(path)
            assert (answer.status_code, asset(0) in answer.text) == (403, False)
        assert (await tab.client.get("/", params={"token": "wrong"})).status_code == 403
        entered = await tab.client.get("/", params={"token": tab.guard.token}, follow_redirects=False)
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "default-src 'none'" in entered.headers["content-security-policy"]

    page.use(main)


def test_rows_are_found_by_title_id_file_and_state(page: Page) -> None:
    write(f"  {asset(0)}: {shown(0)}", f"  {asset(2)}: 0", f"  {'f' * 32}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()

        async def ids(**query: Any) -> list[str]:
            return [row["asset_id"] for row in (await tab.get("/api/assets", **query))["rows"]]

        assert await ids(filter="drifted") == [asset(2)]
        assert await ids(filter="unknown") == ["f" * 32]
        assert await ids(file=str(FILE)) == [asset(0), asset(2), "f" * 32]
        assert await ids(q=asset(2)[:12].upper()) == [asset(2)]
        title = ordinary(1).title
        assert asset(1) in await ids(q=title[:4])
        counts = (await tab.get("/api/state"))["counts"]
        assert (counts["all"], counts["drifted"], counts["unknown"], counts["unmanaged"]) == (49, 1, 1, 46)
        assert len(await ids(limit=5, offset=10)) == 5

    page.use(main)


def test_the_strip_marks_the_cover_and_what_is_wanted(page: Page) -> None:
    write(f"  {asset(0)}: 2")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 4)
        found = await tab.get(f"/api/assets/{asset(0)}")
        [strip] = found["sets"]
        marks = {
            mark: [one["index"] for one in strip["snapshots"] if one[mark]] for mark in ("cover", "wanted", "chosen")
        }
        assert marks == {"cover": [shown(0)], "wanted": [2], "chosen": [4]}
        other = await tab.get(f"/api/assets/{asset(3)}")
        assert [one["index"] for one in other["sets"][0]["snapshots"] if one["cover"]] == [shown(3)]
        picture = await tab.client.get(strip["snapshots"][0]["picture"]["url"])
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
        missing = await tab.client.get(f"/picture/{asset(0)}/sample-99")
        assert missing.status_code == 404

    page.use(main)


def test_choices_that_were_tampered_with_are_none(page: Page, tmp_path: Path) -> None:
    write(f"  {asset(0)}: 0")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "choices.json").write_text('{"x": 1}')

    async def main(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.get("/api/state"))["unwritten"] == 0

    page.use(main)


def test_a_file_that_cannot_be_written_stays_and_the_others_are_written(page: Page) -> None:
    write(f"  {asset(0)}: 0")
    other = Path("desired/other.yaml")
    other.write_text(f"covers:\n  {asset(2)}: 0\n")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(0), 3)
        await tab.choose(asset(2), 4)
        review = await tab.get("/api/review")
        refuse(FILE)
        done = await tab.post("/api/write", {"digest": review["digest"]})
        assert done["written"] == [str(other)]
        assert [left["file"] for left in done["left"]] == [str(FILE)]
        assert [item["asset_id"] for item in (await tab.get("/api/review"))["items"]] == [asset(0)]

    page.use(main)
    assert [one.index for one in load(["desired"]).covers] == [0, 4]


def refuse(file: Path) -> None:
    """It becomes a link, with the same bytes: no file is written through one, even as root."""
    target = file.rename(file.with_suffix(".kept"))
    file.symlink_to(target.name)


def test_an_asset_that_was_deleted_is_said_and_its_choice_stays(page: Page) -> None:
    write(f"  {asset(0)}: 0", f"  {asset(2)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        page.machine.delete(asset(2))
        found = await tab.get(f"/api/assets/{asset(2)}")
        assert (found["sets"], found["can_take"]) == ([], False)
        assert found["message"]
        await tab.post("/api/choose", {"asset_id": asset(2), "set": "sample", "index": 1}, 400)
        await tab.choose(asset(0), 3)
        review = await tab.get("/api/review")
        assert (await tab.post("/api/write", {"digest": review["digest"]}))["written"] == [str(FILE)]

    page.use(main)


def test_pictures_that_cannot_be_read_are_said_and_stop_nothing(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        page.machine.faults["GET 10.jpg"] = [(httpx.Response(503), False)] * 20
        found = await tab.client.get(f"/picture/{asset(0)}/sample-1")
        assert found.status_code == 404
        assert "503" in found.text
        assert (await tab.client.get(f"/picture/{asset(0)}/sample-2")).status_code == 200

    page.use(main)


def test_two_tabs_see_the_same_choices(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        before = (await tab.get("/api/state"))["version"]
        await tab.choose(asset(0), 3)
        state = await tab.get("/api/state")  # as the other tab asks
        assert (state["version"] > before, state["unwritten"]) == (True, 1)
        review = await tab.get("/api/review")
        await tab.choose(asset(0), 4)
        await tab.post("/api/write", {"digest": review["digest"]}, 409)

    page.use(main)
    assert there() == f"covers:\n  {asset(0)}: 0\n".encode()


def test_an_odd_id_in_the_list_is_no_row(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    def change(answer: dict[str, Any]) -> None:
        answer["assets"][1]["asset_id"] = "../../etc/passwd"

    page.machine.edits["GET list"] = change

    async def main(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.get("/api/state"))["counts"]["all"] == 47
        assert (await tab.client.get("/api/assets/..%2F..%2Fetc%2Fpasswd")).status_code in (400, 404)

    page.use(main)


def test_an_asset_is_read_again_after_some_minutes(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        before = page.machine.count("GET details")
        for _ in range(3):
            await tab.get(f"/api/assets/{asset(3)}")
        assert page.machine.count("GET details") == before + 1
        await page.machine.clock.sleep(301)
        await tab.get(f"/api/assets/{asset(3)}")
        assert page.machine.count("GET details") == before + 2

    page.use(main)


def test_the_page_and_what_it_loads(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        kinds = {}
        for path in ("/", "/static/app.js", "/static/app.css", "/static/icon.svg", "/static/tokens.css"):
            answer = await tab.client.get(path)
            kinds[path] = (answer.status_code, answer.headers["content-type"].partition(";")[0])
        assert kinds == {
            "/": (200, "text/html"),
            "/static/app.js": (200, "text/javascript"),
            "/static/app.css": (200, "text/css"),
            "/static/icon.svg": (200, "image/svg+xml"),
            "/static/tokens.css": (200, "text/css"),
        }
        assert "--paper" in (await tab.client.get("/static/tokens.css")).text
        for path in ("/static/none.js", "/static/..%2Fapp.py", "/static/index.html"):
            assert (await tab.client.get(path)).status_code == 404
        assert (await tab.client.head("/")).status_code == 200

    page.use(main)


def test_requests_that_make_no_sense_are_refused(page: Page) -> None:
    write(f"  {asset(0)}: 0", f"  {asset(2)}: {{ignore: true}}")
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}

    async def main(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.client.get("/api/assets", params={"filter": "odd"})).status_code == 400
        assert (await tab.get("/api/assets", offset="x", limit="-1"))["rows"] == []
        for body in ("{", "[]", '"' + "x" * 70_000 + '"', "[" * 60_000):
            assert (await tab.client.post("/api/choose", content=body, headers=headers)).status_code == 400
        for wrong in ({"asset_id": 5}, {"asset_id": "f" * 32}, {"asset_id": asset(0), "set": "sample", "index": 99}):
            assert "error" in await tab.post("/api/choose", wrong, 400)
        refused = await tab.post("/api/choose", {"asset_id": asset(2), "set": "sample", "index": 1}, 400)
        assert "ignore: true" in refused["error"]
        write("  [")
        broken = await tab.post("/api/carry", {"file": str(FILE)}, 502)
        assert f"{FILE}:" in broken["error"]

    page.use(main)


def test_a_new_entry_is_shown_as_a_diff(page: Page) -> None:
    write(f"  {asset(0)}: 0")

    async def main(tab: Tab) -> None:
        await tab.enter()
        await tab.choose(asset(2), 1)
        review = await tab.get("/api/review")
        assert review["diff"].startswith(f"--- {FILE}\n+++ {FILE}\n")
        assert f"+  {asset(2)}: 1" in review["diff"]
        assert review["items"][0]["text"].startswith("not managed -> sample[1]")
        assert await tab.post("/api/choose", {"asset_id": asset(4), "take": 1})

    page.use(main)


def test_blank_covers_are_counted_and_found(page: Page) -> None:
    write(f"  {asset(0)}: 0", f"  {asset(2)}: 0")
    black = io.BytesIO()
    Image.new("RGB", (320, 180)).save(black, "JPEG")
    page.machine.upload(asset(2), black.getvalue())

    async def main(tab: Tab) -> None:
        await tab.enter()
        assert (await tab.get("/api/state"))["counts"]["blank"] == 1
        [row] = (await tab.get("/api/assets", filter="blank"))["rows"]
        assert (row["asset_id"], row["cover"]["blank"]) == (asset(2), "nearly black")

    page.use(main)


def test_a_list_that_cannot_be_read_is_said(page: Page) -> None:
    write(f"  {asset(0)}: 0")
    refused = {"error_code": "VOD.10074", "error_msg": "Not allowed."}
    page.machine.faults["GET list"] = [(httpx.Response(403, json=refused), False)] * 5

    async def main(tab: Tab) -> None:
        await tab.enter()
        state = await tab.get("/api/state")
        assert "VOD.10074" in state["reading"]["waiting"]

    page.use(main)
    assert "VOD.10074" in page.told[0]


def test_thumbnails_are_made_once_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    write(f"  {asset(0)}: 0")
    made: list[int] = []

    def counted(data: bytes, width: int) -> object:
        made.append(width)
        return thumbnail(data, width)

    monkeypatch.setattr(pictures, "thumbnail", counted)
    monkeypatch.setattr(pictures, "_MOST_BYTES", 40_000)

    async def main(tab: Tab) -> None:
        await tab.enter()
        made.clear()
        for _ in range(2):
            for size in (320, 1280):
                await tab.client.get(f"/picture/{asset(0)}/sample-1", params={"size": size})
        assert made == [320, 1280]
        for index in range(12):
            await tab.client.get(f"/picture/{asset(0)}/sample-{index}", params={"size": 1280})
        await tab.client.get(f"/picture/{asset(0)}/sample-1", params={"size": 320})
        assert made[-1] == 320

    page.use(main)
