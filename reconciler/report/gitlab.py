"""What GitLab reads: the Code Quality report, which shows drift in a merge request, and sections of a job's log."""

from __future__ import annotations

import hashlib
import posixpath
from datetime import datetime

from reconciler.documents.schemas import ApplyDoc, Findings
from reconciler.report.facts import Fact, Kind, facts
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.util.sanitize import clean, json_text

_SEVERITIES: dict[Kind, str] = {
    "drift": "major",
    "unknown": "critical",
    "failed": "critical",
    "stale": "major",
    "not_seen": "major",
    "not_attempted": "major",
}
"""Other kinds are not reported."""
_ALLOWED = "info"


def render(document: Findings | ApplyDoc, options: RenderOptions = DEFAULTS) -> str:
    """A Code Quality report: a JSON array with one finding per asset that is not as wanted; `[]` where there is none.

    Paths are as in the document: GitLab links those that are relative to the repository's root.
    """
    findings = [_finding(fact) for fact in facts(document, options) if fact.kind in _SEVERITIES]
    return json_text(findings) + "\n"


def section(title: str, text: str, at: str, *, name: str = "reconcile") -> str:
    """The text as a section of a job's log, which can be folded away under its title.

    Args:
        at: RFC 3339, as start and end; GitLab shows how long a section took, which does not matter here.
        name: letters, digits, `_`, `.` and `-`; unique in a job's log.
    """
    second = _second(at)
    head = f"\x1b[0Ksection_start:{second}:{name}\r\x1b[0K{clean(title)}\n"
    return f"{head}{text}\x1b[0Ksection_end:{second}:{name}\r\x1b[0K\n"


def _second(at: str) -> int:
    """Since 1970; 0 for earlier times, and for text that is not a time: a saved plan may say anything."""
    try:
        return max(0, int(datetime.fromisoformat(at).timestamp()))
    except (ValueError, OverflowError, OSError):
        return 0


def _finding(fact: Fact) -> dict[str, object]:
    check = "cover-" + fact.kind.replace("_", "-") + (f":{fact.about}" if fact.kind == "unknown" else "")
    # GitLab tells new findings from known ones by this, so no line, time or text that may change between runs.
    same = "\0".join((check, fact.asset_id, fact.about))
    return {
        "description": f"{fact.label}: {fact.message}",
        "check_name": check,
        "fingerprint": hashlib.sha256(same.encode()).hexdigest(),
        "severity": _ALLOWED if fact.allowed else _SEVERITIES[fact.kind],
        "location": {
            "path": clean(posixpath.normpath(fact.source.file)),
            "lines": {"begin": max(1, fact.source.line)},
        },
    }
