"""A CDN that demands signed URLs: everything that reads pictures does its work, and shows no key and no signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import Cloud, Ran, entries, run, spawn, video, write
from support.processes import APPROVED, Serve, files_under

from reconciler.emulator import ODD
from reconciler.emulator.options import CDN_KEY, AntiLeech, EmulatorOptions, FaultRule

OLD_KEY = "theKeyOfLastYear"
REFERER = "https://www.example.com/"
# What a signature consists of, in the path or in the query of a request.
SIGNATURE = re.compile(r"[0-9a-f]{32}(?=/[0-9A-F]{8}/|/shield/|/asset/|$)|(?<=auth_info=)[^.]+|(?<=\.)[0-9a-f]{32}$")


@pytest.fixture(params=["A", "B", "C", "D"])
def algorithm(request: pytest.FixtureRequest) -> AntiLeech:
    found: AntiLeech = request.param
    return found


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch, algorithm: AntiLeech) -> AntiLeech:
    """The environment of a user who knows the CDN's settings."""
    monkeypatch.setenv("RECONCILE_CDN_KEY", CDN_KEY)
    monkeypatch.setenv("RECONCILE_CDN_ALGORITHM", algorithm)
    return algorithm


def pictures(file: str) -> int:
    return Path(file).read_text(encoding="utf-8").count("data:image/webp;base64,")


@pytest.mark.usefixtures("time_flies")
def test_plan_apply_wait_and_the_pages_pictures_work(serve: Serve, signing: AntiLeech) -> None:
    # The wait takes longer than a signature holds, and so do the pauses after some faults.
    faults = (FaultRule("picture", "503", 2, video(1).asset_id),)
    options = EmulatorOptions(anti_leech=signing, signature_seconds=90, propagation=180, faults=faults)
    found = serve(options)
    write({**entries(6, drifted=3), ODD["custom_cover"]: "0"})
    planned = run("plan", "--json", "--html", "plan.html")
    assert {name: count for name, count in planned.document["summary"].items() if count} == {
        "managed": 7,
        "in_sync": 3,
        "update": 4,
    }
    assert pictures("plan.html") > 8
    applied = run(*APPROVED, "--wait", "--json", "--html", "apply.html").document
    assert [result["verified"] for result in applied["results"]] == [True] * 4
    assert pictures("apply.html") == pictures("plan.html")
    assert run("audit", "--html", "audit.html").code == 0
    assert run("lock").code == 0
    assert run("plan", "--locked", "--json").document["summary"]["in_sync"] == 7
    assert found.puts == 4


def test_without_the_key_every_cover_is_unavailable_and_it_is_said_what_to_set(
    serve: Serve, algorithm: AntiLeech
) -> None:
    found = serve(EmulatorOptions(anti_leech=algorithm))
    write(entries(6, drifted=3))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    unknown = run("plan", "--json").document["unknown"]
    assert [item["reason"] for item in unknown] == ["content_unavailable"] * 6
    for item in unknown:
        assert "HTTP 403" in item["message"]
        assert "set RECONCILE_CDN_KEY and RECONCILE_CDN_ALGORITHM" in item["message"]
        assert "RECONCILE_CDN_REFERER" in item["message"]
    assert "RECONCILE_CDN_KEY" in run("plan").out
    assert found.puts == 0


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize(
    "wrong", [{"RECONCILE_CDN_KEY": OLD_KEY}, {"RECONCILE_CDN_ALGORITHM": ""}], ids=["key", "algorithm"]
)
def test_a_wrong_setting_is_said_to_be_wrong(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, algorithm: AntiLeech, wrong: dict[str, str]
) -> None:
    other = "C" if algorithm == "A" else "A"
    serve(EmulatorOptions(anti_leech=algorithm))
    for name, value in wrong.items():
        monkeypatch.setenv(name, value or other)
    write(entries(2))
    ran = run("plan", "--json")
    assert {item["reason"] for item in ran.document["unknown"]} == {"content_unavailable"}
    assert "The CDN refused the signed URL: check RECONCILE_CDN_KEY" in ran.document["unknown"][0]["message"]
    assert OLD_KEY not in ran.out + ran.err


