"""Edits of any desired file: what is meant changes, and all else is byte for byte what it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.edit import with_entries, with_numbers
from reconciler.desired.load import load
from reconciler.desired.render import NewEntry, fresh_file
from reconciler.model import SET_NAMES, Desired
from reconciler.util.sanitize import clean

hex_ids = st.text("0123456789abcdef", min_size=32, max_size=32)
digit_ids = st.text("0123456789", min_size=32, max_size=32)
exponent_ids = st.builds(lambda digits, at: f"{digits[:at]}e{digits[at + 1 :]}", digit_ids, st.integers(1, 30))
asset_ids = st.one_of(hex_ids, digit_ids, exponent_ids)
words = st.text("aé片😀#:'\"\\,{}[]\u2028\u0085 0", max_size=8)
comments = st.one_of(st.just(""), words.map(lambda text: f" # {text}"))
gaps = st.sampled_from(["", "\n", "    # 片 0\n", "# snapshot: 0\n\n"])


@dataclass(frozen=True)
class File:
    """A desired file in pieces: joined by numbers it is the file, and nobody else needs to know where they stand."""

    pieces: tuple[str, ...]
    """One more than there are numbers."""
    ids: tuple[str, ...]
    """Of the entries that have a number, in order."""

    def numbers(self, position: int) -> st.SearchStrategy[int]:
        """What may stand behind that piece."""
        return st.integers(0 if "offset" in self.pieces[position][-24:] else -999_999, 999_999)

    def text(self, written: tuple[int, ...]) -> bytes:
        return (
            self.pieces[0]
            + "".join(f"{number}{piece}" for number, piece in zip(written, self.pieces[1:], strict=True))
        ).encode()


Pair = tuple[str, ...]


@st.composite
def values(draw: st.DrawFn, inner: str) -> Pair:
    """A value, in one or two pieces around its number; `inner` begins the lines below the key, "" in flow style."""
    if draw(st.booleans()):
        return "", ""
    numbered = draw(st.booleans())
    pairs: list[Pair] = []
    if numbered:
        pairs.append((draw(st.sampled_from(["snapshot: ", '"snapshot":  ', "offset: ", "? offset\n: "])), ""))
    if not numbered or draw(st.booleans()):
        pairs.append(("ignore: true",))
    if draw(st.booleans()):
        pairs.append((f"from: {draw(st.sampled_from(SET_NAMES))}",))
    if draw(st.booleans()):
        pairs.append(("note: '{}'".format(draw(words).replace("'", "''")),))
    flow = not inner or draw(st.booleans())
    if not flow:
        pairs = [(pair[0].replace("\n", inner), *pair[1:]) for pair in pairs]
    glue = draw(st.sampled_from([", ", " ,", ",\n   "])) if flow else inner
    text = ["{" if flow else inner]
    for position, pair in enumerate(draw(st.permutations(pairs))):
        text[-1] += (glue if position else "") + pair[0]
        text += pair[1:]
        text[-1] += "" if flow else draw(comments)
    text[-1] += "}" if flow else ""
    return tuple(text)


@st.composite
def files(draw: st.DrawFn) -> File:
    ids = draw(st.lists(asset_ids, unique=True, max_size=5))
    flow = draw(st.booleans()) if ids else True
    indent = " " * draw(st.integers(1, 4))
    inner = "\n" + indent + " " * draw(st.integers(1, 3))
    pieces = [draw(gaps) + draw(st.sampled_from(["", "version: 1\n"])) + f"covers:{' {' if flow else ''}"]
    pieces[-1] += "" if flow and not draw(st.booleans()) else draw(comments) + "\n"
    pieces[-1] += draw(st.sampled_from(["", indent])) if flow else draw(gaps)
    numbered = []
    for position, asset_id in enumerate(ids):
        quote = draw(st.sampled_from(["", "'", '"']))
        key = draw(st.sampled_from([asset_id, asset_id.upper()]))
        value = draw(values("" if flow else inner))
        pieces[-1] += f"{'' if flow else indent}{quote}{key}{quote}: {value[0]}"
        pieces += value[1:]
        numbered += [asset_id] * (len(value) - 1)
        if flow:
            last = position == len(ids) - 1
            pieces[-1] += draw(st.sampled_from(["", " ", "\n", " # a, b\n"]))
            pieces[-1] += draw(st.sampled_from(["", ","])) if last else ","
            pieces[-1] += draw(st.sampled_from(["", " ", f"\n{indent}", " # 片, }\n  # é\n"]))
        else:
            pieces[-1] += draw(comments) if value[-1] == "" and len(value) == 2 and "\n" not in value[0] else ""
            pieces[-1] += "\n" + draw(gaps)
    pieces[-1] += "}" + draw(comments) + "\n" if flow else ""
    pieces[-1] += draw(st.sampled_from(["", "region: cn-north-4\n", "...\n", "# the end, 0\n"]))
    return _laid_out(File(tuple(pieces), tuple(numbered)), draw)


def _laid_out(file: File, draw: st.DrawFn) -> File:
    """With a byte order mark, other line ends, or none at the end."""
    mark, end = draw(st.sampled_from(["", "\ufeff"])), draw(st.sampled_from(["\n", "\r\n"]))
    pieces = [piece.replace("\n", end) for piece in file.pieces]
    pieces[0] = mark + pieces[0]
    if draw(st.booleans()):
        pieces[-1] = pieces[-1].removesuffix(end)
    return replace(file, pieces=tuple(pieces))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edits") / "covers.yaml"


def loaded(place: Path, data: bytes) -> tuple[Desired, ...]:
    place.write_bytes(data)
    return load([str(place)]).covers


def without_place(covers: Iterable[Desired]) -> list[Desired]:
    return [replace(entry, line=0, column=0) for entry in covers]


def renumbered(entry: Desired, number: int) -> Desired:
    return replace(entry, index=number) if entry.offset is None else replace(entry, offset=number)


@settings(max_examples=400, deadline=None)
@given(file=files(), data=st.data())
def test_one_scalar_differs_and_all_else_is_byte_for_byte(place: Path, file: File, data: st.DataObject) -> None:
    before = data.draw(st.tuples(*map(file.numbers, range(len(file.ids)))))
    old = loaded(place, file.text(before))
    which = data.draw(st.sets(st.sampled_from(range(len(file.ids))))) if file.ids else set()
    new = {file.ids[position]: data.draw(file.numbers(position)) for position in which}

    edited, _ = with_numbers(file.text(before), new)

    after = tuple(new.get(asset_id, number) for asset_id, number in zip(file.ids, before, strict=True))
    assert edited == file.text(after)
    assert without_place(loaded(place, edited)) == without_place(
        renumbered(entry, new[entry.asset_id]) if entry.asset_id in new else entry for entry in old
    )


@st.composite
def new_entries(draw: st.DrawFn) -> list[NewEntry]:
    ids = draw(st.lists(hex_ids | digit_ids, unique=True, max_size=4))
    texts = st.text(max_size=20)
    return [
        NewEntry(
            asset_id,
            draw(st.none() | st.integers(0, 999_999)),
            draw(st.sampled_from(SET_NAMES)),
            draw(texts),
            draw(texts),
        )
        for asset_id in ids
    ]


def meant(entries: list[NewEntry]) -> list[tuple[object, ...]]:
    return [
        (entry.asset_id, entry.index, "sample" if entry.index is None else entry.set, entry.index is None)
        for entry in entries
    ]


def said(covers: tuple[Desired, ...]) -> list[tuple[object, ...]]:
    return [(entry.asset_id, entry.index, entry.set, entry.ignore) for entry in covers]


def is_kept(old: bytes, new: bytes) -> bool:
    """Whether every byte of the old file stands in the new one, in order, but for the braces of `covers: {}`."""

    def kept(data: bytes) -> bool:
        rest = iter(new)
        return all(byte in rest for byte in data)

    return kept(old) or kept(re.sub(rb"[ \t]*\{[ \t]*\}", b"", old))


@settings(max_examples=400, deadline=None)
@given(file=files(), entries=new_entries())
def test_entries_are_added_and_every_old_byte_is_kept(place: Path, file: File, entries: list[NewEntry]) -> None:
    data = file.text(tuple(range(len(file.ids))))
    old = loaded(place, data)
    taken = {entry.asset_id for entry in old}
    entries = [entry for entry in entries if entry.asset_id not in taken]

    edited = with_entries(data, entries)

    new = loaded(place, edited)
    assert without_place(new[: len(old)]) == without_place(old)
    assert said(new[len(old) :]) == meant(entries)
    assert is_kept(data, edited)
    if b"\r\n" in data:
        assert edited.count(b"\n") == edited.count(b"\r\n")


@settings(max_examples=300, deadline=None)
@given(entries=new_entries(), header=st.lists(st.text(max_size=20), max_size=2))
def test_a_new_file_loads_with_the_same_entries_whatever_the_titles(
    place: Path, entries: list[NewEntry], header: list[str]
) -> None:
    text = fresh_file(entries, "cn-north-4", None, header)
    assert said(loaded(place, text.encode())) == meant(entries)
    assert all(line == clean(line) for line in text.split("\n"))
