"""Who runs, as a claim and the journal name it; and what is kept beside the journal of a team."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest
from support.fakes import ASSET, FakeClock
from support.state import FakeStore, machine

from reconciler.state import claims
from reconciler.state.recording import recording
from reconciler.state.store import COVERS, LAST_AUDIT, LOCKS

GITHUB = {
    "GITHUB_RUN_ID": "17",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "acme/covers",
}


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    return FakeStore(clock)


@pytest.mark.parametrize(
    ("env", "job"),
    [
        (GITHUB, "https://github.example/acme/covers/actions/runs/17"),
        ({"CI_JOB_URL": "https://gitlab.example/jobs/7"}, "https://gitlab.example/jobs/7"),
        ({"BUILD_URL": "https://jenkins.example/3"}, "https://jenkins.example/3"),
        ({}, ""),
    ],
)
def test_a_claim_names_the_ci_job(
    store: FakeStore, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], job: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    async def main() -> claims.Claim | None:
        async with recording(machine(tmp_path, store, clock)):
            return (await claims.living_and_dead(store, clock.now())).holder

    found = clock.run(main())
    assert found is not None
    assert (found.job, found.held, bool(found.host)) == (job, True, True)
    assert not [key for key in store.objects if key.startswith(LOCKS)]


def test_a_user_without_a_name_is_a_number(
    store: FakeStore, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)

    async def main() -> tuple[str | None, list[str | None]]:
        async with recording(machine(tmp_path, store, clock), ["/nowhere/a.yaml"]) as (recorder, _):
            return recorder.run.user, [file.sha256 for file in recorder.run.files]

    assert clock.run(main()) == (str(os.getuid()), [None])


def test_the_last_audit_is_the_teams_or_else_this_machines(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    warnings: list[str] = []
    first, second = machine(tmp_path / "a", store, clock, warnings), machine(tmp_path / "b", store, clock)

    async def main() -> None:
        await first.keep_audit(lambda: b"one", needed=True)
        await second.keep_audit(lambda: b"two", needed=False)
        assert await first.last_audit() == (f"{store.name}/{LAST_AUDIT}", b"two")
        assert not (tmp_path / "b" / "audit").exists()
        store.down = True
        assert await first.last_audit() == (f"{tmp_path / 'a'}/{LAST_AUDIT}", b"one")
        assert await second.last_audit() is None
        await first.keep_audit(lambda: b"three", needed=True)
        await second.keep_audit(lambda: b"four", needed=False)

    clock.run(main())
    assert [warning.rpartition(". ")[2] for warning in warnings[1:]] == ["The next audit compares with an older one."]


def test_a_saved_cover_is_believed_only_with_its_own_bytes(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    state = machine(tmp_path, store, clock)
    store.objects[f"{COVERS}{'a' * 64}"] = b"another picture", 0.0

    async def main() -> None:
        assert await state.saved_cover(ASSET, "a" * 64) is None
        assert await state.find_cover(ASSET, "b" * 64) is None
        store.down = True
        assert await state.find_cover(ASSET, "a" * 64) is None

    clock.run(main())
