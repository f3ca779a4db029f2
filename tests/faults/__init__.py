"""Faults of cloud and machine, through the real command line: no cover wrong, none lost, no quota exceeded."""
