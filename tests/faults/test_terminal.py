"""A user at a terminal: the question before an apply, and an interrupt there."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from pathlib import Path

import pytest
from support.command_line import TRACEBACK, entries, write
from support.processes import INTERRUPTED, ME, PATIENCE, SIGNALS, Serve, wait_until_asleep

from reconciler.emulator.options import EmulatorOptions


class Terminal:
    """A user at a terminal, where stdin and stderr are; stdout may lead elsewhere."""

    def __init__(self, *arguments: str, stdout: int | None = None) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*ME, *arguments],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._ours)

    def until(self, text: str) -> None:
        while text not in self.seen:
            assert self._more(PATIENCE), f"{text!r} never came: {self.seen!r}"

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        while self._more(0):
            pass
        return code

    def _more(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.seen += chunk.decode(errors="replace")
        return bool(chunk)


@pytest.mark.parametrize("number", SIGNALS)
def test_at_the_question_it_ends_promptly_and_without_a_traceback(serve: Serve, number: signal.Signals) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    with Terminal("apply", "--force") as terminal:
        terminal.until("Enter a value: ")
        wait_until_asleep(terminal.process.pid)
        terminal.process.send_signal(number)
        assert terminal.ended() == INTERRUPTED
    assert "Interrupted" in terminal.seen
    assert TRACEBACK not in terminal.seen
    assert found.puts == 0


def test_the_question_is_asked_where_the_user_looks(serve: Serve) -> None:
    """stdout may be a file: `reconcile apply > report.txt`."""
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    with Path("report.txt").open("wb") as report, Terminal("apply", "--force", stdout=report.fileno()) as terminal:
        terminal.until("Enter a value: ")
        terminal.types("yes\n")
        assert terminal.ended() == 0
    text = Path("report.txt").read_text()
    assert "Enter a value" not in text
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in text
    assert "Apply complete! Resources: 0 added, 2 changed, 0 destroyed." in text
    assert found.puts == 2