def test_bs_clock_is_the_settings_zone(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions(anti_leech="B"))
    monkeypatch.setenv("RECONCILE_CDN_KEY", CDN_KEY)
    monkeypatch.setenv("RECONCILE_CDN_ALGORITHM", "B")
    write(entries(2))
    for zone, code in (("Asia/Singapore", 0), ("UTC", 1), ("Nowhere/Land", 1)):
        monkeypatch.setenv("RECONCILE_CDN_ZONE", zone)
        ran = run("plan", "--json")
        assert ran.code == code
    assert ran.document["error"]["type"] == "usage"
    assert "RECONCILE_CDN_ZONE is 'Nowhere/Land'" in ran.document["error"]["message"]


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("keys", [f"{CDN_KEY},{OLD_KEY}", f"{OLD_KEY},{CDN_KEY}"], ids=["first", "second"])
def test_during_a_change_either_key_may_be_the_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, algorithm: AntiLeech, keys: str
) -> None:
    found = serve(EmulatorOptions(anti_leech=algorithm))
    monkeypatch.setenv("RECONCILE_CDN_KEY", keys)
    write(entries(8, drifted=2))
    assert run("plan", "--json", "--parallelism", "1").document["summary"]["unknown"] == 0
    refused = [entry for entry in found.requests() if entry["status"] == 403]
    assert len(refused) == (1 if keys.startswith(OLD_KEY) else 0), "the one that was taken comes first"
    assert run(*APPROVED, "--wait").code == 0


def test_a_referer_is_sent_with_pictures_and_with_nothing_else(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions(referer=REFERER))
    write(entries(4, drifted=2))
    refused = run("plan", "--json").document["unknown"]
    assert [item["reason"] for item in refused] == ["content_unavailable"] * 4
    monkeypatch.setenv("RECONCILE_CDN_REFERER", REFERER)
    assert run("plan", "--json").document["summary"]["update"] == 2


def test_half_of_the_settings_is_a_usage_error(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions(anti_leech="A"))
    write(entries(2))
    monkeypatch.setenv("RECONCILE_CDN_KEY", CDN_KEY)
    ran = run("plan", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "usage")
    assert "RECONCILE_CDN_KEY is set without RECONCILE_CDN_ALGORITHM" in ran.document["error"]["message"]
    assert found.requests() == []


# No secret in any output


def sent(cloud: Cloud) -> set[str]:
    """Every signature that reached the CDN."""
    asked = [f"{entry['path']}?{entry['query']}" for entry in cloud.requests() if "/asset/" in entry["path"]]
    return {found for url in asked if "/v1.0/" not in url for found in SIGNATURE.findall(url.rstrip("?"))}


def verbs() -> Iterator[Ran]:
    """The first two in processes of their own: with a key that is refused, and with one that is taken."""
    yield spawn("plan", "--debug", "--html", "wrong.html", env={"RECONCILE_CDN_KEY": OLD_KEY})
    yield spawn(*APPROVED, "--wait", "--json", "--debug", "--html", "apply.html", "--junit", "apply.xml")
    yield run("plan", "--out", "plan.json", "--html", "plan.html", "--markdown", "plan.md")
    yield run("apply", "--plan", "plan.json", "--force", "--target", "x")
    yield run("plan", "--json", "--codequality", "plan.cq.json")
    yield run("audit", "--json", "--metrics", "audit.prom")
    yield run("show", video(0).asset_id, "--html", "show.html")
    yield run("show", "plan.json", "--format", "markdown")


@pytest.mark.usefixtures("time_flies", "signing")
def test_no_output_holds_a_key_or_a_signature(
    serve: Serve, state: Path, monkeypatch: pytest.MonkeyPatch, algorithm: AntiLeech
) -> None:
    faults = (
        FaultRule("picture", "reset", 1, video(0).asset_id),
        FaultRule("picture", "503", 1, video(4).asset_id),
    )
    found = serve(EmulatorOptions(anti_leech=algorithm, faults=faults))
    monkeypatch.setenv("RECONCILE_CDN_KEY", f"{OLD_KEY},{CDN_KEY}")
    write({**entries(5, drifted=3), ODD["custom_cover"]: f"{{snapshot: 0, note: not {CDN_KEY} nor {OLD_KEY}}}"})
    ran = list(verbs())
    secrets = sent(found) | {OLD_KEY, CDN_KEY}
    assert len(secrets) > 10
    assert all("/asset/details " in one.err for one in ran[:2]), "the requests are logged"
    texts = [text for one in ran for text in (one.out, one.err)]
    written = [file for file in (*files_under(state), *files_under(Path.cwd())) if file.parent.name != "desired"]
    texts += [file.read_bytes().decode("latin-1") for file in written]
    assert "not *** nor ***" in ran[1].out
    for text in texts:
        assert not [secret for secret in secrets if secret in text]
        assert not re.search(r"auth_(?:key|info)=(?!\*\*\*)", text)
