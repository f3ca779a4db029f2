"""`python -m reconciler` is the same as `reconcile`."""

from __future__ import annotations

import sys

from reconciler.util import signals


def main() -> None:
    """Runs the command line and exits with one of the documented codes."""
    signals.treat_sigterm_as_ctrl_c()
    try:
        code: object = _command_line(sys.argv[1:])
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = 130
    # The output is complete: a signal that arrives now must not change the exit code.
    signals.ignore_signals()
    sys.exit(code if isinstance(code, int) else 1)


def _command_line(arguments: list[str]) -> int:
    try:
        from reconciler.cli import reconcile
        from reconciler.cli.error_handler import run_command_line
    except KeyboardInterrupt:  # the imports take longer than many a run
        signals.ignore_signals()
        from reconciler.cli.error_handler import interrupted

        return interrupted(arguments)
    return run_command_line(reconcile, arguments)


if __name__ == "__main__":
    main()
