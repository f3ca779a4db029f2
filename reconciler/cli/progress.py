"""A progress bar on stderr, for terminals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reconciler.util.rate import Rate, duration


class _Stderr:
    """stderr, which may not be writable any more. That must not stop a run."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def bar(label: str, total: int, rate: Rate | None) -> Iterator[Callable[[], None]]:
    """Shows a bar while the block runs; call the result once for each step.

    Args:
        rate: the quota that the steps are under, from which the remaining time is estimated.
    """

    def left(done: int) -> str:
        seconds = rate.seconds_for(total - done) if rate else 0
        return f"about {duration(seconds)} left" if seconds else ""

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=Console(file=cast(TextIO, _Stderr())), transient=True) as progress:
        task = progress.add_task(label, total=total, left=left(0))
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            progress.update(task, completed=done, left=left(done))

        yield advance
