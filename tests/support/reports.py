"""The documents that all reports are tested with: one of everything, and texts that try to break out."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from reconciler.decide.outcome import Failure, Outcome, OutcomeName
from reconciler.desired.lock_plan import LockAction
from reconciler.documents import write
from reconciler.documents.images import AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.documents.locked import LockChangeDoc, LockDoc, LockSummary
from reconciler.documents.rollback import NotUndoneDoc, RollbackDoc, rollback_document
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.documents.shown import NotShown, ShowDoc, ShownAsset, ShownSnapshot
from reconciler.model import Content, Cover, Desired, Plan, SnapshotRef, Source, Take, Verdict

GOLDEN = Path(__file__).parents[1] / "golden"
BASE = "https://cdn.example/asset"
LOCK = "desired/covers.lock"
JOURNAL = "state/journal.jsonl"
LOCK_ACTIONS: tuple[LockAction, ...] = ("added", "updated", "moved", "dropped")
CATALOGUE, CAMPAIGN = "desired/catalogue.yaml", "desired/campaigns/春季 spring.yaml"
HOSTILE = (
    "\x1b[31m::error::[b]x[/b]<script>alert(1)</script>\n| `code` ``` @octocat #1 !!img "
    "[link](javascript:alert(1)) \u202edcba \U0001f600 [/red] --> ]]> &amp; \"'"
)
"""A title that tries every format's way out."""
NOTE = "##[error] \u202ex </pre> ~~~ \r\n::set-output name=x::y"


def asset(number: int) -> str:
    return f"{number:032x}" if number > 15 else f"{number:x}" * 32


def cover(number: int, index: int, *, content: bool = False) -> Cover:
    ref = SnapshotRef("sample", index, index * 5)
    bytes_ = Content(f"{index % 16:x}" * 64, 1000 * (index + 1)) if content else None
    return Cover(f"{BASE}/{asset(number)}/snapshot/sample/{index * 5}.jpg", ref, bytes_)


def entry(number: int, *, note: str | None = None, ignore: bool = False, file: str = CATALOGUE) -> Desired:
    return Desired(asset(number), file, number + 10, 3, index=3, note=note, ignore=ignore)


def change(
    number: int,
    title: str,
    before: Cover,
    *,
    note: str | None = None,
    content: bool = False,
    file: str = CATALOGUE,
) -> Verdict:
    after = cover(number, 3, content=content)
    return Verdict(entry(number, note=note, file=file), "update", title, before=before, after=after)


COPY = Cover(f"{BASE}/{asset(3)}/cover/Cover0.jpg", None, Content("c" * 64, 12_345))
CHANGES = (
    change(1, "Opening keynote", cover(1, 0), file=CAMPAIGN),
    change(2, "新手入门：第一课", cover(2, 720), note="the logo, not the crowd", file=CAMPAIGN),
    change(3, "Uploaded by hand", COPY, content=True),
    change(4, "", Cover()),
    change(5, HOSTILE, cover(5, 1), note=NOTE),
)
UNKNOWN = (
    Verdict(entry(6), "unknown", reason="asset_not_found", message="details: HTTP 400 VOD.10062: 媒资不存在."),
    Verdict(entry(7, file=CAMPAIGN), "unknown", HOSTILE, reason="no_snapshots", message="It has no snapshots."),
)
PLAN = Plan(
    managed=20,
    in_sync=10,
    changes=CHANGES,
    pending=(Verdict(entry(8), "pending", "Just applied"),),
    unknown=UNKNOWN,
    ignored=(Verdict(entry(9, ignore=True), "ignored"), Verdict(entry(10, note="theirs", ignore=True), "ignored")),
)


def taking(number: int, title: str, take: Take, before: Cover | None = None, note: str | None = None) -> Verdict:
    """A change whose snapshot is to be taken."""
    after = Cover(snapshot=SnapshotRef("dots", None, take.offset))
    desired = replace(entry(number, note=note), set="dots", index=None, offset=take.offset)
    return Verdict(desired, "update", title, before=before or cover(number, 0), after=after, take=take)


