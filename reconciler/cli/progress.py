"""A progress bar on stderr, for terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reconciler.model import Rate
from reconciler.report.phrases import duration


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
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total, left=left(0))
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            progress.update(task, completed=done, left=left(done))

        yield advance
