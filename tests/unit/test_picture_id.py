"""A URL names a picture by its path from `/asset/<id>/` on; when in doubt it names none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, OTHER

from reconciler.decide.picture_id import PictureId, picture

SAMPLE = f"/asset/{ASSET}/snapshot/sample/5.jpg"
MD5 = "0123456789abcdef0123456789abcdef"
NAMED = PictureId(ASSET, "snapshot/sample/5.jpg")


@pytest.mark.parametrize(
    "url",
    [
        f"https://cdn.example.com{SAMPLE}",
        f"http://cdn.example.com{SAMPLE}",
        f"https://other.example.org:8443{SAMPLE}",
        f"https://[2001:db8::1]{SAMPLE}",
        f"https://cdn.example.com/shield{SAMPLE}",
        f"https://cdn.example.com/202603011200/{MD5}{SAMPLE}",
        f"https://cdn.example.com/{MD5}/65e1c0f0{SAMPLE}",
        f"https://cdn.example.com{SAMPLE}?auth_key=1-0-0-{MD5}",
        f"https://cdn.example.com{SAMPLE}?auth_info=/asset/{OTHER}/x.jpg",
        f"https://cdn.example.com{SAMPLE}#fragment",
        f"https://cdn.example.com/asset/{ASSET.upper()}/snapshot/sample/5.jpg",
        f"https://cdn.example.com/%61sset/{ASSET}/snapshot%2Fsample/5.jpg",
        f"HTTPS://CDN.example.com{SAMPLE}",
    ],
)
def test_one_and_the_same_picture(url: str) -> None:
    assert picture(url) == NAMED


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        SAMPLE,
        f"//cdn.example.com{SAMPLE}",
        f"ftp://cdn.example.com{SAMPLE}",
        f"file://{SAMPLE}",
        f"javascript:alert(1)//{SAMPLE}",
        f"https://cdn.example.com/asset/{ASSET}",
        f"https://cdn.example.com/asset/{ASSET}/",
        f"https://cdn.example.com/asset/{ASSET}//5.jpg",
        f"https://cdn.example.com/asset/{ASSET[:-1]}/5.jpg",
        f"https://cdn.example.com/asset/{ASSET}0/5.jpg",
        f"https://cdn.example.com/assets/{ASSET}/5.jpg",
        f"https://cdn.example.com/x?u=/asset/{ASSET}/5.jpg",
        f"https://cdn.example.com/x#/asset/{ASSET}/5.jpg",
        f"https://cdn.example.com/asset/{OTHER}/../asset/{ASSET}/5.jpg",
        f"https://cdn.example.com/asset/{OTHER}/x/asset/{ASSET}/5.jpg",
        f"https://cdn.example.com/asset/{ASSET}/../{OTHER}/5.jpg",
        f"https://cdn.example.com/asset/{ASSET}/%2e%2e/{OTHER}/5.jpg",
        f"https://cdn.example.com/asset/{ASSET}/./5.jpg",
        f"https://cdn.example.com/asset/{ASSET}/..%2f{OTHER}/5.jpg",
        f"https://cdn.example.com\\asset\\{ASSET}\\5.jpg",
        f"https://cdn.example.com/asset/{ASSET}/a%5Cb.jpg",
        f"https://cdn.example.com/asset/{ASSET}/a%0Ab.jpg",
        f"https://cdn.example.com/asset/{ASSET}/a%00.jpg",
        "https://[::1/asset/",
    ],
)
def test_no_picture_or_more_than_one(url: str) -> None:
    assert picture(url) is None


ids = st.text("0123456789abcdef", min_size=32, max_size=32)
names = st.text("abcdefgh0123456789_-.~ 片é", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
prefixes = st.one_of(
    st.just(""),
    st.just("/shield"),
    st.builds(lambda md5: f"/202603011200/{md5}", ids),
    st.builds(lambda md5: f"/{md5}/65e1c0f0", ids),
)
hosts = st.sampled_from(["http://a.example", "https://b.example:8443", "https://CDN.example"])
queries = st.one_of(
    st.just(""), st.builds("?auth_key={}".format, ids), st.builds("?auth_info=/asset/{}/x".format, ids)
)


@given(ids, hosts, prefixes, paths, queries, st.booleans())
def test_every_documented_form_names_its_asset(
    asset_id: str, host: str, prefix: str, path: str, query: str, upper: bool
) -> None:
    written = asset_id.upper() if upper else asset_id

    assert picture(f"{host}{prefix}/asset/{written}/{path}{query}") == PictureId(asset_id, path)


@given(ids, ids, hosts, prefixes, paths, queries)
def test_a_url_of_another_asset_is_never_taken_for_ours(
    asset_id: str, other: str, host: str, prefix: str, path: str, query: str
) -> None:
    found = picture(f"{host}{prefix}/asset/{other}/{path}{query}")

    assert found is not None
    assert (found.asset_id == asset_id) is (other == asset_id)


pieces = st.sampled_from(
    [
        "/",
        "asset",
        f"asset/{ASSET}",
        f"asset/{OTHER}",
        "..",
        ".",
        "%2e",
        "%2F",
        "\\",
        "?",
        "#",
        "@",
        ":",
        "x.jpg",
        "%00",
        "://",
        "http",
        "[",
        "]",
        "；",
    ]
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_no_text_breaks_it_and_what_it_names_stands_in_the_path(rest: str) -> None:
    found = picture(f"https://cdn.example.com/{rest}")

    if found is not None:
        path = rest.partition("?")[0].partition("#")[0]
        assert found.asset_id in path
        assert path.count("asset/" + found.asset_id) == 1