_NO_FRAME = "There is no frame at 4000 s. Choose an earlier one: the last whole second is 3599."
TAKES = Plan(
    managed=8,
    in_sync=2,
    changes=(
        taking(1, "Opening keynote", Take(37), note="the hand on the switch"),
        taking(2, "新手入门：第一课", Take(3725, tuple(range(600, 5100, 500)), (5400, 6000)), COPY),
        taking(3, "Under way", Take(9, accepted=True)),
        taking(4, HOSTILE, Take(8, (5,)), Cover()),
        change(5, "A snapshot that is there", cover(5, 1)),
    ),
    pending=(),
    unknown=(Verdict(entry(14), "unknown", "Short", reason="no_snapshot_at_offset", message=_NO_FRAME),),
    ignored=(),
)
ORIGIN = write.Origin(
    endpoint="https://vod.cn-north-4.myhuaweicloud.com",
    region="cn-north-4",
    project_id="0123456789abcdef0123456789abcdef",
    created_at=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
)
_REFUSAL = f"cover: HTTP 403 VOD.10074: {HOSTILE}. Grant it"
OUTCOMES: tuple[tuple[OutcomeName, bool | None, Failure | None], ...] = (
    ("applied", True, None),
    ("applied", False, None),
    ("unchanged", None, None),
    ("failed", None, Failure("api", _REFUSAL, 403, "1f2e", code="VOD.10074")),
    ("stale", None, Failure("stale", "Since the plan the cover has changed. It was not touched: plan again.")),
    ("not_attempted", None, None),
)


def plan_doc() -> PlanDoc:
    return write.plan_document(PLAN, ORIGIN)


def in_sync_doc() -> PlanDoc:
    """A plan without anything to do."""
    return write.plan_document(Plan(12, 12, (), (), (), ()), ORIGIN)


def audit_doc() -> AuditDoc:
    return write.audit_document(PLAN, ORIGIN, [f"{number:032x}" for number in range(23)])


def apply_doc() -> ApplyDoc:
    verdicts = (*CHANGES, change(11, "Never reached", cover(11, 0)))
    outcomes = [
        Outcome(
            verdict.desired.asset_id,
            name,
            verdict.desired.source,
            verdict.before or Cover(),
            verdict.after or Cover(),
            title=verdict.title,
            note=verdict.desired.note,
            verified=verified,
            saved_cover="covers/33333333.jpg" if verdict.before == COPY else None,
            error=failure,
        )
        for verdict, (name, verified, failure) in zip(verdicts, OUTCOMES, strict=True)
    ]
    return write.apply_document(outcomes, plan_doc().unknown, ORIGIN)


SAVED = f"state/covers/{asset(12)}-cccccccccccccccc.jpg"
_RESTORED: tuple[tuple[OutcomeName, bool | None, Failure | None], ...] = (
    ("restored", True, None),
    ("failed", None, Failure("api", f"Refused. The picture is saved in {SAVED}: upload it in the console.")),
)


def restoring_changes() -> tuple[Verdict, ...]:
    """What a rollback uploads again: two covers that were none of the snapshots."""
    theirs = replace(COPY, cover_url=f"{BASE}/{asset(12)}/cover/Cover0.jpg")
    return tuple(
        replace(
            change(number, title, cover(number, 2, content=True), file=JOURNAL),
            after=theirs,
            restored_from=SAVED if number == 12 else f"state/{HOSTILE}.jpg",
        )
        for number, title in ((12, "Designed by hand"), (13, HOSTILE))
    )


def restoring_plan_doc() -> PlanDoc:
    """The plan of a rollback that uploads covers, and sets a snapshot."""
    changes = (change(1, "Opening keynote", cover(1, 0), file=JOURNAL), *restoring_changes())
    return write.plan_document(Plan(4, 1, changes, (), (), ()), ORIGIN)


