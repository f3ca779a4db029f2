"""The command line: options, and one verb after another handed to its module, which is imported only then."""

from reconciler.cli import catalogue, core, trying
from reconciler.cli.shared import reconcile

__all__ = ["catalogue", "core", "reconcile", "trying"]
