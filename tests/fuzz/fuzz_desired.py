"""Mutates desired files: whatever the bytes, loading gives a clean state or a clean list of problems.

python tests/fuzz/fuzz_desired.py --runs 100000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

from reconciler.desired.load import load
from reconciler.errors import DesiredError
from reconciler.model import SET_NAMES, DesiredState

A, B, C, D = (
    "6e76f92034ceae2fcdcef9413221511f",
    "12345678901234567890123456789012",
    "1" * 20 + "e" + "2" * 11,
    "a" * 32,
)
SEEDS = [
    f"version: 1\nregion: cn-north-4\nproject_id: {B}\ncovers:\n  {A}: 0 # first\n  {B}: -1\n  {C}: 3\n",
    f'covers:\r\n  {A}:\r\n    snapshot: 2\r\n    from: dots\r\n    note: "片头 \\u00e9"\r\n  {D.upper()}: 1\r\n',
    f"\ufeffcovers: {{{A}: 1, '{B}': {{offset: 15, note: 5}}, ? {C}\n : {{ignore: true}}}}\n",
    f"# 注\n---\ncovers:\n  {A}:\n    offset: 0\n    note: |\n      two\n      rows\n  {B}: {{ignore: True}}\n...\n",
    f"%YAML 1.2\n---\nproject_id: '{A}'\n",
]
WORDS = (
    "&a *a !!int !x !<%ED%A0%80> <<: ? - : , [ ] { } | > # ' \" \\ --- ... %TAG %YAML ~ null true 1_000 0x1 +1 01 "
    "1e3 3.0 covers: snapshot: offset: from: note: ignore: version: region: project_id: \\ud800 [[[[[[[[[[[["
)
SPACES = [" ", "\n", "\r", "\r\n", "\t", "\n---\n", "\n  ", ": ", "\ufeff", "\u2028", "\x85", "😀"]
TOKENS = [*WORDS.split(), *SPACES, A, B, C, D, D.upper()]
BYTES = [
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\x7f",
    b"\x1b[31m",
]
LINE_END = re.compile("\r\n|[\n\r]")


def mutate(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.randint(1, 4)):
        data = rng.choice((_bytes, _tokens, _lines))(rng, data)
    return data


def _bytes(rng: random.Random, data: bytes) -> bytes:
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice((0, 1, 1, 3, 20)))
    match rng.randrange(4):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:start] + bytes([rng.randrange(256)]) + data[end:]
        case 2:
            return data[:start] + data[start:end] * rng.randint(2, 12) + data[end:]
        case _:
            return data[:start]


def _tokens(rng: random.Random, data: bytes) -> bytes:
    start = rng.randint(0, len(data))
    token = rng.choice(BYTES) if rng.random() < 0.2 else rng.choice(TOKENS).encode()
    return data[:start] + token + data[start + rng.choice((0, 0, 1, len(token))) :]


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b"\n"]
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            lines[first], lines[second] = lines[second], lines[first]
        case 1:
            lines.insert(first, lines[second])
        case 2:
            del lines[first]
        case 3:
            lines[first] = b" " * rng.randint(1, 4) + lines[first]
        case _:
            lines[first] = lines[first].lstrip()
    return b"".join(lines)


def check(file: Path, data: bytes) -> bool:
    """Whether the file loads; AssertionError, or whatever load lets out, when it does neither cleanly."""
    file.write_bytes(data)
    lines = LINE_END.split(data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    try:
        state = load([str(file)])
    except DesiredError as error:
        _check_problems(error, str(file), len(lines))
        return False
    _check_state(state, str(file), lines)
    return True


def _check_problems(error: DesiredError, file: str, lines: int) -> None:
    assert error.problems
    places = [(problem.line, problem.column) for problem in error.problems]
    assert places == sorted(places), places
    for problem in error.problems:
        assert problem.file == file
        # libyaml puts the end of a file that lacks its last line end on a line of its own.
        assert 1 <= problem.line <= lines + 1, problem
        assert problem.column >= 1, problem
        assert 0 < len(problem.message) < 600, problem
        assert not any(map(_acts, problem.message)), problem


def _acts(char: str) -> bool:
    """Whether a terminal would do something at this character instead of showing it."""
    kind = unicodedata.category(char)
    return kind in ("Cc", "Cs", "Zl", "Zp") or (
        kind == "Cf" and unicodedata.bidirectional(char) not in ("AN", "ON", "L")
    )


def _check_state(state: DesiredState, file: str, lines: list[str]) -> None:
    assert state.files == (file,)
    assert len({cover.asset_id for cover in state.covers}) == len(state.covers)
    for cover in state.covers:
        assert re.fullmatch("[0-9a-f]{32}", cover.asset_id)
        assert cover.set in SET_NAMES
        given = (cover.index is not None) + (cover.offset is not None)
        assert given == 1 or (cover.ignore and given == 0), cover
        assert type(cover.index) in (int, type(None))
        assert cover.offset is None or cover.offset >= 0
        text = lines[cover.line - 1][cover.column - 1 :]
        assert text.lower().startswith((cover.asset_id, '"', "'", "|", ">")), (cover, text)


def fuzz(runs: int, seed: int) -> tuple[int, int]:
    """How many mutated files were accepted and refused; raises at the first that is neither, showing it."""
    rng = random.Random(seed)
    accepted = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "covers.yaml"
        for run in range(runs):
            data = mutate(rng, rng.choice(SEEDS).encode())
            try:
                accepted += check(file, data)
            except BaseException:
                print(f"run {run} of seed {seed} failed on {data!r}", file=sys.stderr)
                raise
    return accepted, runs - accepted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = time.perf_counter()
    accepted, refused = fuzz(options.runs, options.seed)
    seconds = time.perf_counter() - start
    speed = f"{options.runs} files in {seconds:.1f} s ({options.runs / seconds:.0f}/s)"
    print(f"{speed}: {accepted} accepted, {refused} refused")


if __name__ == "__main__":
    main()
