"""Takes the lock of a shared state again and again, in a process of its own.

`python -m support.lock_taker URL FOLDER MARKER TIMES`: while it holds the lock there is the file MARKER; it fails
where that file is there already. It prints the number of times in the end.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.state.folder_store import FolderStore
from reconciler.state.object_store import ObjectStore
from reconciler.state.project_state import ProjectState
from reconciler.state.recording import recording
from reconciler.state.shared import SharedState
from reconciler.state.store_address import parse
from reconciler.util import signals
from reconciler.util.clock import SystemClock
from support.fakes import BASE, PROJECT
from support.state import set_cover

PATIENCE = 300.0


@contextmanager
def alone(marker: Path) -> Iterator[None]:
    marker.touch(exist_ok=False)
    yield
    marker.unlink()


async def take(url: str, folder: Path, marker: Path, times: int) -> None:
    clock = SystemClock()
    store = ObjectStore(parse(url, None), PROJECT, None)
    state = ProjectState(folder, BASE, PROJECT, clock, SharedState(store, clock, FolderStore(folder / "shared")))
    for number in range(times):
        async with recording(state, lock_timeout=PATIENCE) as (recorder, _):
            await recorder.start()
            with alone(marker):
                await set_cover(recorder, f"{number:032x}")


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
    print(sys.argv[4])
    signals.leave(0)
