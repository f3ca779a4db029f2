"""`python -m reconciler` is the same as `reconcile`."""

from __future__ import annotations

import sys

from reconciler.util import signals


def main() -> None:
    """Runs the command line and exits with one of the documented codes."""
    signals.handle()
    from reconciler.cli import reconcile
    from reconciler.cli.error_handler import run_command_line

    try:
        code: object = run_command_line(reconcile, sys.argv[1:])
    except SystemExit as leaving:
        code = leaving.code
    signals.leave(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
