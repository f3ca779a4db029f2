"""Two applies within the five minutes that a new cover takes: what the first one set is what the second replaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Cloud, run, video, write

from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]
APPLY = ("apply", "--auto-approve", "--force", "--json")


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_the_cover_that_is_on_its_way_is_what_the_second_apply_replaces(serve: Serve, mode: Any) -> None:
    found = serve(EmulatorOptions(cover_mode=mode, propagation=600))
    item = video(0)
    first, second = ((item.shown + step) % item.count for step in (1, 2))
    for number, before in ((first, item.shown), (second, first)):
        write({item.asset_id: f"{{snapshot: {number}, from: {item.set}}}"})
        [result] = run(*APPLY).document["results"]
        assert (result["outcome"], result["before"]["snapshot"]["index"]) == ("applied", before)
        assert result["after"]["snapshot"]["index"] == number
    [undone] = run("rollback", "--auto-approve", "--json").document["results"]
    assert (undone["outcome"], undone["after"]["snapshot"]["index"]) == ("applied", first)
    assert found.puts == 3
    assert not list(Path.cwd().parent.rglob("state/covers/*"))
