"""Documents in which everything that the API, a file or another run said is one text."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

from hypothesis import strategies as st

from reconciler.documents.locked import LockDoc
from reconciler.documents.schemas import ApplyDoc, AuditDoc, Findings, SinceDoc, WarningDoc
from reconciler.util.field_types import WithoutSecrets
from support.reports import HOSTILE, NOTE

D = TypeVar("D", bound=Findings | ApplyDoc | LockDoc)

FRAGMENTS = (
    *(
        HOSTILE,
        NOTE,
        "`" * 40,
        "~~~",
        "\n```\n",
        "</details>",
        "-->",
        "]]>",
        "<!--",
        "\ufffe\uffff",
        "\U0001f600" * 30,
    ),
    *("::error::", "##[error]", ":", "%0A::error::", "\r\n::stop-commands::x\r\n", "file=x,line=1", "\x1b]8;;x\x07"),
    *("/close", "@octocat", "#1", "org/repo#1", "![x](https://x/y)", "https://x/y", "| a | b |\n|---|---|", "\ud800"),
)
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=30)), min_size=1, max_size=8).map("".join)


def saying(document: D, text: str) -> D:
    """`document` with `text` for whatever is not ours in it, and with all that it may hold."""
    said: D = _said(document, text)
    warnings = (WarningDoc(type=text, message=text),)
    if isinstance(said, AuditDoc):
        return replace(said, since=_since(text), warnings=warnings)
    return replace(said, warnings=warnings) if isinstance(said, ApplyDoc) else said


def _since(text: str) -> SinceDoc:
    return SinceDoc(
        created_at=text,
        drifted=(text,),
        resolved=("a" * 32, "b" * 32),
        no_longer_managed=(),
        unknown=(),
        changed=(),
        newly_unmanaged=(text,),
        no_longer_unmanaged=(),
    )


def _said(value: Any, text: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_said(item, text) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    hints = get_type_hints(type(value), include_extras=True)
    items = {item.name: getattr(value, item.name) for item in fields(value)}
    return replace(
        value,
        **{
            name: text if foreign(hints[name]) and isinstance(item, str) else _said(item, text)
            for name, item in items.items()
        },
    )


def foreign(hint: Any) -> bool:
    """Whether a field's annotation says that it holds text of others."""
    marks = getattr(hint, "__metadata__", ())
    return any(isinstance(mark, WithoutSecrets) for mark in marks) or any(map(foreign, get_args(hint)))
