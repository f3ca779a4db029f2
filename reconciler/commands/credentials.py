"""Opens the credentials that apply: as an authentication of requests and, where there are some, as keys."""

from __future__ import annotations

import logging
from dataclasses import replace

from reconciler.config import Credentials, Settings
from reconciler.config.sources import NONE_SET
from reconciler.errors import AuthenticationError, UsageError
from reconciler.util.credential_sources import AccessKeySource, LoginSource, MachineSource, OidcSource, TokenSource
from reconciler.vod.auth import AccessKey, Auth, Login, TokenAuth
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.iam import LoginAuth
from reconciler.vod.key_sources import FixedKeys, KeySource, RenewedKeys, RenewingAuth
from reconciler.vod.responses import ApiConnection
from reconciler.vod.sts import AgencyExchange, MachineExchange, OidcExchange

_LOG = logging.getLogger(__name__)
_METADATA_SECONDS = 1.0


async def open_credentials(settings: Settings, plain: ApiConnection) -> tuple[Auth, KeySource | None]:
    """The authentication, and the keys that it signs with; None where it is by a token.

    Args:
        plain: without authentication.

    Raises:
        UsageError: there are no credentials.
    """
    found: Credentials = settings.credentials
    _LOG.debug("credentials: %s", found.described)
    if isinstance(found.source, TokenSource):
        return TokenAuth(found.source.token), None
    if isinstance(found.source, LoginSource):
        source = found.source
        login = Login(source.user, source.password, source.domain, settings.region or "")
        return LoginAuth(login, plain, settings.iam_endpoint or ""), None
    keys = await _keys(settings, plain)
    if found.agency is not None:
        http = plain.http
        signed = FastHttpClient(transport=http.transport, auth=RenewingAuth(keys, plain.clock))
        exchange = AgencyExchange(found.agency, replace(plain, http=signed), settings.iam_endpoint or "")
        keys = RenewedKeys(exchange, "the agency", plain.clock)
    return RenewingAuth(keys, plain.clock), keys


async def _keys(settings: Settings, plain: ApiConnection) -> KeySource:
    """The keys of the source itself."""
    source = settings.credentials.source
    if isinstance(source, AccessKeySource):
        return FixedKeys(AccessKey(source.key, source.secret, source.security_token))
    if isinstance(source, OidcSource):
        return RenewedKeys(OidcExchange(source, plain, settings.sts_endpoint or ""), "OIDC", plain.clock)
    if isinstance(source, MachineSource):
        exchange = MachineExchange(source, replace(plain, timeout=_METADATA_SECONDS))
        keys = RenewedKeys(exchange, "this instance", plain.clock)
        try:
            await keys.current()
        except AuthenticationError as error:
            raise UsageError(f"No credentials. {error.message}", hint=NONE_SET) from error
        return keys
    raise UsageError("No credentials", hint=NONE_SET)
