"""Gathers what is wrong, over all files."""

from __future__ import annotations

from reconciler.errors import DesiredError, Problem


class Problems:
    """Problems in order of file and place."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._settled = 0

    @property
    def many(self) -> bool:
        """So many that nobody reads the hints; working them out would take longer than all the rest."""
        return len(self._found) >= 1000

    def add(self, file: str, line: int, column: int, message: str) -> None:
        self._found.append(Problem(file, line, column, message))

    def end_file(self) -> None:
        """Brings the finished file's problems in order: some are only known at the end of an entry."""
        self._found[self._settled :] = sorted(self._found[self._settled :], key=_place)
        self._settled = len(self._found)

    def raise_any(self) -> None:
        """Raises DesiredError when there is at least one problem."""
        if self._found:
            count = len(self._found)
            told = "1 problem" if count == 1 else f"{count:,} problems"
            raise DesiredError(f"{told} in the desired state", tuple(self._found))


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column
