"""A verb as a click command: it sorts the options into one `Run` and the verb's own keyword arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler import __version__
from reconciler.commands.context import ApplyOptions, Options, OutputOptions, Run
from reconciler.commands.formats import FORMATS, ReportOptions
from reconciler.commands.result import Report, Terminal
from reconciler.config import ConnectionOptions
from reconciler.util import atomic_files

T = TypeVar("T")
Result = Coroutine[Any, Any, Report | None] | Report | None
_WRITTEN = ("out", "update", "output", *FORMATS)
# Metrics stay: an alert on their age tells that runs fail.
_REPLACED = ("output", *(name for name in FORMATS if name != "metrics"))
_REPLACED_BY = {"plan": ("out",), "export": ("file",)}
_READ = ("plan_file", "baseline", "subjects", "paths", "update", "file")


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options that help shows under one heading."""

    heading: str
    params: tuple[click.Parameter, ...]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command line.

    Attributes:
        start: runs the verb.
        replaces_output: an error replaces the file that --output names.
    """

    output: OutputOptions
    start: Callable[[Terminal], Result]
    replaces_output: bool


class Verb(click.Command):
    """A command whose function takes a `Run` and its own options by name."""

    def __init__(self, name: str, text: str | None, run: Callable[..., Result], *groups: OptionGroup) -> None:
        """
        Args:
            text: the help.
            run: may be decorated with the verb's own click options.
        """
        own = tuple(reversed(getattr(run, "__click_params__", ())))
        self._groups = (OptionGroup("Options", own), *groups)
        self._run = run
        super().__init__(name, params=[param for group in self._groups for param in group.params], help=text)
        click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Also removes the files that are to be written, even where the arguments are wrong: the files of an earlier
        run must not look like those of a run that failed."""
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.Exit:  # --help
            given = []
            raise
        finally:
            with suppress(click.UsageError):
                _remove_stale(parser.parse_args(given)[0], (*_REPLACED, *_REPLACED_BY.get(self.name or "", ())))

    def invoke(self, ctx: click.Context) -> Invocation:
        """Returns what is to be run; nothing runs yet."""
        params = dict(ctx.params)
        _check_apart(params, ctx)
        baseline, file = params.get("baseline"), params.get("output")
        if params.pop("as_json", False):
            params["form"] = "json"
        output = _take(OutputOptions, params)

        def start(terminal: Terminal) -> Result:
            options = _options(params, output)
            options.reports.check()
            return self._run(Run(options, terminal), **params)

        # An audit may be its own baseline: then the last complete audit stays.
        return Invocation(output, start, not (baseline and file and _is_same(baseline, file)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        grouped = [param for group in self._groups for param in group.params]
        last = OptionGroup("Help", tuple(param for param in self.get_params(ctx) if param not in grouped))
        for group in (*self._groups, last):
            options = [param for param in group.params if isinstance(param, click.Option)]
            if options:
                with formatter.section(group.heading):
                    formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])


def _options(params: dict[str, Any], output: OutputOptions) -> Options:
    """Takes the shared options out of `params`."""
    files = {name: file for name in FORMATS if (file := params.pop(name, None)) is not None}
    reports = _take(ReportOptions, params)
    options = _take(Options, params)
    reports = replace(reports, files=files, form=output.form, allowed=frozenset(options.allow_unknown))
    connection, changes = _take(ConnectionOptions, params), _take(ApplyOptions, params)
    return replace(options, connection=connection, reports=reports, changes=changes)


def _take(kind: type[T], params: dict[str, Any]) -> T:
    """Takes the fields of a dataclass out of `params`."""
    names = [field.name for field in fields(kind) if field.name in params]  # type: ignore[arg-type]
    return kind(**{name: params.pop(name) for name in names})


def _check_apart(params: dict[str, Any], ctx: click.Context) -> None:
    """
    Raises:
        click.UsageError: two options name the same file to be written.
    """
    named: dict[str, str] = {}
    for option in _WRITTEN:
        if not params.get(option):
            continue
        file = os.path.realpath(params[option])
        if file in named and not file.startswith("/dev/"):
            both = f"--{named[file]} and --{option} name the same file"
            raise click.UsageError(f"{both}: give each a file of its own", ctx)
        named[file] = option


def _remove_stale(given: Mapping[str, Any], written: Sequence[str]) -> None:
    """Removes files of an earlier run, unless this run reads them."""
    read = ["desired"]
    for name in _READ:
        value = given.get(name) if name not in written else None
        read += [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else ()
    for name in written:
        file = given.get(name)
        if isinstance(file, str) and not any(_may_read(path, file) for path in read):
            atomic_files.remove(file)


def _may_read(path: str, file: str) -> bool:
    """Whether a run that is given this path may read this file."""
    ending = Path(file).suffix in (".yaml", ".yml", ".lock")
    return _is_same(path, file) or (ending and Path(os.path.realpath(file)).is_relative_to(os.path.realpath(path)))


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
