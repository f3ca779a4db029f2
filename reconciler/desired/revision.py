"""Loads the desired files of an earlier revision, as git has them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.desired import files, lock_file
from reconciler.desired.load import load
from reconciler.errors import DesiredError, Problem, UsageError
from reconciler.model import DesiredState
from reconciler.util.git import git, git_bytes
from reconciler.util.sanitize import shorten

_PLAIN_FILES = ("100644", "100755")
_SHALLOW = "This clone is shallow: fetch the whole history (fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)."


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file of a revision: its path from the root of the work tree."""

    path: str
    name: str
    """Of the object that holds its bytes."""


def load_merge_base(revision: str, paths: Sequence[str]) -> tuple[DesiredState, str]:
    """The desired files and lock files of these paths at the merge base of a revision and HEAD, and its commit ID.
    Paths that did not exist there have no entries.

    Raises:
        UsageError: there is no such revision, or a path is in no git work tree.
        DesiredError: the files are invalid there.
    """
    if revision.startswith("-") or not revision.isprintable() or not revision.strip():
        raise UsageError(
            f"--changed-since {shorten(revision)!r} is not a revision", hint="Name a branch or a commit."
        )
    root = _work_tree(paths)
    commit = _merge_base(root, revision)
    places = [os.path.relpath(os.path.realpath(path), root) for path in paths]
    with tempfile.TemporaryDirectory(prefix="reconcile-revision-") as folder:
        _write(root, _blobs(root, commit, places), folder)
        there = [str(Path(folder, place)) for place in places if _has_files(Path(folder, place))]
        try:
            return (load(there) if there else DesiredState((), ())), commit
        except DesiredError as error:
            raise _as_of(error, folder, commit, revision) from error


def _work_tree(paths: Sequence[str]) -> str:
    """The root of the work tree that all paths are in.

    Raises:
        UsageError: there is none.
    """
    roots = set()
    for path in paths:
        real = Path(os.path.realpath(path))
        answer = git("-C", str(real if real.is_dir() else real.parent), "rev-parse", "--show-toplevel")
        if answer is None:
            raise UsageError(f"--changed-since needs git, and {path} is in no git work tree")
        roots.add(os.path.realpath(answer.removesuffix("\n")))
    if len(roots) > 1:
        raise UsageError("--changed-since needs all paths in one git work tree")
    return roots.pop()


def _merge_base(root: str, revision: str) -> str:
    """
    Raises:
        UsageError: git does not know the revision, or nothing that it has in common with HEAD.
    """
    found = git("-C", root, "merge-base", "--", revision, "HEAD")
    if found:
        return found.split()[0]
    shallow = (git("-C", root, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    known = git("-C", root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    problem = "has no commit in common with HEAD" if known else "is not a revision that git knows here"
    hint = _SHALLOW if shallow else "Fetch it first (fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)."
    raise UsageError(f"--changed-since {shorten(revision)!r} {problem}", hint=hint)


def _blobs(root: str, commit: str, places: Sequence[str]) -> Iterator[_Blob]:
    """The desired files and lock files at these places: plain files only, no links.

    Raises:
        UsageError: git cannot list them.
    """
    # Beside a file there may be a lock file; "." is everything.
    folders = [str(PurePosixPath(place).parent) for place in places]
    wanted = {*places, *(str(PurePosixPath(folder, lock_file.NAME)) for folder in folders)}
    narrowed = () if "." in wanted else tuple(sorted(wanted))
    listed = git_bytes("-C", root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *narrowed)
    if listed is None:
        raise UsageError(f"git cannot list the files of {commit}")
    for entry in listed.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        mode, _, rest = about.decode("ascii", "replace").partition(" ")
        parts = os.fsdecode(path).split("/")
        plain = mode in _PLAIN_FILES and not any(part.startswith(".") or not part for part in parts)
        if plain and (parts[-1] == lock_file.NAME or parts[-1].endswith(files.SUFFIXES)):
            yield _Blob("/".join(parts), rest.split(" ")[-1])


def _write(root: str, blobs: Iterator[_Blob], folder: str) -> None:
    """Writes files below a folder, where they have the same paths as in the work tree.

    Raises:
        UsageError: git does not have one of them.
    """
    found = list(blobs)
    asked = "".join(f"{blob.name}\n" for blob in found).encode()
    data = git_bytes("-C", root, "cat-file", "--batch", given=asked) or b""
    start = 0
    for blob in found:
        header, _, _ = data[start : start + 200].partition(b"\n")
        _, kind, size = (*header.split(b" "), b"", b"")[:3]
        if kind != b"blob":
            raise UsageError(f"git does not have {blob.path} of that revision", hint=_SHALLOW)
        begin = start + len(header) + 1
        file = Path(folder, blob.path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data[begin : begin + int(size)])
        start = begin + int(size) + 1


def _has_files(place: Path) -> bool:
    if place.is_dir():
        return any(name.endswith(files.SUFFIXES) for _, _, names in os.walk(place) for name in names)
    return place.exists()


def _as_of(error: DesiredError, folder: str, commit: str, revision: str) -> DesiredError:
    """The error with places as git names them: `commit:path:line:column`."""
    prefix = folder + os.sep
    problems = tuple(
        Problem(f"{commit[:12]}:{one.file.removeprefix(prefix)}", one.line, one.column, one.message)
        for one in error.problems
    )
    return DesiredError(
        f"The desired files cannot be compared with {shorten(revision)!r}: they are invalid there",
        problems,
        hint="Name another revision, or run without --changed-since.",
    )
