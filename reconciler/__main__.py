"""`python -m reconciler` is `reconcile`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """The entry point: runs the command line and leaves with the contract's codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from reconciler.boundary import run_command_line
        from reconciler.cli import reconcile

        code: object = run_command_line(reconcile, sys.argv[1:])
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = 130
    # What was to be said is said: a signal that comes now must not change the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
