"""Documents in which everything that the API, a file or another run said is one text."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

from reconciler.documents.schemas import ApplyDoc, AuditDoc, Doc, FastDoc, Findings, SinceDoc
from support.reports import HOSTILE, NOTE

D = TypeVar("D", bound=Findings | ApplyDoc)

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

_FOREIGN = {"title", "note", "message", "file", "cover_url", "saved_cover", "request_id", "code", "endpoint"}


def saying(document: D, text: str) -> D:
    """`document` with `text` for whatever is not ours in it, and, where it is an audit, with all that it may hold."""
    said: D = _said(document, text)
    if isinstance(said, AuditDoc):
        return said.model_copy(update={"since": _since(text), "fast": _fast(text)})
    return said


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


def _fast(text: str) -> FastDoc:
    return FastDoc(by_url=3, by_memory=1, by_details=2, oldest_reading=text)


def _said(value: Any, text: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_said(item, text) for item in value)
    if not isinstance(value, Doc):
        return value
    return value.model_copy(
        update={
            name: text if name in _FOREIGN and isinstance(item, str) else _said(item, text)
            for name, item in ((name, getattr(value, name)) for name in type(value).model_fields)
        }
    )
