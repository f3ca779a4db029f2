"""What `reconcile doctor` can tell without the network: this machine, its proxies and its certificates."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from reconciler import __version__
from reconciler.config import is_emulator
from reconciler.config.sources import find
from reconciler.documents.diagnosis import Finding, failed, ok, warning
from reconciler.errors import UsageError
from reconciler.vod import authorities

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def check_machine(endpoint: str) -> Iterator[Finding]:
    """
    Args:
        endpoint: as given; "" where none was.
    """
    system = f"{platform.system()} {platform.machine()}"
    yield ok("version", f"reconcile {__version__}, Python {platform.python_version()}, {system}")
    yield ok("credentials", "the emulator needs none") if is_emulator(endpoint) else _credentials()
    set_here = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    yield ok("proxy", f"{', '.join(set_here)} set" if set_here else "none is set")
    yield _certificates()


def _credentials() -> Finding:
    try:
        found = find(os.environ)
    except UsageError as error:
        return failed("credentials", error.message, error.hint)
    kind = type(found.source).__name__.removesuffix("Source")
    names = {"AccessKey": "AK/SK", "Oidc": "OIDC", "Token": "a token", "Login": "a login", "Machine": "ECS metadata"}
    agency = ", then an agency" if found.agency is not None else ""
    if kind == "Machine":
        return warning("credentials", f"none is set, so the metadata of an ECS instance is asked{agency}")
    if kind in ("Token", "Login"):
        return warning("credentials", f"{names[kind]}; state in obs:// needs AK/SK", "Prefer OIDC or AK/SK.")
    return ok("credentials", f"{names[kind]}{agency}")


def _certificates() -> Finding:
    try:
        files = authorities.files()
    except UsageError as error:
        return failed("certificates", error.message, error.hint)
    if files:
        return ok("certificates", f"those that the environment names: {len(files)} files")
    return ok("certificates", "the usual authorities")
