"""Gathers what is wrong, over all files, without holding a million problems."""

from __future__ import annotations

from reconciler.errors import DesiredError, Problem

LIMIT = 1000


class Problems:
    """Problems in order of place. The first 1,000 are kept, the others only counted."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._settled = 0
        self._more = 0

    @property
    def full(self) -> bool:
        return len(self._kept) >= LIMIT

    def add(self, file: str, line: int, column: int, message: str) -> None:
        if self.full:
            self._more += 1
        else:
            self._kept.append(Problem(file, line, column, message))

    def end_file(self) -> None:
        """Brings the finished file's problems in order: some are only known at the end of an entry."""
        self._kept[self._settled :] = sorted(self._kept[self._settled :], key=_place)
        self._settled = len(self._kept)

    def raise_any(self) -> None:
        """Raises DesiredError when there is at least one problem."""
        if not self._kept:
            return
        count = len(self._kept) + self._more
        if self._more:
            rest = f"{self._more:,} more problems are not listed"
            self._kept.append(Problem(self._kept[-1].file, 0, 0, rest))
        problems = "1 problem" if count == 1 else f"{count:,} problems"
        raise DesiredError(f"{problems} in the desired state", tuple(self._kept))


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column
