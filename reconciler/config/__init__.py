"""The settings of a run, and which credentials apply."""

from reconciler.config.settings import (
    EMULATOR,
    CdnAccess,
    ConnectionOptions,
    Settings,
    base_url,
    check_project_id,
    check_region,
    is_emulator,
    parse_rate,
    resolve,
)
from reconciler.util.credential_sources import Credentials

__all__ = [
    "EMULATOR",
    "CdnAccess",
    "ConnectionOptions",
    "Credentials",
    "Settings",
    "base_url",
    "check_project_id",
    "check_region",
    "is_emulator",
    "parse_rate",
    "resolve",
]
