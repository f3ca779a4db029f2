"""SSL_CERT_DIR is checked before the first request: OpenSSL itself would skip a missing or broken folder silently."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from reconciler.errors import UsageError
from reconciler.vod.transport import _trusted_authorities

END = "-----END CERTIFICATE-----\n"
CERTIFICATE = Path(certifi.where()).read_text("utf-8").partition(END)[0] + END


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "authorities"))
    return tmp_path / "authorities"


@pytest.mark.parametrize(
    ("name", "text"),
    [(None, ""), ("readme", "x"), ("authority.pem", CERTIFICATE), ("0a1b2c3d.0", "rubbish"), ("0a1b2c3d.0", "")],
)
def test_a_folder_without_usable_certificates_is_one_clear_error(folder: Path, name: str | None, text: str) -> None:
    if name is not None:
        folder.mkdir()
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(UsageError, match="SSL_CERT_DIR cannot be used"):
        _trusted_authorities()


def test_one_certificate_under_a_hashed_name_is_enough(folder: Path) -> None:
    folder.mkdir()
    (folder / "0a1b2c3d.0").write_text("rubbish", "utf-8")
    (folder / "ffffffff.0").write_text(CERTIFICATE, "utf-8")
    _trusted_authorities()