def rollback_doc() -> RollbackDoc:
    """A rollback of something of everything."""
    outcomes = [
        Outcome(
            verdict.desired.asset_id,
            name,
            verdict.desired.source,
            verdict.before or Cover(),
            verdict.after or Cover(),
            title=verdict.title,
            verified=verified,
            saved_cover="covers/dddddddd.jpg" if failure else None,
            restored_from=verdict.restored_from,
            error=failure,
        )
        for verdict, (name, verified, failure) in zip(restoring_changes(), _RESTORED, strict=True)
    ]
    done = apply_doc()
    left = [
        NotUndoneDoc(
            asset_id=asset(1),
            title="Opening keynote",
            source=Source(file=JOURNAL, line=2, column=1),
            reason="changed_since",
            message="Its cover was changed after the run. It was not touched.",
        ),
        NotUndoneDoc(
            asset_id=asset(5),
            title=HOSTILE,
            source=Source(file=JOURNAL, line=7, column=1),
            reason="not_a_snapshot",
            message=f"The cover before was none of its snapshots. It is saved in {HOSTILE}.",
        ),
        NotUndoneDoc(
            asset_id=done.unknown[0].asset_id,
            source=done.unknown[0].source,
            reason="asset_not_found",
            message=done.unknown[0].message,
        ),
    ]
    done = write.apply_document([*outcomes, *done.results], done.unknown, ORIGIN)
    return rollback_document(done, "20261122T083000Z-a1b2c3", left)


def take_doc() -> PlanDoc:
    """A plan that has snapshots taken: one, ten where there are more, and one that is paid for already."""
    return write.plan_document(TAKES, ORIGIN, takes=True)


def taken_doc() -> ApplyDoc:
    """What became of snapshots that were to be taken."""
    more = (taking(15, "Never reached", Take(7)), taking(11, "Too late", Take(7, (5,))))
    ends: tuple[tuple[OutcomeName, int | None, Failure | None], ...] = (
        ("applied", 1, None),
        ("applied", 10, None),
        ("applied", None, None),
        ("failed", 1, Failure("task_failed", f"The service could not take the snapshot: {HOSTILE}")),
        ("applied", None, None),
        ("not_attempted", None, None),
        ("failed", 2, Failure("task_timeout", "The snapshot was not there within 10 min (--wait-timeout).")),
    )
    outcomes = [
        Outcome(
            verdict.desired.asset_id,
            name,
            verdict.desired.source,
            verdict.before or Cover(),
            _as_set(verdict) if name == "applied" else verdict.after or Cover(),
            verdict.take,
            billed,
            title=verdict.title,
            note=verdict.desired.note,
            saved_cover="covers/22222222.jpg" if verdict.before == COPY else None,
            error=failure,
        )
        for verdict, (name, billed, failure) in zip((*TAKES.changes, *more), ends, strict=True)
    ]
    return write.apply_document(outcomes, take_doc().unknown, ORIGIN, takes=True)


def _as_set(verdict: Verdict) -> Cover:
    """The snapshot that was taken."""
    if verdict.take is None:
        return verdict.after or Cover()
    offset = verdict.take.offset
    url = f"{BASE}/{verdict.desired.asset_id}/snapshot/dots/{offset}.jpg"
    return Cover(url, SnapshotRef("dots", len(verdict.take.again), offset), Content("d" * 64, 4_096))


def show_doc() -> ShowDoc:
    """Two assets to choose from, one that can't be read."""
    return ShowDoc(
        assets=(
            ShownAsset(
                asset_id=asset(1),
                title="新手入门：第一课",
                thumbnail_status="THUMBNAIL_SUCCEED",
                cover=cover(1, 2),
                snapshots=tuple(
                    ShownSnapshot(set="sample", index=i, offset=5 * i, url=str(cover(1, i).cover_url), cover=i == 2)
                    for i in range(6)
                ),
            ),
            ShownAsset(
                asset_id=asset(5),
                title=HOSTILE,
                thumbnail_status="UN_THUMBNAIL",
                cover=Cover(),
                snapshots=(),
            ),
            NotShown(asset_id=asset(6), reason="asset_not_found", message="details: HTTP 400 VOD.10062: 媒资不存在."),
        )
    )


