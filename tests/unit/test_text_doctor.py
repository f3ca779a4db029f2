"""The diagnosis as text."""

from __future__ import annotations

from datetime import UTC, datetime

from support.reports import assert_golden

from reconciler.documents.diagnosis import doctor_document, failed, ok, warning
from reconciler.report import text_doctor
from reconciler.report.options import RenderOptions

DOCUMENT = doctor_document(
    (
        ok("version", "reconcile 1.0.0, Python 3.12.1, Linux x86_64"),
        warning("shared state", "none: other machines do not know what this one did", "See --state."),
        failed("CDN cdn.example.com", "HTTP 403\n::error::hostile \x1b[31m", "Set RECONCILE_CDN_KEY."),
    ),
    datetime(2026, 11, 27, 12, tzinfo=UTC),
)


def test_as_text() -> None:
    assert_golden("doctor.txt", text_doctor.render(DOCUMENT))


def test_quiet_leaves_out_what_is_ok() -> None:
    text = text_doctor.render(DOCUMENT, RenderOptions(quiet=True))
    assert "version" not in text
    assert text.endswith("1 ok, 1 warnings, 1 failed.\n")
