"""Temporary keys, against the emulator's STS, IAM and metadata: renewed in time, and never shown."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fakes import FakeClock, run_recorder

from reconciler.act.apply import Applier
from reconciler.commands.credentials import open_credentials
from reconciler.config.settings import ConnectionOptions, resolve
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator import options
from reconciler.emulator.app import create_app
from reconciler.errors import AuthenticationError, ReconcileError, UsageError
from reconciler.model import Cover, Desired
from reconciler.observe.pictures import Pictures
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.state.folder import make
from reconciler.state.journal import Journal
from reconciler.state.settled_covers import Memory
from reconciler.util.rate import READ_RATE, Rate
from reconciler.vod.auth import AccessKey
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.key_sources import KeySource, RenewedKeys, TemporaryKeys
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.responses import ApiConnection

BASE = "http://127.0.0.1"
URNS = {
    "HUAWEICLOUD_OIDC_PROVIDER_URN": options.PROVIDER_URN,
    "HUAWEICLOUD_OIDC_AGENCY_URN": options.AGENCY_URN,
}
OIDC = URNS | {"HUAWEICLOUD_OIDC_ID_TOKEN": options.ID_TOKEN}
GITHUB = URNS | {
    "ACTIONS_ID_TOKEN_REQUEST_URL": f"{BASE}/github/id-token?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": options.GITHUB_TOKEN,
    "RECONCILE_OIDC_AUDIENCE": "sts.myhuaweicloud.com",
}
KEYS = {"HUAWEICLOUD_SDK_AK": options.ACCESS_KEY, "HUAWEICLOUD_SDK_SK": options.SECRET_KEY}
AGENCY = {
    "HW_ASSUME_ROLE_AGENCY_NAME": options.AGENCY_NAME,
    "HW_ASSUME_ROLE_DOMAIN_NAME": options.DOMAIN_NAME,
}
SECRETS = (options.ID_TOKEN, options.EXPIRED_ID_TOKEN, options.GITHUB_TOKEN, options.SECRET_KEY)


@dataclass
class Cloud:
    """The emulator in virtual time, and what it was asked."""

    folder: Path
    clock: FakeClock
    key_seconds: float = 43_200.0
    asked: list[httpx.Request] = field(default_factory=list)
    answers: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    """Other answers, by the path's last part."""

    def __post_init__(self) -> None:
        given = options.EmulatorOptions(key_seconds=self.key_seconds, assets=80, quota=(0, 0))
        app = create_app(self.folder / "cloud.sqlite", given, BASE, clock=lambda: self.clock.now().timestamp())
        self._transport = httpx.ASGITransport(app)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        other = self.answers.get(request.url.path.rpartition("/")[2])
        return other(request) if other else await self._transport.handle_async_request(request)

    def count(self, end: str) -> int:
        return sum(request.url.path.endswith(end) for request in self.asked)

    async def opened(self, env: dict[str, str], machine: str = "") -> tuple[VodClient, KeySource | None]:
        """A client with the credentials of an environment."""
        given = ConnectionOptions(endpoint=BASE, region=options.REGION, project_id=options.PROJECT_ID)
        settings = resolve(given, {"HOME": "/nowhere", **env}, None, None)
        if machine:
            source = replace(settings.credentials.source, url=machine)  # type: ignore[type-var]
            settings = replace(settings, credentials=replace(settings.credentials, source=source))
        transport = httpx.MockTransport(self)
        plain = ApiConnection(FastHttpClient(base_url=BASE, transport=transport), self.clock, 30)
        auth, keys = await open_credentials(settings, plain)
        http = FastHttpClient(base_url=BASE, transport=transport, auth=auth)
        limiters = RateLimiters(RateLimiter(READ_RATE, self.clock), RateLimiter(Rate(1, 60), self.clock))
        return VodClient(ApiConnection(http, self.clock, 30), options.PROJECT_ID, limiters), keys


@pytest.fixture
def cloud(tmp_path: Path, clock: FakeClock) -> Cloud:
    return Cloud(tmp_path, clock)


def count_assets(cloud: Cloud, env: dict[str, str], machine: str = "") -> int:
    async def main() -> int:
        client, _ = await cloud.opened(env, machine)
        return await client.count_assets()

    return cloud.clock.run(main())


def refusal(cloud: Cloud, env: dict[str, str], machine: str = "") -> ReconcileError:
    with pytest.raises(ReconcileError) as caught:
        count_assets(cloud, env, machine)
    assert not any(secret in caught.value.text for secret in SECRETS)
    return caught.value


@pytest.mark.parametrize("base", [OIDC, GITHUB, KEYS])
@pytest.mark.parametrize("agency", [{}, AGENCY], ids=["", "agency"])
def test_each_way_leads_in(cloud: Cloud, base: dict[str, str], agency: dict[str, str]) -> None:
    assert count_assets(cloud, base | agency) > 80
    assert cloud.count("/assume-with-oidc") == ("HUAWEICLOUD_OIDC_AGENCY_URN" in base)
    assert cloud.count("/securitytokens") == bool(agency)


