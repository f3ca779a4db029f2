"""The emulator on a real port: the official SDK as its client, and connections that really break."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkvod.v1 import (
    AssetProcessReq,
    CreateAssetProcessTaskRequest,
    ListAssetListRequest,
    ListAssetTaskInfoRequest,
    ShowAssetDetailRequest,
    ShowAssetMetaRequest,
    Thumbnail,
    UpdateAssetRequest,
    UpdateCoverByThumbnailReq,
    UpdateCoverByThumbnailRequest,
    UploadAssetReq,
    VodClient,
)

from reconciler.emulator import ODD
from reconciler.emulator.app import create_app
from reconciler.emulator.options import (
    ACCESS_KEY,
    PROJECT_ID,
    SECRET_KEY,
    SECURITY_TOKEN,
    EmulatorOptions,
    FaultRule,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.emulator.options import FaultKind

pytestmark = pytest.mark.integration

FIRST = "6e76f92034ceae2fcdcef9413221511f"
PICTURE = f"/asset/{FIRST}/snapshot/sample/0.jpg"


@contextmanager
def served(state: Path, options: EmulatorOptions) -> Iterator[str]:
    """The emulator's address, for as long as it is served."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(create_app(state, options, url), log_level="warning", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join(45)
            assert not thread.is_alive()


def sdk(url: str, secret: str = SECRET_KEY, token: str | None = None) -> VodClient:
    credentials = BasicCredentials(ACCESS_KEY, secret, PROJECT_ID)
    if token:
        credentials = credentials.with_security_token(token)
    config = HttpConfig.get_default_config()
    config.retry_times = 0
    builder = VodClient.new_builder().with_http_config(config).with_credentials(credentials)
    return builder.with_endpoint(url).build()


def put(client: VodClient, url: str) -> None:
    body = UpdateCoverByThumbnailReq(thumbnail_url=url)
    client.update_cover_by_thumbnail(UpdateCoverByThumbnailRequest(body=body))


def test_the_official_sdk_lists_reads_and_sets_covers(tmp_path: Path) -> None:
    with served(tmp_path / "state", EmulatorOptions(cover_mode="reference")) as url:
        client = sdk(url)
        listed = client.list_asset_list(ListAssetListRequest(page=0, size=100))
        assert listed.total == len(listed.assets) == 24 + len(ODD) - 2
        details = client.show_asset_detail(
            ShowAssetDetailRequest(asset_id=FIRST, categories=["base_info", "thumbnail_info"])
        )
        wanted = details.thumbnail_info.sample[2].url
        assert details.base_info.cover_info_array[0].cover_url != wanted
        put(client, wanted)
        ids = [FIRST, ODD["asset_not_found"]]
        infos = client.show_asset_meta(ShowAssetMetaRequest(asset_id=ids)).asset_info_array
        found = {info.asset_id: info for info in infos}
        assert found[FIRST].base_info.cover_info_array[0].cover_url == wanted
        assert found[ODD["asset_not_found"]].status == "NO_ASSET"
        page = client.show_asset_meta(ShowAssetMetaRequest(page=0, size=100))
        assert page.total == len(page.asset_info_array) == listed.total
        assert [info.asset_id for info in page.asset_info_array] == [item.asset_id for item in listed.assets]
        last = client.show_asset_meta(ShowAssetMetaRequest(page=1, size=30)).asset_info_array
        assert [info.asset_id for info in last] == [item.asset_id for item in listed.assets[30:]]
        with pytest.raises(ClientRequestException) as refused:
            put(client, wanted.replace("/sample/", "/dots/"))
        assert (refused.value.status_code, refused.value.error_code) == (400, "VOD.10062")
        counts = httpx.get(f"{url}/_emulator/requests").json()["counts"]
        assert counts["PUT /v1.0/{project_id}/asset/cover"] == 2


def test_the_sdk_with_a_wrong_secret_is_refused_and_with_a_security_token_is_not(tmp_path: Path) -> None:
    with served(tmp_path / "state", EmulatorOptions()) as url:
        with pytest.raises(ClientRequestException) as refused:
            sdk(url, secret="wrong").list_asset_list(ListAssetListRequest())
        assert (refused.value.status_code, refused.value.error_code) == (401, "APIGW.0301")
        temporary = sdk(url, token=SECURITY_TOKEN)
        assert len(temporary.list_asset_list(ListAssetListRequest()).assets) == 10


@pytest.mark.parametrize(
    ("kind", "message"),
    [("reset", "reset"), ("lost", "reset"), ("truncated", "peer closed|incomplete")],
)
def test_connections_really_break(tmp_path: Path, kind: FaultKind, message: str) -> None:
    options = EmulatorOptions(faults=(FaultRule("picture", kind, 1),))
    with served(tmp_path / "state", options) as url, httpx.Client(base_url=url) as client:
        assert client.get("/_emulator/catalogue").status_code == 200
        with pytest.raises(httpx.TransportError, match=rf"(?i){message}"):
            client.get(PICTURE)
        assert client.get(PICTURE).status_code == 200


def test_a_hang_outlasts_the_clients_patience_and_not_the_server(tmp_path: Path) -> None:
    with served(tmp_path / "state", EmulatorOptions(faults=(FaultRule("picture", "hang", 1),))) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url + PICTURE, timeout=httpx.Timeout(45, read=0.5))
        assert httpx.get(f"{url}/_emulator/catalogue").status_code == 200
    # Leaving the block joined the server: a request that hangs does not keep it alive.


def test_latency_delays_each_answer_and_not_the_others(tmp_path: Path) -> None:
    with served(tmp_path / "state", EmulatorOptions(latency=1000.0)) as url:
        before = time.monotonic()
        threads = [threading.Thread(target=httpx.get, args=(url + PICTURE,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One after the other they would take 8 s at least.
        assert 1 <= time.monotonic() - before < 8


def test_the_sdk_takes_snapshots_and_announces_an_upload(tmp_path: Path) -> None:
    with served(tmp_path / "state.sqlite", EmulatorOptions()) as url:
        client = sdk(url)
        thumbnail = Thumbnail(type="dots", dots=[37], cover_position=1, max_length=1080)
        body = AssetProcessReq(asset_id=FIRST, thumbnail=thumbnail)
        task = client.create_asset_process_task(CreateAssetProcessTaskRequest(body=body))
        assert (task.status_code, task.thumbnail_task_id) == (202, "task-1")
        found = client.list_asset_task_info(ListAssetTaskInfoRequest(type="THUMBNAIL", asset_id=FIRST))
        assert [result.status for result in found.results] == ["SUCCEED"]
        details = client.show_asset_detail(ShowAssetDetailRequest(asset_id=FIRST))
        assert 37 in [item.offset for item in details.thumbnail_info.dots]
        named = UploadAssetReq(asset_id=FIRST, cover_id=0, cover_type="JPG", cover_md5="1B2M2Y8AsgTpgAmY7PhCfg==")
        answer = client.update_asset(UpdateAssetRequest(body=named))
        assert answer.cover_upload_url.startswith(f"{url}/upload/{FIRST}.jpg?")
