"""Nothing that others wrote acts, and no secret is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET

from reconciler.util.sanitize import Redactor, bare_url, clean, json_text, shorten

MD5 = "0123456789abcdef0123456789abcdef"
TAIL = f"/asset/{ASSET}/snapshot/sample/5.jpg"
SIGNED_PATHS = [
    f"202603011200/{MD5}",
    f"{MD5}/65e1c0f0",
    f"{MD5.upper()}/A5E1C0F0",
    f"202603011200/{MD5 * 2}",
    f"{MD5 * 2}/65E1C0F0",
]
HOSTILE = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "a\rb",
    "a\nb",
    "a\tb",
    "\x00",
    "\x7f",
    "\x85",
    "\x9b31m",
    "\u2028",
    "\u2029",
    "\u202eevil",
    "\u2066x\u2069",
    "\u200bx",
    "\ufeff",
    "\ud800",
    "\udfff",
    "\U000e0041",
    "::error::boom",
    ":::error:::",
    "::::",
    "##[error]boom",
    "###[x",
    "##vso[task.setvariable variable=x]y",
    "##VSO[x]",
    "##teamcity[buildStatus status='FAILURE']",
    "#" * 5 + "teamcity[",
    "\u3164",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u034f",
    "\ufe0f",
    "\U000e0101",
    "\u180b",
    "\u2800",
    "\n::set-output name=a::b",
]
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)


def inert(text: str) -> bool:
    return text.isprintable() and not re.search(rf"::|##[a-z]*\[|[{INVISIBLE}]", text, re.IGNORECASE)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_act_is_made_visible(text: str) -> None:
    assert inert(clean(text))
    assert inert(shorten(text))
    clean(text).encode()


@given(st.lists(st.one_of(any_text, st.sampled_from(HOSTILE), st.just(":"), st.just("#"))).map("".join))
def test_no_text_acts_after_cleaning(text: str) -> None:
    cleaned = clean(text)

    cleaned.encode()
    assert "::" not in cleaned
    assert "##[" not in cleaned
    assert not any(char in cleaned for char in "\n\r\x1b\x00\x7f\x85\u2028\u202e\u200b")
    assert len(shorten(text, 20)) <= 20


@pytest.mark.parametrize(
    "text", ["A title", "片名：第一集", "é à ü", "😀 emoji", "a: b", "[x] # y", "10:30", "مرحبا"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | st.sampled_from(HOSTILE),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(any_text | st.sampled_from(HOSTILE), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_json_keeps_every_value_and_lets_none_act(value: Any, ascii_only: bool) -> None:
    text = json_text(value, ascii_only=ascii_only)

    assert json.loads(text) == value
    text.encode("ascii" if ascii_only else "utf-8")
    assert "::" not in text
    assert "##[" not in text
    assert all(
        line.isprintable() or not any(char in line for char in "\r\x1b\x00\x7f\x85\u2028\u202e\u200b")
        for line in text.split("\n")
    )


def test_json_keeps_text_readable() -> None:
    assert "片名：第一集" in json_text({"title": "片名：第一集"})


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        (f"https://cdn{TAIL}?auth_key=secret", f"https://cdn{TAIL}"),
        (f"https://cdn{TAIL}?auth_info=secret&x=1#secret", f"https://cdn{TAIL}"),
        (f"https://user:secret@cdn:8443{TAIL}", f"https://cdn:8443{TAIL}"),
        *[(f"https://cdn/{signed}{TAIL}", f"https://cdn/***{TAIL}") for signed in SIGNED_PATHS],
        *[(f"https://cdn/{signed}/shield{TAIL}", f"https://cdn/***/shield{TAIL}") for signed in SIGNED_PATHS],
        *[(f"https://cdn/shield/{signed}{TAIL}", f"https://cdn/shield/***{TAIL}") for signed in SIGNED_PATHS],
        *[(f"https://cdn/{signed}/other.jpg", "https://cdn/***/other.jpg") for signed in SIGNED_PATHS],
        (f"https://cdn/a-form%20of/tomorrow.1{TAIL}", f"https://cdn/***{TAIL}"),
        (f"https://cdn/shield{TAIL}", f"https://cdn/shield{TAIL}"),
        (f"https://cdn/asset/{ASSET}/{MD5}/65e1c0f0/0.jpg", f"https://cdn/asset/{ASSET}/{MD5}/65e1c0f0/0.jpg"),
        ("https://[::1?auth_key=secret", "https://[: :1"),
        ("", ""),
    ],
)
def test_urls_are_shown_without_what_is_secret_in_them(url: str, bare: str) -> None:
    assert bare_url(url) == bare


SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=%_-", min_size=16, max_size=40)


@given(st.text(max_size=20), SECRET, st.text(max_size=20))
def test_a_known_secret_never_survives(before: str, secret: str, after: str) -> None:
    assert secret not in Redactor([secret, None, ""])(f"{before}{secret}{after}")


@given(st.text(min_size=8, max_size=20))
def test_a_known_secret_with_odd_characters_never_survives_in_text_or_json(secret: str) -> None:
    redact = Redactor([secret])

    assert redact(f"x{secret}y") != f"x{secret}y"
    assert json.loads(redact(json.dumps({"k": f"<{secret}>"}))) == {"k": "<***>"}


@pytest.mark.parametrize(
    "text",
    [
        "GET https://cdn/x.jpg?auth_key=SECRET0123456789 HTTP/1.1",
        "https://cdn/x.jpg?a=1&auth_info=SECRET0123456789&b=2",
        "https://cdn/x.jpg?AUTH_KEY=SECRET0123456789",
        "X-Auth-Token: SECRET0123456789",
        "{'x-subject-token': 'SECRET0123456789'}",
        '{"X-Security-Token": "SECRET0123456789"}',
        "Authorization: SDK-HMAC-SHA256 Access=SECRET0123456789, SignedHeaders=host, Signature=SECRET0123456789",
        "Signature=SECRET0123456789",
        '{"password": "SECRET0123456789"}',
        "b'authorization': b'SECRET0123456789'",
        "[(b'X-Auth-Token', b'SECRET0123456789')]",
        "Authorization: Bearer SECRET0123456789",
    ],
)
def test_what_looks_like_a_secret_never_survives(text: str) -> None:
    assert "SECRET0123456789" not in Redactor()(text)


@pytest.mark.parametrize("more", ["", "/shield"])
@pytest.mark.parametrize("signed", SIGNED_PATHS)
@pytest.mark.parametrize("start", ["GET https://cdn", "to ", "see (http://cdn:8080/shield"])
def test_signatures_in_paths_never_survive(start: str, signed: str, more: str) -> None:
    told = Redactor()(f"{start}/{signed}{more}{TAIL} failed")

    assert MD5[:16] not in told.lower()
    assert f"{more}{TAIL} failed" in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://vod/v1.0/a/details?asset_id=1&x=2 200", "GET https://vod/v1.0/a/details 200"),
        ("it redirects to HTTPS://u:pw@cdn/0.jpg?token=abc.", "it redirects to HTTPS://cdn/0.jpg"),
        ("[a](https://cdn/0.jpg?x=1) and 'http://b?c=1'", "[a](https://cdn/0.jpg) and 'http://b'"),
        ("http://[::1]:80/a?b https://c/d?e", "http://[::1]:80/a https://c/d"),
        ("redis://:pass@host:1/0 refuses", "redis://host:1/0 refuses"),
        ("What? https://cdn/0.jpg#here is it?", "What? https://cdn/0.jpg#here is it?"),
        ("to=https%3A%2F%2Fcdn%2F0.jpg%3Fauth_key%3Dabc-def", "to=https%3A%2F%2Fcdn%2F0.jpg%3Fauth_key%3D***"),
    ],
)
def test_urls_in_sentences_lose_their_query(text: str, shown: str) -> None:
    assert Redactor()(text) == shown


def test_ordinary_words_are_no_secrets() -> None:
    text = f"The asset {ASSET} of project {MD5} has no access to it; https://cdn{TAIL}"

    assert Redactor(["abc", ""])(text) == text
