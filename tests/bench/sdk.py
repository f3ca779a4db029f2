"""What one would write with the official SDK. Run: python tests/bench/sdk.py BASE_URL ASSETS THREADS

Reads each asset's details and counts the covers that are not the first snapshot; 1 thread is a plain loop.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkvod.v1 import ShowAssetDetailRequest, VodClient
from server import PROJECT_ID, asset_id


def client(base: str, threads: int) -> VodClient:
    config = HttpConfig.get_default_config()
    config.pool_maxsize = max(threads, 10)  # with fewer connections than threads, some are opened again and again
    credentials = BasicCredentials("bench", "bench-secret", PROJECT_ID)
    return VodClient.new_builder().with_http_config(config).with_credentials(credentials).with_endpoint(base).build()


def drifted(vod: VodClient, number: int) -> bool:
    request = ShowAssetDetailRequest(asset_id=asset_id(number), categories=["base_info", "thumbnail_info"])
    details = vod.show_asset_detail(request)
    return bool(details.base_info.cover_info_array[0].cover_url != details.thumbnail_info.sample[0].url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("assets", type=int)
    parser.add_argument("threads", type=int)
    given = parser.parse_args()
    vod = client(given.base, given.threads)
    if given.threads == 1:
        found: Iterable[bool] = (drifted(vod, number) for number in range(given.assets))
        print(sum(found), "drifted")
        return
    with ThreadPoolExecutor(given.threads) as pool:
        print(sum(pool.map(lambda number: drifted(vod, number), range(given.assets))), "drifted")


if __name__ == "__main__":
    main()
