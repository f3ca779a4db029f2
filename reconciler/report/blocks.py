"""Blocks that several text reports show alike. What the API or a file said is made inert first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import click

from reconciler.documents.schemas import SourceDoc
from reconciler.util.sanitize import clean


class NotDone(Protocol):
    """Something that was asked for and is left as it is."""

    @property
    def asset_id(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def source(self) -> SourceDoc: ...
    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...


def not_done(item: NotDone, *, colour: bool) -> Iterator[str]:
    """Which asset, why, and the place that asks for it."""
    sign = click.style("!", fg="red") if colour else "!"
    named = click.style(item.asset_id, bold=True) if colour else item.asset_id
    title = f' "{clean(item.title)}"' if item.title else ""
    yield f"  {sign} {named}{title} {item.reason}"
    yield f"      {clean(item.message)}"
    yield f"      {clean(item.source.file)}:{item.source.line}"
