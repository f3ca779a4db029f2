"""The VOD API, IAM and the CDN's pictures on one port, for tests and experiments.

An ASGI app (`reconciler.emulator.app.create_app`) whose state is one SQLite file. It shares no code with
the client, so that it cannot share its bugs. `reconciler.emulator.options` holds its options.

These calls need no credentials. Quotas, faults and the request log do not apply to them:

| call | what it does |
|---|---|
| `GET /_emulator/requests` | `{"counts": {"PUT /v1.0/{project_id}/asset/cover": 3, ...}, "requests": [{"method", "path", "query", "status"}, ...]}`; status 0: no answer was sent |
| `POST /_emulator/cover?asset_id=ID` | the request body becomes the cover at once, as if a user had uploaded it |
| `GET /_emulator/catalogue` | every asset, with the offsets of its snapshots and its cover |

The default catalogue holds `assets` ordinary assets, each with snapshots and a cover that is one of them.
The first three include an ID of 32 decimal digits and one that YAML would read as a float. There are also odd
assets, `ODD[name]`:

| name | asset ID | what is odd |
|---|---|---|
| asset_not_found | 0dd00000000000000000000000000000 | does not exist |
| no_snapshots | 0dd00000000000000000000000000001 | it has no snapshots |
| snapshots_failed | 0dd00000000000000000000000000002 | taking its snapshots failed |
| snapshots_in_progress | 0dd00000000000000000000000000003 | its snapshots are being taken |
| snapshot_out_of_range | 0dd00000000000000000000000000004 | has only one snapshot |
| no_snapshot_at_offset | 0dd00000000000000000000000000005 | has only snapshots at 0, 7, 14 and 21 s |
| foreign_snapshot | 0dd00000000000000000000000000006 | the URLs of its snapshots name another asset |
| content_unavailable | 0dd00000000000000000000000000007 | its cover URL answers 404 |
| api_error | 0dd00000000000000000000000000008 | its details always answer 500; not in lists |
| custom_cover | 0dd00000000000000000000000000009 | its cover was uploaded and is not a snapshot |
| no_cover | 0dd00000000000000000000000000010 | `cover_info_array` is absent |
| null_cover | 0dd00000000000000000000000000011 | `cover_info_array` is null |
| empty_cover | 0dd00000000000000000000000000012 | `cover_info_array` is empty |
"""  # noqa: E501

from reconciler.emulator.catalogue import ODD
from reconciler.emulator.options import EmulatorOptions, FaultRule, QuotaRate, parse_fault, parse_quota

__all__ = ["ODD", "EmulatorOptions", "FaultRule", "QuotaRate", "parse_fault", "parse_quota"]
