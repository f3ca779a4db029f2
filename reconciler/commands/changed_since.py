"""`--changed-since REV`: a run looks only at the entries that differ from an earlier revision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import click

from reconciler.commands.context import Run
from reconciler.documents.schemas import ChangedSinceDoc, Findings
from reconciler.model import Desired, DesiredState

F = TypeVar("F", bound=Findings)

CHANGED_SINCE = click.option(
    "--changed-since",
    metavar="REV",
    help="Only entries and lock lines that differ from those of the merge base of this git revision and HEAD.",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The entries that a run is about.

    Attributes:
        about: what they were compared with; None: nothing, so it is about all.
        removed: IDs of entries that went.
    """

    state: DesiredState
    covers: tuple[Desired, ...]
    about: ChangedSinceDoc | None = None
    removed: tuple[str, ...] = ()

    @property
    def left_out(self) -> frozenset[str]:
        """IDs of the entries that it is not about."""
        if self.about is None:
            return frozenset()
        return frozenset(one.asset_id for one in self.state.covers) - {one.asset_id for one in self.covers}

    def noted_in(self, document: F) -> F:
        """The document with what it was limited to."""
        if self.about is None:
            return document
        return replace(document, changed_since=self.about, removed=self.removed)


def load(run: Run, revision: str | None, *, locked: bool = False) -> Scope:
    """The desired files, and which entries the run is about.

    Args:
        revision: of --changed-since, if it was given.
        locked: each of them has to have a current lock line.

    Raises:
        DesiredError: the files are invalid, or were at the revision; or a lock line is missing.
        UsageError: there is no such revision.
    """
    state = run.load()
    scope = Scope(state, state.covers) if revision is None else _limited(run, state, revision)
    if locked:
        run.require_locked(replace(state, covers=scope.covers))
    return scope


def _limited(run: Run, state: DesiredState, revision: str) -> Scope:
    from reconciler.desired.changed import compare
    from reconciler.desired.revision import load_merge_base

    earlier, commit = load_merge_base(revision, run.options.desired_paths)
    found = compare(earlier, state)
    about = ChangedSinceDoc(revision=revision, commit=commit, left_out=found.left_out)
    return Scope(state, found.covers, about, found.removed)
