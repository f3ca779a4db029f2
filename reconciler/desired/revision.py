"""Loads the desired files of an earlier revision, as git has them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reconciler.desired import committed, files
from reconciler.desired.load import load
from reconciler.desired.problems import Problems
from reconciler.errors import DesiredError, Problem, UsageError
from reconciler.model import DesiredState
from reconciler.util.git import GitError, ask, git
from reconciler.util.links import links_in
from reconciler.util.sanitize import clean, shorten

_SHALLOW = "This clone is shallow: fetch the whole history (fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)."


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
    with tempfile.TemporaryDirectory(prefix="reconcile-revision-") as made:
        folder = os.path.realpath(made)
        committed.write(root, commit, places, folder)
        there = [str(Path(folder, place)) for place in places if _has_files(str(Path(folder, place)))]
        try:
            return (load(there) if there else DesiredState((), ())), commit
        except DesiredError as error:
            raise _as_of(error, folder, commit, revision) from error


def _has_files(place: str) -> bool:
    return any(files.find([place], Problems()))


def _work_tree(paths: Sequence[str]) -> str:
    """The root of the work tree that all paths are in.

    Raises:
        UsageError: there is none, or a link of the work tree is on the way to a path.
    """
    real = {path: Path(os.path.realpath(path)) for path in paths}
    folders = {place if place.is_dir() else place.parent: path for path, place in real.items()}
    roots = {os.path.realpath(_root(folder, path)) for folder, path in folders.items()}
    if len(roots) > 1:
        raise UsageError("--changed-since needs all paths in one git work tree")
    root = roots.pop()
    if not Path(root, ".git").exists():  # before 2.38, git may ask a repository among the files
        raise UsageError(f"--changed-since needs a git work tree, and {clean(root)} has no .git")
    for path, place in real.items():
        # At the merge base the link may have led elsewhere.
        if any(link.work_tree == Path(root) for link in links_in(path)):
            raise UsageError(
                f"--changed-since follows no links, and one is in {clean(path)}",
                hint=f"Name where it leads: {clean(str(place))}.",
            )
    return root


def _root(folder: Path, path: str) -> str:
    """
    Raises:
        UsageError: git knows no work tree there.
    """
    try:
        return os.fsdecode(ask("-C", str(folder), "rev-parse", "--show-toplevel").removesuffix(b"\n"))
    except GitError as error:
        reason = clean(" ".join(str(error).split()))
        raise UsageError(f"--changed-since needs {clean(path)} in a git work tree: {reason}") from error


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