def lock_doc() -> LockDoc:
    """A lock with a line of every kind: two upgrades, one of a picture that is nowhere any more."""
    ref = SnapshotRef("sample", 3, 15)
    old, new = Content("a" * 64, 8_192), Content("b" * 64, 8_704)
    place = entry(1).source
    changes = (
        LockChangeDoc(
            asset_id=asset(1),
            title="Opening keynote",
            action="upgraded",
            file=LOCK,
            source=place,
            snapshot=ref,
            before=old,
            after=new,
            before_picture=f"{BASE}/{asset(1)}/cover/Cover0.jpg",
            after_picture=cover(1, 3).cover_url,
        ),
        LockChangeDoc(
            asset_id=asset(5),
            title=HOSTILE,
            action="upgraded",
            file=LOCK,
            source=entry(5).source,
            snapshot=ref,
            before=old,
            after=new,
            after_picture=cover(5, 3).cover_url,
        ),
        *(
            LockChangeDoc(
                asset_id=asset(number),
                title="",
                action=action,
                file=LOCK,
                moved_from=f"desired/{HOSTILE}/covers.lock" if action == "moved" else None,
                source=None if action == "dropped" else entry(number).source,
                snapshot=None if action == "dropped" else ref,
                before=old if action == "dropped" else None,
                after=None if action == "dropped" else new,
            )
            for number, action in enumerate(LOCK_ACTIONS, start=6)
        ),
    )
    return LockDoc(
        tool_version="1.2.3",
        created_at="2026-11-22T08:30:00Z",
        endpoint=ORIGIN.endpoint,
        region=ORIGIN.region,
        project_id=ORIGIN.project_id,
        summary=LockSummary(added=1, updated=1, upgraded=2, moved=1, dropped=1, kept=12, not_locked=2),
        changes=changes,
        not_locked=plan_doc().unknown,
        files=(LOCK,),
    )


def many(count: int, *, unknown: int = 0) -> PlanDoc:
    """A plan with many changes, every tenth with a hostile title."""
    changes = tuple(
        change(
            number + 100,
            HOSTILE if number % 10 == 0 else f"第 {number} 集：很长的标题 {number}",
            cover(number + 100, 0),
        )
        for number in range(count)
    )
    silent = tuple(
        Verdict(entry(number + 100 + count), "unknown", "No pictures", reason="no_snapshots", message="It has none.")
        for number in range(unknown)
    )
    return write.plan_document(Plan(count + unknown, 0, changes, (), silent, ()), ORIGIN)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (320, 180)) -> str:
    """A plain picture as a data: URI."""
    raw = BytesIO()
    Image.new("RGB", size, colour).save(raw, "WEBP", quality=50)
    return "data:image/webp;base64," + base64.b64encode(raw.getvalue()).decode()


def images() -> ImagesByAsset:
    """Pictures for some of the changes: all of them, a missing one, none at all."""

    def image(number: int, index: int) -> EmbeddedImage:
        return EmbeddedImage(picture((40 * index % 256, 60 * number % 256, 120)), 320, 180)

    def of_asset(number: int, before: EmbeddedImage) -> AssetImages:
        refs = [SnapshotRef(set="sample", index=index, offset=5 * index) for index in range(6)]
        return AssetImages(before, image(number, 3), tuple((ref, image(number, ref.offset // 5)) for ref in refs))

    broken = EmbeddedImage("", why=f"HTTP 404 {HOSTILE}")
    saved = AssetImages(image(12, 2), image(3, 1))  # a cover to be uploaded again
    return {
        asset(12): saved,
        asset(1): of_asset(1, image(1, 0)),
        asset(2): of_asset(2, image(2, 5)),
        asset(3): of_asset(3, broken),
    }


def blank_images() -> ImagesByAsset:
    """The same, where some pictures of the first change show nothing."""
    found = images()[asset(1)]
    before = replace(found.before, blank="nearly black")
    (first, _), *others = found.snapshots
    pale = tuple((ref, replace(image, blank="one colour") if ref.index == 3 else image) for ref, image in others)
    after = replace(found.after or before, blank="one colour")
    return {**images(), asset(1): replace(found, before=before, after=after, snapshots=((first, before), *pale))}


def take_images() -> ImagesByAsset:
    """Pictures of the changes whose snapshot is to be taken: there is none of it yet."""
    to_take = EmbeddedImage("", why="Its snapshot is yet to be taken.")
    return {asset_id: replace(found, after=to_take) for asset_id, found in images().items()}


def assert_golden(name: str, text: str) -> None:
    """Whole-output equality; the text must end as a text file does."""
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_bytes().decode(), f"{name} differs: if that is meant, run with UPDATE_GOLDEN=1"
    assert text.endswith("\n")