def test_the_request_is_the_apis(cloud: Cloud) -> None:
    count_assets(cloud, GITHUB | {"HUAWEICLOUD_OIDC_DURATION_SECONDS": "900"})
    github, sts = cloud.asked[:2]
    assert dict(github.url.params) == {"api-version": "2.0", "audience": "sts.myhuaweicloud.com"}
    assert "Authorization" not in sts.headers
    assert json.loads(sts.content) == {
        "provider_urn": options.PROVIDER_URN,
        "agency_urn": options.AGENCY_URN,
        "agency_session_name": "reconcile",
        "id_token": options.ID_TOKEN,
        "duration_seconds": 900,
    }


def test_a_token_file_is_read_again_at_each_renewal(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{options.ID_TOKEN}\n")

    async def main() -> None:
        client, _ = await cloud.opened(URNS | {"HUAWEICLOUD_OIDC_TOKEN_FILE": str(file)})
        await client.count_assets()
        file.write_text(options.EXPIRED_ID_TOKEN)
        await cloud.clock.sleep(3700)
        with pytest.raises(AuthenticationError, match="The id_token has expired"):
            await client.count_assets()
        file.write_text(options.ID_TOKEN)
        await client.count_assets()

    cloud.clock.run(main())


def test_the_machines_own_agency(cloud: Cloud) -> None:
    assert count_assets(cloud, {}, machine=BASE) > 80
    assert [request.method for request in cloud.asked[:2]] == ["PUT", "GET"]
    assert cloud.asked[0].headers["X-Metadata-Token-Ttl-Seconds"] == "21600"


@pytest.mark.parametrize("status", [404, 405, 503])
def test_older_machines_have_no_sessions(cloud: Cloud, status: int) -> None:
    given = {"credential": {"access": "a", "secret": "b", "securitytoken": "c", "expires_at": "2026-03-02T00:00:00Z"}}
    cloud.answers = {
        "token": lambda _: httpx.Response(status),
        "securitykey": lambda _: httpx.Response(200, json=given),
        "list": lambda _: httpx.Response(200, json={"total": 3, "assets": []}),
    }
    assert count_assets(cloud, {}, machine=BASE) == 3
    assert cloud.asked[-1].headers["X-Security-Token"] == "c"


def test_a_machine_that_does_not_answer_is_asked_for_a_second(cloud: Cloud, clock: FakeClock) -> None:
    def hang(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no route")

    cloud.answers = {"token": hang, "securitykey": hang}
    error = refusal(cloud, {}, machine=BASE)
    assert isinstance(error, UsageError)
    assert error.message.startswith("No credentials. ")
    assert "HUAWEICLOUD_SDK_AK" in error.hint
    assert clock.monotonic() <= 1


def test_a_machine_without_an_agency(cloud: Cloud) -> None:
    cloud.answers = {"securitykey": lambda _: httpx.Response(401, text="Please configure Cloud Service Agency first")}
    error = refusal(cloud, {}, machine=BASE)
    assert error.message == "No credentials. The metadata of this machine gives no keys (HTTP 401)"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (OIDC | {"HUAWEICLOUD_OIDC_ID_TOKEN": options.EXPIRED_ID_TOKEN}, ["STS gives no keys", "has expired"]),
        (OIDC | {"HUAWEICLOUD_OIDC_ID_TOKEN": "another"}, ["is not trusted", "the audience"]),
        (OIDC | {"HUAWEICLOUD_OIDC_AGENCY_URN": "another"}, ["does not trust the provider"]),
        (GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "another"}, ["GitHub gives no keys", "id-token: write"]),
        (KEYS | AGENCY | {"HW_ASSUME_ROLE_AGENCY_NAME": "x"}, ["the agency x gives no keys", "HW_ASSUME_ROLE"]),
        (URNS | {"HUAWEICLOUD_OIDC_TOKEN_FILE": "/nowhere/token"}, ["/nowhere/token", "No such file"]),
        (URNS | {"HUAWEICLOUD_OIDC_TOKEN_FILE": "/proc/self/environ"}, ["the ID token in", "cannot have"]),
    ],
)
def test_a_source_that_fails_ends_the_run_and_no_other_is_tried(
    cloud: Cloud, env: dict[str, str], words: list[str]
) -> None:
    error = refusal(cloud, env | {"HW_AUTH_TOKEN": "token-of-another-source"})
    assert error.type == "authentication"
    assert all(word in error.text for word in words), error.text
    assert cloud.count("/list") == 0


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json={"credentials": {}}),
        httpx.Response(200, json={"credentials": {"access_key_id": "a\nb", "secret_access_key": "s"}}),
        httpx.Response(200, html="<html>welcome to the hotel's wifi</html>"),
        httpx.Response(302, headers={"Location": "https://evil.example/"}),
        httpx.Response(200, json=[{"credentials": "x"}]),
    ],
)
def test_an_answer_of_another_form_is_not_used(cloud: Cloud, answer: httpx.Response) -> None:
    cloud.answers = {"assume-with-oidc": lambda _: httpx.Response(answer.status_code, content=answer.content)}
    refusal(cloud, OIDC)
    assert cloud.count("/list") == 0
    assert {request.url.host for request in cloud.asked} == {"127.0.0.1"}


