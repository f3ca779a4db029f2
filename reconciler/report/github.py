"""What GitHub Actions reads: annotations and log groups (workflow commands), and the summary of a step."""

from reconciler.documents.schemas import ApplyDoc, Findings
from reconciler.report import markdown
from reconciler.report.facts import Fact, Kind, facts
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.util.sanitize import clean, disarm

_MOST = 10
"""Annotations of a kind that GitHub shows for one step."""
_SUMMARY_BYTES = 1_000 * 1024
"""GitHub refuses more than 1,024 KiB for one step, and the step may add something of its own."""
_LEAST_ROOM = 8_000
"""The parts that are never left out may take as much."""
_ERRORS: tuple[Kind, ...] = ("failed", "stale", "not_seen", "not_attempted", "unknown")


def render(document: Findings | ApplyDoc, options: RenderOptions = DEFAULTS) -> str:
    """Annotations, one workflow command a line: a warning for each drifted asset, an error for each that is unknown,
    failed, stale, not seen in time or not attempted, a notice for each that is unknown for an allowed reason; at
    most ten of a kind, the last of which says how many more there are."""
    found = list(facts(document, options))
    errors = [fact for fact in found if fact.kind in _ERRORS and not fact.allowed]
    errors.sort(key=lambda fact: fact.kind == "not_attempted")  # there may be many, caused by the others
    lines = [
        *_limited("warning", [fact for fact in found if fact.kind == "drift"]),
        *_limited("error", errors),
        *_limited("notice", [fact for fact in found if fact.allowed]),
    ]
    return "".join(f"{line}\n" for line in lines)


def grouped(title: str, text: str) -> str:
    """`text` as a group of the log that can be folded; no line of it acts as a command."""
    inside = disarm(text)
    return f"::group::{_data(title)}\n{inside}{'' if inside.endswith(chr(10)) else chr(10)}::endgroup::\n"


def step_summary(document: Findings | ApplyDoc, options: RenderOptions = DEFAULTS, *, taken: int = 0) -> str:
    """Markdown to append to the file that `GITHUB_STEP_SUMMARY` names; its limit counts bytes.

    Args:
        taken: the bytes that are in the file already. Where they leave too little room, "" is returned: GitHub
            shows nothing of a file that is too large.
    """
    accepted = sum(item.reason in options.allowed for item in document.unknown)
    note = f"\n{accepted:,} of the unknown accepted with `--allow-unknown`.\n" if accepted else ""
    room = _SUMMARY_BYTES - taken - _bytes(note)
    if room < _LEAST_ROOM:
        return ""
    return markdown.render(document, options, limit=room, size=_bytes) + note


def _limited(command: str, found: list[Fact]) -> list[str]:
    if len(found) <= _MOST:
        return [_annotation(command, fact) for fact in found]
    shown = _MOST - 1
    more = f"{len(found) - shown:,} more: see the full report."
    return [*(_annotation(command, fact) for fact in found[:shown]), f"::{command} title=reconcile::{_data(more)}"]


def _annotation(command: str, fact: Fact) -> str:
    title = f"Cover {fact.kind.replace('_', ' ')}" + (f": {fact.about}" if fact.kind == "unknown" else "")
    where = f"file={_property(fact.source.file)},line={max(1, fact.source.line)},col={max(1, fact.source.column)}"
    return f"::{command} {where},title={_property(title)}::{_data(f'{fact.label}: {fact.message}')}"


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _bytes(text: str) -> int:
    return len(text.encode())
