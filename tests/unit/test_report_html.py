"""The HTML report: whole pages, what a browser's parser sees in them, and what hostile texts become.

Golden files hold the page with the pictures numbered and the style left out; `UPDATE_GOLDEN=1` writes them anew.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from support.hostile import TEXTS, saying
from support.reports import (
    HOSTILE,
    NOTE,
    apply_doc,
    assert_golden,
    asset,
    audit_doc,
    blank_images,
    images,
    in_sync_doc,
    lock_doc,
    many,
    plan_doc,
    rollback_doc,
    show_doc,
    take_doc,
    take_images,
    taken_doc,
)

from reconciler.documents import write
from reconciler.documents.dump import adapter, as_json
from reconciler.documents.images import NO_IMAGES, AssetImages, EmbeddedImage
from reconciler.documents.locked import LockDoc
from reconciler.documents.schemas import ApplyDoc, AuditDoc, ChangedDoc, FieldDoc, PlanDoc, SinceDoc
from reconciler.documents.shown import ShowDoc
from reconciler.errors import UsageError
from reconciler.model import Reason, Source
from reconciler.report import phrases, text
from reconciler.report.html import render as html
from reconciler.report.options import RenderOptions
from reconciler.util.rate import WRITE_RATE, Rate

Document = PlanDoc | AuditDoc | ApplyDoc | LockDoc | ShowDoc
ROOT = Path(__file__).parents[2]
VOID = {"meta", "link", "img"}
UNSAFE = "\x1b\u202e\u200b\x00\r"
"""Some of what must not reach the page as it is."""


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "__version__", "1.2.3")


class Seen(HTMLParser):
    """What a browser's parser makes of a page: elements with attributes in order, and the text in each."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def text(self) -> str:
        return " ".join(re.sub(r"\s+", " ", data) for tag, data in self.texts if tag != "style")

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def without_bytes(page: str) -> str:
    """The page with each picture's bytes replaced by its number, and without the style."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"picture {numbers.setdefault(match.group(), len(numbers) + 1)}"

    page = re.sub(r"data:image/webp;base64,[\w+/=]+", number, page)
    page = re.sub(r"'sha256-[\w+/=]+'", "'sha256-…'", page)
    return re.sub(r"<style>.*</style>", "<style>…</style>", page, flags=re.DOTALL)


def long_audit() -> AuditDoc:
    """An audit that tells everything an audit may tell."""
    since = SinceDoc(
        created_at="2026-11-21T08:30:00Z",
        drifted=(asset(1), asset(2)),
        resolved=(asset(10),),
        no_longer_managed=(),
        unknown=(asset(6),),
        changed=(
            ChangedDoc(
                asset_id=asset(3), fields=(FieldDoc(field="before.cover_url", before=f"x{HOSTILE}", after=None),)
            ),
        ),
        newly_unmanaged=(f"{1:032x}",),
        no_longer_unmanaged=(),
    )
    return replace(audit_doc(), since=since, targets=("Lesson*",), excludes=(f"*{HOSTILE}*",))


def hostile_plan() -> PlanDoc:
    """As somebody may write it into the file of a saved plan."""
    plan = plan_doc()
    source = Source(file=f"desired/{HOSTILE}.yaml", line=3, column=1)
    changes = tuple(replace(item, title=HOSTILE, note=NOTE, source=source) for item in plan.changes)
    return replace(plan, changes=changes, endpoint=HOSTILE, created_at=HOSTILE, tool_version=HOSTILE)


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "plan": plan_doc,
    "audit": long_audit,
    "apply": apply_doc,
    "rollback": rollback_doc,
    "plan-take": take_doc,
    "apply-take": taken_doc,
    "show": show_doc,
    "lock": lock_doc,
    "in sync": in_sync_doc,
    "hostile": hostile_plan,
}
every_document = pytest.mark.parametrize("make", DOCUMENTS.values(), ids=DOCUMENTS)


@pytest.mark.parametrize("kind", ["plan", "audit", "apply", "rollback", "lock", "show"])
def test_whole_pages(kind: str) -> None:
    assert_golden(f"{kind}.html", without_bytes(html(DOCUMENTS[kind](), RenderOptions(images=images()))))


@pytest.mark.parametrize("kind", ["plan-take", "apply-take"])
def test_whole_pages_of_snapshots_to_be_taken(kind: str) -> None:
    pictures = take_images() if kind == "plan-take" else images()
    assert_golden(f"{kind}.html", without_bytes(html(DOCUMENTS[kind](), RenderOptions(images=pictures))))


@every_document
@pytest.mark.parametrize("pictures", [images(), NO_IMAGES], ids=["pictures", "none"])
def test_a_page_stands_alone_and_runs_nothing(make: Callable[[], Document], pictures: dict[str, AssetImages]) -> None:
    seen = Seen(html(make(), RenderOptions(images=pictures)))
    assert {"script", "iframe", "object", "form", "base", "svg"}.isdisjoint(seen.tags)
    for tag, attributes in seen.elements:
        assert not any(name.startswith("on") or name in ("style", "srcset") for name in attributes), tag
        for address in (attributes.get("src"), attributes.get("href")):
            assert address is None or address.startswith(("data:", "#"))
    anchors = {attributes["href"][1:] for attributes in seen.of("a")}
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert anchors <= set(ids)
    assert seen.of("meta").count({"name": "referrer", "content": "no-referrer"}) == 1


def test_the_policy_forbids_everything_but_the_pictures_and_the_one_style() -> None:
    page = html(plan_doc(), RenderOptions(images=images()))
    seen = Seen(page)
    (policy,) = [meta["content"] for meta in seen.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    style = page.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{hashed}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "url(" not in style
    assert "@import" not in style


@every_document
def test_a_page_can_be_read_aloud(make: Callable[[], Document]) -> None:
    seen = Seen(html(make(), RenderOptions(images=images())))
    assert seen.of("html") == [{"lang": "en"}]
    assert [seen.tags.count(tag) for tag in ("h1", "header", "main", "footer")] == [1, 1, 1, 1]
    levels = [int(tag[1]) for tag in seen.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for image in seen.of("img"):
        assert re.match(r"(Cover now|Cover before|Wanted|Snapshot|(Old|New) picture)\b", image["alt"])
        assert int(image["width"]) == 320
        assert int(image["height"]) == 180


@every_document
def test_hostile_texts_are_inert_and_legible(make: Callable[[], Document]) -> None:
    page = html(make(), RenderOptions(images=images()))
    assert not [character for character in UNSAFE if character in page]
    assert "::" not in page.partition("</style>")[2]
    if make is not in_sync_doc:
        assert "<script>alert(1)</script>" in Seen(page).text


def test_a_hostile_text_is_nothing_but_text() -> None:
    """The elements of a page are the same, whatever the titles, notes, names and messages say."""

    def tame(text: str) -> str:
        return text.replace(HOSTILE, "tame").replace(NOTE, "tame")

    def tamed(value: object) -> object:
        if isinstance(value, dict):
            return {key: tamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [tamed(item) for item in value]
        return tame(value) if isinstance(value, str) else value

    hostile = hostile_plan()
    quiet = adapter(PlanDoc).validate_python(tamed(as_json(hostile)))
    assert HOSTILE not in str(quiet)
    assert Seen(html(hostile)).elements == Seen(html(quiet)).elements


@pytest.mark.parametrize("make", [plan_doc, audit_doc, apply_doc])
@settings(max_examples=25)
@given(text=TEXTS.filter(bool))
def test_no_text_gets_out_of_its_place(make: Callable[[], PlanDoc | AuditDoc | ApplyDoc], text: str) -> None:
    page = html(saying(make(), text))
    assert not [character for character in UNSAFE if character in page]
    assert "::" not in page.partition("</style>")[2]
    assert Seen(page).elements == Seen(html(saying(make(), "tame"))).elements


def test_secrets_stay_out() -> None:
    told = "see https://cdn.example/a.jpg?auth_key=1700-secret-0-0"
    plan = plan_doc()
    change = replace(plan.changes[0], title=told, note=told)
    pictures = {change.asset_id: AssetImages(EmbeddedImage("", why=told), EmbeddedImage("", why=told))}
    page = html(replace(plan, changes=(change,)), RenderOptions(images=pictures))
    assert page.count("https://cdn.example/a.jpg") == 4
    assert "auth_key" not in page
    assert "1700-secret" not in page


@pytest.mark.parametrize("make", [plan_doc, long_audit, in_sync_doc], ids=["plan", "audit", "in sync"])
def test_the_summary_is_the_text_reports(make: Callable[[], PlanDoc | AuditDoc]) -> None:
    rate = Rate(2, 60)
    lines = text.render(make(), RenderOptions(rate=rate, quiet=True)).splitlines()
    seen = Seen(html(make(), RenderOptions(rate=rate)))
    assert [data for _, data in seen.texts if data in lines] == lines


@pytest.mark.parametrize("waited", [True, False])
def test_the_summary_of_an_apply_is_the_text_reports(waited: bool) -> None:
    done = apply_doc()
    if not waited:
        unseen = tuple(replace(result, verified=None) for result in done.results)
        done = replace(done, results=unseen)
    lines = text.render(done, RenderOptions(quiet=True)).splitlines()
    assert [data for _, data in Seen(html(done)).texts if data in lines] == lines


def test_a_change_shows_its_cover_now_the_wanted_one_and_what_else_there_is() -> None:
    plan = plan_doc()
    page = html(replace(plan, changes=plan.changes[:1]), RenderOptions(images=images()))
    seen = Seen(page)
    assert [image["alt"] for image in seen.of("img")] == [
        "Cover now: sample[0] at 0:00",
        "Wanted: sample[3] at 0:15",
        "Snapshot sample[0] at 0:00, the cover now",
        "Snapshot sample[1] at 0:05",
        "Snapshot sample[2] at 0:10",
        "Snapshot sample[3] at 0:15, wanted",
        "Snapshot sample[4] at 0:20",
        "Snapshot sample[5] at 0:25",
    ]
    assert page.count("✓ wanted") == 1
    for told in ("Opening keynote", asset(1), "desired/campaigns/春季 spring.yaml:11", "Now sample[0] 0:00"):
        assert told in seen.text


def test_pictures_that_show_nothing_are_marked_in_words() -> None:
    plan = plan_doc()
    seen = Seen(html(replace(plan, changes=plan.changes[:1]), RenderOptions(images=blank_images())))
    assert [image["alt"] for image in seen.of("img") if image["alt"].endswith(("black", "colour"))] == [
        "Cover now: sample[0] at 0:00, nearly black",
        "Wanted: sample[3] at 0:15, one colour",
        "Snapshot sample[0] at 0:00, the cover now, nearly black",
        "Snapshot sample[3] at 0:15, wanted, one colour",
    ]
    for told in (
        "Now sample[0] 0:00 ▨ nearly black",
        "Wanted sample[3] 0:15 ▨ one colour",
        "sample[0] 0:00 ● cover now ▨ nearly black",
        "sample[3] 0:15 ✓ wanted ▨ one colour",
    ):
        assert told in seen.text
    assert seen.text.count("▨") == 4


def test_an_upgrade_of_a_lock_to_a_picture_that_shows_nothing_is_marked() -> None:
    seen = Seen(html(lock_doc(), RenderOptions(images=blank_images())))
    assert [image["alt"] for image in seen.of("img")][:2] == [
        "Old picture, nearly black",
        "New picture: sample[3] at 0:15, one colour",
    ]
    assert seen.text.count("▨") == 2


def test_a_picture_that_is_missing_leaves_its_reason() -> None:
    seen = Seen(html(plan_doc(), RenderOptions(images=images())))
    (why,) = [data for _, data in seen.texts if data.startswith("No picture: ")]
    assert why.startswith("No picture: HTTP 404 \\x1b[31m: :error:")
    assert "<script>" in why
    assert "Now cover/Cover0.jpg (none of its snapshots)" in seen.text


def test_how_many_have_no_pictures_is_said_once() -> None:
    some = Seen(html(plan_doc(), RenderOptions(images=images()))).text
    assert some.count("2 of 5 changes have no pictures.") == 1
    assert some.count("No pictures were fetched for this asset.") == 2
    none = Seen(html(plan_doc())).text
    assert none.count("This report was made without pictures.") == 1
    assert "No picture" not in none
    in_sync = Seen(html(in_sync_doc())).text
    assert "without pictures" not in in_sync
    assert "no pictures" not in in_sync


def test_without_pictures_the_covers_are_told_in_words() -> None:
    told = Seen(html(plan_doc())).text
    assert "cover/Cover0.jpg (none of its snapshots) → sample[3] 0:15" in told
    assert "none → sample[3] 0:15" in told
    assert "12,345 → 4,000 bytes" in told
    shown = Seen(html(show_doc())).text
    assert "sample[1] 0:05 sample[2] 0:10 ● cover now sample[3] 0:15" in shown


def test_what_became_of_each_change() -> None:
    seen = Seen(html(apply_doc(), RenderOptions(images=images())))
    for told in (
        "✓ applied, seen in place",
        "! applied, not seen in time",
        "✓ unchanged",
        "✕ failed",
        "(request 1f2e)",
        "✕ stale",
        "– not attempted",
        "The old cover is saved in covers/33333333.jpg",
    ):
        assert told in seen.text
    outcomes = replace(apply_doc(), results=tuple(replace(item, verified=None) for item in apply_doc().results))
    assert "✓ applied Opening keynote" in Seen(html(outcomes)).text


def test_a_cover_that_is_none_of_the_snapshots_to_choose_from_is_shown_besides() -> None:
    shown = as_json(show_doc())
    shown["assets"] = shown["assets"][:1]
    shown["assets"][0]["cover"] = {"cover_url": "https://cdn.example/asset/1/cover/Cover0.jpg", "snapshot": None}
    for snapshot in shown["assets"][0]["snapshots"]:
        snapshot["cover"] = False
    seen = Seen(html(adapter(ShowDoc).validate_python(shown), RenderOptions(images=images())))
    alternatives = [image["alt"] for image in seen.of("img")]
    assert alternatives[0] == "Cover now: cover/Cover0.jpg (not looked at)"
    assert alternatives[1:] == [f"Snapshot sample[{index}] at 0:{5 * index:02}" for index in range(6)]


def test_in_sync_and_ignored_are_folded_away() -> None:
    seen = Seen(html(in_sync_doc()))
    assert "No changes. Your covers match the desired state." in seen.text
    assert "12 in sync They are only counted: a plan does not name them." in seen.text
    assert seen.of("details") == [{}]
    assert "article" not in seen.tags
    folded = Seen(html(long_audit()))
    assert all(attributes == {} for attributes in folded.of("details"))
    for told in ("2 ignored", "23 assets", "2 drifted", "1 changed before.cover_url", "Limited to Lesson*, not *"):
        assert told in re.sub(rf"{asset(3)} ", "", folded.text)


def test_what_to_do_about_the_unknown_is_what_the_readme_says() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| reason for unknown | what to do |")[2]
    told = {
        reason: todo
        for row in table.partition("\n\n")[0].splitlines()[2:]
        for reasons, todo in [row.strip("| ").split(" | ")]
        for reason in re.findall(r"`(\w+)`", reasons)
    }
    advice = {reason: phrases.advice(reason) for reason in get_args(Reason)}
    assert {reason: todo[0].lower() + todo[1:].removesuffix(".") for reason, todo in advice.items()} == told
    seen = Seen(html(plan_doc())).text
    assert (
        "? asset_not_found 1 asset What to do Remove the entry, or correct its ID, the region or the project." in seen
    )
    assert "? no_snapshots 1 asset What to do Take snapshots, set from , or ignore: true ." in seen


def test_three_thousand_changes_fit() -> None:
    page = html(many(3_000, unknown=200))
    assert len(page.encode()) < 4_000_000
    assert Seen(page).tags.count("article") == 3_000


def test_jinja2_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match="The HTML report is not installed") as caught:
        html(plan_doc())
    assert "vod-cover-reconciler[report]" in caught.value.hint


def test_the_default_rate_is_the_services() -> None:
    slower = html(many(201), RenderOptions(rate=Rate(1, 60)))
    assert html(many(201)) == html(many(201), RenderOptions(rate=WRITE_RATE)) != slower
