"""The sources of credentials, as values: `config` finds the one that applies, `vod` exchanges it for keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.util.sanitize import shorten


@dataclass(frozen=True, slots=True)
class OidcSource:
    """Keys for an ID token, through STS. The token comes from a variable, from a file that is read again at each
    renewal, or from GitHub Actions."""

    provider_urn: str
    agency_urn: str
    session_name: str = "reconcile"
    seconds: int = 3600
    id_token: str = field(default="", repr=False)
    token_file: str = ""
    github_url: str = field(default="", repr=False)
    github_token: str = field(default="", repr=False)
    audience: str = ""

    @property
    def described(self) -> str:
        where = "GitHub Actions" if self.github_url else self.token_file or "HUAWEICLOUD_OIDC_ID_TOKEN"
        return f"OIDC, with the ID token from {where}"


@dataclass(frozen=True, slots=True)
class AccessKeySource:
    """An AK/SK pair, with a security token where it is temporary."""

    key: str
    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    described: str = field(default="AK/SK", compare=False)


@dataclass(frozen=True, slots=True)
class TokenSource:
    """An IAM token."""

    token: str = field(repr=False)
    described: str = field(default="token of HW_AUTH_TOKEN", compare=False)


@dataclass(frozen=True, slots=True)
class LoginSource:
    """A user's name, password and domain (account) name."""

    user: str
    password: str = field(repr=False)
    domain: str
    described: str = field(default="login of HW_USER_NAME", compare=False)


@dataclass(frozen=True, slots=True)
class MachineSource:
    """The agency that is bound to the ECS instance, from its metadata."""

    url: str = "http://169.254.169.254"
    described: str = field(default="the agency of this ECS instance", compare=False)


Source = OidcSource | AccessKeySource | TokenSource | LoginSource | MachineSource


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency that is assumed with the keys of the source."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """The source that applies; None: none is needed. `project_id` and `iam_endpoint` are those of a profile."""

    source: Source | None = None
    agency: Agency | None = None
    project_id: str | None = None
    iam_endpoint: str | None = None

    @property
    def described(self) -> str:
        """For a log: what was taken, without any value of it."""
        source = self.source.described if self.source is not None else "none"
        return f"{source}; then the agency {shorten(self.agency.name)}" if self.agency is not None else source
