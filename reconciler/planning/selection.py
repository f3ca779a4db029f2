"""`--target` and `--exclude`: globs on asset IDs and titles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from reconciler.errors import UsageError
from reconciler.model import NoAnswer
from reconciler.util.ids import ID


class HasTitle(Protocol):
    """An asset whose title is known."""

    @property
    def title(self) -> str: ...


class Selection:
    """Which entries a run is about. Remembers which globs matched, since one that matches nothing is a mistake."""

    def __init__(
        self, targets: Sequence[str] = (), excludes: Sequence[str] = (), *, left_out: Collection[str] = ()
    ) -> None:
        """
        Args:
            left_out: IDs of entries that the run is not about, although globs may match them.
        """
        self._targets = tuple(targets)
        self._excludes = tuple(excludes)
        self._unmatched = {("--target", glob) for glob in targets} | {("--exclude", glob) for glob in excludes}
        self._left_out = left_out
        self._titles_matter = any(not ID.fullmatch(glob) for glob in (*targets, *excludes))

    @property
    def matches_titles(self) -> bool:
        """Whether a glob may be about titles."""
        return self._titles_matter

    def by_id(self, asset_id: str) -> bool | None:
        """Whether it is selected; None where that takes the title."""
        chosen = not self._targets or self._match("--target", self._targets, asset_id, fold=True)
        if self._match("--exclude", self._excludes, asset_id, fold=True):
            return False
        if not self._titles_matter:
            return chosen
        return True if chosen and not self._excludes else None

    def by_title(self, asset_id: str, observed: HasTitle | NoAnswer) -> bool:
        """Whether it is selected, by ID and title. An asset that exists but cannot be read may be meant, so it is."""
        chosen = not self._targets or self._match("--target", self._targets, asset_id, fold=True)
        if isinstance(observed, NoAnswer):
            return chosen or observed.reason != "asset_not_found"
        excluded = self._match("--exclude", self._excludes, observed.title, fold=False)
        chosen = self._match("--target", self._targets, observed.title, fold=False) or chosen
        return chosen and not excluded

    def check_all_matched(self) -> None:
        """
        Raises:
            UsageError: a glob matched no entry.
        """
        unmatched = self._unmatched
        if self._left_out:  # any other glob may match one of their titles, which nobody read
            unmatched = {(flag, glob) for flag, glob in unmatched if ID.fullmatch(glob)}
            unmatched = {(flag, glob) for flag, glob in unmatched if glob.lower() not in self._left_out}
        if unmatched:
            named = ", ".join(f"{flag} {glob!r}" for flag, glob in sorted(unmatched))
            raise UsageError(
                f"Nothing matches {named}", hint="Globs match whole asset IDs or titles: 'Trailer*', '6e76*'."
            )

    def _match(self, flag: str, globs: Sequence[str], text: str, *, fold: bool) -> bool:
        # Every glob is tried, so that none that matches is reported as unmatched.
        folded = [(glob, glob.lower() if fold else glob) for glob in globs]
        matched = [glob for glob, pattern in folded if text == pattern or fnmatchcase(text, pattern)]
        self._unmatched.difference_update((flag, glob) for glob in matched)
        return bool(matched)
