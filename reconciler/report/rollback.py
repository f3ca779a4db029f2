"""What a rollback can't undo, for a terminal. What the API or the journal said is made inert first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from reconciler.documents.rollback import NotUndoneDoc
from reconciler.safe import clean


def not_undone_text(not_undone: Sequence[NotUndoneDoc], *, colour: bool = False) -> str:
    """A block for each, between empty lines."""
    blocks = ["\n".join(_item(item, colour=colour)) for item in not_undone]
    return "\n" + "\n\n".join(blocks) + "\n\n" if blocks else ""


def not_undone_count(count: int) -> str:
    return f"{count:,} could not be undone.\n"


def _item(item: NotUndoneDoc, *, colour: bool) -> Iterator[str]:
    sign = click.style("!", fg="red") if colour else "!"
    named = click.style(item.asset_id, bold=True) if colour else item.asset_id
    title = f' "{clean(item.title)}"' if item.title else ""
    yield f"  {sign} {named}{title} {item.reason}"
    yield f"      {clean(item.message)}"
    yield f"      {clean(item.source.file)}:{item.source.line}"
