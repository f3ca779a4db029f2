"""Covers that are uploaded again: looked at before, written down before, once, and said what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fakes import (
    ASSET,
    BASE,
    OTHER,
    PROJECT,
    UPLOADS,
    Answer,
    FakeClock,
    FakeCloud,
    Picture,
    refusal,
    run_recorder,
    work_in_this_thread,
)
from test_rollback_planner import COPY, change, content, copying, drawn, shot

from reconciler.act.apply import Applier
from reconciler.act.restore import attempts_with
from reconciler.act.verify import Verifier
from reconciler.commands.execute import steps_of
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator.pictures import reencoded
from reconciler.model import Compare, Cover
from reconciler.planning.rollback import RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.state import cover_backup
from reconciler.state.folder import make
from reconciler.state.journal import Journal
from reconciler.state.project_state import ProjectState
from reconciler.state.runs import Runs
from reconciler.state.settled_covers import Memory
from reconciler.util.sanitize import bare_url
from reconciler.vod.retry import ATTEMPTS

THEIRS = b"\xff\xd8\xff hand-made"
DRAWN, SNAPSHOT = drawn("JPEG", "red"), drawn("PNG", "blue")
BY_HAND = "The picture is saved in {file}: upload it in the console."


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    work_in_this_thread(monkeypatch)


@dataclass
class Rollback:
    """A rollback of a run that set the snapshot at 10 s in the place of a picture that was saved."""

    clock: FakeClock
    folder: Path
    theirs: bytes = THEIRS
    snapshot: bytes = b"picture 10"
    compare: Compare = "auto"
    cloud: FakeCloud = field(default_factory=copying)

    def __post_init__(self) -> None:
        make(self.folder)
        self.cloud.pictures |= {one: Picture(self.snapshot) for one in (COPY, str(shot(10).cover_url))}
        self.file = cover_backup.save(self.folder, ASSET, content(self.theirs).sha256, self.theirs)

    def steps(self) -> list[PlannedChange]:
        done = change(Cover(COPY, None, content(self.theirs)), shot(10, self.snapshot), saved_cover=str(self.file))
        planner = RollbackPlanner(
            self.cloud.planner(self.clock, self.folder),
            ProjectState(self.folder, BASE, PROJECT, self.clock),
            force=False,
        )
        found = self.clock.run(planner.make_plan([done], Selection(), 4, lambda: None))
        assert found.blocked == ()
        return steps_of(found.plan)

    def run(self, steps: list[PlannedChange] | None = None, max_failures: int = 20) -> list[Outcome]:
        with closing(Journal(self.folder)) as journal:
            applier = Applier(
                self.cloud.planner(self.clock, self.folder, self.compare),
                run_recorder(self.folder, journal, self.clock),
                1,
                lambda: None,
                max_failures,
                attempts=attempts_with(self.cloud.uploader()),
            )
            return self.clock.run(applier.apply(self.steps() if steps is None else steps))

    def outcome(self) -> Outcome:
        [outcome] = self.run()
        return outcome

    def failed(self) -> str:
        """The message of the one failure."""
        outcome = self.outcome()
        assert (outcome.outcome, self.cloud.cover()) == ("failed", COPY)
        assert outcome.error is not None
        return outcome.error.message

    def journal(self) -> list[dict[str, Any]]:
        file = self.folder / "journal.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def shown(self) -> bytes:
        return self.cloud.pictures[COPY].body

    def verified(self, outcomes: list[Outcome]) -> list[bool | None]:
        planner = self.cloud.planner(self.clock, self.folder, self.compare)
        verifier = Verifier(planner, 4, 2, lambda: None)
        self.clock.run(verifier.watch(outcomes, 60))
        return [outcome.verified for outcome in verifier.verified(outcomes, finished=True)]


@pytest.fixture
def back(clock: FakeClock, tmp_path: Path) -> Rollback:
    return Rollback(clock, tmp_path)


def test_the_very_bytes_are_back(back: Rollback) -> None:
    outcome = back.outcome()
    assert (outcome.outcome, outcome.restored_from, outcome.error) == ("restored", str(back.file), None)
    assert back.shown == THEIRS
    assert (len(back.cloud.announced), len(back.cloud.uploads), back.cloud.puts) == (1, 1, [])


def test_it_is_written_down_before_anything_is_sent(clock: FakeClock, tmp_path: Path) -> None:
    class Looking(FakeCloud):
        kinds: tuple[str, ...] = ()

        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                lines = (tmp_path / "journal.jsonl").read_text().splitlines()
                self.kinds += tuple(json.loads(line)["kind"] for line in lines)
            return await super().__call__(request)

    cloud = Looking()
    cloud.__dict__.update(copying().__dict__)
    back = Rollback(clock, tmp_path, cloud=cloud)
    assert back.outcome().outcome == "restored"
    assert cloud.kinds == ("intent", "intent")
    intent, outcome = back.journal()
    assert intent["before"] == {
        "url": bare_url(COPY),
        "set": "sample",
        "index": 2,
        "offset": 10,
        "sha256": content(b"picture 10").sha256,
        "length": 10,
        "snapshot_sha256": content(b"picture 10").sha256,
    }
    assert intent["after"] == {"url": COPY, "sha256": content(THEIRS).sha256, "length": len(THEIRS)}
    assert outcome["outcome"] == "restored"


def test_it_is_a_change_that_can_be_gone_back_from(back: Rollback) -> None:
    back.outcome()
    runs = Runs(back.folder, "http://127.0.0.1", "0" * 32)
    [past] = runs.changes("run-1")
    assert (past.certain, past.before.snapshot, past.after.content) == (True, shot(10).snapshot, content(THEIRS))
    [run] = runs.all()
    assert (run.outcomes["restored"], run.may_have_changed, run.unfinished) == (1, True, 0)


def test_what_somebody_changed_since_the_plan_is_not_touched(back: Rollback) -> None:
    steps = back.steps()
    back.cloud.pictures[COPY] = Picture(b"\xff\xd8\xff by somebody else")
    [outcome] = back.run(steps)
    assert outcome.outcome == "stale"
    assert (back.cloud.announced, back.cloud.uploads) == ([], [])


def test_what_is_back_since_the_plan_is_unchanged(back: Rollback) -> None:
    steps = back.steps()
    back.cloud.pictures[COPY] = Picture(THEIRS)
    assert [outcome.outcome for outcome in back.run(steps)] == ["unchanged"]
    assert back.cloud.announced == []


def test_a_cover_that_cannot_be_read_any_more_is_not_replaced(back: Rollback) -> None:
    steps = back.steps()
    del back.cloud.pictures[COPY]
    [outcome] = back.run(steps)
    assert outcome.error is not None
    assert (outcome.outcome, outcome.error.type) == ("failed", "content_unavailable")
    assert back.cloud.announced == []


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"\xff\xd8\xff edited")])
def test_a_file_that_changed_since_the_plan_is_not_uploaded(back: Rollback, spoil: Callable[[Path], object]) -> None:
    steps = back.steps()
    spoil(back.file)
    [outcome] = back.run(steps)
    assert outcome.error is not None
    assert (outcome.outcome, outcome.error.outcome_unknown) == ("failed", False)
    assert outcome.error.message.startswith(f"It was saved in {back.file}, ")
    assert (back.cloud.announced, [record["kind"] for record in back.journal()]) == ([], ["outcome"])


def test_a_replaced_cover_that_is_none_of_the_snapshots_is_saved_before(back: Rollback) -> None:
    """The snapshot that the run set was taken again since."""
    old = back.snapshot
    back.cloud.pictures[str(shot(10).cover_url)] = Picture(b"taken again")
    outcome = back.outcome()
    assert (outcome.outcome, back.shown) == ("restored", THEIRS)
    assert outcome.saved_cover is not None
    assert Path(outcome.saved_cover).read_bytes() == old
    assert back.journal()[0]["saved_cover"] == outcome.saved_cover


@pytest.mark.parametrize("code", ["VOD.10060", "VOD.10061", "VOD.10083", "VOD.10074", "APIGW.0101"])
def test_where_the_service_refuses_the_saved_file_is_named(back: Rollback, code: str) -> None:
    back.cloud.answers["asset", ASSET] = [refusal(400, code, "no")]
    message = back.failed()
    assert message.startswith(f"Asking where to upload the cover was refused: HTTP 400 {code}: no.")
    assert message.endswith(BY_HAND.format(file=back.file))
    assert (len(back.cloud.announced), back.cloud.uploads) == (1, [])
    assert not Runs(back.folder, "http://127.0.0.1", "0" * 32).all()[0].may_have_changed


@pytest.mark.parametrize(
    "url",
    ["", "http://bucket.obs.example.com/x", "https://169.254.169.254/x", "https://10.0.0.1/x", "https://localhost/x"],
)
def test_a_url_that_must_not_be_opened_is_a_plain_failure(back: Rollback, url: str) -> None:
    back.cloud.answers["asset", ASSET] = [httpx.Response(200, json={"asset_id": ASSET, "cover_upload_url": url})]
    assert back.failed().endswith(BY_HAND.format(file=back.file))
    assert (len(back.cloud.announced), back.cloud.uploads) == (1, [])
    assert back.journal()[-1]["perhaps"] is False


@pytest.mark.parametrize("answer", [httpx.Response(403), httpx.Response(307, headers={"Location": UPLOADS})])
def test_an_expired_url_and_a_redirect_are_plain_failures(back: Rollback, answer: httpx.Response) -> None:
    back.cloud.answers["upload", ASSET] = [answer]
    assert back.failed().endswith(BY_HAND.format(file=back.file))
    assert (len(back.cloud.uploads), back.shown) == (1, back.snapshot)


@pytest.mark.parametrize("route", ["asset", "upload"])
@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.ReadError("reset")])
def test_a_passing_fault_is_one_more_attempt_and_one_intent(back: Rollback, route: str, fault: Answer) -> None:
    back.cloud.answers[route, ASSET] = [fault]
    assert back.outcome().outcome == "restored"
    assert back.shown == THEIRS
    assert [record["kind"] for record in back.journal()] == ["intent", "outcome"]


class LosesAnswers(FakeCloud):
    """Uploads take effect, but their answers do not come; `then` happens right after."""

    then: Callable[[], object] | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = await super().__call__(request)
        if request.url.host == "bucket.obs.example.com":
            if self.then is not None:
                self.then()
            raise httpx.ReadError("reset after the change")
        return answer


def losing(clock: FakeClock, folder: Path, theirs: bytes = THEIRS, snapshot: bytes = b"picture 10") -> Rollback:
    cloud = LosesAnswers()
    cloud.__dict__.update(copying().__dict__)
    return Rollback(clock, folder, theirs, snapshot, cloud=cloud)


def test_an_upload_whose_answer_was_lost_is_seen_and_not_repeated(clock: FakeClock, tmp_path: Path) -> None:
    back = losing(clock, tmp_path)
    outcome = back.outcome()
    assert (outcome.outcome, outcome.error, len(back.cloud.uploads)) == ("restored", None, 1)


def test_a_re_encoded_one_too(clock: FakeClock, tmp_path: Path) -> None:
    back = losing(clock, tmp_path, DRAWN, SNAPSHOT)
    back.cloud.made = reencoded
    assert back.outcome().outcome == "restored"
    assert (len(back.cloud.uploads), back.shown != DRAWN) == (1, True)


def test_one_that_somebody_replaced_at_once_stays_in_doubt(clock: FakeClock, tmp_path: Path) -> None:
    back = losing(clock, tmp_path)
    assert isinstance(back.cloud, LosesAnswers)
    back.cloud.then = lambda: back.cloud.pictures.update({COPY: Picture(drawn("PNG", "red"))})
    message = back.failed()
    assert "may have been set" in message
    assert (len(back.cloud.uploads), back.journal()[-1]["perhaps"]) == (1, True)


def test_an_upload_that_stays_unanswered_names_the_file_and_may_have_come_about(back: Rollback) -> None:
    back.cloud.answers["upload", ASSET] = [httpx.ReadTimeout("slow") for _ in range(ATTEMPTS)]
    message = back.failed()
    assert BY_HAND.format(file=back.file) in message
    assert "it may have been set anyway: run again to see." in message
    assert back.journal()[-1]["perhaps"] is True


def test_a_401_ends_the_run_and_has_nothing_to_do_with_the_picture(back: Rollback) -> None:
    back.cloud.answers["asset", ASSET] = [refusal(401, "APIGW.0301")]
    message = back.failed()
    assert "console" not in message


def test_where_all_are_refused_it_stops(back: Rollback) -> None:
    back.cloud.answers["asset", ASSET] = [refusal(400, "VOD.10060") for _ in range(3)]
    step = back.steps()[0]
    outcomes = [outcome.outcome for outcome in back.run([step] * 4, max_failures=2)]
    assert outcomes == ["failed", "failed", "not_attempted", "not_attempted"]


def test_a_run_restores_and_sets_snapshots_side_by_side(back: Rollback) -> None:
    back.cloud.add(OTHER, f"https://cdn.example.com/asset/{OTHER}/snapshot/sample/10.jpg")
    other = change(
        shot(0, url=f"https://cdn.example.com/asset/{OTHER}/snapshot/sample/0.jpg"),
        shot(10, url=f"https://cdn.example.com/asset/{OTHER}/snapshot/sample/10.jpg"),
        FakeCloud.snapshot(OTHER, 0),
        asset_id=OTHER,
    )
    state = ProjectState(back.folder, BASE, PROJECT, back.clock)
    planner = RollbackPlanner(back.cloud.planner(back.clock), state, force=False)
    plan = back.clock.run(planner.make_plan([other], Selection(), 4, lambda: None)).plan
    outcomes = back.run([*back.steps(), *steps_of(plan)])
    assert [(one.outcome, one.restored_from is not None) for one in outcomes] == [
        ("restored", True),
        ("applied", False),
    ]
    assert [asset_id for asset_id, _ in back.cloud.puts] == [OTHER]


def test_it_is_seen_by_its_bytes(back: Rollback) -> None:
    outcomes = back.run()
    assert back.verified(outcomes) == [True]
    back.cloud.pictures[COPY] = Picture(back.snapshot)
    assert back.verified(outcomes) == [False]


@pytest.mark.parametrize("shown", [THEIRS, b"picture 10"])
def test_its_url_alone_is_not_believed(back: Rollback, shown: bytes) -> None:
    """A copy has the same URL before and after."""
    outcomes = back.run()
    back.compare = "url"
    back.cloud.pictures[COPY] = Picture(shown)
    assert back.verified(outcomes) == [shown == THEIRS]


def test_a_re_encoded_one_is_seen_by_its_looks_and_nothing_is_learned(clock: FakeClock, tmp_path: Path) -> None:
    back = Rollback(clock, tmp_path, DRAWN, SNAPSHOT)
    back.cloud.made = reencoded
    outcomes = back.run()
    assert back.shown != DRAWN
    assert back.verified(outcomes) == [True]
    assert Memory(tmp_path).all() == ()
    back.cloud.pictures[COPY] = Picture(drawn("JPEG", "blue"))
    assert back.verified(outcomes) == [False]


def test_a_re_encoded_one_is_not_seen_without_its_file(clock: FakeClock, tmp_path: Path) -> None:
    back = Rollback(clock, tmp_path, DRAWN, SNAPSHOT)
    back.cloud.made = reencoded
    outcomes = back.run()
    back.file.unlink()
    assert back.verified(outcomes) == [False]
