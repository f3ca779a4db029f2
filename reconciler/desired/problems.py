"""Collects the problems of all files."""

from __future__ import annotations

from reconciler.errors import DesiredError, Problem

MOST = 1000


class Problems:
    """Problems in the order of the files, and within a file in the order of place; at most MOST of them.

    Attributes:
        too_many: there were more, so reading stops.
    """

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._sorted = 0
        self.too_many = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: str, line: int, column: int, message: str) -> None:
        if len(self._found) < MOST:
            self._found.append(Problem(file, line, column, message))
        else:
            self.too_many = True

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
            if self.too_many:
                problems = f"More than {MOST:,} problems (the rest was not read)"
            raise DesiredError(f"{problems} in the desired state", tuple(self._found))
