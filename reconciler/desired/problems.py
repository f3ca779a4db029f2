"""Collects the problems of all files."""

from __future__ import annotations

from reconciler.errors import DesiredError, Problem


class Problems:
    """Problems in the order of the files, and within a file in the order of place."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._sorted = 0

    @property
    def many(self) -> bool:
        """Whether there are so many that suggestions are left out, because finding them takes long."""
        return len(self._found) >= 1000

    def add(self, file: str, line: int, column: int, message: str) -> None:
        self._found.append(Problem(file, line, column, message))

    def end_file(self) -> None:
        """Sort the problems of the file that ends here: some are found only at the end of an entry."""
        self._found[self._sorted :] = sorted(
            self._found[self._sorted :], key=lambda problem: (problem.line, problem.column)
        )
        self._sorted = len(self._found)

    def raise_any(self) -> None:
        """Raise DesiredError if there is at least one problem."""
        if self._found:
            count = len(self._found)
            problems = "1 problem" if count == 1 else f"{count:,} problems"
            raise DesiredError(f"{problems} in the desired state", tuple(self._found))
