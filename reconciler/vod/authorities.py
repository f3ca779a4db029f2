"""The certificate authorities that are trusted: those that the environment names, or else those that httpx brings."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

import httpx

from reconciler.errors import UsageError

_FILE, _FOLDER, _EITHER = "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_WHAT = {
    _FILE: "a file of PEM certificates",
    _FOLDER: "a folder of certificates with hashed names (see `openssl rehash`)",
    _EITHER: "a file of PEM certificates, or a folder of them with hashed names (see `openssl rehash`)",
}


def trusted() -> ssl.SSLContext:
    """
    Raises:
        UsageError: an environment variable names certificates that cannot be used.
    """
    file, folder = _named()
    if file is None and folder is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=file, capath=folder)


def files() -> list[Path]:
    """The files of certificates that the environment names, for a TLS stack that is not Python's.

    Raises:
        UsageError: as for `trusted`.
    """
    file, folders = _named()
    found = [Path(file)] if file is not None else []
    for folder in folders.split(os.pathsep) if folders is not None else ():
        names = Path(folder).iterdir() if Path(folder).is_dir() else ()
        found += sorted(path for path in names if _HASHED.fullmatch(path.name))
    return found


def _named() -> tuple[str | None, str | None]:
    """The file and the folders that the environment names, checked."""
    file = folder = None
    for name in _variables():
        value = os.environ[name]
        if name == _FOLDER or (name == _EITHER and Path(value).is_dir()):
            folder = value
            problem = _problem_of_folder(value)
        else:
            file = value
            problem = _problem_of_file(value)
        if problem:
            raise UsageError(f"{name} cannot be used: {problem}", hint=f"Name {_WHAT[name]} in {name}, or unset it.")
    return file, folder


def advice() -> str:
    """What to do about a certificate that is not trusted."""
    names = _variables()
    if names:
        return f"Only the authorities in {' and '.join(names)} are trusted: add its authority there."
    return "If a proxy has a certificate authority of its own, name its file in SSL_CERT_FILE."


def _variables() -> tuple[str, ...]:
    """Those that count: OpenSSL's own two together, or else that of the library requests."""
    own = tuple(name for name in (_FILE, _FOLDER) if os.environ.get(name))
    return own or ((_EITHER,) if os.environ.get(_EITHER) else ())


def _problem_of_file(file: str | Path) -> str:
    """Why no certificate can be read from it; "" if one can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        return "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
    return ""


def _problem_of_folder(folders: str) -> str:
    """As for a file. OpenSSL itself only looks when it meets a certificate, and says nothing."""
    problem = "it holds no certificate with a hashed name"
    for folder in folders.split(os.pathsep):
        try:
            names = sorted(item.name for item in Path(folder).iterdir())
        except OSError as error:
            problem = error.strerror or str(error)
            continue
        if any(_HASHED.fullmatch(name) and not _problem_of_file(Path(folder, name)) for name in names):
            return ""
    return problem
