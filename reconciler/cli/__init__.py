"""The command line: options, and one verb after another handed to its module, which is imported only then."""

from reconciler.cli import day_two as catalogue
from reconciler.cli import everyday as core
from reconciler.cli import sandbox as trying
from reconciler.cli.root import reconcile

__all__ = ["catalogue", "core", "reconcile", "trying"]
