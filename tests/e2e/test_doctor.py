"""What can be told about an account and its CDN: each answer, whatever the service is like, and nothing secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import COVER, Cloud, Ran, entries, run, video, write
from support.s3_server import KEY, SECRET, Bucket, serving, state_url

from reconciler.emulator import ODD, options
from reconciler.emulator.options import EmulatorOptions, parse_fault

Serve = Callable[[EmulatorOptions], Cloud]
KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")


def findings(ran: Ran, check: str) -> list[tuple[str, str]]:
    return [(item["status"], item["message"]) for item in ran.document["checks"] if item["check"].startswith(check)]


def finding(ran: Ran, check: str) -> tuple[str, str]:
    [found] = findings(ran, check)
    return found


def test_a_healthy_account(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    ran = run("doctor", "--json")
    assert ran.code == 0
    assert {item["status"] for item in ran.document["checks"]} <= {"ok", "warning"}
    assert finding(ran, "credentials") == ("ok", "AK/SK")
    assert finding(ran, "identity") == ("ok", "an assumed agency of the account …d0d0")
    assert finding(ran, "project") == ("ok", "00e0…e000, given")
    assert finding(ran, "clock") == ("ok", "agrees with the service's within a minute")
    assert "vod:asset:update was not tried" in finding(ran, "permissions")[1]
    assert finding(ran, "shared state")[0] == "warning"
    assert found.count(COVER) == 0
    text = run("doctor")
    assert text.lines[-1].endswith("0 failed.")
    assert all(line.split()[0] in ("ok", "warning") for line in text.lines[:-2] if line[:1].strip())
    assert run("doctor", "--quiet").lines[0].startswith("warning")


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("copy", "ok", "bytes decide"),
        ("reference", "ok", "URLs decide"),
        ("recode", "warning", "re-encodes covers: share the state (--state), or lock"),
    ],
)
def test_what_a_cover_is(serve: Serve, mode: Any, status: str, words: str) -> None:
    serve(EmulatorOptions(cover_mode=mode))
    write(entries(1, drifted=1))
    assert run("apply", "--auto-approve", "--force").code == 0
    found = finding(run("doctor", video(0).asset_id, "--json"), "covers")
    assert (found[0], words in found[1]) == (status, True), found


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (EmulatorOptions(), "ok", ["HEAD answered", "ETag is the MD5", "conditional GET works"]),
        (EmulatorOptions(head=False), "ok", ["no HEAD (405)"]),
        (EmulatorOptions(etag="none"), "ok", ["no ETag", "no conditional GET"]),
        (EmulatorOptions(etag="wrong"), "ok", ["ETag is not the MD5"]),
        (EmulatorOptions(etag="always-304"), "warning", ["says 304 to a condition that cannot hold"]),
        (EmulatorOptions(anti_leech="A"), "failed", ["HTTP 403"]),
    ],
    ids=["plain", "no HEAD", "no ETag", "wrong ETag", "always 304", "anti-leech"],
)
def test_how_the_cdn_behaves(serve: Serve, given: EmulatorOptions, status: str, words: list[str]) -> None:
    serve(given)
    ran = run("doctor", "--json")
    told = findings(ran, "CDN")
    assert any(found[0] == status and all(word in found[1] for word in words) for found in told), told
    assert ran.code == (status == "failed")


def test_with_the_key_the_cdn_answers(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions(anti_leech="A"))
    monkeypatch.setenv("RECONCILE_CDN_KEY", options.CDN_KEY)
    monkeypatch.setenv("RECONCILE_CDN_ALGORITHM", "A")
    [found] = findings(run("doctor", "--json"), "CDN")
    assert (found[0], found[1].endswith("URLs signed")) == ("ok", True)


@pytest.mark.parametrize("route", ["list", "details", "picture"])
@pytest.mark.parametrize("kind", ["403", "html", "500"])
def test_a_check_that_fails_stops_no_other(serve: Serve, route: str, kind: str) -> None:
    serve(EmulatorOptions(faults=(parse_fault(f"{route}:{kind}:999999999"),)))
    ran = run("doctor", video(0).asset_id, "--json")
    assert ran.code == 1
    checks = {item["check"] for item in ran.document["checks"]}
    assert {"version", "credentials", "state folder", "service"} <= checks
    assert any(item["status"] == "failed" and item["message"] for item in ran.document["checks"])


def test_without_credentials_the_rest_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "")
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert finding(ran, "credentials") == ("failed", "HUAWEICLOUD_SDK_AK is set without HUAWEICLOUD_SDK_SK")
    assert finding(ran, "version")[0] == "ok"


def test_an_endpoint_that_is_not_there() -> None:
    ran = run("doctor", "--endpoint", "https://127.0.0.1:9", "--region", "cn-north-4", "--json")
    assert ran.code == 1
    assert ran.document["kind"] == "doctor"


def test_the_shared_state(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    bucket = Bucket()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with serving(bucket) as base:
        monkeypatch.setenv("RECONCILE_STATE", state_url(base))
        assert finding(run("doctor", "--json"), "shared state")[0] == "ok"
        assert bucket.keys() == []
        bucket.faults.forbidden = True
        ran = run("doctor", "--json")
        assert ran.code == 1
        assert any(status == "failed" for status, _ in findings(ran, "state"))
        assert findings(ran, "service")


def test_nothing_secret_is_in_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is meant to be pasted into a public issue."""
    serve(EmulatorOptions())
    secrets = {
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": options.SECURITY_TOKEN,
        "RECONCILE_CDN_KEY": "a-key-of-the-cdn",
        "RECONCILE_CDN_ALGORITHM": "A",
        "RECONCILE_QUOTA_STORE": "redis://user:redis-password@127.0.0.1:9/0",
        "HTTPS_PROXY": "http://user:proxy-password@proxy.example:3128",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for form in ("text", "json"):
        ran = run("doctor", "--format", form)
        shown = ran.out + ran.err
        for part in (
            options.SECRET_KEY,
            options.ACCESS_KEY,
            options.SECURITY_TOKEN,
            options.PROJECT_ID,
            "a-key-of-the-cdn",
            "password",
            "auth_key",
            video(0).title,
        ):
            assert part not in shown, part


@pytest.mark.parametrize("asset", ["abc", "desired", "6e76f92034ceae2fcdcef9413221511f/../x"])
def test_what_is_no_id_is_refused(serve: Serve, asset: str) -> None:
    serve(EmulatorOptions())
    ran = run("doctor", asset, "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "usage")


def test_an_asset_that_is_not_there(serve: Serve) -> None:
    serve(EmulatorOptions())
    ran = run("doctor", "f" * 32, "--json")
    assert ran.code == 1
    assert finding(ran, "assets")[1].startswith("asset_not_found")


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("custom_cover", "ok", "1 another picture"),
        ("no_cover", "ok", "1 none"),
        ("content_unavailable", "warning", "1 unreadable"),
    ],
)
def test_covers_that_tell_nothing(serve: Serve, name: str, status: str, words: str) -> None:
    serve(EmulatorOptions())
    found = finding(run("doctor", ODD[name], "--json"), "covers")
    assert (found[0], words in found[1], "nothing to tell" in found[1]) == (status, True, True)


