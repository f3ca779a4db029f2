"""Our signatures are those of the service's official SDK, whatever is signed."""

from __future__ import annotations

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from reconciler.vod.auth import AccessKey, authorization

ACCESS = AccessKey("AKEXAMPLE", "secret-of-the-example")
DATE = {"X-Sdk-Date": "20260301T120000Z"}
HOST = {"Host": "vod.cn-north-4.myhuaweicloud.com", **DATE}
PROJECT_PATH = "/v1.0/0123456789abcdef0123456789abcdef/asset/details"

Query = list[tuple[str, str]]
Case = tuple[str, str, Query, dict[str, str], bytes]


def of_the_sdk(case: Case, access: AccessKey = ACCESS) -> str:
    method, path, query, headers, body = case
    request = SdkRequest(
        method=method,
        schema="https",
        host=headers.get("Host", ""),
        resource_path=path,
        query_params=list(query),
        header_params=dict(headers),
        body=body,
    )
    signed = Signer(BasicCredentials(access.key, access.secret)).sign(request)
    return str(signed.header_params["Authorization"])


def ours(case: Case, access: AccessKey = ACCESS) -> str:
    method, path, query, headers, body = case
    return authorization(access, method, path, query, headers, body)


JSON = {"Content-Type": "application/json"}
CASES: dict[str, Case] = {
    "a read": ("GET", PROJECT_PATH, [("asset_id", "6e76"), ("categories", "base_info,thumbnail_info")], HOST, b""),
    "a PUT": ("PUT", "/v1.0/p/asset/cover", [], HOST | JSON, b'{"thumbnailUrl": "https://x/asset/1/0.jpg"}'),
    "a lower-case method": ("get", "/a", [], HOST, b""),
    "DELETE": ("DELETE", "/a", [], HOST, b""),
    "a body that is not ASCII": ("POST", "/a", [], HOST | JSON, "封面".encode()),
    "the root": ("GET", "/", [], HOST, b""),
    "a trailing slash": ("GET", "/a/b/", [], HOST, b""),
    "two slashes": ("GET", "/a//b", [], HOST, b""),
    "a tilde": ("GET", "/~user/a~b", [], HOST, b""),
    "spaces": ("GET", "/a b/c  d", [], HOST, b""),
    "not ASCII": ("GET", "/片/é", [], HOST, b""),
    "percent-encoded": ("GET", "/%E7%89%87/a%20b%2Fc", [], HOST, b""),
    "a percent sign": ("GET", "/100%25/%zz", [], HOST, b""),
    "special characters": ("GET", "/a+b:c@d!$&'()*,;=", [], HOST, b""),
    "a repeated key": ("GET", "/a", [("id", "c"), ("id", "a"), ("id", "b")], HOST, b""),
    "keys out of order": ("GET", "/a", [("b", "1"), ("a", "2"), ("B", "3"), ("ab", "4")], HOST, b""),
    "an empty value": ("GET", "/a", [("a", ""), ("", "b"), ("a", "0")], HOST, b""),
    "special values": ("GET", "/a", [("q", "a b+c%d&e=f/g~h"), ("片", "é"), ("x", "😀")], HOST, b""),
    "keys that encoding would reorder": ("GET", "/a", [("a", "~"), ("a", "|"), ("a", "é"), ("a", "z")], HOST, b""),
    "padded header values": ("GET", "/a", [], HOST | {"X-Project-Id": "  p  "}, b""),
    "a header that stays unsigned": ("GET", "/a", [], HOST | {"X_Odd": "1"}, b""),
    "a security token": ("GET", "/a", [], HOST | {"X-Security-Token": "gAAAA=="}, b""),
    "header names in another case": ("GET", "/a", [], {"host": "h", "x-sdk-date": DATE["X-Sdk-Date"]}, b""),
}


@pytest.mark.parametrize("name", CASES)
def test_signature_is_the_sdks(name: str) -> None:
    assert ours(CASES[name]) == of_the_sdk(CASES[name])


def test_another_secret_gives_another_signature() -> None:
    other = AccessKey(ACCESS.key, "another secret")

    assert ours(CASES["a read"], other) == of_the_sdk(CASES["a read"], other) != ours(CASES["a read"])


SAFE_VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=8)
PATHS = st.one_of(
    st.text(max_size=20).map(lambda text: f"/{text}"),
    st.lists(st.sampled_from(["a", "~", "%20", "%2F", "片", "", ".", "..", "b c", "%", "+"]), max_size=6).map(
        lambda parts: "/" + "/".join(parts)
    ),
)
HEADERS = st.dictionaries(
    st.from_regex(r"X-[A-Z][a-z]{1,5}(-[A-Z][a-z_]{1,4})?", fullmatch=True), SAFE_VALUE, max_size=4
)


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "delete"]),
    path=PATHS,
    query=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5),
    headers=HEADERS,
    body=st.binary(max_size=20),
    access=st.builds(AccessKey, st.text("AKX0", min_size=1), st.text(min_size=1, max_size=40)),
)
def test_signature_is_the_sdks_for_any_request(
    method: str, path: str, query: Query, headers: dict[str, str], body: bytes, access: AccessKey
) -> None:
    case = (method, path, query, HOST | headers, body)

    assert ours(case, access) == of_the_sdk(case, access)