def test_keys_that_had_ended_when_they_came_point_at_the_clock(cloud: Cloud) -> None:
    given = {
        "access_key_id": "a",
        "secret_access_key": "b",
        "security_token": "c",
        "expiration": "2026-03-01T11:00:00Z",
    }
    cloud.answers = {"assume-with-oidc": lambda _: httpx.Response(200, json={"credentials": given})}
    error = refusal(cloud, OIDC)
    assert "had ended when they came, at 2026-03-01 11:00:00 UTC" in error.message
    assert error.hint == "Check this machine's clock."


def renewals(clock: FakeClock, work: Callable[[RenewedKeys], Awaitable[None]], fails: Any = None) -> int:
    """How often keys that live a quarter of an hour were got."""
    count = 0

    async def exchange() -> TemporaryKeys:
        nonlocal count
        count += 1
        if fails is not None and fails(count):
            raise AuthenticationError("STS is down")
        return TemporaryKeys(AccessKey("k", "s", f"token-{count}"), clock.now() + timedelta(minutes=15))

    async def main() -> None:
        await work(RenewedKeys(exchange, "OIDC", clock))

    clock.run(main())
    return count


def test_keys_are_renewed_before_they_end_and_not_at_each_request(clock: FakeClock) -> None:
    async def work(keys: RenewedKeys) -> None:
        for _ in range(3600):
            found = await keys.current()
            assert found.expires is not None
            assert found.expires - clock.now() > timedelta(minutes=2)
            await clock.sleep(1)

    assert renewals(clock, work) == 5


def test_a_renewal_that_fails_is_tried_again_while_the_old_keys_serve(clock: FakeClock) -> None:
    async def work(keys: RenewedKeys) -> None:
        for _ in range(850):
            assert (await keys.current()).access.security_token == "token-1"
            await clock.sleep(1)
        await clock.sleep(60)
        with pytest.raises(AuthenticationError, match="STS is down"):
            await keys.current()

    assert renewals(clock, work, lambda count: count > 1) <= 8


def test_a_401_gets_other_keys_once(clock: FakeClock) -> None:
    async def work(keys: RenewedKeys) -> None:
        await keys.current()
        assert await keys.renewed("token-1")
        assert await keys.renewed("token-1")  # of a request that was under way
        assert (await keys.current()).access.security_token == "token-2"

    assert renewals(clock, work) == 2


@pytest.mark.parametrize("env", [OIDC, GITHUB, OIDC | AGENCY])
def test_an_apply_of_an_hour_with_keys_of_a_quarter_finishes(
    tmp_path: Path, clock: FakeClock, env: dict[str, str]
) -> None:
    """One cover a minute."""
    cloud = Cloud(tmp_path, clock, key_seconds=900)

    async def main() -> list[str]:
        client, _ = await cloud.opened(env)
        pictures = FastHttpClient(transport=httpx.MockTransport(cloud))
        reader = Pictures(pictures, trusted=True, clock=clock, timeout=30)
        planner = Planner(client, reader, Memory(tmp_path))
        covers = [Desired(asset.asset_id, "a.yaml", 1, 1, "sample", 1) async for asset in client.list_assets()]
        plan = await planner.make_plan(covers[:70], Selection((), ()), 8, lambda: None)
        steps = [
            PlannedChange(one.desired, one.title, one.before or Cover(), one.after or Cover()) for one in plan.changes
        ]
        journal = Journal(make(tmp_path))
        applier = Applier(planner, run_recorder(tmp_path, journal, clock), 4, lambda: None)
        outcomes = await applier.apply(steps)
        journal.close()
        return [outcome.outcome for outcome in outcomes]

    outcomes = clock.run(main())
    assert len(outcomes) > 60
    assert set(outcomes) == {"applied"}
    assert clock.monotonic() > 3600
    assert cloud.count("/securitytokens" if "HW_ASSUME_ROLE_AGENCY_NAME" in env else "/assume-with-oidc") >= 5


def test_keys_that_are_refused_however_new_are_not_renewed_at_each_request(clock: FakeClock) -> None:
    """A 401 may have another reason than the keys: thousands of requests must not become as many exchanges."""

    async def work(keys: RenewedKeys) -> None:
        for _ in range(1000):
            sent = (await keys.current()).access.security_token or ""
            await keys.renewed(sent)
            await clock.sleep(0.02)

    assert renewals(clock, work) <= 3


def test_other_keys_are_asked_for_again_after_a_moment(clock: FakeClock) -> None:
    async def work(keys: RenewedKeys) -> None:
        await keys.current()
        assert await keys.renewed("token-1")
        assert not await keys.renewed("token-2")
        await clock.sleep(60)
        assert await keys.renewed("token-2")

    assert renewals(clock, work) == 3