def test_what_the_service_is_known_to_have_made_counts_as_re_encoded(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="recode"))
    write(entries(1, drifted=1))
    assert run("apply", "--auto-approve", "--force", "--wait").code == 0
    assert "1 re-encoded" in finding(run("doctor", video(0).asset_id, "--json"), "covers")[1]


def test_without_any_asset(serve: Serve) -> None:
    serve(EmulatorOptions(assets=0, odd_assets=False))
    ran = run("doctor", "--json")
    assert ran.code == 0
    assert finding(ran, "assets") == ("warning", "there is none with a cover and snapshots")


def test_an_identity_that_cannot_be_asked_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    monkeypatch.setenv("HUAWEICLOUD_SDK_STS_ENDPOINT", "http://127.0.0.1:9")
    ran = run("doctor", "--json")
    assert ran.code == 0
    assert finding(ran, "identity")[0] == "warning"


def test_a_token_says_nothing_of_who_one_is(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    for name in KEYS:
        monkeypatch.delenv(name)
    for name, value in (
        ("HW_USER_NAME", options.USER_NAME),
        ("HW_USER_PASSWORD", options.USER_PASSWORD),
        ("HW_DOMAIN_NAME", options.DOMAIN_NAME),
        ("HW_REGION_NAME", options.REGION),
    ):
        monkeypatch.setenv(name, value)
    ran = run("doctor", "--json")
    assert (ran.code, findings(ran, "identity")) == (0, [])
    assert finding(ran, "credentials")[0] == "warning"
    assert options.USER_NAME not in ran.out


def test_a_quota_store_that_is_gone_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    monkeypatch.setenv("RECONCILE_QUOTA_STORE", "redis://127.0.0.1:9/0")
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert finding(ran, "quota store")[1].startswith("does not answer")


def test_a_state_folder_that_cannot_be_read(serve: Serve, tmp_path: Path) -> None:
    serve(EmulatorOptions())
    (tmp_path / "state" / "journal.jsonl").mkdir(parents=True)
    ran = run("doctor", "--json")
    assert (ran.code, finding(ran, "state folder")[0]) == (1, "failed")


def test_a_shared_state_that_is_held_and_damaged(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    write(entries(2, drifted=2))
    bucket = Bucket()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with serving(bucket) as base:
        monkeypatch.setenv("RECONCILE_STATE", state_url(base))
        assert run("apply", "--auto-approve", "--force", "--state-dir", "elsewhere").code == 0
        below = f"team/{options.PROJECT_ID}/"
        bucket.objects[f"{below}locks/20261127T200000Z-abcdef"] = b"{}", bucket.now()
        for key in bucket.keys(f"{below}runs/"):
            bucket.objects[key] = b"<html>", bucket.now()
        told = findings(run("doctor", "--json"), "shared state")
    assert told[0] == ("ok", "can be listed and read; its lock is held or wanted; writing was not tried")
    assert told[1][0] == "warning"
