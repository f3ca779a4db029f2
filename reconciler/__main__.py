"""`python -m reconciler` is `reconcile`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """The entry point: runs the command line and leaves with the contract's codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code: object = _command_line(sys.argv[1:])
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = 130
    # What was to be said is said: a signal that comes now must not change the exit code.
    _ignore_signals()
    sys.exit(code if isinstance(code, int) else 1)


def _command_line(arguments: list[str]) -> int:
    try:
        from reconciler.cli import reconcile
        from reconciler.cli.error_handler import run_command_line
    except KeyboardInterrupt:  # the imports take longer than many a run
        _ignore_signals()
        from reconciler.cli.error_handler import interrupted

        return interrupted(arguments)
    return run_command_line(reconcile, arguments)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
