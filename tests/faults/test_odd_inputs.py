"""Files that a run is given and that nobody should read to their end: devices, pipes, and what editors add."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.command_line import Ran, entries, run, spawn, write
from support.processes import Serve

from reconciler.emulator.options import EmulatorOptions

READING = [
    ("apply", "--plan"),
    ("show",),
    ("audit", "--baseline"),
    ("memory", "import"),
    ("validate",),
    ("import", "--update"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
@pytest.mark.parametrize("name", ["/dev/zero", "fifo", "huge"])
def test_what_never_ends_is_not_read(serve: Serve, arguments: tuple[str, ...], name: str) -> None:
    found = serve(EmulatorOptions())
    write(entries(1))
    os.mkfifo("fifo")
    with Path("huge").open("wb") as huge:
        huge.truncate(2**40)

    ran = spawn(*arguments, name)

    assert (ran.code, found.requests()) == (1, [])
    assert f"{name}" in ran.err
    assert "larger than" in ran.err or "not a regular file" in ran.err or "cannot be written" in ran.err


def test_a_byte_order_mark_is_let_pass(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(2, drifted=1))
    assert run("plan", "--out", "plan.json").code == 0
    assert run("audit", "--json", "--output", "audit.json").code == 2
    assert run("memory", "export", "memory.json").code == 0
    for name in ("plan.json", "audit.json", "memory.json"):
        Path(name).write_bytes(b"\xef\xbb\xbf" + Path(name).read_bytes())

    assert run("show", "plan.json").code == 0
    assert run("audit", "--baseline", "audit.json").code == 2
    assert run("memory", "import", "memory.json").code == 0
    assert run("apply", "--plan", "plan.json").code == 0


@pytest.mark.parametrize(
    ("directive", "problem"),
    [
        ("%TAG !{}! x:", (1, 1, "tags (here a %TAG directive) are not allowed")),
        ("%YAML 1.2", (2, 1, "not valid YAML: found duplicate %YAML directive")),
        (
            "%FOO {}",
            (1, 5, "not valid YAML: found unknown directive name, while scanning a directive (line 1)"),
        ),
    ],
)
def test_many_directives_take_no_time(directive: str, problem: tuple[int, int, str]) -> None:
    lines = "".join(f"{directive.format(number)}\n" for number in range(200_000))
    Path("covers.yaml").write_text(f"{lines}---\ncovers: {{}}\n")
    before = time.process_time()
    ran = run("validate", "covers.yaml", "--json")
    assert time.process_time() - before < 20, "it took five minutes once"
    assert problems(ran) == [problem]


def test_after_many_problems_it_stops(tmp_path: Path) -> None:
    wrong = "".join(f"  {number:032x}: x{number}\n" for number in range(5000))
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text(f"covers:\n{wrong}")
    ran = run("validate", "a.yaml", "b.yaml", "--json")
    assert (ran.code, len(problems(ran))) == (1, 1000)
    assert {problem["file"] for problem in ran.document["error"]["problems"]} == {"a.yaml"}
    assert "More than 1,000 problems (the rest was not read)" in ran.document["error"]["message"]
    shown = run("validate", "a.yaml", "b.yaml")
    assert len(shown.err.splitlines()) == 1001
    assert shown.err.endswith("Error: More than 1,000 problems (the rest was not read) in the desired state\n")


def problems(ran: Ran) -> list[tuple[int, int, str]]:
    return [(item["line"], item["column"], item["message"]) for item in ran.document["error"]["problems"]]
