"""The command line: arguments in; stdout, stderr and an exit code out."""

from reconciler.cli.main import reconcile

__all__ = ["reconcile"]
